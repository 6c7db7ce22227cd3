"""How far a model's outputs drifted from the original's, and whether they collapsed."""

import numpy as np
from pydantic import BaseModel, ConfigDict

from optim.arrays import Array

COLLAPSED_COSINE = 0.5
_DRIFTED_COSINE = 0.9
_DRIFTED_SQNR = 3.0  # dB: errors of 0.7 times the size of what they are errors of
_COLLAPSED_SPREAD = 1e-4
_WORST_SQNR = -200.0


class Fidelity(BaseModel):
    """Outputs against the original's on the same inputs; the worst output where there are several.

    `top1_agreement`: share of samples with the same top class, None without class scores.
    `cosine`: over all samples' values at once. `sqnr_db`: signal to quantization noise, None where
    the outputs are equal. `max_error`: largest absolute difference of finite values.
    """

    model_config = ConfigDict(frozen=True)

    top1_agreement: float | None
    cosine: float
    sqnr_db: float | None
    max_error: float


class Signal:
    """How far one tensor is off, sample by sample, without keeping any sample."""

    def __init__(self) -> None:
        self.samples = self.broken = self.misshapen = self.undefined = 0
        self.max_error = 0.0
        self._dot = self._original = self._other = self._error = 0.0

    def add(self, original: Array, other: Array) -> tuple[Array, Array]:
        """Count one sample. Values where the original is not finite are left out.

        Returns: both as they were counted, in one dimension.
        """
        self.samples += 1
        a, b = original.astype(np.float64).ravel(), other.astype(np.float64).ravel()
        if a.size != b.size:
            self.misshapen += 1
            b = np.zeros_like(a)
        finite = np.isfinite(a)
        self.undefined += not finite.all()
        a, b = np.where(finite, a, 0.0), np.where(finite, b, 0.0)
        usable = np.isfinite(b)
        if not usable.all():
            self.broken += 1
            b = np.where(usable, b, 0.0)
        error = a - b
        self._dot += float(a @ b)
        self._original += float(a @ a)
        self._other += float(b @ b)
        self._error += float(error @ error)
        self.max_error = max(self.max_error, float(np.max(np.abs(error), initial=0.0)))
        return a, b

    @property
    def cosine(self) -> float:
        """Cosine similarity over all values of all samples; 0 where one side is all zero."""
        if self._error == 0:
            return 1.0
        size = np.sqrt(self._original * self._other)
        return float(self._dot / size) if size > 0 else 0.0

    @property
    def sqnr_db(self) -> float | None:
        """10 log10(signal / noise); None without noise."""
        if self._error == 0:
            return None
        with np.errstate(divide="ignore"):
            ratio = float(10 * np.log10(self._original / self._error))
        return max(_WORST_SQNR, ratio)


class Drift(Signal):
    """Accumulates the drift of one output, sample by sample, without keeping the outputs."""

    def __init__(self, name: str, floating: bool = True) -> None:
        super().__init__()
        self.name, self.floating = name, floating
        self._ranges: tuple[_Range, _Range] | None = None

    def add(self, original: Array, other: Array) -> tuple[Array, Array]:
        """Count one sample. Values where the original is not finite are left out."""
        a, b = super().add(original, other)
        if self._ranges is None:
            self._ranges = _Range(a), _Range(b)
        elif self._ranges[0].size == a.size:
            self._ranges[0].add(a)
            self._ranges[1].add(b)
        return a, b

    def collapse(self) -> str:
        """A sentence on how this output collapsed; empty if it did not."""
        return self.broke() or self.left()

    def broke(self) -> str:
        """A collapse that no distance tells: no numbers, other shapes, or always the same."""
        if self.broken:
            return (
                f"The output {self.name!r} has NaN or infinite values on {self.broken} of "
                f"{self.samples} samples where the original has none."
            )
        if self.misshapen:
            return (
                f"The output {self.name!r} has another shape than the original's on "
                f"{self.misshapen} of {self.samples} samples."
            )
        if self._ranges and self.samples > 1:
            original, other = (values.spread for values in self._ranges)
            if original > 0 and other <= _COLLAPSED_SPREAD * original:
                return f"The output {self.name!r} is the same for every input."
        return ""

    def left(self) -> str:
        """A collapse that the distance to the original's values tells."""
        if self.cosine < COLLAPSED_COSINE:
            return f"The output {self.name!r} has cosine {self.cosine:.2f} to the original's."
        return ""

    def drifted(self) -> str:
        """A sentence on how far a floating output is off, a metric that holds or not; else empty.

        Quantization that works leaves a cosine of 0.99 and 20 dB. Both limits lie far below, so
        that scores scaled by a half, or weights of 4 bits, do not reach them.
        """
        noise = self.sqnr_db
        if noise is None or (self.cosine >= _DRIFTED_COSINE and noise >= _DRIFTED_SQNR):
            return ""
        return (
            f"The output {self.name!r} is far from the original's (cosine {self.cosine:.2f}, "
            f"signal to noise {noise:.1f} dB)"
        )


class _Range:
    """The smallest and largest value seen at every position of an output."""

    def __init__(self, first: Array) -> None:
        self._low, self._high = first.copy(), first.copy()

    @property
    def size(self) -> int:
        return int(self._low.size)

    @property
    def spread(self) -> float:
        return float(np.max(self._high - self._low, initial=0.0))

    def add(self, values: Array) -> None:
        np.minimum(self._low, values, out=self._low)
        np.maximum(self._high, values, out=self._high)


def fidelity(drifts: list[Drift], top1_agreement: float | None) -> Fidelity:
    """The worst of the outputs' drifts."""
    noisy = [drift.sqnr_db for drift in drifts if drift.sqnr_db is not None]
    return Fidelity(
        top1_agreement=top1_agreement,
        cosine=min((drift.cosine for drift in drifts), default=1.0),
        sqnr_db=min(noisy, default=None),
        max_error=max((drift.max_error for drift in drifts), default=0.0),
    )
