"""An ONNX graph that PyTorch can run and train, node by node, weights and names as they are.

A small interpreter instead of a converter, so that every tensor keeps its name: the trained weights
go back to where they were, and inner tensors can be held against the original's. Imports torch.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch

from optim.errors import StepError
from optim.model.proto import copy_of, opset_of, real_inputs
from optim.passes.support.tools import listed
from optim.runtimes.support import torch_operators
from optim.runtimes.support.torch_graph import ALWAYS_KNOWN, PRODUCTS, call_of, evaluated
from optim.runtimes.support.torch_operators import Call

if TYPE_CHECKING:
    import onnx

_NORM, _SHAPE = "BatchNormalization", "Shape"
_TRAINED = {
    **dict.fromkeys(("Conv", "ConvTranspose", "Gemm", "LayerNormalization", _NORM), (1, 2)),
    **dict.fromkeys(("Add", "Mul", "MatMul"), (0, 1)),
    "InstanceNormalization": (1, 2),
    "PRelu": (1,),
    **dict.fromkeys(("LSTM", "GRU"), (1, 2, 3)),
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
    Floats are tensors; whole numbers that are known beforehand stay NumPy's, as shapes are.
    """

    def __init__(self, model: "onnx.ModelProto", device: str = "cpu") -> None:
        refuse_untrainable(model)
        self.model, self.device = model, device
        self.learning, self.momentum, self.batch = False, 0.1, 1
        self.rounding: Rounding | None = None
        self.values: dict[str, Any] = {}
        self._known: dict[str, Any] = {"": None}
        self._computed: dict[tuple[int, int], Sequence[Any]] = {}
        for tensor in model.graph.initializer:
            self._keep(tensor.name, _array(tensor))
        for name in _trained(model):
            self.values[name].requires_grad_()
        self._opset = opset_of(model)
        self._calls = [(node, call_of(node, self._opset)) for node in model.graph.node]
        self.outputs = [value.name for value in model.graph.output]

    @property
    def parameters(self) -> dict[str, Any]:
        """What is trained, by name."""
        return {name: value for name, value in self.values.items() if value.requires_grad}

    def run(self, feeds: Mapping[str, Any], wanted: Collection[str]) -> dict[str, Any]:
        """These values (outputs or inner ones) for tensors as inputs.

        Raises StepError that names a node which cannot be run here.
        """
        known = {**self._known, **self.values, **feeds}
        with torch.device(self.device):
            for at, (node, call) in enumerate(self._calls):
                try:
                    found = self._made(at, node, call, [known[name] for name in node.input])
                except ValueError as error:
                    raise _untrainable(f"{node.op_type}, since {error}") from None
                known.update(zip(node.output, found, strict=False))
        return {name: torch_operators.tensor(known[name]) for name in wanted}

    def _keep(self, name: str, value: Any) -> None:
        if value.dtype.kind == "f":
            self.values[name] = torch.from_numpy(value.copy()).to(self.device)
        else:
            self._known[name] = value

    def _made(self, at: int, node: "onnx.NodeProto", call: Call, inputs: list[Any]) -> Any:
        if node.op_type == _SHAPE:
            inputs = [np.zeros(tuple(inputs[0].shape), bool)]
        if all(one is None or isinstance(one, np.ndarray) for one in inputs):
            key = at, self.batch  # nothing else changes a shape
            if key not in self._computed:
                self._computed[key] = evaluated(node, inputs, self._opset)
            return self._computed[key]
        found = self._called(node, call, inputs)
        return found if isinstance(found, tuple | list) else (found,)

    def _called(self, node: "onnx.NodeProto", call: Call, inputs: list[Any]) -> Any:
        if node.op_type == _NORM:
            return self._normalized(call, *inputs)
        if self.rounding and node.op_type in PRODUCTS and node.input[1] in self.values:
            inputs[:2] = self.rounding(node.name, inputs[0], inputs[1])
        if self.batch > 1 and node.op_type in _FOR_BATCHES:
            inputs = _FOR_BATCHES[node.op_type](self.batch, call, inputs)
        return torch_operators.OPERATORS[node.op_type](call, *inputs)

    def _normalized(self, call: Call, x: Any, scale: Any, shift: Any, mean: Any, var: Any) -> Any:
        return torch.nn.functional.batch_norm(
            x,
            mean,
            var,
            scale,
            shift,
            training=self.learning,
            momentum=self.momentum,
            eps=call.get("epsilon", 1e-5),
        )

    def state(self) -> dict[str, Any]:
        """A copy of everything that training changes."""
        changing = self.parameters.keys() | self._statistics()
        return {name: self.values[name].detach().clone() for name in sorted(changing)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Back to a copy that `state` gave."""
        with torch.no_grad():
            for name, value in state.items():
                self.values[name].copy_(value)

    def _statistics(self) -> set[str]:
        nodes = [node for node, _ in self._calls if node.op_type == _NORM]
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
        if node.op_type in PRODUCTS and node.input[1] in given
    }


def refuse_untrainable(model: "onnx.ModelProto") -> None:
    """Raise StepError, with their names, where there are operators that cannot be trained here."""
    own = {
        f"{node.domain}.{node.op_type}" if node.domain not in ("", "ai.onnx") else node.op_type
        for node in model.graph.node
    }
    if strange := sorted(own - torch_operators.OPERATORS.keys() - ALWAYS_KNOWN):
        raise _untrainable(listed(strange))


def _untrainable(what: str) -> StepError:
    return StepError(
        f"The model cannot be trained here: it has {what}.",
        "Leave recover out, or put it before the pass that brought that in.",
    )


def _batched_shape(batch: int, call: Call, inputs: list[Any]) -> list[Any]:
    """A graph for one sample has its 1 in the shape; `batch` samples at once take its place."""
    x, shape = inputs[0], [*torch_operators.numbers(inputs[1])]
    sizes = [x.shape[at] if size == 0 else size for at, size in enumerate(shape)]
    fits = -1 not in sizes and math.prod(sizes) == x.numel()
    if not fits and sizes and sizes[0] == 1 and x.shape[0] == batch:
        return [x, np.array([batch, *sizes[1:]])]
    return inputs


def _alike(batch: int, call: Call, inputs: list[Any]) -> list[Any]:
    """With as many samples each: a constant among them stands for every sample."""
    values = [torch_operators.tensor(value) for value in inputs]
    most = max(value.shape[0] if value.ndim else 1 for value in values)
    if call.get("axis") == 0 or most == 1:
        return values
    return [v.expand(most, *v.shape[1:]) if v.shape[0] == 1 else v for v in values]


_FOR_BATCHES = {"Reshape": _batched_shape, "Concat": _alike}
"""What makes inputs of an operator, in a graph for one sample, fit several."""


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
