"""What an EvalSet says beside its inputs: answers, names of classes, texts, split. In a child."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from optim.arrays import Array
from optim.evalset.answers import Given, judged, texts_in
from optim.evalset.stored import Contents, Labelled, fail
from optim.evalset.wording import MOST_LETTERS, worded
from optim.metrics.base import find_metric
from optim.model import TensorSpec
from optim.names import legible

_MOST_OF_NAME = 60  # letters


def contents_of(
    inputs: dict[str, Array],
    count: int,
    extras: Mapping[str, Array],
    answers: Sequence[Given],
    outputs: Sequence[TensorSpec],
    notes: tuple[str, ...],
) -> Contents:
    """The inputs with what the extra arrays say of labels, metric, names and split, checked.

    Args:
        answers: what is given for each output that has labels, the one that leads first.

    Raises InputError.
    """
    lead, *others = [judged(one, count, outputs) for one in answers]
    labelled = [
        Labelled(one.output, one.metric, one.labels) for one in others if one.labels is not None
    ]
    mask = _mask(extras.get("calibration"), count)
    given = extras.get("texts")
    if given is None and "vocabulary" in extras:
        given = np.array(worded(extras["vocabulary"], inputs))
    texts = None if given is None else sample_texts(given, count)
    notes += tuple(note for one in (lead, *others) for note in one.notes)
    if labelled:
        notes += (_said(lead.metric, lead.output, labelled),)
    return Contents(
        inputs,
        lead.metric,
        lead.labels,
        lead.classes,
        mask,
        texts,
        output=lead.output,
        others=tuple(labelled),
        notes=notes,
    )


def _said(metric: str, output: str, others: Sequence[Labelled]) -> str:
    """What each output is judged by, as a sentence."""
    lead = f"{output or 'the first output that suits it'} by {find_metric(metric).title}"
    rest = ", ".join(f"{one.output} by {find_metric(one.metric).title}" for one in others)
    return (
        f"Several outputs have labels: {lead} leads, on the chart and in the tables; {rest} as "
        "well. A limit of loss holds for each of them."
    )


def sample_texts(array: Array, count: int) -> Array:
    """What each sample is, for people, cut to a length that can be shown. Raises InputError."""
    if array.shape != (count,) or array.dtype.kind not in "US":
        raise fail(
            f"The `texts` array is {array.dtype}{list(array.shape)}.",
            f"Give one text per sample, shape [{count}].",
        )
    return np.array([text[:MOST_LETTERS] for text in texts_in(array)], f"U{MOST_LETTERS}")


def feature_names(array: Array, inputs: Sequence[TensorSpec]) -> tuple[str, ...]:
    """What the numbers of one sample are called, input by input. Raises InputError.

    Args:
        inputs: of the model, for one sample.
    """
    count = sum(math.prod(spec.shape) for spec in inputs)
    if array.shape != (count,) or array.dtype.kind not in "US":
        raise fail(
            f"The `features` array is {array.dtype}{list(array.shape)}.",
            f"Give one name for each number of a sample, shape [{count}]: those of the inputs "
            f"{', '.join(legible(spec.name) for spec in inputs)}, in this order.",
        )
    return tuple(legible(name)[:_MOST_OF_NAME] for name in texts_in(array))


def by_input(features: Sequence[str], inputs: Sequence[TensorSpec]) -> dict[str, Sequence[str]]:
    """The names of the numbers of each input; none for none.

    Args:
        inputs: as in `feature_names`.
    """
    found, start = dict[str, Sequence[str]](), 0
    for spec in inputs:
        end = start + math.prod(spec.shape)
        found[spec.name], start = features[start:end], end
    return found


def _mask(array: Array | None, count: int) -> Array | None:
    if array is None:
        return None
    if array.shape != (count,) or not np.isin(array, (0, 1)).all():
        raise fail(
            f"The `calibration` array is {array.dtype}{list(array.shape)}.",
            f"Give one true or false per sample, shape [{count}].",
        )
    return array.astype(bool)
