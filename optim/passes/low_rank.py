"""Low-rank factors by singular value decomposition: one product becomes two narrow ones.

Denton et al., "Exploiting Linear Structure Within Convolutional Networks for Efficient Evaluation",
2014; for k x k convolutions Zhang et al., "Accelerating Very Deep Convolutional Networks for
Classification and Detection", 2016: a k x k convolution to few channels, then a 1 x 1.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import partial
from operator import gt
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field

from optim.arrays import Feeds
from optim.errors import InputError
from optim.findings import percent
from optim.model.proto import copy_of
from optim.part import Circumstances, Hazard, Searched
from optim.passes.base import Context, Outcome, Pass, Stage
from optim.passes.support.factors import Factors, as_matrix, split
from optim.passes.support.tools import (
    float_weights,
    listed,
    name_nodes,
    refuse_quantized,
    refuse_unknown_nodes,
)

if TYPE_CHECKING:
    import onnx

_KINDS = ("Conv", "Gemm", "MatMul")
_NOTHING = "Nothing was split: no layer's two factors would take less arithmetic than it does."
_NOT_FASTER = (
    "Nothing was split: no layer's two factors were measured to be so much faster than it."
)
_SMALLEST = 16  # a side of a weight below which two products are never faster than one


class Rank(StrEnum):
    """What decides the rank of a layer."""

    ENERGY = "energy"
    SHARE = "share"
    GAIN = "gain"


class LowRank(Pass):
    """Replace large products by two narrow ones."""

    name: ClassVar[str] = "low_rank"
    title: ClassVar[str] = "Split products in two narrow ones (low-rank factors, SVD)"
    summary: ClassVar[str] = (
        "Replaces the weight of a matrix product or convolution by two narrow factors, from its "
        "singular value decomposition, wherever these take less arithmetic; the smallest singular "
        "values are dropped."
    )
    helps: ClassVar[str] = (
        "Wide layers whose weights are redundant, such as embeddings, feed-forward layers and "
        "classifiers: every engine has less to compute, and the file is smaller. It goes together "
        "with recover and with 8 bits."
    )
    hurts: ClassVar[str] = (
        "Two operators in place of one: small layers get slower. Most convolutions are not of low "
        "rank, and lose quality quickly; recover brings some of it back."
    )
    stage: ClassVar[Stage] = Stage.PRUNE
    overlooks: ClassVar[tuple[str, ...]] = ("Conv", "Gemm", "MatMul")
    floats_only: ClassVar[bool] = True
    tolerance: ClassVar[float] = 0.9
    hazards: ClassVar[tuple[Hazard, ...]] = (
        Hazard(
            "low rank and convolutions",
            "Weights of convolutions are seldom of low rank: expect a loss, and add recover.",
            lambda part, here: here.has_conv and all(one.name != "recover" for one in here.recipe),
        ),
    )
    searched: ClassVar[tuple[Searched, ...]] = (Searched("energy", (0.9, 0.99)),)

    rank: Rank = Field(
        default=Rank.ENERGY,
        description="What decides the rank: energy, the share of a weight's squares that is kept; "
        "share, the share of a layer's arithmetic that is removed; gain, the highest rank at which "
        "the two are faster than the one, as measured while building.",
    )
    energy: float = Field(
        default=0.95, ge=0.1, le=1.0, description="Share of the squares kept, with rank energy."
    )
    share: float = Field(
        default=0.3,
        ge=0.0,
        le=0.95,
        description="Share of the arithmetic removed, with rank share.",
    )
    gain: float = Field(
        default=1.25,
        ge=1.0,
        le=10.0,
        description="How many times as fast as a layer its two factors are at least, with rank "
        "gain: by ONNX Runtime's profiler, on one thread of the machine that builds.",
    )
    multiple: int = Field(
        default=8, ge=1, le=64, description="Ranks are multiples of this, as kernels like it."
    )
    exclude: tuple[str, ...] = Field(default=(), description="Names of nodes left as they are.")
    ranks: tuple[str, ...] = Field(
        default=(),
        description="The rank of each product that could be split, in the graph's order, 0: whole; "
        "what measuring decided, for the same model again. Empty: decided while building.",
    )

    def takes(self, here: Circumstances) -> bool:
        """Only products have weights to split."""
        return super().takes(here) and here.has_products

    def run(self, model: "onnx.ModelProto", context: Context) -> Outcome:
        """Split each product whose factors take less arithmetic than it does."""
        refuse_quantized(model)
        refuse_unknown_nodes(self.exclude, model)
        named = copy_of(model)
        name_nodes(named)
        factors = {node.name: found for node, found in self._factors(named)}
        ranks = self._ranks(named, factors, context)
        if not any(ranks.values()):
            return Outcome(model, False, (_NOT_FASTER if factors and self._measures else _NOTHING,))
        made = split(named, factors, ranks)
        if not self._measures:
            return Outcome(made, True, _told(ranks))
        from optim.passes.support.channel_times import share_saved

        saved = share_saved(named, made, _inputs(context))
        ran = self.model_copy(update={"ranks": tuple(map(str, ranks.values()))})
        said = f"A run takes {percent(saved)} less time, as measured while building."
        return Outcome(made, True, (*_told(ranks), said), ran)

    @property
    def _measures(self) -> bool:
        return self.rank is Rank.GAIN and not self.ranks

    def _factors(self, model: "onnx.ModelProto") -> Iterator[tuple["onnx.NodeProto", Factors]]:
        """The products that two narrow ones could do with less arithmetic."""
        from onnx import numpy_helper

        weights = float_weights(model)
        for node in model.graph.node:
            if node.op_type not in _KINDS or node.name in self.exclude:
                continue
            if node.input[1] not in weights:
                continue
            matrix = as_matrix(node, numpy_helper.to_array(weights[node.input[1]]))
            if matrix is not None and min(matrix.shape) >= _SMALLEST:
                yield node, Factors.of(matrix)

    def _ranks(
        self, model: "onnx.ModelProto", factors: Mapping[str, Factors], context: Context
    ) -> dict[str, int]:
        """The rank of each product; 0 where it stays whole."""
        if self.ranks:
            return self._given(factors)
        if self._measures:
            from optim.passes.support.rank_times import by_gain  # it takes an engine

            most = {name: one.most for name, one in factors.items()}
            tried = partial(split, model, factors)
            return by_gain(tried, most, _inputs(context), self.gain, self.multiple)
        wished = {name: self._rank(one) for name, one in factors.items()}
        return {name: r if r <= factors[name].most else 0 for name, r in wished.items()}

    def _given(self, factors: Mapping[str, Factors]) -> dict[str, int]:
        known = [int(one) for one in self.ranks if one.isdecimal()]
        most = [one.most for one in factors.values()]
        if len(known) != len(self.ranks) or len(known) != len(most) or any(map(gt, known, most)):
            raise InputError(
                f"`ranks` gives {len(self.ranks)} ranks, and this model has {len(most)} products "
                f"that could be split, at ranks of at most {listed(map(str, most), 8)}.",
                "Leave it out: ranks are then decided while building.",
            )
        return dict(zip(factors, known, strict=True))

    def _rank(self, factors: Factors) -> int:
        """The rank for a weight of these singular values, a multiple."""
        shape, values = factors.shape, factors.values
        if self.rank is Rank.SHARE:
            wanted = int((1 - self.share) * shape[0] * shape[1] / sum(shape))
            return max(self.multiple, wanted // self.multiple * self.multiple)
        kept = np.cumsum(values**2) / max(float((values**2).sum()), 1e-30)
        wanted = int(np.searchsorted(kept, self.energy) + 1)
        return -(-wanted // self.multiple) * self.multiple


def _inputs(context: Context) -> Feeds:
    found = next(iter(context.calibration), context.example)
    if found is None:
        raise InputError("There is no input to measure time with.", "Use `rank=energy` instead.")
    return found


def _told(ranks: Mapping[str, int]) -> tuple[str, ...]:
    split = [f"{name} {rank}" for name, rank in ranks.items() if rank]
    return (
        f"{len(split)} products became two each, of the rank behind their name: "
        f"{listed(split, 8)}.",
        "Any engine runs two narrow products; small ones may be slower than the one before.",
    )
