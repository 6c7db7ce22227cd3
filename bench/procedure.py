"""What the benches share: the samples as Models, and a measurement as a trial makes it."""

from collections.abc import Iterator
from dataclasses import dataclass

from optim.evalset import EvalSet, load_evalset
from optim.ingest import ingest
from optim.ingest.samples import list_samples
from optim.model import Model
from optim.recipe import Recipe
from optim.running.steps import FIRST_SLICE_SECONDS, MAX_SLICES, SLICE_SECONDS
from optim.timing.measure import slice_of
from optim.timing.measurement import Measurement, Summary
from optim.timing.stats import good_enough, summarize


@dataclass(frozen=True)
class Subject:
    """A sample model, brought as a user brings it."""

    name: str
    model: Model
    evalset: EvalSet


def subjects(names: list[str]) -> Iterator[Subject]:
    """The sample models of these names; all of them where none is given."""
    for sample in list_samples():
        if not names or sample.name in names:
            model = ingest(f"sample:{sample.name}", evalset=sample.evalset_path)
            yield Subject(sample.name, model, load_evalset(sample.evalset_path, model))


def measured(subject: Subject, optimized: Model, recipe: Recipe) -> Summary:
    """Slices until the interval is narrow enough or the budget of slices is used up."""
    measurement = Measurement()
    while len(measurement.slices) < MAX_SLICES:
        measurement = with_slice(measurement, subject, optimized, recipe)
        if good_enough(summarize(measurement)):
            break
    return summarize(measurement)


def with_slice(
    measurement: Measurement, subject: Subject, optimized: Model, recipe: Recipe
) -> Measurement:
    """One more slice, as long as a trial's."""
    count = len(measurement.slices)
    part = slice_of(
        optimized,
        subject.model,
        recipe,
        subject.evalset,
        seconds=SLICE_SECONDS if count else FIRST_SLICE_SECONDS,
        seed=count,
        solo=count == 0,
    )
    return measurement.plus(part)
