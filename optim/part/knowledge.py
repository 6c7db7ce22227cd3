"""What a part declares of itself beyond what it does: where it hurts, what to try, what to start
with. Search, advice and documents gather it; none of them knows a part by name.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from optim.findings import Interval

if TYPE_CHECKING:
    from optim.part.base import Ingredient

QUANTIZED_OPS = frozenset(
    {
        *("QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "QLinearConv"),
        *("QLinearMatMul", "ConvInteger", "MatMulInteger", "MatMulNBits", "DynamicQuantizeMatMul"),
        *("DynamicQuantizeLSTM", "QAttention", "QGemm", "QLinearAdd", "MatMulIntegerToFloat"),
    }
)
"""Operators that only a quantized model has, the standard's and ONNX Runtime's own."""
_MATMULS = frozenset({"MatMul", "Gemm", "Einsum", "Attention"})
_RECURRENT = frozenset({"LSTM", "GRU", "RNN"})
_CLASSICAL = "ai.onnx.ml."
"""Domain of trees, scalers and the like."""
_BF16_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "bf16"})
_INT8_FLAGS = frozenset({"avx512_vnni", "avx_vnni", "amx_int8", "asimddp", "i8mm"})
_WORTH = 1.05  # a measured gain below that is none

Kind = Literal["conv", "depthwise", "matmul", "recurrent"]
"""What arithmetic comes in: an engine's kernels for them differ in what a precision brings."""
Product = Literal["u8s8", "u8u8", "s8s8", "s8u8"]
"""Types of the bytes that are multiplied: the activations', then the weights'."""
_NAMES: Mapping[Kind, str] = {
    "conv": "convolutions",
    "depthwise": "depthwise convolutions",
    "matmul": "matrix products",
    "recurrent": "recurrent layers",
}


class Known(Protocol):
    """What was measured of the machine's arithmetic; see `optim.probing.Probe`."""

    def gain(self, runtime: str, precision: str, kind: Kind) -> Interval | None:
        """Speed of a precision on a runtime relative to fp32 on ONNX Runtime; None: not known."""

    def saturates(self, runtime: str) -> bool:
        """Whether usual 8-bit products (u8s8) overflow in a runtime."""


@dataclass(frozen=True)
class Circumstances:
    """What a declaration may look at: the model, the machine, and the recipe where there is one.

    `ops` is how many nodes of each operator the original model has, `flags` the CPU's instruction
    sets as `/proc/cpuinfo` names them, `cores` how many cores may be used, `recipe` the passes in
    order and then the runtime. `saturated`: with it, 8-bit products were found to overflow here.
    `known`: what was measured of the machine; it goes before what `flags` let assume.
    """

    ops: Mapping[str, int]
    flags: frozenset[str] = frozenset()
    cores: int = 1
    recipe: "tuple[Ingredient, ...]" = ()
    saturated: bool = False
    known: Known | None = None

    @property
    def has_conv(self) -> bool:
        """Whether the model has convolutions."""
        return "Conv" in self.ops

    @property
    def has_matmul(self) -> bool:
        """Whether the model has matrix products."""
        return bool(_MATMULS & self.ops.keys())

    @property
    def has_products(self) -> bool:
        """Whether the model has convolutions or matrix products."""
        return self.has_conv or self.has_matmul

    @property
    def recurrent(self) -> bool:
        """Whether the model has recurrent layers."""
        return bool(_RECURRENT & self.ops.keys())

    @property
    def transformer(self) -> bool:
        """Whether the model looks like one: matrix products and a softmax."""
        return self.has_matmul and self.ops.get("Softmax", 0) > 0

    @property
    def classical(self) -> bool:
        """Whether the model is of trees, scalers and the like, in whole or in part."""
        return any(op.startswith(_CLASSICAL) for op in self.ops)

    @property
    def quantized(self) -> bool:
        """Whether the model is quantized already."""
        return any(op.rpartition(".")[2] in QUANTIZED_OPS for op in self.ops)

    @property
    def int8_instructions(self) -> bool:
        """Whether the CPU has dot products of 8-bit integers; see `gains` for what they bring."""
        return bool(_INT8_FLAGS & self.flags)

    @property
    def bf16_instructions(self) -> bool:
        """Whether the CPU computes in bf16; see `gains` for what that brings."""
        return bool(_BF16_FLAGS & self.flags)

    def runs_on(self, runtime: str) -> bool:
        """Whether the recipe's runtime has this name."""
        return bool(self.recipe) and self.recipe[-1].name == runtime

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """What of the model's arithmetic a precision may speed up."""
        has: dict[Kind, bool] = {
            "conv": self.has_conv,
            "matmul": self.has_matmul,
            "recurrent": self.recurrent,
        }
        return tuple(kind for kind, there in has.items() if there)

    def measured(
        self, precision: str, runtime: str = "", kinds: Collection[Kind] = ()
    ) -> dict[Kind, Interval]:
        """What a precision was measured to bring the model's kinds of arithmetic here.

        Speed relative to fp32 on ONNX Runtime, one thread.

        Args:
            precision: as `optim.probing.Probe.gain` has it.
            runtime: the recipe's where it is not named.
            kinds: those that count, of the model's; all where none is named.
        """
        engine = runtime or (self.recipe[-1].name if self.recipe else "")
        if self.known is None or not engine:
            return {}
        asked = [kind for kind in self.kinds if kind in kinds or not kinds]
        gains = {kind: self.known.gain(engine, precision, kind) for kind in asked}
        return {kind: gain for kind, gain in gains.items() if gain is not None}

    def measured_gain(
        self, precision: str, runtime: str = "", kinds: Collection[Kind] = ()
    ) -> bool:
        """Whether a precision was measured to make a kind of the model's arithmetic faster."""
        found = self.measured(precision, runtime, kinds)
        return any(gain.value >= _WORTH for gain in found.values())

    def gains(self, precision: str, runtime: str = "", kinds: Collection[Kind] = ()) -> bool:
        """Whether a precision may make this model faster: as measured, else as flags have it."""
        if self.measured(precision, runtime, kinds):
            return self.measured_gain(precision, runtime, kinds)
        assumed = {"int8": self.int8_instructions, "bf16": self.bf16_instructions}
        return assumed.get(precision, True)

    def cited(self, *precisions: str, runtime: str = "", kinds: Collection[Kind] = ()) -> str:
        """A sentence on what was measured of precisions; empty where nothing was."""
        found = [
            f"{precision} {_NAMES[kind]} reach {gain.value:.2g}x of fp32"
            for precision in precisions
            for kind, gain in self.measured(precision, runtime, kinds).items()
        ]
        return f"Measured here: {', '.join(found)}." if found else ""


def always(here: Circumstances) -> bool:
    """The condition of what depends on nothing."""
    return True


def _nothing(part: Any, here: Circumstances) -> str:
    return ""


@dataclass(frozen=True)
class Hazard:
    """Something that is known to hurt before anything is measured.

    An expectation from measurements; the measurement of a trial decides. `when` gets the part with
    its settings and the circumstances.
    """

    code: str
    text: str
    """A sentence or more for people: what happens and what to do instead."""
    when: Callable[[Any, Circumstances], bool]
    cites: Callable[[Any, Circumstances], str] = _nothing
    """What was measured of it on this machine, as sentences; empty where nothing was."""

    def told(self, part: Any, here: Circumstances) -> str:
        """The text and what was measured."""
        return " ".join(filter(None, (self.text, self.cites(part, here))))


@dataclass(frozen=True)
class Searched:
    """Values of one setting that a search tries, from where a recipe with the part did well.

    `mends`: whether they may lose less than the usual value; else they are only faster.
    """

    field: str
    values: tuple[Any, ...]
    when: Callable[[Circumstances], bool] = always
    mends: bool = True


@dataclass(frozen=True)
class Start:
    """A recipe worth trying on a new model, by its spelling.

    Those with the lowest `rank` are tried; the program's own have ranks from 10 to 130.
    """

    spelling: str
    rank: int
    when: Callable[[Circumstances], bool] = always
