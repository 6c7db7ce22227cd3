"""Labels that seem shifted, permuted, off by one, or shuffled, against the outputs."""

from collections.abc import Iterator

from optim.metrics.base import find_metric
from optim.why.evidence import Evidence
from optim.why.finding import Finding
from optim.why.findings import inputs_prepared_otherwise


def find(seen: Evidence) -> Iterator[Finding]:
    """What the judgement noticed when it compared labels with the original's answers.

    Labels that tell nothing are named only where no other preparation of the inputs fits better.
    """
    change = seen.trial.quality.relabelling if seen.trial.quality else ""
    units, meaning = seen.observed.units, seen.observed.meaning
    for text in () if units or meaning else seen.labels_doubted:
        yield Finding(
            concerns="trust",
            text=text,
            advice=f"Change the labels: --labels {change}." if change else "Check the labels.",
        )
    if units:
        yield Finding(
            concerns="trust",
            text=units.said(),
            advice="Bring labels in the model's units, or a model that gives them in the labels'.",
        )
    elif meaning:
        yield Finding(
            concerns="trust",
            text=meaning,
            advice="Bring labels as the model answers, or a model that answers as the labels are.",
        )
    elif not seen.labels_doubted and not any(inputs_prepared_otherwise.find(seen)):
        for text in seen.near_chance or _as_by_chance(seen):
            yield Finding(concerns="trust", text=text, advice=_ADVICE)


_ADVICE = (
    "Check that each label is that of its own sample: inputs and labels must have been shuffled "
    "together. Then check how the inputs are prepared."
)


def _as_by_chance(seen: Evidence) -> tuple[str, ...]:
    found, metric = seen.observed.shuffled, find_metric(seen.evalset.metric)
    if found is None:
        return ()
    return (
        f"The original scores {metric.show(found.as_given)} ({metric.title} on {found.n} samples), "
        f"and {metric.show(found.middle)} with the labels of other samples: the labels seem "
        "shuffled, or the inputs are not prepared as in training.",
    )
