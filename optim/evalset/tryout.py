"""Whether a model takes numbers that are not finite: some such samples are run through it once.

Trees learn where to send missing values (NaN), and masks hold -inf: to such a model these are data.
To most models they are a fault in the data, and the answers to them are NaN.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from optim.arrays import Array
from optim.errors import InputError
from optim.runtimes.base import BASELINE_RUNTIME, all_runtimes

_MOST_TRIED = 64


def check_odd_samples(model: Path | None, inputs: Mapping[str, Array]) -> list[str]:
    """A note where samples hold NaN or infinite values and the model answers them.

    Args:
        model: where its ONNX file lies; None where there is none to try.
        inputs: name -> [samples, *input shape].

    Raises: InputError where it does not. It never says to fill them: that changes the answers.
    """
    odd = {name: _odd_rows(values) for name, values in inputs.items()}
    rows = np.flatnonzero(np.logical_or.reduce(list(odd.values())))
    if not rows.size:
        return []
    found = ", ".join(
        _counted(name, inputs[name]) for name, rows_of in odd.items() if rows_of.any()
    )
    tried = rows[:: max(1, len(rows) // _MOST_TRIED)][:_MOST_TRIED]
    bad = None if model is None else _first_unanswered(model, inputs, tried)
    if model is not None and bad is None:
        return [
            f"{found}. The model answers the {len(tried)} of these {len(rows):,} samples that were "
            "tried with finite numbers, so they are kept as they are."
        ]
    sample = rows[0] if bad is None else bad
    raise InputError(
        f"{found}, the first in sample {sample}"
        + ("." if bad is None else ", and the model's answer to it is NaN or infinite."),
        "Leave such samples out, or preprocess them as the model was trained.",
        "EvalSet",
    )


def _odd_rows(values: Array) -> Array:
    if values.dtype.kind != "f":
        return np.zeros(len(values), bool)
    return np.asarray(~np.isfinite(values).reshape(len(values), -1).all(axis=1))


def _counted(name: str, values: Array) -> str:
    nan, infinite = int(np.isnan(values).sum()), int(np.isinf(values).sum())
    kinds = [f"{count:,} {kind}" for count, kind in ((nan, "NaN"), (infinite, "infinite")) if count]
    return f"The array {name!r} holds {' and '.join(kinds)} values"


def _first_unanswered(model: Path, inputs: Mapping[str, Array], rows: Array) -> int | None:
    """The first of these samples with an answer that is not finite; None where all are."""
    session = all_runtimes()[BASELINE_RUNTIME]().open(model)
    try:
        for row in rows.tolist():
            answers = session.run({name: values[row] for name, values in inputs.items()})
            if not all(_is_finite(answer) for answer in answers.values()):
                return int(row)
    finally:
        session.close()
    return None


def _is_finite(answer: Array) -> bool:
    return answer.dtype.kind != "f" or bool(np.isfinite(answer).all())
