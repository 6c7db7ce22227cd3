"""Which nodes a quantizing pass has to leave in float for a tensor to be exact again.

What is rounded is a node's weights, or a value, which all quantized nodes that make or read it
share. So the node where an error shows need not be the one to leave out: a value is rounded for its
readers.
"""

from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from optim import sandbox
from optim.build import built
from optim.errors import StepError
from optim.evalset import EvalSet
from optim.home import kept
from optim.judging.sensitivity import as_excluded, can_leave_out, switches_of
from optim.model import Model
from optim.model.proto import read_proto
from optim.recipe import Recipe, excluding, without_last

if TYPE_CHECKING:
    import onnx

STEP = "leaving out"


class Rounded(BaseModel):
    """Tensor -> the nodes that round it or what it is made of, by the names the pass knows."""

    model_config = ConfigDict(frozen=True)

    by: dict[str, tuple[str, ...]] = {}


def rounded_by(
    original: Model,
    recipe: Recipe,
    evalset: EvalSet,
    cancelled: Callable[[], bool] = lambda: False,
) -> Rounded:
    """What each tensor is rounded by in a trial's model; nothing where no pass quantizes by node.

    Builds the recipe unless it is built already; kept for the next time. Raises: StepError;
    Cancelled.
    """
    if not can_leave_out(recipe):
        return Rounded()
    before = built(original, without_last(recipe), evalset, cancelled).model
    after = built(original, recipe, evalset, cancelled).model

    def ask() -> Rounded:
        argument = {
            "before": str(before.path),
            "after": str(after.path),
            "recipe": recipe.passes[-1].spelling,
        }
        readable = sandbox.Files(readable=(before.folder, after.folder))
        found = sandbox.call(find, argument, where=STEP, files=readable, cancelled=cancelled)
        return Rounded(by=found)

    key = " ".join((before.digest, after.digest, recipe.passes[-1].spelling))
    return kept(Rounded, "rounded", key, ask)


def leaving_out(recipe: Recipe, tensor: str, rounded: Rounded) -> Recipe | None:
    """The recipe with all left in float that rounds this tensor; None where nothing does."""
    nodes = rounded.by.get(tensor, ())
    return excluding(recipe, nodes) if nodes else None


def find(before: str, after: str, recipe: str) -> dict[str, list[str]]:
    """Child: see `rounded_by`. Nothing for a form of quantization that cannot be told apart."""
    last = Recipe.parse(recipe).passes[-1]
    try:
        graph, form = switches_of(Path(before), Path(after), last)
    except StepError:
        return {}
    rounding: dict[str, set[str]] = {}
    for owners, value in zip(graph.owners, graph.values, strict=True):
        if value:
            rounding.setdefault(value, set()).update(owners)
    weighted = set().union(*graph.owners)
    for model in (read_proto(Path(before)), form):
        for tensor, name in _weighted(model.graph, weighted):
            rounding.setdefault(tensor, set()).add(name)
    return {name: sorted(nodes) for name, nodes in rounding.items()}


def _weighted(graph: "onnx.GraphProto", names: Collection[str]) -> Iterable[tuple[str, str]]:
    """Tensors that a node with rounded weights makes, behind its bias too, and that node."""
    known = {node.name for node in graph.node}
    makers: dict[str, str] = {}
    for node in graph.node:
        name = as_excluded(node.name, known if node.name in names else set())
        if name not in names and node.op_type == "Add":
            name = next((makers[value] for value in node.input if value in makers), "")
        if name in names:
            makers.update(dict.fromkeys(node.output, name))
    return makers.items()
