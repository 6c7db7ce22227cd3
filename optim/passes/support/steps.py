"""What the single steps of graph optimization share: each says what it changed, how many times."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from optim.model.compare import changed
from optim.model.opset import restore_interface
from optim.model.proto import copy_of, opset_of
from optim.part import Group
from optim.passes.base import Context, Outcome, Pass
from optim.passes.support.failing import check_usable, without_failing
from optim.passes.support.tools import count_ops, counted, quiet, refuse_over_2_gb

if TYPE_CHECKING:
    import onnx
    import onnx_ir as ir

Counts = Mapping[str, int]
"""How often each pattern was found, in words: `Identity nodes removed` -> 2."""
Rules = Mapping[str, Iterable[object]]
"""Rules of onnxscript, by the same words."""


class Step(Pass):
    """One step of graph optimization by itself, for seeing what it does and what it brings."""

    group: ClassVar[Group] = Group.STEPS
    tolerance: ClassVar[float] = 0.9999
    nothing: ClassVar[str]
    """The sentence where there was nothing to do."""


class GraphStep(Step):
    """A step that rewrites the graph at once."""

    alongside: ClassVar[frozenset[str]] = frozenset()
    """Patterns that it has to rewrite first, and that are not its work: where nothing else is
    found, the model stays as it is."""

    @abstractmethod
    def rewrite(self, model: "ir.Model") -> Counts:
        """Change the model in place, and say how often each pattern was found."""

    def run(self, model: "onnx.ModelProto", context: Context) -> Outcome:
        """Apply the step, and tell what it changed."""
        refuse_over_2_gb(model)
        with quiet():
            after, counts = through_ir(model, self.rewrite)
        found = any(times for what, times in counts.items() if what not in self.alongside)
        if self.alongside and not found:
            after = model
        return told(model, after, counts, self.nothing)


class PatternStep(Step):
    """A step that writes patterns as other operators, where ONNX Runtime takes the result."""

    @abstractmethod
    def rules(self, opset: int) -> Rules:
        """Rules of onnxscript by the words they go under, for models of this opset."""

    def run(self, model: "onnx.ModelProto", context: Context) -> Outcome:
        """Apply the step, and leave out the patterns whose result does not open."""
        refuse_over_2_gb(model)
        with quiet():
            rules = self.rules(opset_of(model))

            def attempt(names: Sequence[str]) -> tuple["onnx.ModelProto", Counts]:
                return _opened(model, {name: rules[name] for name in names})

            made, failed = without_failing([*rules], attempt)
        outcome = told(model, *(made or (model, {})), self.nothing)
        left = f"Left out, since ONNX Runtime does not take the result: {', '.join(failed)}."
        return replace(outcome, notes=(*outcome.notes, *([left] if failed else [])))


def _opened(model: "onnx.ModelProto", rules: Rules) -> tuple["onnx.ModelProto", Counts]:
    """The model with these patterns rewritten. Raises where it does not open."""
    after, counts = through_ir(model, lambda inner: applied(inner, rules))
    if changed(model, after):
        check_usable(after)
    return after, counts


def through_ir(
    model: "onnx.ModelProto", rewrite: Callable[["ir.Model"], Counts]
) -> tuple["onnx.ModelProto", Counts]:
    """A copy changed in the form that onnx_ir's passes and onnxscript's rules work on.

    Inputs and outputs stay, and nodes that take another's place have its name.
    """
    import onnx_ir as ir
    from onnx_ir.passes import common

    inner = ir.from_proto(copy_of(model))
    common.RemoveInitializersFromInputsPass()(inner)
    counts = rewrite(inner)
    after = ir.to_proto(inner)
    restore_interface(after, model)
    del after.graph.value_info[:]
    keep_names(after, model)
    return after, counts


def told(
    model: "onnx.ModelProto", after: "onnx.ModelProto", counts: Counts, nothing: str
) -> Outcome:
    """The outcome, with what was changed by pattern and count."""
    if not changed(model, after):
        return Outcome(model, False, (nothing,))
    found = "; ".join(f"{what}: {times}" for what, times in counts.items() if times)
    return Outcome(
        after, True, tuple(filter(None, (f"{found}." * bool(found), difference(model, after))))
    )


def difference(model: "onnx.ModelProto", after: "onnx.ModelProto") -> str:
    """A sentence on how many nodes of which kinds there are now."""
    was, now = count_ops(model), count_ops(after)
    if was == now:
        return "There are as many nodes of each kind as before."
    texts = [f"{was.total()} nodes became {now.total()}"]
    texts += [f"fewer: {counted(was - now)}"] * bool(was - now)
    texts += [f"more: {counted(now - was)}"] * bool(now - was)
    return "; ".join(texts) + "."


def applied(model: "ir.Model", rules: Rules) -> dict[str, int]:
    """How often onnxscript's rules matched, by the words they go under; the model is changed."""
    from onnxscript.rewriter import RewriteRuleSet

    return {
        what: RewriteRuleSet([*some]).apply_to_model(model)  # type: ignore[list-item]
        for what, some in rules.items()
    }


def without_identities(model: "ir.Model") -> int:
    """Remove the main graph's Identity nodes but those that make an output, in place; how many.

    onnx_ir's own pass also works inside of loops, where it gives one value out twice: ONNX Runtime
    then answers otherwise.
    """
    from onnx_ir import convenience

    nodes = [node for node in model.graph if node.op_type == "Identity" and not node.domain]
    removed = 0
    for node in nodes:
        given, made = node.inputs[0], node.outputs[0]
        if given is not None and not made.is_graph_output():
            convenience.replace_all_uses_with(made, given)
            model.graph.remove(node, safe=True)
            removed += 1
    return removed


def keep_names(model: "onnx.ModelProto", like: "onnx.ModelProto") -> None:
    """Call each new node, in place, what the node was called whose work it does: the last of its
    kind before the value that it makes, else the maker of that value."""
    makers = {name: node for node in like.graph.node for name in node.output if name}
    taken = {node.name for node in model.graph.node}
    known = {node.name for node in like.graph.node}
    for node in model.graph.node:
        if node.name and node.name in known:
            continue
        old = _predecessor(node, makers)
        if old is not None and old.name and old.name not in taken:
            node.name = old.name
            taken.add(old.name)


def _predecessor(
    node: "onnx.NodeProto", makers: Mapping[str, "onnx.NodeProto"]
) -> "onnx.NodeProto | None":
    last = next((makers[name] for name in node.output if name in makers), None)
    found, seen = last, 0
    while found is not None and found.op_type != node.op_type and seen < 8:
        found = next((makers[name] for name in found.input if name in makers), None)
        seen += 1
    return found if found is not None and found.op_type == node.op_type else last
