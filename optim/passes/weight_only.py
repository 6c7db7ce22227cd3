"""Weight-only quantization to 4 or 8 bits (ONNX Runtime's MatMulNBits operator)."""

from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Self

from pydantic import Field, field_validator, model_validator

from optim.errors import InputError
from optim.model.proto import copy_of
from optim.names import does, many
from optim.part import Hazard, Searched, Start
from optim.passes.base import Calibration, Context, Outcome, Pass, Stage
from optim.passes.support.accuracy_level import ACCURACY_LEVEL, Compute, gated, packed_weights
from optim.passes.support.failing import without_failing
from optim.passes.support.gptq import moments, round_again
from optim.passes.support.quantizing import coverage, gemm_as_matmul, is_excluded, weighted_nodes
from optim.passes.support.tools import (
    MIN_SLIM_OPSET,
    count_ops,
    folding_limit,
    prepared,
    quiet,
    refuse_quantized,
    refuse_unknown_nodes,
    unfolded,
)

if TYPE_CHECKING:
    import onnx


class Method(StrEnum):
    """How weights are rounded."""

    RTN = "rtn"
    HQQ = "hqq"
    GPTQ = "gptq"


class WeightOnly(Pass):
    """Store the weights of matrix products in 4 or 8 bits; activations stay in float."""

    name: ClassVar[str] = "weight_only"
    version: ClassVar[int] = 2
    title: ClassVar[str] = "4- or 8-bit weights (weight-only quantization)"
    summary: ClassVar[str] = (
        "Stores the constant matrices of matrix products in 4 or 8 bits, with one scale for each "
        "small block of a column. They are unpacked while multiplying; activations stay in float. "
        "Rounded to nearest (RTN), by half-quadratic optimization (HQQ) or so that later rows make "
        "up for earlier ones (GPTQ)."
    )
    helps: ClassVar[str] = (
        "Large language models and other networks whose weights do not fit the caches: an eighth "
        "(4 bit) of the memory traffic, at a small loss."
    )
    hurts: ClassVar[str] = (
        "Small networks get slower, since unpacking costs more than the memory saved. Does nothing "
        "for convolutions and recurrent layers. Only ONNX Runtime and engines that know its "
        "MatMulNBits operator can run the result."
    )
    stage: ClassVar[Stage] = Stage.PRECISION
    floats_only: ClassVar[bool] = True
    needs_calibration: ClassVar[bool] = True
    min_opset: ClassVar[int] = MIN_SLIM_OPSET
    tolerance: ClassVar[float] = 0.95
    hazards: ClassVar[tuple[Hazard, ...]] = (
        Hazard(
            "weights only",
            "weight_only changes MatMul weights, and this model has none.",
            lambda part, here: not here.has_matmul,
        ),
    )
    searched: ClassVar[tuple[Searched, ...]] = (
        Searched("bits", (4,)),
        Searched("method", (Method.GPTQ,)),
    )
    starts: ClassVar[tuple[Start, ...]] = (
        Start(
            "weight_only:bits=8 + onnxruntime",
            80,
            lambda here: here.has_matmul and not here.has_conv,
        ),
    )

    bits: int = Field(default=4, ge=4, le=8, multiple_of=4, description="Bits per weight: 4 or 8.")
    block_size: int = Field(
        default=32,
        ge=16,
        le=256,
        description="Weights that share a scale: 16, 32, 64, 128 or 256. Smaller is more precise "
        "and larger on disk.",
    )
    symmetric: bool = Field(
        default=False,
        description="Centre the integers on zero, without a zero point per block: smaller, less "
        "precise.",
    )
    compute: Compute = Field(
        default=Compute.INT8,
        description="int8: also round activations to 8 bits while multiplying (fastest), unless "
        "that changes answers on calibration samples; float32: multiply in full precision.",
    )
    method: Method = Field(
        default=Method.RTN,
        description="rtn: round to nearest; hqq: also fit the zero points, in float (4 bits, "
        "slower to run); gptq: round so that errors cancel on calibration samples.",
    )
    exclude: tuple[str, ...] = Field(default=(), description="Names of nodes left in float.")

    @model_validator(mode="after")
    def _hqq_has_4_bits(self) -> Self:
        if self.method is Method.HQQ and (self.bits != 4 or self.symmetric):
            raise ValueError("method=hqq takes bits=4 and symmetric=false")
        return self

    @field_validator("block_size")
    @classmethod
    def _power_of_two(cls, value: int) -> int:
        if value & (value - 1):
            raise ValueError("must be 16, 32, 64, 128 or 256")
        return value

    def cheaply(self) -> Self:
        """To nearest in place of GPTQ: the same nodes, with other numbers."""
        rounding = Method.RTN if self.method is Method.GPTQ else self.method
        return self.model_copy(update={"method": rounding})

    def run(self, model: "onnx.ModelProto", context: Context) -> Outcome:
        """Replace MatMul (and Gemm) nodes with constant matrices by MatMulNBits."""
        refuse_quantized(model)
        slim = prepared(model, keep=self.exclude)
        refuse_unknown_nodes(self.exclude, model, slim)
        ready = gemm_as_matmul(slim)
        candidates = weighted_nodes(ready, ("MatMul",))
        names = self.chosen(ready)
        result, failed = (
            without_failing(names, lambda some: self._quantized(ready, candidates, some))
            if names
            else (None, ())
        )
        after = result or ready
        notes = coverage(ready, candidates, after, ("MatMul",), exclude=self.exclude, failed=failed)
        notes += unfolded(slim, folding_limit(model))
        if result is None or not count_ops(after)["MatMulNBits"]:
            why = () if candidates else ("No MatMul or Gemm has a constant matrix of float32.",)
            return Outcome(model, False, ("Nothing was quantized.", *why, *notes))
        return Outcome(result, True, (*notes, *self._refined(ready, result, context.calibration)))

    def _refined(
        self, ready: "onnx.ModelProto", result: "onnx.ModelProto", samples: Calibration
    ) -> tuple[str, ...]:
        """Round again by GPTQ and fall back to float products where answers ask for it, in place.

        Returns: sentences on both.
        """
        notes = []
        if self.method is Method.GPTQ:
            if not len(samples):
                raise InputError(
                    "GPTQ needs calibration inputs, and there are none.", "Choose method=rtn."
                )
            products = weighted_nodes(ready, ("MatMul",))
            count = round_again(
                result, packed_weights(ready, result), moments(ready, products, [*samples])
            )
            notes.append(f"{many(count, 'weight')} {does(count, 'were')} rounded by GPTQ.")
        if self.compute is Compute.INT8 and self.method is not Method.HQQ and len(samples):
            notes.append(gated(result, samples))
        return tuple(notes)

    def form(self, model: "onnx.ModelProto") -> "onnx.ModelProto":
        """The model as it is quantized: constants folded, each Gemm a MatMul and an Add."""
        return gemm_as_matmul(prepared(model, keep=self.exclude))

    def chosen(self, form: "onnx.ModelProto") -> list[str]:
        """Those of its nodes that are quantized, in its order."""
        nodes = weighted_nodes(form, ("MatMul",))
        return [node.name for node in nodes if not is_excluded(node, self.exclude)]

    def _quantized(
        self, model: "onnx.ModelProto", candidates: list["onnx.NodeProto"], names: list[str]
    ) -> "onnx.ModelProto":
        """The model with the named nodes quantized."""
        twin = copy_of(model)
        with quiet():
            from onnxruntime.quantization import matmul_nbits_quantizer as library

            by_hqq = library.HQQWeightOnlyQuantConfig(block_size=self.block_size, bits=self.bits)
            quantizer = library.MatMulNBitsQuantizer(
                twin,
                bits=self.bits,
                block_size=self.block_size,
                is_symmetric=self.symmetric,
                accuracy_level=ACCURACY_LEVEL[self.compute],
                nodes_to_exclude=[n.name for n in candidates if n.name not in set(names)],
                algo_config=by_hqq if self.method is Method.HQQ else None,
            )
            quantizer.process()
        made: onnx.ModelProto = quantizer.model.model
        return made
