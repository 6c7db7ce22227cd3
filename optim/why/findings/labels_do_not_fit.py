"""Labels that seem shifted, permuted, off by one, or shuffled, against the outputs."""

from collections.abc import Iterator

from optim.metrics.base import find_metric
from optim.why.evidence import Evidence
from optim.why.finding import Finding
from optim.why.findings import inputs_prepared_otherwise
from optim.why.scoring import OtherUnits


def find(seen: Evidence) -> Iterator[Finding]:
    """What the judgement noticed when it compared labels with the original's answers.

    Labels that tell nothing are named only where no other preparation of the inputs fits better.
    """
    change = seen.trial.quality.relabelling if seen.trial.quality else ""
    for text in seen.labels_doubted:
        yield Finding(
            concerns="trust",
            text=text,
            advice=f"Change the labels: --labels {change}." if change else "Check the labels.",
        )
    if units := seen.observed.units:
        yield Finding(
            concerns="trust",
            text=f"The original's answers are off by {units.as_given:.3g} on average; taken "
            f"{units.scale:.3g} times{_shifted(units)} they are off by "
            f"{units.after:.3g} ({units.n} samples): the labels seem to be in other units than the "
            "model answers in.",
            advice="Bring labels in the model's units, or a model that gives them in the labels'.",
        )
    elif seen.observed.meaning:
        yield Finding(
            concerns="trust",
            text=seen.observed.meaning,
            advice="Bring labels as the model answers, or a model that answers as the labels are.",
        )
    elif not seen.labels_doubted and not any(inputs_prepared_otherwise.find(seen)):
        for text in seen.near_chance or _as_by_chance(seen):
            yield Finding(concerns="trust", text=text, advice=_ADVICE)


def _shifted(units: OtherUnits) -> str:
    """Said where it is more than what rounding leaves."""
    if abs(units.shift) < _SMALL * units.as_given:
        return ""
    return f" {'plus' if units.shift > 0 else 'minus'} {abs(units.shift):.3g}"


_SMALL = 0.01
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
