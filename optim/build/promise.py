"""What a pass promises of its result, checked: it is what the pass says, is valid, and runs."""

import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from optim.arrays import Feeds
from optim.build.guard import node_in
from optim.errors import InputError, StepError, one_line
from optim.ingest.first_run import Observed, run_once
from optim.model.compare import changed
from optim.model.proto import (
    all_graphs,
    all_nodes,
    copy_of,
    in_order,
    real_inputs,
    sort_nodes,
    write_proto,
)
from optim.names import legible
from optim.passes.base import Context, Outcome, Pass
from optim.passes.support.tools import counted, listed

if TYPE_CHECKING:
    import onnx

_MOST_LEFT = 8  # nodes, one run of the pass for each
_Side = Literal["input", "output"]
_SIDES: tuple[_Side, ...] = ("input", "output")


class NotRunnable(StepError):
    """The result of a pass does not run."""


def kept(
    one: Pass,
    model: "onnx.ModelProto",
    context: Context,
    check: Callable[["onnx.ModelProto"], tuple[str, ...]],
    left: tuple[str, ...] = (),
) -> tuple[Outcome, tuple[str, ...]]:
    """What the pass gives where it keeps its promise, and doubts about it in sentences.

    Where the result does not run for a node that the pass can leave as it is, it leaves it.
    Raises StepError.

    Args:
        check: finds the doubts; raises NotRunnable.
        left: names of nodes that were left as they are so far.
    """
    outcome = one.run(model, context)
    if outcome.modified:
        _put_in_order(outcome.model)
    outcome = replace(outcome, notes=(*outcome.notes, *_overlooked(one, model)))
    check_word(model, outcome)
    try:
        doubts = check(outcome.model) if outcome.modified else ()
    except NotRunnable as error:
        node = node_in(error.what, model)
        without = node and _leaving(one, node)
        if not (node and without) or len(left) == _MOST_LEFT:
            raise
        return kept(without, model, context, check, (*left, node.name))
    if left:
        note = f"Left as they were, since the result does not run with them: {listed(left)}."
        outcome = replace(outcome, ran=outcome.ran or one, notes=(*outcome.notes, note))
    return outcome, doubts


def _overlooked(one: Pass, model: "onnx.ModelProto") -> tuple[str, ...]:
    """A sentence on the nodes inside of loops and branches that the pass does not look at."""
    of = (node for node in all_nodes(model) if node.op_type in one.overlooks)
    inside = Counter(node.op_type for node in of)
    inside.subtract(node.op_type for node in model.graph.node if node.op_type in one.overlooks)
    if not +inside:
        return ()
    return (f"Inside of loops and branches nothing was done to nodes: {counted(+inside)}.",)


def _put_in_order(model: "onnx.ModelProto") -> None:
    """Sort the nodes, in place, where a library overlooked what subgraphs read from outside."""
    for graph in all_graphs(model):
        if not in_order(graph):
            sort_nodes(graph)


def _leaving(one: Pass, node: "onnx.NodeProto") -> Pass | None:
    """The pass with one more node in its `exclude`; None where it has none, or has that node."""
    excluded: tuple[str, ...] | None = getattr(one, "exclude", None)
    if excluded is None or not node.name or node.name in excluded:
        return None
    return one.model_copy(update={"exclude": (*excluded, node.name)})


def check_word(before: "onnx.ModelProto", outcome: Outcome) -> None:
    """Raise StepError where the outcome is no valid model, or not what the pass says it is."""
    for kind in _SIDES:
        old, new = _interface(before, kind), _interface(outcome.model, kind)
        if not _compatible(old, new):
            raise _broken(f"it changed the model's {kind}s from {old} to {new}")
    if changed(before, outcome.model) != outcome.modified:
        raise _broken(f"it says modified={outcome.modified}, and the content says otherwise")
    if outcome.modified:
        _check_valid(outcome.model)


def _check_valid(model: "onnx.ModelProto") -> None:
    import onnx

    with tempfile.TemporaryDirectory() as folder:  # by path, since a message over 2 GB cannot be
        write_proto(copy_of(model), path := Path(folder, "model.onnx"))
        try:
            onnx.checker.check_model(path)
        except onnx.checker.ValidationError as error:
            raise _broken(f"its result is not valid ONNX: {one_line(error)}") from None


def _broken(how: str) -> StepError:
    return StepError(f"The pass broke its promise: {how}.", "Leave it out for this model.")


Interface = dict[str, tuple[int, tuple[int, ...]]]


def _interface(model: "onnx.ModelProto", kind: _Side) -> Interface:
    """Name -> element type and shape (0: unknown) of what the caller passes in or gets out."""
    values = real_inputs(model.graph) if kind == "input" else model.graph.output
    return {
        value.name: (
            value.type.tensor_type.elem_type,
            tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim),
        )
        for value in values
    }


def _compatible(old: Interface, new: Interface) -> bool:
    """Same names in the same order, same types, and shapes that differ only where unknown."""
    return list(old) == list(new) and all(
        old[name][0] == new[name][0]
        and len(old[name][1]) == len(new[name][1])
        and all(a == b or not a * b for a, b in zip(old[name][1], new[name][1], strict=True))
        for name in old
    )


def check_runs(model: "onnx.ModelProto", original: Path, sample: Feeds) -> tuple[str, ...]:
    """Run a result once. Raises StepError where it does not run, or answers in other shapes.

    Returns: a sentence where its answers are not finite and the original's are.
    """
    with tempfile.TemporaryDirectory() as folder:
        write_proto(copy_of(model), path := Path(folder, "model.onnx"))
        try:
            outputs, _ = run_once(path, sample)
        except InputError as error:
            raise NotRunnable(
                f"The result of this pass does not run: {error.what}",
                "Exclude that node where the pass can, or leave the pass out for this model.",
            ) from None
    if wrong := _misshapen(model, outputs):
        before, _ = run_once(original, sample)
        if any(outputs[name].shape != before[name].shape for name in wrong):
            raise _broken(next(iter(wrong.values())))
    odd = [name for name, array in outputs.items() if not _finite(array)]
    if not odd or not all(map(_finite, run_once(original, sample)[0].values())):
        return ()
    return (
        f"On one sample the output {legible(odd[0])!r} holds values that are not finite (NaN or "
        "infinite), and the original's are.",
    )


def _misshapen(model: "onnx.ModelProto", outputs: Observed) -> dict[str, str]:
    """Outputs of other shapes than declared, and what to say of each.

    A declared length is open where it depends on the data. An original whose lengths depend on
    the values of its inputs (axes, sizes) does not keep to what one run of it declared either.
    """
    wrong = {}
    for name, (_, declared) in _interface(model, "output").items():
        shape = outputs[name].shape
        same = len(shape) == len(declared) and all(
            size in (0, actual) for size, actual in zip(declared, shape, strict=True)
        )
        if not same:
            wrong[name] = (
                f"its output {legible(name)!r} has the shape {list(shape)}, not {list(declared)}"
            )
    return wrong


def _finite(array: np.ndarray) -> bool:
    return array.dtype.kind != "f" or bool(np.isfinite(array).all())
