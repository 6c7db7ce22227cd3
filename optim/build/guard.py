"""One guard behind every pass: what its library says becomes a sentence on the model."""

import contextlib
import logging
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from optim.errors import OptimError, StepError, one_line
from optim.names import legible
from optim.passes.base import Pass

if TYPE_CHECKING:
    import onnx

_log = logging.getLogger(__name__)
_SHORTEST_NAME = 3  # shorter names of nodes stand in any text
_ASK = "Leave this pass out for this model"


class _Fault(NamedTuple):
    """A known fault of a library: how it shows, what in the model it is, what to do."""

    shows: re.Pattern[str]
    what: str
    next_step: str


_FAULTS = (
    _Fault(
        re.compile(r"truth value of an array|size 1 but got|only (size|length)-1 arrays", re.I),
        "a bias that is no vector (one row, one value, or one for each row)",
        "Store the bias as a vector, or exclude the node.",
    ),
    _Fault(
        re.compile(r"KeyError: .*(_quantized|_scale|_zero_point)|is already (in|used)|duplicate"),
        "names in the model that the library uses for what it adds",
        "Rename these tensors, or exclude the nodes that read them.",
    ),
    _Fault(
        re.compile(r"operands could not be broadcast|could not broadcast"),
        "weights and a bias whose shapes do not fit the channels that the library sees",
        "Try per_channel=false where the pass has it, or exclude the node.",
    ),
    _Fault(
        re.compile(r"No Adapter|version_converter|convert_version|Unsupported opset"),
        "operators that cannot be converted to a newer opset",
        "Export the model again with opset 17 or newer.",
    ),
    _Fault(
        re.compile(r"shape.?inference|Inferred shape|InferenceError|infer_shapes", re.I),
        "shapes or types that the library cannot infer or that contradict each other",
        "Simplify before this pass, or export the model again.",
    ),
    _Fault(
        re.compile(r"failed to infer the type|Unable to find data type|without knowing the"),
        "a value whose type the library cannot tell",
        "Simplify before this pass, or exclude the node.",
    ),
    _Fault(
        re.compile(r"SerializeToString|exceeds maximum protobuf|2 ?G(i)?B", re.I),
        "its size: the library cannot take models of 2 GB or more",
        "Use a smaller model.",
    ),
    _Fault(
        re.compile(r"ONNXRuntimeError|NOT_IMPLEMENTED|INVALID_GRAPH"),
        "an operator or type that ONNX Runtime cannot open in the form the library gave it",
        "Exclude the node, or leave this pass out.",
    ),
)


@contextlib.contextmanager
def guarded(
    running: Pass, model: "onnx.ModelProto", before: Sequence[tuple[str, bool]]
) -> Iterator[None]:
    """Make every error an OptimError that names this pass and what ran before it.

    Args:
        model: as the pass gets it; its nodes are named where the library names them.
        before: name of each earlier pass, and whether it changed the model.
    """
    ran = ", ".join(f"{name} ({'changed' if done else 'no change'})" for name, done in before)
    after = f" It ran after {ran}." if ran else ""
    try:
        yield
    except OptimError as error:
        raise type(error)(
            error.what + after, error.next_step, error.where or running.name
        ) from None
    except MemoryError:
        raise
    except Exception as error:  # a library's own failure, of any type
        _log.exception("the library behind %s failed", running.name)
        what, next_step = _explained(error, model)
        raise StepError(f"{what}{after}", next_step, running.name) from error


def _explained(error: Exception, model: "onnx.ModelProto") -> tuple[str, str]:
    """What it was in the model, as far as the library's text tells, and what to do."""
    text = f"{type(error).__name__}: {one_line(error)}"
    node = node_in(text, model)
    at = f" at node {legible(node.name)!r} ({legible(node.op_type)})" if node else ""
    for fault in _FAULTS:
        if fault.shows.search(text):
            what = f"The library behind this pass cannot take this model{at}, for {fault.what}."
            return what, fault.next_step
    or_exclude = " or exclude that node" if node else ""
    return (
        f"The library behind this pass failed on this model{at}, in a way that is not known here.",
        f"{_ASK}{or_exclude}; the library's own words are in the log.",
    )


def node_in(text: str, model: "onnx.ModelProto") -> "onnx.NodeProto | None":
    """The node that the text names, by its own name or by that of a value it makes or reads."""
    words = set(re.split(r"[\s'\"`(),:\[\]]+", text))
    for node in model.graph.node:
        if len(node.name) >= _SHORTEST_NAME and node.name in words:
            return node
    for node in model.graph.node:
        names = (*node.output, *node.input)
        if any(len(name) >= _SHORTEST_NAME and name in words for name in names):
            return node
    return None
