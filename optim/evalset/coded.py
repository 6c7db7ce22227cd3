"""Texts that a model takes as numbers, by the list of texts that its encoders know. In a child."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from optim.arrays import Array, TensorSpec
from optim.names import legible

KEY = "optim.texts"
"""Of a model's metadata: a JSON list of texts. The first is 1; what is not in it is 0."""
_SHOWN = 3


def texts_of(model: Path | None) -> list[str]:
    """The texts that are numbers for the model; none where it takes none.

    Args:
        model: its ONNX file.
    """
    if model is None:
        return []
    import onnx

    props = onnx.load(str(model), load_external_data=False).metadata_props
    return next((_listed(entry.value) for entry in props if entry.key == KEY), [])


def _listed(value: str) -> list[str]:
    """A JSON list of texts; none where it is something else, which anybody may have written."""
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return []
    return [str(text) for text in found] if isinstance(found, list) else []


def numbers_for(
    arrays: Mapping[str, Array], inputs: Sequence[TensorSpec], texts: Sequence[str]
) -> tuple[dict[str, Array], list[str]]:
    """The arrays with int64 numbers for the texts of inputs, and notes on what is not known."""
    numbers = {text: number for number, text in enumerate(texts, 1)}
    found, notes = dict(arrays), list[str]()
    for spec in inputs if numbers else ():
        array = arrays.get(spec.name)
        if array is None or array.dtype.kind not in "US":
            continue
        given, places = np.unique(array.astype(str), return_inverse=True)
        coded = np.array([numbers.get(text, 0) for text in given.tolist()], np.int64)
        found[spec.name] = coded[places].reshape(array.shape)
        unknown = [legible(text, 40) for text in given[coded == 0].tolist()]
        if unknown:
            notes.append(
                f"{int((found[spec.name] == 0).sum()):,} texts of {legible(spec.name)!r} are none "
                f"that the model knows, such as {', '.join(map(repr, unknown[:_SHOWN]))}."
            )
    return found, notes
