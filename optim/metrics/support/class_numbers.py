"""Labels written otherwise than as class numbers from 0: in rows, as two values, with gaps."""

from collections.abc import Collection

import numpy as np

from optim.arrays import Array

_MOST_NAMED = 20
_SUM = 1e-3  # by which shares may miss 1, as rounded ones do
_TIED = 0.01  # share of rows without one largest share, up to which they are chance


def by_value(labels: Array, sizes: Collection[int]) -> tuple[Array, list[str]]:
    """Numbers with gaps between them, one for each class, as the classes' places; and a note.

    Numbers without gaps may be counted from another start: that is asked, not done.
    """
    values, places = np.unique(labels, return_inverse=True)
    gaps = len(values) > 2 and int(values[-1]) - int(values[0]) >= len(values)
    if not gaps or len(values) not in sizes:
        return labels, []
    pairs = [f"{value} = {place}" for place, value in enumerate(values[:_MOST_NAMED].tolist())]
    more = " and so on" if len(values) > len(pairs) else ""
    return places.astype(np.int64), [f"Labels to classes, in order: {', '.join(pairs)}{more}."]


def as_binary(labels: Array) -> tuple[Array, list[str]]:
    """Two values, or one-hot rows of two, as 0 and 1, and a note; all else as it is."""
    if labels.ndim == 2:
        if not is_one_hot(labels):
            return labels, []
        return labels.argmax(axis=1), ["The labels were one-hot rows of two; they are 0 and 1 now."]
    values = np.unique(labels)
    whole = len(values) == 2 and np.array_equal(values, np.rint(values))
    if not whole or np.array_equal(values, (0, 1)):
        return labels, []
    note = f"The labels were {values[0]:g} and {values[1]:g}; they are 0 and 1 now."
    return (labels == values[1]).astype(np.int64), [note]


def is_one_hot(labels: Array, axis: int = 1) -> bool:
    """Whether it holds one 1 along the axis, and zeros."""
    return bool(np.isin(labels, (0, 1)).all() and (labels.sum(axis=axis) == 1).all())


def shares_said(labels: Array) -> str:
    """What to say of rows of shares, as label smoothing or a teacher makes them; else empty.

    Args:
        labels: [samples, classes].
    """
    if labels.dtype.kind != "f" or labels.shape[1] < 2 or labels.min(initial=0) < 0:
        return ""
    if not np.allclose(labels.sum(axis=1), 1, atol=_SUM):
        return ""
    two = np.sort(labels, axis=1)[:, -2:]
    if not len(labels) or np.mean(two[:, 1] - two[:, 0] <= _SUM) > _TIED:
        return ""
    low, high = labels.min(), labels.max()
    smooth = np.isclose(labels, low, atol=_SUM) | np.isclose(labels, high, atol=_SUM)
    how = f", as label smoothing of {low * labels.shape[1]:.2g} makes them" if smooth.all() else ""
    return (
        f"The labels were rows of shares that add up to 1{how}: the class with the largest share "
        "is taken. Give the metric mae to judge the shares themselves."
    )
