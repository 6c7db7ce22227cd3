"""Graph simplification by onnxslim (https://github.com/inisis/OnnxSlim)."""

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from optim.model.compare import changed
from optim.part import Group, Start
from optim.passes.base import Context, Outcome, Pass, Stage
from optim.passes.support.steps import difference
from optim.passes.support.tools import (
    MIN_SLIM_OPSET,
    folding_limit,
    slimmed,
    unfolded,
    weight_bytes,
)

if TYPE_CHECKING:
    import onnx

_MUCH_BYTES = 100_000  # a growth that a person would want to know of


class Simplify(Pass):
    """Fold, fuse and remove what the graph does not need."""

    name: ClassVar[str] = "simplify"
    title: ClassVar[str] = "Simplify the graph (constant folding)"
    summary: ClassVar[str] = (
        "Computes ahead what never changes, merges batch normalization into the convolution before "
        "it, and removes nodes that do nothing. The results stay the same up to rounding."
    )
    helps: ClassVar[str] = (
        "Models straight from an exporter carry shape arithmetic, constants and identities. Fewer "
        "nodes load faster, and other passes and engines recognise more patterns in a clean graph."
    )
    hurts: ClassVar[str] = (
        "Seldom. Most engines simplify while they load, so the speed often stays the same. "
        "Folding can make the file larger where a small formula made a large constant."
    )
    group: ClassVar[Group] = Group.GRAPH
    stage: ClassVar[Stage] = Stage.SIMPLIFY
    min_opset: ClassVar[int] = MIN_SLIM_OPSET
    tolerance: ClassVar[float] = 0.9999
    if_grown: ClassVar[str] = "simplify's setting max_folded_kb (64, say) leaves them formulas."
    tried_on_any: ClassVar[bool] = True
    starts: ClassVar[tuple[Start, ...]] = (
        Start("simplify + onnxruntime", 90, lambda here: not here.transformer),
    )

    fold_constants: bool = Field(
        default=True, description="Compute ahead what depends on no input (constant folding)."
    )
    fuse: bool = Field(
        default=True,
        description="Merge neighbouring nodes into one, such as batch normalization into the "
        "convolution before it (operator fusion).",
    )
    share: bool = Field(
        default=True,
        description="Compute what appears twice once (common subexpressions) and store equal "
        "weights once.",
    )
    max_folded_kb: int = Field(
        default=0,
        ge=0,
        le=1 << 20,
        description="Fold no constant larger than this, in KB; 0: none larger than all weights of "
        "the model together, or 64 KB where they are smaller.",
    )

    def run(self, model: "onnx.ModelProto", context: Context) -> Outcome:
        """Apply onnxslim's optimizations that are switched on."""
        limit = (self.max_folded_kb << 10) or folding_limit(model)
        slim = slimmed(model, limit=limit, skip_optimizations=self._skipped())
        left = unfolded(slim, limit) if self.fold_constants else ()
        if not changed(model, slim):
            return Outcome(
                model, False, ("The graph is as simple as this pass can make it.", *left)
            )
        said = difference(model, slim)
        return Outcome(slim, True, (said, *left, *_growth(model, slim)))

    def _skipped(self) -> list[str]:
        kinds = {
            "constant_folding": self.fold_constants,
            "graph_fusion": self.fuse,
            "subexpression_elimination": self.share,
            "weight_tying": self.share,
        }
        return [kind for kind, wanted in kinds.items() if not wanted]


def _growth(model: "onnx.ModelProto", slim: "onnx.ModelProto") -> tuple[str, ...]:
    """One sentence where folding made the weights much larger."""
    before, after = weight_bytes(model), weight_bytes(slim)
    if after < 2 * before or after - before < _MUCH_BYTES:
        return ()
    return (
        f"Folding made the weights grow from {before / 1e6:.2f} to {after / 1e6:.2f} MB; "
        "max_folded_kb limits it.",
    )
