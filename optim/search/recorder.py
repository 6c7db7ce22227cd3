"""What a search learns, kept as trials of its study, so that every page and file shows it."""

from optim.recipe import Recipe
from optim.studies.study import Study
from optim.studies.trial import Progress, Trial

ORIGIN = "search"


class Recorder:
    """Writes a search's trials. One that was finished before is gone on with as a new one."""

    def __init__(self, study: Study) -> None:
        self._study = study
        self._open: dict[Recipe, int] = {}

    def known(self) -> dict[Recipe, Trial]:
        """The study's finished local trials by recipe, the best measured of each."""
        done = [t for t in self._study.trials() if t.state == "done" and t.summary]
        return {one.recipe: one for one in sorted(done, key=lambda t: (len(t.slices), t.judged))}

    def save(self, recipe: Recipe, progress: Progress) -> None:
        """Keep what is known of a recipe, once there is a point to draw."""
        if progress.has_point:
            self._study.save(self._number(recipe), progress)

    def close(self) -> None:
        """Finish every trial that was written."""
        for number in self._open.values():
            self._study.finish(number)
        self._open.clear()

    def _number(self, recipe: Recipe) -> int:
        if recipe not in self._open:
            before = [t for t in self._study.trials() if t.recipe == recipe and t.state == "done"]
            number = self._study.add(recipe, origin=ORIGIN, again=True)
            self._study.claim([number])
            self._study.begin(number)
            for old in before:
                self._study.pin(number, old.pinned)
                self._study.note(number, old.note)
                self._study.delete(old.number)
            self._open[recipe] = number
        return self._open[recipe]
