"""Sizes for open dimensions that a model is seen to accept, tried before anybody is asked.

Runs in a child. The model is opened once with its dimensions open, then run with made-up inputs.
"""

import itertools
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from optim.ingest.dims import Purpose, purpose_of, sizes_with, suggested, width_of
from optim.ingest.ending import loops_ended
from optim.ingest.first_run import made_up
from optim.ingest.specs import InputSpec
from optim.model.proto import all_nodes, real_inputs

if TYPE_CHECKING:
    import onnx

_MOST_TRIES, _MOST_SECONDS = 60, 20.0
_FEW = (1, 2, 3, 4, 8, 10, 16, 32, 64, 100, 128, 256, 512)
_USUAL: Mapping[Purpose, tuple[int, ...]] = {
    "batch": (),
    "image": (256, 299, 384, 512, 640, 320, 128, 96, 64, 32, 28),
    "sequence": (64, 256, 384, 512, 32, 16, 8, 1),
    "other": _FEW,
}
_MOST_OF_WEIGHTS = 8
_MOST_BYTES = 500_000_000  # of weights: opening a larger model takes longer than asking


def tried(proto: "onnx.ModelProto", widths: Sequence[int] = ()) -> tuple[dict[str, int], bool]:
    """The sizes to suggest, and whether the model was seen to run with them.

    Where it runs with none that is tried, or cannot be opened, they are the usual ones; so are
    those of a large model, which is not tried.

    Args:
        proto: its dimensions have names.
        widths: how many columns a table may have for the model, the likeliest first.
    """
    usual = suggested(proto.graph)
    if sum(len(tensor.raw_data) for tensor in proto.graph.initializer) > _MOST_BYTES:
        return usual, False
    found = _accepts(proto, itertools.islice(_candidates(proto, usual, widths), _MOST_TRIES))
    return found or usual, found is not None


def _candidates(
    proto: "onnx.ModelProto", usual: Mapping[str, int], widths: Sequence[int]
) -> Iterator[dict[str, int]]:
    """Sizes to try, the likeliest first: those of one purpose change together, but for unknown."""
    groups: dict[str, list[str]] = {}
    for name in usual:
        purpose = purpose_of(proto.graph, name)
        groups.setdefault(name if purpose == "other" else purpose, []).append(name)
    weights = _of_weights(proto)
    choices, width = [], width_of(proto.graph)
    for names in groups.values():
        purpose = purpose_of(proto.graph, names[0])
        sizes = (usual[names[0]], *weights, *_USUAL[purpose])
        if purpose != "other":
            sizes = (usual[names[0]], *_USUAL[purpose], *(weights if purpose != "batch" else ()))
        choices.append(list(dict.fromkeys((*(widths if width in names else ()), *sizes))))
    ranks = itertools.product(*(range(len(sizes)) for sizes in choices))
    for rank in sorted(itertools.islice(ranks, 5000), key=sum):
        chosen = [sizes[i] for sizes, i in zip(choices, rank, strict=True)]
        pairs = zip(groups.values(), chosen, strict=True)
        yield {name: size for names, size in pairs for name in names}


def _of_weights(proto: "onnx.ModelProto") -> list[int]:
    """Sizes of the weights that the first nodes read: what a matrix product or a table fixes."""
    shapes = {tensor.name: tuple(tensor.dims) for tensor in proto.graph.initializer}
    read = (shapes.get(name, ()) for node in proto.graph.node for name in node.input)
    sizes = dict.fromkeys(size for shape in read for size in shape if size > 0)
    return list(sizes)[:_MOST_OF_WEIGHTS]


def _accepts(
    proto: "onnx.ModelProto", candidates: Iterable[dict[str, int]]
) -> dict[str, int] | None:
    """The first of these sizes with which a run succeeds."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    try:
        given = proto.SerializeToString()
        session = ort.InferenceSession(given, options, providers=["CPUExecutionProvider"])
    except Exception:  # its exceptions share no base class; bringing the model says what is wrong
        return None
    with loops_ended(lambda: all_nodes(proto), _MOST_SECONDS) as ending:
        return _first_accepted(session, proto.graph, candidates, ending)


def _first_accepted(
    session: Any, graph: "onnx.GraphProto", candidates: Iterable[dict[str, int]], options: Any
) -> dict[str, int] | None:
    begun = time.monotonic()
    for sizes in candidates:
        if time.monotonic() - begun > _MOST_SECONDS:
            break
        try:
            session.run(None, made_up(_specs(graph, sizes)), options)
        except Exception:
            continue
        return sizes
    return None


def _specs(graph: "onnx.GraphProto", sizes: Mapping[str, int]) -> list[InputSpec]:
    """The inputs with these sizes. Raises InputError where one makes no sense."""
    import onnx

    return [
        InputSpec(
            value.name,
            onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type).name,
            tuple(sizes_with(value, sizes)),
        )
        for value in real_inputs(graph)
    ]
