"""The true length of sequences in place of their padding."""

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field

from optim.arrays import Feeds
from optim.model.proto import copy_of
from optim.part import Circumstances, Group, Hazard, Searched, Start
from optim.passes.base import Context, Outcome, Pass, Stage
from optim.passes.support.lengths import LENGTH, fixed_length, own_length
from optim.passes.support.padding import Padded, find_padding
from optim.passes.support.running import outputs_of
from optim.passes.support.shortening import (
    Mends,
    mends_for,
    refuse_unlike,
    shortened,
    telling_length,
)
from optim.passes.support.tools import refuse_over_2_gb

if TYPE_CHECKING:
    import onnx

_CHECKED = 8  # samples on which the answers are compared
_SAME = 1e-3  # of an output's largest value: rounding of sums in another order


class Which(StrEnum):
    """Whose length counts."""

    OWN = "own"
    CALIBRATION = "calibration"


class TrueLength(Pass):
    """Compute on the places that hold something, not on the padding behind them."""

    name: ClassVar[str] = "true_length"
    title: ClassVar[str] = "True length instead of padding (sequence length)"
    summary: ClassVar[str] = (
        "Texts are padded to one length, and a network computes on the padding as on words. "
        "This cuts its inputs, inside of the graph, to the last place that holds something. "
        "Inputs and outputs of the model stay as they are."
    )
    helps: ClassVar[str] = (
        "Transformers on texts that are often much shorter than the model's length: time grows "
        "with the length, and attention's with its square. Answers stay the same: the pass tries "
        "it on calibration samples, and refuses where a model's answers depend on its padding."
    )
    hurts: ClassVar[str] = (
        "Shapes then depend on the data, which engines plan less well: nothing is gained where "
        "most texts are as long as the model takes. Cut to a length of the calibration samples, "
        "longer texts lose their end."
    )
    group: ClassVar[Group] = Group.GRAPH
    stage: ClassVar[Stage] = Stage.LENGTH
    needs_calibration: ClassVar[bool] = True
    min_opset: ClassVar[int] = 13
    tolerance: ClassVar[float] = 0.9999
    hazards: ClassVar[tuple[Hazard, ...]] = (
        Hazard(
            "texts are cut",
            "Texts longer than the length taken from the calibration samples lose their end; the "
            "loss that is measured includes that.",
            lambda part, here: part.which is Which.CALIBRATION,
        ),
    )
    searched: ClassVar[tuple[Searched, ...]] = (Searched("multiple_of", (32,)),)
    starts: ClassVar[tuple[Start, ...]] = (
        Start("true_length + dynamic_int8 + onnxruntime", 55, lambda here: _of_texts(here)),
    )
    tried_on_any: ClassVar[bool] = True

    which: Which = Field(
        default=Which.OWN,
        description="own: each input's own length, exact for every input; calibration: one length "
        "for all, taken from the calibration samples, which keeps shapes fixed and cuts what is "
        "longer.",
    )
    percentile: float = Field(
        default=100.0,
        ge=1.0,
        le=100.0,
        description="With calibration: the share of calibration samples, in percent, that are not "
        "cut.",
    )
    multiple_of: int = Field(
        default=1,
        ge=1,
        le=256,
        description="Lengths are rounded up to a multiple of this, so that engines that prepare "
        "for each shape anew, as OpenVINO does, meet few of them.",
    )

    def takes(self, here: Circumstances) -> bool:
        """Whether the model may be one of texts."""
        return _of_texts(here)

    def run(self, model: "onnx.ModelProto", context: Context) -> Outcome:
        """Find what is padded, mend what has the full length written into it, and compare."""
        refuse_over_2_gb(model)
        samples = [*context.calibration]
        padded = find_padding(model, samples)
        if padded is None:
            return Outcome(model, False, ("No input is padded in the calibration samples.",))
        lengths = np.array([padded.true_length(sample) for sample in samples])
        typical = int(np.argsort(lengths)[len(lengths) // 4])
        size = padded.length if self.which is Which.OWN else self._fixed(lengths, padded.length)
        if lengths[typical] >= padded.length:
            return Outcome(model, False, (_told(padded, lengths), "Too few are shorter to gain."))
        if self.which is Which.CALIBRATION and size >= padded.length:
            why = f"That length would be {size} of {padded.length}: nothing is cut."
            return Outcome(model, False, (_told(padded, lengths), why))
        after, mended = self._shortened(
            model, padded, samples[typical], int(lengths[typical]), size
        )
        _check(model, after, [samples[at] for at in np.argsort(lengths) if lengths[at] <= size])
        over = int((lengths > size).sum())
        cut = f"Cut to {size} places; {over} of {len(samples)} calibration samples lose their end."
        notes = (_told(padded, lengths), cut * (self.which is Which.CALIBRATION), mended)
        return Outcome(after, True, tuple(filter(None, notes)))

    def _shortened(
        self, model: "onnx.ModelProto", padded: Padded, sample: Feeds, true: int, size: int
    ) -> tuple["onnx.ModelProto", str]:
        """The model made to follow the length, tried on a sample, and a sentence on the mends."""
        length = telling_length(true, padded.length)
        cut = padded.cut(sample, length)
        mends, expected, got = mends_for(model, sample, cut, padded.length, length)
        refuse_unlike(expected, got, _SAME)
        after = copy_of(model)
        shortened(after, mends, padded.inputs, LENGTH)
        if self.which is Which.OWN:
            own_length(after, padded, self.multiple_of)
        else:
            fixed_length(after, size)
        return after, _mended(mends)

    def _fixed(self, lengths: "np.ndarray", full: int) -> int:
        size = int(np.ceil(np.percentile(lengths, self.percentile)))
        return min(full, -(-size // self.multiple_of) * self.multiple_of)


def _of_texts(here: Circumstances) -> bool:
    """Whether it looks like a transformer without convolutions."""
    return here.transformer and not here.has_conv


def _check(model: "onnx.ModelProto", after: "onnx.ModelProto", samples: Sequence[Feeds]) -> None:
    """Refuse where answers differ from the original's; samples come with the shortest first."""
    some = samples[:: max(1, len(samples) // _CHECKED)]
    pairs = zip(outputs_of(model, some), outputs_of(after, some), strict=True)
    for expected, got in pairs:
        refuse_unlike(expected, got, _SAME)


def _told(padded: Padded, lengths: "np.ndarray") -> str:
    low, middle, high = np.percentile(lengths, (10, 50, 90)).astype(int)
    return (
        f"Of {padded.length} places, calibration samples use {lengths.mean():.0f} on average, "
        f"half of them {middle} or fewer (10 % to 90 %: {low} to {high})."
    )


def _mended(mends: Mends) -> str:
    cuts, targets = len(mends.cuts), len(mends.targets)
    return (
        f"Made to follow the length inside: {cuts} stored values of full length, {targets} targets "
        "of Reshape and Expand."
    )
