"""What a part declares of itself beyond what it does: where it hurts, what to try, what to start
with. Search, advice and documents gather it; none of them knows a part by name.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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
_MATMULS = frozenset({"MatMul", "Gemm", "Attention"})
_RECURRENT = frozenset({"LSTM", "GRU", "RNN"})
_CLASSICAL = "ai.onnx.ml."
"""Domain of trees, scalers and the like."""
_BF16_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "bf16"})
_INT8_FLAGS = frozenset({"avx512_vnni", "avx_vnni", "amx_int8", "asimddp", "i8mm"})


@dataclass(frozen=True)
class Circumstances:
    """What a declaration may look at: the model, the machine, and the recipe where there is one.

    `ops` is how many nodes of each operator the original model has, `flags` the CPU's instruction
    sets as `/proc/cpuinfo` names them, `cores` how many cores may be used, `recipe` the passes in
    order and then the runtime. `saturated`: with it, 8-bit products were found to overflow here.
    """

    ops: Mapping[str, int]
    flags: frozenset[str] = frozenset()
    cores: int = 1
    recipe: "tuple[Ingredient, ...]" = ()
    saturated: bool = False

    @property
    def has_conv(self) -> bool:
        """Whether the model has convolutions."""
        return "Conv" in self.ops

    @property
    def has_matmul(self) -> bool:
        """Whether the model has matrix products."""
        return bool(_MATMULS & self.ops.keys())

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
        """Whether the CPU has dot products of 8-bit integers."""
        return bool(_INT8_FLAGS & self.flags)

    @property
    def bf16_instructions(self) -> bool:
        """Whether the CPU computes in bf16."""
        return bool(_BF16_FLAGS & self.flags)

    def runs_on(self, runtime: str) -> bool:
        """Whether the recipe's runtime has this name."""
        return bool(self.recipe) and self.recipe[-1].name == runtime


def always(here: Circumstances) -> bool:
    """The condition of what depends on nothing."""
    return True


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


@dataclass(frozen=True)
class Searched:
    """Values of one setting that a search tries, from where a recipe with the part did well."""

    field: str
    values: tuple[Any, ...]
    when: Callable[[Circumstances], bool] = always


@dataclass(frozen=True)
class Start:
    """A recipe worth trying on a new model, by its spelling.

    Those with the lowest `rank` are tried; the program's own have ranks from 10 to 130.
    """

    spelling: str
    rank: int
    when: Callable[[Circumstances], bool] = always
