"""A graph run node by node, so that every value can be seen and changed before others read it.

Each node is a model of its own in ONNX Runtime, with no optimization: what it computes is what the
engine computes, and any operator that the engine has can be run.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from optim.arrays import Array, Feeds
from optim.errors import StepError, one_line
from optim.names import legible
from optim.passes.support.running import quiet_session
from optim.passes.support.tools import quiet

if TYPE_CHECKING:
    import onnx

Values = dict[str, Any]
"""Value of each name: arrays, and lists of them for sequences; None for what is optional."""
Hook = Callable[[int, "onnx.NodeProto", Values], None]
"""Called with a node's position, the node, and values by name."""


class Stepper:
    """A model whose nodes can be run one by one, over and over."""

    def __init__(self, model: "onnx.ModelProto") -> None:
        from onnx import numpy_helper

        self._model, self._sessions = model, dict[tuple[int, tuple[Any, ...]], Any]()
        self.weights: Values = {
            tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer
        }

    def run(
        self,
        feeds: Feeds,
        after: Hook = lambda at, node, made: None,
        before: Hook = lambda at, node, known: None,
    ) -> Values:
        """The outputs of the model.

        Args:
            before: gets each node and all values known so far, and may change what it will read.
            after: gets each node and what it made by name, and may change it.

        Raises: StepError that names a node which does not run.
        """
        known: Values = {**self.weights, **feeds}
        last = self.last_reads()
        for at, node in enumerate(self._model.graph.node):
            before(at, node, known)
            made = self.made(at, node, known)
            after(at, node, made)
            known |= made
            for name in last.get(at, ()):
                known.pop(name, None)
        return {value.name: known[value.name] for value in self._model.graph.output}

    def last_reads(self) -> dict[int, list[str]]:
        """Names to forget after each node, so that not all values are held at once."""
        kept = {value.name for value in self._model.graph.output}
        last = {
            name: at
            for at, node in enumerate(self._model.graph.node)
            for name in reads_of(node)
            if name not in kept
        }
        found: dict[int, list[str]] = {}
        for name, at in last.items():
            found.setdefault(at, []).append(name)
        return found

    def made(self, at: int, node: "onnx.NodeProto", known: Values) -> Values:
        """What the node at a position makes of known values. Raises StepError that names it."""
        names = [name for name in reads_of(node) if name in known]
        given = {name: known[name] for name in names}
        kinds = tuple(_kind(value) for value in given.values())
        try:
            with quiet():
                session = self._sessions.get((at, kinds))
                if session is None:
                    session = self._sessions[at, kinds] = self._opened(node, given)
                outputs = session.run(None, given)
        except Exception as error:  # an engine's, of no particular type
            raise StepError(
                f"The node {legible(node.name or node.op_type)!r} ({legible(node.op_type)}) does "
                f"not run by itself ({one_line(error, 160)}).",
                "Leave this pass out for this model.",
            ) from None
        return dict(zip([name for name in node.output if name], outputs, strict=True))

    def _opened(self, node: "onnx.NodeProto", given: Mapping[str, Any]) -> Any:
        """A session of one node, for inputs of these types and any shape."""
        import onnx
        from onnx import helper

        graph = helper.make_graph(
            [node],
            "one",
            [_declared(name, value) for name, value in given.items()],
            [onnx.ValueInfoProto(name=name) for name in node.output if name],
        )
        one = helper.make_model(graph, ir_version=self._model.ir_version)
        del one.opset_import[:]
        one.opset_import.extend(self._model.opset_import)
        one.functions.extend(self._model.functions)
        return quiet_session(one.SerializeToString())


def reads_of(node: "onnx.NodeProto") -> list[str]:
    """Names that a node reads, those that its subgraphs take from outside included."""
    graphs = [graph for one in node.attribute for graph in (one.g, *one.graphs)]
    inner = [name for graph in graphs for name in _taken(graph)]
    return [*dict.fromkeys(filter(None, [*node.input, *inner]))]


def _taken(graph: "onnx.GraphProto") -> list[str]:
    """Names that a subgraph takes from outside."""
    own = {value.name for value in (*graph.input, *graph.initializer)}
    own |= {name for node in graph.node for name in node.output}
    reads = [name for node in graph.node for name in reads_of(node)]
    return [name for name in [*reads, *(value.name for value in graph.output)] if name not in own]


def _kind(value: Any) -> tuple[str, int]:
    if isinstance(value, list):
        return "sequence", 0
    array = np.asarray(value)
    return array.dtype.str, array.ndim


def _declared(name: str, value: Any) -> "onnx.ValueInfoProto":
    from onnx import helper

    if isinstance(value, list):
        of = _type_of(np.asarray(value[0])) if value else 1
        return helper.make_tensor_sequence_value_info(name, of, None)
    array = np.asarray(value)
    return helper.make_tensor_value_info(name, _type_of(array), [None] * array.ndim)


def _type_of(array: Array) -> int:
    from onnx import TensorProto, helper

    if array.dtype.kind in "OUS":
        return int(TensorProto.STRING)
    return int(helper.np_dtype_to_tensor_dtype(array.dtype))
