"""An ONNX graph that PyTorch can run and train, node by node, weights and names as they are.

A small interpreter instead of a converter, so that every tensor keeps its name: the trained weights
go back to where they were, and inner tensors can be held against the original's.
"""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from optim.errors import StepError
from optim.model.proto import copy_of, real_inputs
from optim.passes.support.tools import listed
from optim.passes.support.torch_ops import Op, operators

if TYPE_CHECKING:
    import onnx

_NORM = "BatchNormalization"
_CONSTANT = "Constant"
_PRODUCTS = {"Conv": 1, "ConvTranspose": 1, "Gemm": 1, "MatMul": 1}
_TRAINED = {
    **dict.fromkeys(("Conv", "ConvTranspose", "Gemm", "LayerNormalization", _NORM), (1, 2)),
    **dict.fromkeys(("Add", "Mul", "MatMul"), (0, 1)),
    "InstanceNormalization": (1, 2),
    "PRelu": (1,),
}
"""Which inputs of a node are weights that are trained, where they are constant."""


class Rounding(Protocol):
    """Rounds the input and the constant weight of a product, given the node's name."""

    watching: bool
    """Whether its ranges follow what comes by."""

    def __call__(self, node: str, x: Any, weight: Any) -> tuple[Any, Any]:
        """Both, rounded."""


class TorchGraph:
    """One model on one device. `learning` says whether normalizations take the batch's statistics.

    `batch` is how many samples run at once, `rounding`, if any, rounds what products read.
    """

    def __init__(self, model: "onnx.ModelProto", device: str = "cpu") -> None:
        import torch

        self._torch, self.model, self.device = torch, model, device
        self._ops: dict[str, Op] = operators()
        refuse_untrainable(model)
        self.learning, self.momentum, self.batch = False, 0.1, 1
        self.rounding: Rounding | None = None
        names = _trained(model)
        self.values: dict[str, Any] = {}
        for tensor in model.graph.initializer:
            value = torch.from_numpy(_array(tensor).copy()).to(device)
            self.values[tensor.name] = value.requires_grad_(tensor.name in names)
        self._nodes = [(node, _attributes(node)) for node in model.graph.node]
        self.outputs = [value.name for value in model.graph.output]

    @property
    def parameters(self) -> dict[str, Any]:
        """What is trained, by name."""
        return {name: value for name, value in self.values.items() if value.requires_grad}

    def run(self, feeds: Mapping[str, Any], wanted: Collection[str]) -> dict[str, Any]:
        """These values (outputs or inner ones) for tensors as inputs."""
        known = {**self.values, **feeds, "": None}
        for node, attributes in self._nodes:
            inputs = [known[name] for name in node.input]
            found = self._computed(node, attributes, inputs)
            many = found if isinstance(found, tuple | list) else (found,)
            known.update(zip(node.output, many, strict=False))
        return {name: known[name] for name in wanted}

    def _computed(
        self, node: "onnx.NodeProto", attributes: dict[str, Any], inputs: list[Any]
    ) -> Any:
        if node.op_type == _CONSTANT:
            return self._constant(attributes)
        if node.op_type == _NORM:
            return self._normalized(attributes, *inputs)
        if node.op_type == "Reshape":
            return self._ops["Reshape"](attributes, *inputs, batch=self.batch)
        if node.op_type == "Split":
            return self._ops["Split"](attributes, *inputs, outputs=len(node.output))
        if self.rounding and node.op_type in _PRODUCTS and node.input[1] in self.values:
            inputs[:2] = self.rounding(node.name, inputs[0], inputs[1])
        return self._ops[node.op_type](attributes, *inputs)

    def _constant(self, attributes: dict[str, Any]) -> Any:
        value = next(iter(attributes.values()))
        made = value if isinstance(value, self._torch.Tensor) else self._torch.tensor(value)
        return made.to(self.device)

    def _normalized(
        self, attributes: dict[str, Any], x: Any, scale: Any, shift: Any, mean: Any, var: Any
    ) -> Any:
        return self._torch.nn.functional.batch_norm(
            x,
            mean,
            var,
            scale,
            shift,
            training=self.learning,
            momentum=self.momentum,
            eps=attributes.get("epsilon", 1e-5),
        )

    def state(self) -> dict[str, Any]:
        """A copy of everything that training changes."""
        changing = self.parameters.keys() | self._statistics()
        return {name: self.values[name].detach().clone() for name in sorted(changing)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Back to a copy that `state` gave."""
        with self._torch.no_grad():
            for name, value in state.items():
                self.values[name].copy_(value)

    def _statistics(self) -> set[str]:
        nodes = [node for node, _ in self._nodes if node.op_type == _NORM]
        return {name for node in nodes for name in node.input[3:5]}

    def as_onnx(self) -> "onnx.ModelProto":
        """The model with the weights as they are now."""
        from onnx import numpy_helper

        made, state = copy_of(self.model), self.state()
        for tensor in made.graph.initializer:
            if tensor.name in state:
                value = state[tensor.name].cpu().numpy().astype(_array(tensor).dtype)
                tensor.CopyFrom(numpy_helper.from_array(value, tensor.name))
        return made


def product_weights(model: "onnx.ModelProto") -> dict[str, str]:
    """The constant weight of each product, by the node's name."""
    given = {tensor.name for tensor in model.graph.initializer}
    return {
        node.name: node.input[1]
        for node in model.graph.node
        if node.op_type in _PRODUCTS and node.input[1] in given
    }


def refuse_untrainable(model: "onnx.ModelProto") -> None:
    """Raise StepError, with their names, where there are operators that cannot be trained here."""
    known = operators().keys() | {_CONSTANT, _NORM}
    own = {
        f"{node.domain}.{node.op_type}" if node.domain not in ("", "ai.onnx") else node.op_type
        for node in model.graph.node
    }
    if strange := sorted(own - known):
        raise StepError(
            f"The model cannot be trained here: it has {listed(strange)} nodes, whose gradients "
            "are not known.",
            "Leave recover out, or put it before the pass that brought them in.",
        )


def _trained(model: "onnx.ModelProto") -> set[str]:
    """Float weights of products, normalizations, sums and scales; single numbers stay."""
    from onnx import TensorProto

    floats = {
        t.name for t in model.graph.initializer if t.data_type == TensorProto.FLOAT and len(t.dims)
    }
    inputs = {value.name for value in real_inputs(model.graph)}
    used = {
        node.input[at]
        for node in model.graph.node
        for at in _TRAINED.get(node.op_type, ())
        if at < len(node.input)
    }
    return (floats & used) - inputs


def _array(tensor: "onnx.TensorProto") -> Any:
    from onnx import numpy_helper

    return np.atleast_1d(numpy_helper.to_array(tensor)).reshape(tuple(tensor.dims))


def _attributes(node: "onnx.NodeProto") -> dict[str, Any]:
    import torch
    from onnx import TensorProto, helper, numpy_helper

    found = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    for name, value in found.items():
        if isinstance(value, TensorProto):
            found[name] = torch.from_numpy(numpy_helper.to_array(value).copy())
    return found
