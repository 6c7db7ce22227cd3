"""The instrument that measures on this machine: builds, heats and judgements in children."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from optim.build import Built, built
from optim.errors import Cancelled, OptimError
from optim.findings import Caution, Interval
from optim.judging.quality import Extent, quality_of
from optim.judging.sequential import FIRST_LOOK, samples_telling
from optim.machine.environment import usable_cores
from optim.machine.lock import waited
from optim.model import Model
from optim.part import Circumstances
from optim.probing import saturates_here
from optim.recipe import Recipe
from optim.running.noticing import on_answers, on_build, together
from optim.search.instrument import Errors, Mended, Reading
from optim.search.recorder import Recorder
from optim.search.repair import Subject, repaired
from optim.search.same import Made, first_like
from optim.studies.picking import facts
from optim.studies.study import Study
from optim.studies.trial import Progress
from optim.timing.beside import beside
from optim.timing.measure import Contender, heat_of, slice_of
from optim.timing.measurement import Measurement, Slice, Summary
from optim.timing.stats import summarize

_ARM_SECONDS = 0.35
_SOLO_SECONDS = 1.0
_TOGETHER_BYTES = 600_000_000  # of models that are open in one process
_MEND_SHARE = 0.5  # of the seconds left, for one repair at most
_JUDGE_SHARE = 0.75
"""Of the seconds left, for one judgement at most; where they will not do it gives up early."""
_JUDGE_STARTS = 1.0  # seconds, before the first sample and after the last
_SCORE_SECONDS = 2.0  # the original is judged for its score, beside which all others are shown
CHEAP = Caution(
    code="cheap_ranges",
    text="It was timed with ranges taken from one sample, on which its speed does not depend, and "
    "judged with its own.",
    severity="info",
)


class OnThisMachine:
    """Builds, times and judges a study's recipes, and keeps what comes of it as trials.

    Args:
        here: its model on this machine.
        budget: seconds from now, after which whatever is under way is given up. What this thread
            waits for others' timings is not counted.
        cancelled: polled; true gives up sooner.
        alone: time each in a process of its own, which tells its memory.
    """

    def __init__(
        self,
        study: Study,
        here: Circumstances,
        budget: float,
        cancelled: Callable[[], bool],
        *,
        alone: bool = False,
    ) -> None:
        self._study, self._here, self._alone_each = study, here, alone
        self._budget, self._began = budget, time.monotonic() - waited()
        self._stopped = cancelled
        self._recorder = Recorder(study)
        self._made: dict[Recipe, Made] = {}
        self._cheap: dict[Recipe, list[Slice]] = {}
        self._summaries: dict[tuple[int, int], Summary] = {}
        before = self._recorder.measured()
        self._known = {recipe: progress for recipe, (progress, _) in before.items()}
        self._full = {recipe: slices for recipe, (_, slices) in before.items()}
        self._heats = 0

    def now(self) -> float:
        """Seconds since it was made in which it had the machine."""
        return time.monotonic() - waited() - self._began

    def close(self) -> None:
        """Finish the trials that were written."""
        self._recorder.close()

    def prepare(self, recipes: Sequence[Recipe], *, cheaply: bool) -> Errors:
        """Build them, as many at once as there are cores: nothing is timed meanwhile."""
        with ThreadPoolExecutor(usable_cores()) as pool:
            answers = pool.map(lambda one: self._try(self._build, one, cheaply), recipes)
            return _errors(zip(recipes, answers, strict=True))

    def same_as(self, recipe: Recipe) -> Recipe | None:
        """Told by the models' digests."""
        return first_like(recipe, self._made, self._study.model)

    def race(self, recipes: Sequence[Recipe]) -> Errors:
        """Time them in one process, or in several where the models are large or one breaks it."""
        errors: dict[Recipe, str] = {}
        for heat in self._heats_of(recipes):
            try:
                errors |= self._heat(heat)
            except Cancelled:
                raise
            except OptimError as error:
                alone = len(heat) == 1
                errors |= {heat[0]: str(error)} if alone else self._one_by_one(heat)
        return errors

    def reading(self, recipe: Recipe) -> Reading | None:
        """From its own slices, or from those of its cheap build as long as there are no others."""
        slices = self._full.get(recipe) or self._cheap.get(recipe)
        if not slices:
            return None
        summary = self._beside(self._summary(slices), recipe)
        size = self._made[recipe].model.size_bytes if recipe in self._made else None
        progress = self._known.get(recipe, Progress(size_bytes=size))
        cheap = recipe not in self._known and recipe in self._cheap
        return Reading(facts(recipe, summary, progress), len(slices), cheap)

    def _summary(self, slices: list[Slice]) -> Summary:
        """Derived once for as many as there are: slices are only ever added."""
        key = id(slices), len(slices)
        if key not in self._summaries:
            self._summaries[key] = summarize(Measurement(slices=tuple(slices)))
        return self._summaries[key]

    def _beside(self, summary: Summary, recipe: Recipe) -> Summary:
        """As the study's trials are told, so that a limit in ms holds for both."""
        original = self._full.get(Recipe.baseline()) or self._cheap.get(Recipe.baseline())
        if recipe.is_baseline or not original:
            return summary
        return beside(summary, self._summary(original).p50_ms.value)

    def judging_seconds(self, recipe: Recipe, within: float | None) -> float | None:
        """By its p50 and the original's, whose answers are kept from one judgement to the next."""
        own, original = (self.reading(one) for one in (recipe, Recipe.baseline()))
        if not (own and own.facts.p50_ms and original and original.facts.p50_ms):
            return None
        samples = samples_telling(within, self._study.evalset.validation_count)
        anew = max(0, samples - original.facts.samples)
        runs = (samples * own.facts.p50_ms + anew * original.facts.p50_ms) / 1e3
        return min(_JUDGE_STARTS + runs, self._judges_for())

    def _judges_for(self) -> float:
        """Seconds, for one judgement at most."""
        return max(2.0, _JUDGE_SHARE * (self._budget - self.now()))

    def judge(self, recipe: Recipe, within: float | None, *, briefly: bool = False) -> Errors:
        """Judge it until it is known on which side of the limit its loss lies."""
        samples = FIRST_LOOK if briefly else None
        extent = Extent(within=within, seconds=self._judges_for(), samples=samples)
        return _errors([(recipe, self._try(self._judge, recipe, extent))])

    def mend(self, recipe: Recipe, within: float) -> Mended:
        """What leaves out the fewest nodes and keeps the loss within the limit."""
        seconds = _MEND_SHARE * max(1.0, self._budget - self.now())
        here = replace(self._here, saturated=saturates_here(recipe.runtime.name))
        found = repaired(
            Subject(self._study.model, self._study.evalset, here),
            recipe,
            lambda one: self._loss(one, within),
            within,
            seconds=seconds,
            cancelled=self._gives_up,
        )
        return Mended((found.recipe,) if found.recipe else (), " ".join(found.said))

    def _loss(self, recipe: Recipe, within: float) -> Interval | None:
        """Built and judged; None where that fails or its outputs are far from the original's."""
        if self._try(self._build, recipe, False) or self.judge(recipe, within):
            return None
        quality = self._known[recipe].quality
        return quality.loss if quality and quality.sound else None

    def _gives_up(self) -> bool:
        return self._stopped() or self.now() > self._budget

    def _try(self, do: Callable[..., None], recipe: Recipe, *more: object) -> str:
        """What went wrong; empty if nothing did."""
        try:
            do(recipe, *more)
        except Cancelled:
            raise
        except OptimError as error:
            return str(error)
        return ""

    def _build(self, recipe: Recipe, cheaply: bool) -> None:
        if cheaply and recipe in self._made:
            return
        wanted = recipe.cheaply() if cheaply else recipe
        result = built(self._study.model, wanted, self._study.evalset, self._gives_up)
        self._made[recipe] = Made(result.model, cheap=wanted != recipe)
        if wanted == recipe:
            self._know(recipe, result)

    def _know(self, recipe: Recipe, result: Built) -> None:
        """Begin a trial's progress; what was timed of a cheap build is its first timing."""
        study = self._study
        cautions = on_build(study.model, result.model, recipe, study.evalset)
        if recipe in self._cheap:
            cautions = (*cautions, CHEAP)
        progress = self._known.get(recipe, Progress()).model_copy(
            update={
                "model_digest": result.model.digest,
                "size_bytes": result.model.size_bytes,
                "reports": result.reports,
                "cautions": cautions,
            }
        )
        for piece in self._cheap.get(recipe, []) if not progress.slices else []:
            progress = progress.with_slice(piece)
        self._known[recipe] = progress

    def _heats_of(self, recipes: Sequence[Recipe]) -> Iterator[list[Recipe]]:
        """Groups whose models are open in one process together."""
        heat: list[Recipe] = []
        size = 0
        for one in recipes:
            bytes_ = self._model(one).size_bytes
            if heat and (self._alone_each or size + bytes_ > _TOGETHER_BYTES):
                yield heat
                heat, size = [], 0
            heat.append(one)
            size += bytes_
        yield heat

    def _one_by_one(self, heat: Sequence[Recipe]) -> dict[Recipe, str]:
        return {one: why for one in heat for why in self.race([one]).values()}

    def _heat(self, recipes: Sequence[Recipe]) -> dict[Recipe, str]:
        contenders = [Contender(self._model(one), one) for one in recipes]
        self._heats += 1
        if len(contenders) == 1:
            (only,) = contenders
            taken: list[Slice | OptimError] = [self._alone(only)]
        else:
            taken = heat_of(
                contenders,
                self._study.model,
                self._study.evalset,
                seconds=_ARM_SECONDS * (len(contenders) + 1),
                seed=self._heats,
                cancelled=self._gives_up,
            )
        errors = {}
        for one, piece in zip(recipes, taken, strict=True):
            if isinstance(piece, OptimError):
                errors[one] = str(piece)
            else:
                self._take(one, piece)
        return errors

    def _alone(self, one: Contender) -> Slice:
        return slice_of(
            one.model,
            self._study.model,
            one.recipe,
            self._study.evalset,
            seconds=_SOLO_SECONDS,
            seed=self._heats,
            solo=True,
            cancelled=self._gives_up,
        )

    def _take(self, recipe: Recipe, piece: Slice) -> None:
        if recipe in self._made and self._made[recipe].cheap:
            self._cheap.setdefault(recipe, []).append(piece)
            return
        progress = self._known.get(recipe) or self._unbuilt(recipe)
        if recipe.is_baseline and progress.quality is None:
            self._judge(recipe, Extent(seconds=_SCORE_SECONDS, soon=_SCORE_SECONDS))
            progress = self._known[recipe]
        if not self._full.get(recipe) and progress.slices:  # those of the cheap build
            kept = tuple(one for one in progress.cautions if one != CHEAP)
            progress = progress.model_copy(update={"slices": (), "cautions": kept})
        self._full.setdefault(recipe, []).append(piece)
        self._known[recipe] = progress.with_slice(piece)
        self._recorder.save(recipe, self._known[recipe])

    def _unbuilt(self, recipe: Recipe) -> Progress:
        """Of a recipe without passes, whose model is the original."""
        self._know(recipe, Built(model=self._study.model))
        return self._known[recipe]

    def _judge(self, recipe: Recipe, extent: Extent) -> None:
        model = self._model(recipe)
        quality = quality_of(
            model,
            self._study.model,
            recipe,
            self._study.evalset,
            extent,
            cancelled=self._gives_up,
        )
        progress = self._known.get(recipe) or self._unbuilt(recipe)
        known = model, self._study.model, recipe, self._study.evalset
        noticed = on_answers(*known, quality, self._gives_up)
        news = {
            "quality": quality,
            "judged": True,
            "cautions": together(progress.cautions, noticed),
        }
        self._known[recipe] = progress.model_copy(update=news)
        self._recorder.save(recipe, self._known[recipe])

    def _model(self, recipe: Recipe) -> Model:
        if recipe not in self._made and recipe.passes:
            self._build(recipe, cheaply=False)
        return self._made[recipe].model if recipe.passes else self._study.model


def _errors(answers: Iterable[tuple[Recipe, str]]) -> dict[Recipe, str]:
    return {recipe: why for recipe, why in answers if why}
