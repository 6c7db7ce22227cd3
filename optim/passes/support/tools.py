"""What passes share: clean-up before quantization, refusals, quiet libraries, words for notes."""

import contextlib
import io
import itertools
import logging
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from typing import TYPE_CHECKING

from optim.errors import InputError, StepError
from optim.model.opset import at_least_opset, restore_interface
from optim.model.proto import bytes_of, copy_of, proto_from
from optim.model.randomness import DRAWS
from optim.model.wiring import made_of
from optim.names import legible
from optim.part import QUANTIZED_OPS
from optim.passes.support.normal import make_normal
from optim.passes.support.rewiring import free_name
from optim.passes.support.transposed import store_transposed
from optim.passes.support.workings import MAX_BYTES, worked_out

if TYPE_CHECKING:
    import onnx

MAX_IN_MEMORY_BYTES = 2_000_000_000
"""Protobuf cannot serialize more than 2 GiB, and the libraries serialize in memory."""

_ANY_OUTPUTS = ("If", "Loop", "Scan", "Split")
MIN_SLIM_OPSET = 7
"""Below, onnxslim gives nothing back or takes a bias for another."""
_MIN_FOLDED_BYTES = 1 << 16
_DRAWN = {*DRAWS, "Dropout"}
_HIDE_ATTENTION = ("FusionGemm", "EliminationUnsqueeze")
"""Patterns that rewrite attention's products and masks into forms that its fusion does not know."""


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep a library's prints and log lines out of our output, and its logging set-up too."""
    root = logging.getLogger()
    handlers, level, disabled = root.handlers[:], root.level, logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        logging.disable(disabled)
        root.handlers[:] = handlers
        root.setLevel(level)


def refuse_over_2_gb(model: "onnx.ModelProto") -> None:
    """Raise StepError for a model that a library which serializes in memory cannot take."""
    size = sum(len(tensor.raw_data) for tensor in model.graph.initializer)
    if size > MAX_IN_MEMORY_BYTES:
        raise StepError(
            f"The model's weights take {size / 1e9:.1f} GB, and the library behind this pass can "
            f"handle {MAX_IN_MEMORY_BYTES / 1e9:.0f} GB.",
            "Leave this pass out, or use a smaller model.",
        )


def refuse_quantized(model: "onnx.ModelProto") -> None:
    """Raise InputError for a model that is quantized already."""
    found = sorted(set(count_ops(model)) & QUANTIZED_OPS)
    if found:
        raise InputError(
            f"The model is quantized already (it has {listed(found)} nodes).",
            "Leave this pass out, or bring the model as it was before its quantization.",
        )


def slimmed(
    model: "onnx.ModelProto",
    skip: Iterable[str] = _HIDE_ATTENTION,
    limit: int = 0,
    **options: object,
) -> "onnx.ModelProto":
    """A copy with constants folded and trivial nodes fused by onnxslim.

    Inputs and outputs stay as they are. Raises StepError for a model over 2 GB or too old.

    Args:
        skip: names of its fusion patterns to leave out.
        limit: bytes of the largest constant that is folded; 0: `folding_limit`.
        options: further options of its own.
    """
    refuse_over_2_gb(model)
    options |= {
        "skip_fusion_patterns": [*skip],
        "size_threshold": limit or folding_limit(model),
    }
    if model.ByteSize() > MAX_BYTES:
        return _slim(model, options)
    depends = ("slimmed 2", version("onnxslim"), repr(sorted(options.items())), bytes_of(model))
    return proto_from(worked_out(depends, lambda: bytes_of(_slim(model, options))))


def _slim(model: "onnx.ModelProto", options: dict[str, object]) -> "onnx.ModelProto":
    given = at_least_opset(copy_of(model), MIN_SLIM_OPSET)
    with quiet():
        import onnxslim

        slim = onnxslim.slim(given, **options)
    restore_interface(slim, model)
    _restore_names(slim, model)
    _restore_outputs(slim.graph, model.graph)
    return slim


def _restore_outputs(slim: "onnx.GraphProto", given: "onnx.GraphProto") -> None:
    """Let nodes make as many values as they did, in place, where some of these were folded.

    How many outputs a loop, a branch or a Split has is part of what it is.
    """
    many = [node for node in given.node if node.op_type in _ANY_OUTPUTS]
    made = {name: node for node in many for name in node.output}
    for node in slim.node:
        before = next((made[name] for name in node.output if name in made), node)
        if before.op_type == node.op_type and len(node.output) < len(before.output):
            kept = {*node.output}
            node.output[:] = [
                name if name in kept or not name else free_name(slim, f"{name}_folded")
                for name in before.output
            ]


def folding_limit(model: "onnx.ModelProto") -> int:
    """Bytes up to which a constant is folded: as much as the model's own weights take.

    A small formula (a grid, a mask) can stand for a constant of megabytes.
    """
    return max(_MIN_FOLDED_BYTES, weight_bytes(model))


def weight_bytes(model: "onnx.ModelProto") -> int:
    """Bytes of all stored weights of the main graph."""
    return sum(t.ByteSize() for t in model.graph.initializer)


def unfolded(slim: "onnx.ModelProto", limit: int) -> tuple[str, ...]:
    """One sentence on what depends on no input and is computed in every run all the same.

    Args:
        slim: as `slimmed` gave it.
        limit: bytes of the largest constant that was folded.
    """
    left = [node for node in slim.graph.node if _gives_constants(node, _constant(slim))]
    sizes = _sizes(slim)
    large = [n for n in left if max(sizes.get(name, 0) for name in n.output) > limit]
    if not large:
        return ()
    total = sum(sizes.get(name, 0) for node in large for name in node.output)
    names = listed(node.name or node.op_type for node in large)
    return (
        f"Left unfolded, since their constants of {total / 1e6:.1f} MB would make the file larger "
        f"than the model's weights do: {names}.",
    )


def _constant(model: "onnx.ModelProto") -> set[str]:
    drawn = {name for n in model.graph.node if n.op_type in _DRAWN for name in n.output}
    nodes = ((n.input, n.output) for n in model.graph.node if n.op_type not in _DRAWN)
    return made_of({t.name for t in model.graph.initializer}, nodes) - drawn


def _gives_constants(node: "onnx.NodeProto", constant: set[str]) -> bool:
    return bool(node.input) and constant.issuperset(filter(None, node.output))


def _sizes(model: "onnx.ModelProto") -> dict[str, int]:
    """Bytes of the values whose shape is known."""
    from onnx import helper

    return {
        value.name: math.prod(dim.dim_value for dim in value.type.tensor_type.shape.dim)
        * helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type).itemsize
        for value in model.graph.value_info
        if value.type.tensor_type.elem_type
    }


def _restore_names(model: "onnx.ModelProto", like: "onnx.ModelProto") -> None:
    """Call a fused convolution what it was called; onnxslim names it after its old output."""
    known = {node.name for node in like.graph.node}
    producers = {output: node.name for node in like.graph.node for output in node.output}
    for node in model.graph.node:
        if node.name not in known:
            node.name = producers.get(node.name, node.name)


def prepared(
    model: "onnx.ModelProto",
    skip: Iterable[str] = _HIDE_ATTENTION,
    keep: Iterable[str] = (),
) -> "onnx.ModelProto":
    """A slimmed copy with typed values, whose nodes all have names: what the quantizers ask for.

    Weights are then initializers, batch normalizations part of their convolutions, and a node's
    name selects that node alone.

    Args:
        skip: names of onnxslim's fusion patterns to leave out.
        keep: names of nodes that stay.
    """
    normal = copy_of(model)
    make_normal(normal, keep)
    slim = _typed(slimmed(normal, skip))
    store_transposed(slim, min(folding_limit(model), MAX_BYTES - slim.ByteSize()))
    make_normal(slim, keep)  # again, since folding and fusing made new weights and names
    name_nodes(slim)
    return slim


def name_nodes(model: "onnx.ModelProto") -> None:
    """Give nodes that have no name, or share one, a name of their own, in place."""
    counts = Counter(node.name for node in model.graph.node)
    taken = set(counts)
    for node in model.graph.node:
        if not node.name or counts[node.name] > 1:
            stem = node.name or node.op_type
            node.name = next(n for i in itertools.count() if (n := f"{stem}_{i}") not in taken)
            taken.add(node.name)


def _typed(model: "onnx.ModelProto") -> "onnx.ModelProto":
    """The model with each value's type recorded, also behind ONNX Runtime's fused operators."""
    if not any(node.domain == "com.microsoft" for node in model.graph.node):
        return model  # the standard's own inference, which the quantizers call, suffices
    from optim.passes.support.running import record_types  # which needs this module

    record_types(model)
    return model


def refuse_unknown_nodes(names: Iterable[str], *models: "onnx.ModelProto") -> None:
    """Raise InputError for a node name that none of the models has."""
    known = {node.name for model in models for node in model.graph.node}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise InputError(
            f"The model has no node named {listed(map(repr, unknown))}.",
            "Copy the names from the table of nodes.",
        )


def count_ops(model: "onnx.ModelProto") -> Counter[str]:
    """How many nodes of each op type the main graph has."""
    return Counter(node.op_type for node in model.graph.node)


def float_weights(model: "onnx.ModelProto") -> dict[str, "onnx.TensorProto"]:
    """The 32-bit float initializers of the main graph by name."""
    from onnx import TensorProto

    return {t.name: t for t in model.graph.initializer if t.data_type == TensorProto.FLOAT}


def listed(names: Iterable[str], limit: int = 5) -> str:
    """`a, b, c and 4 more`, legible."""
    names = [legible(name) for name in names]
    rest = len(names) - limit
    return ", ".join(names[:limit]) + (f" and {rest} more" if rest > 0 else "")


def counted(ops: Counter[str]) -> str:
    """`Attention 4, Gelu 2`, the most frequent first."""
    return ", ".join(
        f"{op} {n}" for op, n in sorted(ops.items(), key=lambda item: (-item[1], item[0]))
    )
