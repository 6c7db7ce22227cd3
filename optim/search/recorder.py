"""What a search learns, kept as trials of its study, so that every page and file shows it."""

from collections.abc import Iterable

from optim.machine.environment import machine_id
from optim.recipe import Recipe
from optim.studies.picking import CROWDED
from optim.studies.study import Study
from optim.studies.trial import Progress, Trial, measurement_of
from optim.timing.measurement import Slice

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

    def measured(self) -> dict[Recipe, tuple[Progress, list[Slice]]]:
        """What is known of those that were timed on this machine, and their slices.

        Where other work took so much of the cores that threads cannot be told, a slice is left out:
        more beside it would have to outweigh it, and one that replaces it needs not.
        """
        found = {}
        for recipe, trial in self.known().items():
            known = [(digest, measurement_of((digest,)).slices) for digest in trial.slices]
            if known[0][1][0].machine == machine_id():
                kept = [pair for pair in known if _is_believed(recipe, pair[1])]
                progress = _progress(trial, tuple(digest for digest, _ in kept))
                found[recipe] = progress, [piece for _, pieces in kept for piece in pieces]
        return found

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


def _is_believed(recipe: Recipe, slices: Iterable[Slice]) -> bool:
    return recipe.runtime.threads == 1 or all(one.contention <= CROWDED for one in slices)


def _progress(trial: Trial, slices: tuple[str, ...]) -> Progress:
    """What a trial's steps found out, without what is derived, and with these of its slices."""
    return trial.progress.model_copy(update={"slices": slices})
