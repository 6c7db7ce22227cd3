"""Whether a model takes numbers that are out of the usual: some such samples are run through it.

Trees learn where to send missing values (NaN), and masks hold -inf: to such a model these are data.
To most models they are a fault in the data, and the answers to them are NaN. Whole numbers may be
ids, lengths or places, of which a model takes only some.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from optim.arrays import Array
from optim.errors import InputError
from optim.names import legible, some
from optim.runtimes.base import BASELINE_RUNTIME, Session, all_runtimes
from optim.runtimes.support.ort_errors import reason

_MOST_TRIED = 64


def check_odd_samples(
    model: Path | None, inputs: Mapping[str, Array], features: Mapping[str, Sequence[str]]
) -> list[str]:
    """A note where samples hold NaN or infinite values and the model answers them.

    Args:
        model: where its ONNX file lies; None where there is none to try.
        inputs: name -> [samples, *input shape].
        features: name -> what the numbers of one sample are called, where that is said.

    Raises: InputError where it does not. It never says to fill them: that changes the answers.
    """
    odd = {name: _odd_rows(values) for name, values in inputs.items()}
    rows = np.flatnonzero(np.logical_or.reduce(list(odd.values())))
    if not rows.size:
        return []
    found = ", ".join(
        _counted(name, inputs[name], features.get(name, ()))
        for name, rows_of in odd.items()
        if rows_of.any()
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


def check_extremes(model: Path, inputs: Mapping[str, Array]) -> None:
    """Run the samples with the least and the greatest whole number of each input.

    Args:
        model, inputs: as in `check_odd_samples`.

    Raises: InputError with the engine's reason where the model fails on one.
    """
    whole = {name: values for name, values in inputs.items() if values.dtype.kind in "iu"}
    if not any(values.size for values in whole.values()):
        return
    session = all_runtimes()[BASELINE_RUNTIME]().open(model)
    try:
        for row, held in _extremes(whole).items():
            _run(session, _sample(inputs, row), row, held)
    finally:
        session.close()


def _extremes(whole: Mapping[str, Array]) -> dict[int, str]:
    """Places of the samples with the least and greatest numbers, and what they hold."""
    found = dict[int, str]()
    for name, values in whole.items():
        if not values.size:
            continue
        for place in (int(values.argmax()), int(values.argmin())):
            row = int(np.unravel_index(place, values.shape)[0])
            found.setdefault(row, f"the array {name!r} holds {values.flat[place]:,} there")
    return found


def _sample(inputs: Mapping[str, Array], row: int) -> dict[str, Array]:
    """Its arrays; of inputs without axes too, of which an index alone would give no array."""
    return {name: values[row, ...] for name, values in inputs.items()}


def _run(session: Session, feeds: dict[str, Array], row: int, held: str) -> None:
    try:
        session.run(feeds)
    except Exception as error:  # engines' exceptions share no base class
        said = legible(reason(error), 300)
        raise InputError(
            f"The model does not run on sample {row} ({said}); {held}.",
            "Check what that sample holds: some models take only certain numbers, such as ids of "
            "their vocabulary or lengths up to a limit.",
            "EvalSet",
        ) from None


def _odd_rows(values: Array) -> Array:
    if values.dtype.kind != "f":
        return np.zeros(len(values), bool)
    return np.asarray(~np.isfinite(values).reshape(len(values), -1).all(axis=1))


def _counted(name: str, values: Array, features: Sequence[str]) -> str:
    nan, infinite = int(np.isnan(values).sum()), int(np.isinf(values).sum())
    kinds = [f"{count:,} {kind}" for count, kind in ((nan, "NaN"), (infinite, "infinite")) if count]
    return f"The array {name!r} holds {' and '.join(kinds)} values{_where(values, features)}"


def _where(values: Array, features: Sequence[str]) -> str:
    """The features that are not finite everywhere; nothing where they have no names."""
    if not features:
        return ""
    odd: Array = np.any(~np.isfinite(values).reshape(-1, len(features)), axis=0)
    return f" in {some([features[place] for place in np.flatnonzero(odd).tolist()])}"


def _first_unanswered(model: Path, inputs: Mapping[str, Array], rows: Array) -> int | None:
    """The first of these samples with an answer that is not finite; None where all are."""
    session = all_runtimes()[BASELINE_RUNTIME]().open(model)
    try:
        for row in rows.tolist():
            answers = session.run(_sample(inputs, row))
            if not all(_is_finite(answer) for answer in answers.values()):
                return int(row)
    finally:
        session.close()
    return None


def _is_finite(answer: Array) -> bool:
    return answer.dtype.kind != "f" or bool(np.isfinite(answer).all())
