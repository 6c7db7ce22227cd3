"""Outputs whose number depends on the data, such as boxes: compared by what belongs together.

180 boxes against 179 are no collapse, and one box more shifts all that follow it. So the rows of
such outputs are matched first: boxes by their overlap (IoU of at least 0.5, as PASCAL VOC has it),
other rows by their place. A row that has no partner is compared with zeros.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from optim.arrays import Array
from optim.findings import percent
from optim.model import TensorSpec
from optim.names import legible

Outputs = Mapping[str, Array]
_IOU = 0.5
_MOST_ROWS = 2000  # of a sample that are matched by overlap; a table of all pairs is made


@dataclass
class Matching:
    """The outputs of varying number, and how many rows of either model had a partner.

    `names`: output -> how many axes of length 1 stand before the one that varies.
    """

    names: dict[str, int]
    boxes: str = ""
    samples: int = 0
    unlike: int = 0
    matched: int = 0
    rows: int = 0

    @classmethod
    def of(cls, specs: Sequence[TensorSpec]) -> "Matching":
        """Those of which one axis depends on the data; of them the first that can be boxes."""
        varying = {s.name: s for s in specs if _varies(s)}
        names = {name: s.shape.index(-1) for name, s in varying.items()}
        boxes = [
            name
            for name, s in varying.items()
            if s.shape[names[name] :] == (-1, 4) and "float" in s.dtype
        ]
        return cls(names, next(iter(boxes), ""))

    def aligned(self, ours: Outputs, theirs: Outputs) -> tuple[Outputs, Outputs]:
        """Both models' outputs with the rows that belong together in one place."""
        if not self.names:
            return ours, theirs
        given = ours, theirs
        ours, theirs = (self._rows(side) for side in given)
        counts = {(len(ours[name]), len(theirs[name])) for name in self.names}
        if len(counts) > 1:  # they are no columns of one table
            return given
        ((mine, other),) = counts
        pairs = self._pairs(ours, theirs)
        self.samples += 1
        self.unlike += mine != other
        self.matched += 2 * len(pairs[0])
        self.rows += mine + other
        mine_placed = {name: _placed(ours[name], *pairs, other) for name in self.names}
        longer = {name: _longer(theirs[name], mine - len(pairs[0])) for name in self.names}
        return {**given[0], **self._back(mine_placed)}, {**given[1], **self._back(longer)}

    def _rows(self, side: Outputs) -> dict[str, Array]:
        return {name: side[name].reshape(side[name].shape[at:]) for name, at in self.names.items()}

    def _back(self, rows: Outputs) -> dict[str, Array]:
        return {
            name: rows[name].reshape((1,) * at + rows[name].shape)
            for name, at in self.names.items()
        }

    def _pairs(self, ours: Outputs, theirs: Outputs) -> tuple[Array, Array]:
        """Row numbers of ours and of theirs that belong together."""
        mine, other = (len(side[next(iter(self.names))]) for side in (ours, theirs))
        if not self.boxes or max(mine, other) > _MOST_ROWS or not min(mine, other):
            both = np.arange(min(mine, other))
            return both, both
        from scipy.optimize import linear_sum_assignment  # takes a moment to import

        overlaps = _overlaps(ours[self.boxes], theirs[self.boxes])
        a, b = linear_sum_assignment(overlaps, maximize=True)
        near = overlaps[a, b] >= _IOU
        return a[near], b[near]

    @property
    def _named(self) -> str:
        return ", ".join(repr(legible(name)) for name in self.names)

    def said(self) -> str:
        """A sentence on numbers that differ, or are 0 everywhere; empty for neither."""
        if self.samples and not self.rows:
            return (
                f"The outputs {self._named} are empty on all {self.samples:,} samples: "
                "nothing of them was compared. Bring an EvalSet on which the model finds something."
            )
        if not self.unlike:
            return ""
        how = f"an overlap (IoU) of at least {_IOU}" if self.boxes else "their place"
        return (
            f"The outputs {self._named} have another number of rows than the original's "
            f"on {self.unlike:,} of {self.samples:,} samples. By {how}, "
            f"{percent(self.matched / max(1, self.rows), 1)} of all rows have a partner; the "
            "others count as lost or made up."
        )


def _varies(spec: TensorSpec) -> bool:
    """Whether one axis depends on the data, and those before it have length 1."""
    return spec.shape.count(-1) == 1 and set(spec.shape[: spec.shape.index(-1)]) <= {1}


def _placed(values: Array, mine: Array, other: Array, count: int) -> Array:
    """Our rows at the places of their partners, then those without one."""
    rest = np.setdiff1d(np.arange(len(values)), mine)
    placed = np.zeros((count + len(rest), *values.shape[1:]), values.dtype)
    placed[other], placed[count:] = values[mine], values[rest]
    return placed


def _longer(values: Array, by: int) -> Array:
    return np.concatenate([values, np.zeros((by, *values.shape[1:]), values.dtype)])


def _overlaps(a: Array, b: Array) -> Array:
    """Intersection over union of each box of `a` with each of `b`."""
    a, b = (_corners(np.nan_to_num(boxes.astype(np.float64))) for boxes in (a, b))
    low, high = (
        np.maximum(a[:, None, :2], b[None, :, :2]),
        np.minimum(a[:, None, 2:], b[None, :, 2:]),
    )
    both = np.clip(high - low, 0, None).prod(axis=2)
    either = _area(a)[:, None] + _area(b)[None] - both
    shared: Array = np.where(either > 0, both / np.where(either > 0, either, 1), 0.0)
    return np.where((a[:, None] == b[None]).all(axis=2), 1.0, shared)  # empty boxes too


def _area(boxes: Array) -> Array:
    return np.asarray(np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(axis=1))


def _corners(boxes: Array) -> Array:
    """Boxes as two corners; where the second is not beyond the first they are centre and size."""
    if (boxes[:, 2:] >= boxes[:, :2]).all():
        return boxes
    half = np.abs(boxes[:, 2:]) / 2
    return np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1)
