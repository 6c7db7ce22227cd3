"""What the benches share: the samples as Models, and a measurement as a trial makes it."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from optim.evalset import EvalSet, load_evalset
from optim.ingest import ingest
from optim.ingest.samples import list_samples
from optim.model import Model
from optim.recipe import Recipe
from optim.timing.measure import slice_of
from optim.timing.measurement import Slice, Summary
from optim.timing.stats import summarize
from optim.timing.stopping import StoppingRule
from optim.timing.stopping import measured as until_enough


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
    """As a trial is measured."""
    take = partial(slice_number, subject, optimized, recipe)
    return summarize(until_enough(StoppingRule.of_settings(), take))


def slice_number(
    subject: Subject, optimized: Model, recipe: Recipe, number: int, seconds: float
) -> Slice:
    """The slice of this number of a trial."""
    return slice_of(
        optimized,
        subject.model,
        recipe,
        subject.evalset,
        seconds=seconds,
        seed=number,
        solo=number == 0,
    )
