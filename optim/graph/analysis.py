"""Count a graph: rows, totals, the peak of live activations."""

from collections import Counter
from collections.abc import Iterable, Iterator
from math import prod
from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto, numpy_helper

from optim.graph.attributes import attributes_of, scope_of
from optim.graph.classical import held
from optim.graph.flops import INTEGER, VIEWS, Node, NotKnown, Work, work
from optim.graph.tensors import UNKNOWN, Tensor, dtype_name, infer, load_lean, tensors_of
from optim.graph.values import Analysis, NodeRow
from optim.model.proto import opset_of, opsets, real_inputs
from optim.model.wiring import made_of

_PRECISION = {"float32": "fp32", "float16": "fp16", "bfloat16": "bf16", "float64": "fp64"}
_NOT_PARAMETERS = (TensorProto.INT64, TensorProto.BOOL, TensorProto.STRING)
_GATHERS = ("Gather", "GatherElements", "GatherND", "GatherBlockQuantized", "Slice")
_HOLDERS = ("If", "Loop", "Scan")
_NAMED = 5  # how many operators a note names


def analyse_json(path: str) -> dict[str, Any]:
    """Analyse the model file at `path`; runs in a sandboxed child."""
    return analyse(Path(path)).model_dump(mode="json")


def analyse(path: Path) -> Analysis:
    """Analyse a model file. Its external data is not read; time is linear in the nodes."""
    model, notes = infer(load_lean(path))
    graph = model.graph
    scope = _Scope(graph)
    rows = tuple(scope.row(node, index) for index, node in enumerate(graph.node))
    weights = {name: tensor for g in _graphs(graph) for name, tensor in _weights(g).items()}
    return Analysis(
        parameters=sum(map(_parameters, weights.values()))
        + sum(held(node) for g in _graphs(graph) for node in g.node),
        flops=sum(row.flops for row in rows),
        bytes=sum(row.bytes for row in rows),
        weight_bytes=sum(tensor.bytes for tensor in weights.values()),
        weight_bytes_by_dtype=_bytes_by_dtype(weights.values()),
        peak_activation_bytes=_peak_activation(graph, scope.tensors, weights),
        op_histogram=dict(Counter(_label(n) for g in _graphs(graph) for n in g.node).most_common()),
        opset=opset_of(model),
        opsets={domain or "ai.onnx": version for domain, version in opsets(model).items()},
        node_count=len(rows),
        inputs=tuple(scope.port(v) for v in real_inputs(graph)),
        outputs=tuple(scope.port(v) for v in graph.output),
        nodes=rows,
        tensor_bytes={n: t.bytes for n, t in scope.tensors.items() if t.shape is not None},
        weights=tuple(weights),
        notes=(*notes, *scope.notes, *_gaps(rows)),
    )


class _Scope:
    """One graph's tensors; makes its rows. `notes` collects what had to be assumed."""

    def __init__(self, graph: onnx.GraphProto, outer: "_Scope | None" = None) -> None:
        self.tensors: dict[str, Tensor] = tensors_of(graph, outer.tensors if outer else None)
        self.notes: list[str] = outer.notes if outer else []
        self._weights: dict[str, Tensor] = _weights(graph) | (outer._weights if outer else {})
        self._trips: dict[str, int] = _integer_scalars(graph) | (outer._trips if outer else {})
        self._dequantized: set[str] = set()
        self.tensors.update(self._weights)
        self._loaded: set[str] = _constants(graph, self._weights) | (
            outer._loaded if outer else set()
        )
        self._stored = {
            node.output[0]: self._weights.get(node.input[0], self.tensor(node.input[0]))
            for node in graph.node
            if node.op_type == "DequantizeLinear"
        }

    def tensor(self, name: str) -> Tensor:
        return self.tensors.get(name, UNKNOWN)

    def held(self, name: str) -> Tensor:
        """A tensor as it is kept and moved: a dequantized one in its 8 bits."""
        return self._stored.get(name, self.tensor(name))

    def port(self, value: onnx.ValueInfoProto) -> str:
        return f"{value.name}: {self.tensor(value.name)}"

    def row(self, node: onnx.NodeProto, index: int) -> NodeRow:
        reads, writes = tuple(filter(None, node.input)), tuple(filter(None, node.output))
        at_load = bool(reads) and self._loaded.issuperset(writes)
        read_weights = [self.held(name) for name in set(reads) if name in self._loaded]
        done, unknown = (Work(0), "") if at_load else self._work(node)
        if any(self.tensor(name).shape is None for name in (*reads, *writes)):
            unknown = unknown or "the shape of a tensor it reads or writes is not known"
        return NodeRow(
            name=node.name or next(iter(writes), f"{node.op_type}_{index}"),
            op=node.op_type,
            domain=node.domain,
            inputs=", ".join(str(self.tensor(name)) for name in reads),
            outputs=", ".join(str(self.tensor(name)) for name in writes),
            flops=done.flops,
            bytes=0 if at_load else self._bytes(node),
            params=0 if at_load else sum(map(_parameters, read_weights)) + held(node),
            precision=self._precision(node, done),
            gemm=done.gemm,
            steps=done.steps,
            reads=reads,
            writes=writes,
            attributes=attributes_of(node),
            scope=scope_of(node),
            unknown=unknown,
        )

    def _work(self, node: onnx.NodeProto) -> tuple[Work, str]:
        if node.op_type in _HOLDERS and not node.domain:
            return Work(self._bodies(node)), ""
        view = Node(
            node.op_type,
            [self.tensor(name) if name else None for name in node.input],
            [self.tensor(name) for name in node.output],
            {attribute.name: attribute for attribute in node.attribute},
        )
        try:
            return work(view), ""
        except NotKnown as reason:
            return Work(0), str(reason)
        except (ValueError, IndexError, ZeroDivisionError):
            return Work(0), f"its shapes do not fit {node.op_type}"

    def _bodies(self, node: onnx.NodeProto) -> int:
        """FLOPs of the subgraphs: the dearest branch of an If, a body times its trips."""
        name, each = node.name or node.op_type, []
        for attribute in node.attribute:
            if attribute.HasField("g"):
                inner = _Scope(attribute.g, self)
                rows = [inner.row(child, i) for i, child in enumerate(attribute.g.node)]
                each.append(sum(row.flops for row in rows))
                self.notes += [f"Inside {name}: {r.name}: {r.unknown}." for r in rows if r.unknown]
        self.notes.append(f"{name}: bytes moved inside its subgraph are not counted.")
        return max(each, default=0) * self._trip_count(node, name)

    def _trip_count(self, node: onnx.NodeProto, name: str) -> int:
        if node.op_type == "If":
            self.notes.append(f"{name}: the branch with more FLOPs is counted.")
            return 1
        if node.op_type == "Loop" and node.input[0] in self._trips:
            return self._trips[node.input[0]]
        scanned = self.tensor(node.input[-1]).shape if node.op_type == "Scan" else None
        if scanned:
            return scanned[0]
        self.notes.append(f"{name}: its trip count is not in the graph; one trip is counted.")
        return 1

    def _bytes(self, node: onnx.NodeProto) -> int:
        """A gather reads what it takes, not its whole table; a view moves nothing."""
        if node.op_type in VIEWS or node.op_type in ("Constant", "Shape", "Size"):
            return 0
        written = sum(self.tensor(name).bytes for name in node.output if name)
        if node.op_type in _GATHERS:
            return 2 * written + sum(self.tensor(name).bytes for name in node.input[1:] if name)
        return written + sum(self.held(name).bytes for name in set(node.input) if name)

    def _precision(self, node: onnx.NodeProto, done: Work) -> str:
        """What it computes in; a matrix operation between 8-bit QDQ pairs computes in int8."""
        source = dtype_name(self.tensor(node.input[0]).dtype) if node.input else ""
        if node.op_type == "DequantizeLinear" and source in ("int8", "uint8"):
            self._dequantized.add(node.output[0])
        if node.op_type in INTEGER:
            return "int8"
        if done.gemm and len(node.input) > 1 and self._dequantized.issuperset(node.input[:2]):
            return "int8"
        if not done.flops:
            return ""
        names = (dtype_name(self.tensor(n).dtype) for n in (*node.output, *node.input) if n)
        return next((_PRECISION[name] for name in names if name in _PRECISION), "int")


def _weights(graph: onnx.GraphProto) -> dict[str, Tensor]:
    """Constants by name: initializers and the tensors of Constant nodes."""
    found = {w.name: Tensor(w.data_type, tuple(w.dims)) for w in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant":
            for attribute in node.attribute:
                if attribute.HasField("t"):
                    found[node.output[0]] = Tensor(attribute.t.data_type, tuple(attribute.t.dims))
    return found


def _integer_scalars(graph: onnx.GraphProto) -> dict[str, int]:
    """Integer constants of one element: what a Loop's trip count may be."""
    constants = [(weight.name, weight) for weight in graph.initializer]
    for node in graph.node:
        if node.op_type == "Constant":
            constants += [(node.output[0], a.t) for a in node.attribute if a.HasField("t")]
    return {
        name: int(numpy_helper.to_array(value).item())
        for name, value in constants
        if value.data_type == TensorProto.INT64
        and prod(value.dims) == 1
        and value.data_location != TensorProto.EXTERNAL
    }


def _parameters(weight: Tensor) -> int:
    """Elements, but for shapes, indices and flags. Scales and zero points count."""
    return 0 if weight.dtype in _NOT_PARAMETERS else weight.elements


def _bytes_by_dtype(weights: Iterable[Tensor]) -> dict[str, int]:
    totals: Counter[str] = Counter()
    for weight in weights:
        totals[dtype_name(weight.dtype)] += weight.bytes
    return dict(totals.most_common())


def _graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """The graph and every subgraph in it."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _graphs(attribute.g)


def _label(node: onnx.NodeProto) -> str:
    return f"{node.domain}.{node.op_type}" if node.domain else node.op_type


def _peak_activation(
    graph: onnx.GraphProto, tensors: dict[str, Tensor], weights: dict[str, Tensor]
) -> int:
    """Most bytes alive at once when nodes run in the file's order.

    A tensor lives from the node that makes it to the last that reads it; inputs from the start,
    outputs to the end; a view shares its input's buffer; what is made of weights alone is made when
    the model is loaded. Operations in place are not assumed, so this is an upper bound for that
    order.
    """
    constant = _constants(graph, weights)
    buffer: dict[str, str] = {}  # tensor -> the tensor whose buffer it shares
    last_use: dict[str, int] = {}
    for turn, node in enumerate(graph.node):
        for name in filter(None, node.input):
            last_use[buffer.get(name, name)] = turn
        for name in filter(None, node.output):
            shared = node.op_type in VIEWS and node.input[0] not in constant
            buffer[name] = buffer.get(node.input[0], node.input[0]) if shared else name
            last_use.setdefault(buffer[name], turn)
    for value in graph.output:
        last_use[buffer.get(value.name, value.name)] = len(graph.node)
    born = [value.name for value in graph.input if value.name not in constant]
    alive = peak = sum(tensors.get(name, UNKNOWN).bytes for name in born)
    dying: dict[int, list[str]] = {}
    for name, turn in last_use.items():
        dying.setdefault(turn, []).append(name)
    for turn, node in enumerate(graph.node):
        made = [n for n in node.output if n and buffer[n] == n and n not in constant]
        alive += sum(tensors.get(name, UNKNOWN).bytes for name in made)
        peak = max(peak, alive)
        dead = [n for n in dying.get(turn, ()) if n not in constant]
        alive -= sum(tensors.get(name, UNKNOWN).bytes for name in dead)
    return peak


def _constants(graph: onnx.GraphProto, weights: Iterable[str]) -> set[str]:
    """Weights and what is made of them alone, such as the dequantized weights of a QDQ model."""
    nodes = (n for n in graph.node if n.op_type not in _HOLDERS)
    return made_of(weights, ((node.input, node.output) for node in nodes))


def _gaps(rows: tuple[NodeRow, ...]) -> list[str]:
    """One note on what is not known of how many nodes."""
    unknown = [row for row in rows if row.unknown]
    if not unknown:
        return []
    ops = [op for op, _ in Counter(row.op for row in unknown).most_common(_NAMED)]
    return [
        f"FLOPs or bytes of {len(unknown)} of {len(rows)} nodes are not fully known "
        f"({', '.join(ops)}); the totals are lower bounds."
    ]
