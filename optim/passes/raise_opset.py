"""A newer operator set, by ONNX's version converter (onnx.version_converter)."""

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from optim.errors import InputError
from optim.model.opset import at_least_opset
from optim.model.proto import opset_of
from optim.part import Group
from optim.passes.base import Context, Outcome, Pass, Stage
from optim.passes.support.tools import quiet, refuse_over_2_gb

if TYPE_CHECKING:
    import onnx

_NEWEST = 23
"""The newest that both engines here open."""


class RaiseOpset(Pass):
    """Write the model in a newer operator set."""

    name: ClassVar[str] = "raise_opset"
    title: ClassVar[str] = "Newer operator set (opset upgrade)"
    summary: ClassVar[str] = (
        "Rewrites every node in a newer version of ONNX's operators, which computes the same."
    )
    helps: ClassVar[str] = (
        "Old models: newer sets have operators that fusions and quantizers ask for (LayerNorm "
        "from 17, GELU from 20, scales per channel from 13). Passes that need one raise it "
        "themselves, no further than they need."
    )
    hurts: ClassVar[str] = (
        "Engines older than the set cannot open the model. Some operators have no converter; "
        "then this pass refuses. By itself it makes nothing faster."
    )
    group: ClassVar[Group] = Group.STEPS
    stage: ClassVar[Stage] = Stage.OPSET
    tolerance: ClassVar[float] = 0.9999

    to: int = Field(default=20, ge=8, le=_NEWEST, description="Version of the operator set.")

    def run(self, model: "onnx.ModelProto", context: Context) -> Outcome:
        """Convert a copy."""
        refuse_over_2_gb(model)
        now = opset_of(model)
        if not now:
            raise InputError(
                "The model has none of the standard's operators, so it has no operator set.",
                "Leave this pass out for this model.",
            )
        if now >= self.to:
            return Outcome(model, False, (f"The model has opset {now} already.",))
        with quiet():
            raised = at_least_opset(model, self.to)
        return Outcome(raised, True, (f"The opset was raised from {now} to {self.to}.",))
