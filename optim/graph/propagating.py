"""Shapes that hang on values which constants and other shapes decide, such as a Reshape's target.

Exporters compute with shapes inside the graph (Shape, Slice, Concat, Reshape), and ONNX's own
inference follows only some of these operators. Here each node that is left is inferred by itself,
in the order of the graph, and what is computed of small known values alone is computed.
"""

from collections.abc import Iterator, Mapping
from math import prod

import onnx
from onnx import TensorProto, helper, numpy_helper

from optim.model.proto import opsets

MOST_ELEMENTS = 1024
"""Larger constants never hold a shape."""
_ARITHMETIC = "Abs Add Ceil Div Floor Max Min Mod Mul Neg Range Sqrt Sub"
_LOGIC = "And Equal Greater GreaterOrEqual Less LessOrEqual Not Or Where"
_MOVING = (
    "Cast Concat ConstantOfShape Expand Flatten Gather Identity Reshape ScatterND Slice Split "
    "Squeeze Tile Transpose Unsqueeze"
)
_REDUCING = "ReduceMax ReduceMin ReduceProd ReduceSum"
_COMPUTED = frozenset(" ".join((_ARITHMETIC, _LOGIC, _MOVING, _REDUCING)).split())
Values = dict[str, TensorProto]
Types = dict[str, onnx.TypeProto]


def propagate(model: onnx.ModelProto) -> None:
    """Add the types with static shapes that follow to the model's `value_info`, in place."""
    graph = model.graph
    infos = {v.name: v for v in (*graph.input, *graph.output, *graph.value_info)}
    types: Types = {name: value.type for name, value in infos.items()}
    types |= {w.name: helper.make_tensor_type_proto(w.data_type, w.dims) for w in graph.initializer}
    values: Values = {w.name: w for w in graph.initializer if _is_small(w)}
    for node in graph.node:
        for name, found in _inferred(model, node, types, values):
            types[name] = found
            if name in infos:
                infos[name].type.CopyFrom(found)
            else:
                graph.value_info.append(onnx.ValueInfoProto(name=name, type=found))
        values.update(_computed(model, node, types, values))


def static(value: onnx.TypeProto | None) -> bool:
    """Whether it is a tensor all of whose sizes are known."""
    if value is None or not value.HasField("tensor_type"):
        return False
    tensor = value.tensor_type
    sizes = all(dim.HasField("dim_value") for dim in tensor.shape.dim)
    return bool(tensor.elem_type) and tensor.HasField("shape") and sizes


def _inferred(
    model: onnx.ModelProto, node: onnx.NodeProto, types: Types, values: Values
) -> Iterator[tuple[str, onnx.TypeProto]]:
    """Outputs whose static shapes were not known and follow from those of the inputs."""
    node = _standard(node)
    given = {name: types[name] for name in node.input if name in types}
    wanted = [name for name in node.output if name and not static(types.get(name))]
    if not wanted or not all(static(given.get(name)) for name in node.input if name):
        return
    try:
        schema = onnx.defs.get_schema(node.op_type, opsets(model)[node.domain], node.domain)
        held = {name: values[name] for name in node.input if name in values}
        found = onnx.shape_inference.infer_node_outputs(
            schema, node, given, held, opset_imports=list(model.opset_import)
        )
    except Exception:  # not ONNX's own operator, or malformed: others may still be known
        return
    yield from ((name, found[name]) for name in wanted if static(found.get(name)))


def _standard(node: onnx.NodeProto) -> onnx.NodeProto:
    """The same; of ONNX Runtime's LSTM in 8 bits, which no inference knows, ONNX's, which gives
    the same shapes and asks its weights for none."""
    if node.op_type != "DynamicQuantizeLSTM":
        return node
    known = helper.make_node("LSTM", 3 * list(node.input[:1]), list(node.output))
    known.attribute.extend(node.attribute)
    return known


def _computed(model: onnx.ModelProto, node: onnx.NodeProto, types: Types, values: Values) -> Values:
    """Small values that a node gives, where all that it reads is known."""
    if node.op_type in ("Shape", "Size") and static(types.get(node.input[0])):
        sizes = [dim.dim_value for dim in types[node.input[0]].tensor_type.shape.dim]
        return {node.output[0]: _measured(node, sizes)}
    if node.op_type == "Constant":
        small = [a.t for a in node.attribute if a.HasField("t") and _is_small(a.t)]
        return dict(zip(node.output, small, strict=False))
    known = all(name in values for name in node.input if name)
    if node.domain or node.op_type not in _COMPUTED or not known or not _stays_small(node, types):
        return {}
    return _run(model, node, {name: values[name] for name in node.input if name})


def _measured(node: onnx.NodeProto, sizes: list[int]) -> TensorProto:
    if node.op_type == "Size":
        return helper.make_tensor(node.output[0], TensorProto.INT64, (), [prod(sizes)])
    ends = {attribute.name: attribute.i for attribute in node.attribute}
    cut = sizes[ends.get("start", 0) : ends.get("end", len(sizes))]
    return helper.make_tensor(node.output[0], TensorProto.INT64, (len(cut),), cut)


def _stays_small(node: onnx.NodeProto, types: Types) -> bool:
    return all(
        static(types.get(name))
        and prod(dim.dim_value for dim in types[name].tensor_type.shape.dim) <= MOST_ELEMENTS
        for name in node.output
        if name
    )


def _run(model: onnx.ModelProto, node: onnx.NodeProto, given: Mapping[str, TensorProto]) -> Values:
    from onnx.reference import ReferenceEvaluator  # imports every operator

    names = [name for name in node.output if name]
    ends = [[onnx.ValueInfoProto(name=name) for name in some] for some in (given, names)]
    alone = helper.make_graph([node], "one", *ends)
    try:
        run = ReferenceEvaluator(helper.make_model(alone, opset_imports=list(model.opset_import)))
        results = run.run(names, {name: numpy_helper.to_array(v) for name, v in given.items()})
        return {n: numpy_helper.from_array(r, n) for n, r in zip(names, results, strict=True)}
    except Exception:  # an operator that the evaluator does not have: its value stays unknown
        return {}


def _is_small(weight: TensorProto) -> bool:
    elsewhere = bool(weight.data_location == TensorProto.EXTERNAL)
    return not elsewhere and prod(weight.dims) <= MOST_ELEMENTS
