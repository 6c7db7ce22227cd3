"""ONNX's operators in torch's words, for `torch_graph`: the simple ones as a table, then the rest.

Each gets a `Call` (what the node says) and the node's inputs: tensors, NumPy arrays of what is
known beforehand, None for what is left out. See https://onnx.ai/onnx/operators.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import add, mul, sub
from typing import Any

import numpy as np
import onnx
import torch
import torch.nn.functional as F  # noqa: N812  # as torch's documentation has it

from optim.runtimes.support.compiling import Lacks


@dataclass(frozen=True)
class Call:
    """What a node says besides its inputs."""

    opset: int
    outputs: int
    attributes: Mapping[str, Any]

    def get(self, name: str, default: Any = None) -> Any:
        """An attribute."""
        return self.attributes.get(name, default)

    def ints(self, name: str, given: Sequence[Any], at: int) -> list[int] | None:
        """Integers that are an attribute in old opsets and an input in new ones."""
        if name in self.attributes:
            return [int(one) for one in self.attributes[name]]
        value = given[at] if len(given) > at else None
        return None if value is None else numbers(value)


Operator = Callable[..., Any]
OPERATORS: dict[str, Operator] = {}


def numbers(value: Any) -> list[int]:
    """Integers that are known beforehand. Raises Lacks where they depend on the inputs."""
    return [int(one) for one in known(value)]


def known(value: Any) -> Any:
    """A row of what is known beforehand. Raises Lacks where it depends on the inputs."""
    if not isinstance(value, np.ndarray):
        raise Lacks("a shape or an axis depends on what the model is given")
    return value.reshape(-1)


def tensor(value: Any) -> Any:
    """A tensor of what is known beforehand too, on the device that torch is told to use."""
    if not isinstance(value, np.ndarray):
        return value
    return torch.from_numpy(np.array(value)).to(torch.get_default_device())


def _plain(function: Operator) -> Operator:
    return lambda call, *inputs: function(*map(tensor, inputs))


def _arithmetic(function: Operator) -> Operator:
    """Known single numbers stay numbers: compilers look for those, such as attention's scale."""
    return lambda call, a, b: function(_operand(a, b), _operand(b, a))


def _operand(value: Any, other: Any) -> Any:
    alone = isinstance(value, np.ndarray) and value.size == 1 and value.ndim <= other.ndim
    return value.item() if alone and torch.is_tensor(other) else tensor(value)


def _folded(function: Operator) -> Operator:
    """Of any number of inputs."""

    def run(call: Call, *inputs: Any) -> Any:
        found = tensor(inputs[0])
        for other in inputs[1:]:
            found = function(found, tensor(other))
        return found

    return run


def operator(*names: str) -> Callable[[Operator], Operator]:
    """Add a function to the table."""

    def enter(function: Operator) -> Operator:
        OPERATORS.update(dict.fromkeys(names, function))
        return function

    return enter


_PLAIN: dict[str, Operator] = {
    "Sqrt": torch.sqrt,
    **{"Exp": torch.exp, "Log": torch.log, "Neg": torch.neg, "Abs": torch.abs, "Erf": torch.erf},
    **{"Relu": torch.relu, "Sigmoid": torch.sigmoid, "Tanh": torch.tanh, "Softplus": F.softplus},
    **{"Softsign": F.softsign, "HardSwish": F.hardswish, "Mish": F.mish, "Identity": torch.clone},
    **{"Floor": torch.floor, "Ceil": torch.ceil, "Round": torch.round, "Sign": torch.sign},
    **{"Sin": torch.sin, "Cos": torch.cos, "Reciprocal": torch.reciprocal, "Where": torch.where},
    **{"Equal": torch.eq, "Greater": torch.gt, "Less": torch.lt, "GreaterOrEqual": torch.ge},
    **{"LessOrEqual": torch.le, "And": torch.logical_and, "Or": torch.logical_or},
    **{"Not": torch.logical_not, "Xor": torch.logical_xor, "IsNaN": torch.isnan},
    **{"MatMul": torch.matmul, "Atan": torch.atan, "Tan": torch.tan, "Asin": torch.asin},
    **{"Acos": torch.acos, "Sinh": torch.sinh, "Cosh": torch.cosh},
}
OPERATORS.update({name: _plain(function) for name, function in _PLAIN.items()})
_ARITHMETIC: dict[str, Operator] = {"Add": add, "Sub": sub, "Mul": mul, "Pow": pow}
OPERATORS.update({name: _arithmetic(function) for name, function in _ARITHMETIC.items()})
OPERATORS.update({"Min": _folded(torch.minimum), "Max": _folded(torch.maximum)})
OPERATORS["Sum"] = _folded(torch.add)


@operator("Div")
def _div(call: Call, a: Any, b: Any) -> Any:
    whole = (a if torch.is_tensor(a) else b).dtype
    a, b = _operand(a, b), _operand(b, a)
    return a / b if whole.is_floating_point else torch.div(a, b, rounding_mode="trunc")


@operator("Mod")
def _mod(call: Call, a: Any, b: Any) -> Any:
    return (torch.fmod if call.get("fmod", 0) else torch.remainder)(tensor(a), tensor(b))


@operator("Dropout")
def _dropout(call: Call, x: Any, *rest: Any) -> Any:
    return (tensor(x).clone(), torch.ones_like(tensor(x), dtype=torch.bool))


@operator("Cast")
def _cast(call: Call, x: Any) -> Any:
    kind = onnx.helper.tensor_dtype_to_np_dtype(call.get("to"))
    return tensor(x).to(torch.from_numpy(np.zeros(0, kind)).dtype)


@operator("LeakyRelu")
def _leaky_relu(call: Call, x: Any) -> Any:
    return F.leaky_relu(x, call.get("alpha", 0.01))


@operator("PRelu")
def _prelu(call: Call, x: Any, slope: Any) -> Any:
    return torch.where(x < 0, x * tensor(slope), x)


@operator("Elu")
def _elu(call: Call, x: Any) -> Any:
    return F.elu(x, call.get("alpha", 1.0))


@operator("Selu")
def _selu(call: Call, x: Any) -> Any:
    gamma, alpha = call.get("gamma", 1.0507009873554805), call.get("alpha", 1.6732632423543772)
    return gamma * torch.where(x > 0, x, alpha * (torch.exp(x) - 1))


@operator("Gelu")
def _gelu(call: Call, x: Any) -> Any:
    return F.gelu(x, approximate=call.get("approximate", "none"))


@operator("HardSigmoid")
def _hard_sigmoid(call: Call, x: Any) -> Any:
    return torch.clamp(call.get("alpha", 0.2) * x + call.get("beta", 0.5), 0, 1)


@operator("Clip")
def _clip(call: Call, x: Any, least: Any = None, most: Any = None) -> Any:
    least = call.get("min") if least is None else tensor(least)
    most = call.get("max") if most is None else tensor(most)
    if least is None and most is None:
        return x.clone()
    given = {"min": least, "max": most}
    as_tensors = {
        k: v if torch.is_tensor(v) or v is None else torch.tensor(v, dtype=x.dtype)
        for k, v in given.items()
    }
    return torch.clamp(x, **as_tensors)


def _softmax(function: Operator) -> Operator:
    def run(call: Call, x: Any) -> Any:
        if call.opset >= 13:
            return function(x, dim=call.get("axis", -1))
        axis = call.get("axis", 1) % x.dim()  # of everything from there on
        flat = x.reshape(int(np.prod(x.shape[:axis])), -1)
        return function(flat, dim=-1).reshape(x.shape)

    return run


OPERATORS["Softmax"], OPERATORS["LogSoftmax"] = _softmax(torch.softmax), _softmax(torch.log_softmax)


def _reduced(function: Operator) -> Operator:
    def run(call: Call, x: Any, *rest: Any) -> Any:
        axes = call.ints("axes", (x, *rest), 1)
        if not axes:
            if call.get("noop_with_empty_axes", 0):
                return x.clone()
            axes = list(range(x.dim()))
        return function(tensor(x), axes, bool(call.get("keepdims", 1)))

    return run


OPERATORS.update(
    {
        "ReduceMean": _reduced(torch.mean),
        "ReduceSum": _reduced(torch.sum),
        "ReduceMax": _reduced(torch.amax),
        "ReduceMin": _reduced(torch.amin),
        "ReduceL2": _reduced(lambda x, axes, keep: torch.sqrt(torch.sum(x * x, axes, keep))),
        "ReduceL1": _reduced(lambda x, axes, keep: torch.sum(torch.abs(x), axes, keep)),
        "ReduceSumSquare": _reduced(lambda x, axes, keep: torch.sum(x * x, axes, keep)),
        "ReduceLogSumExp": _reduced(torch.logsumexp),
    }
)


def _argument(function: Operator) -> Operator:
    def run(call: Call, x: Any) -> Any:
        if call.get("select_last_index", 0):
            raise Lacks("it takes the last of equal values")
        return function(x, dim=call.get("axis", 0), keepdim=bool(call.get("keepdims", 1)))

    return run


OPERATORS.update({"ArgMax": _argument(torch.argmax), "ArgMin": _argument(torch.argmin)})


@operator("TopK")
def _top(call: Call, x: Any, count: Any) -> Any:
    largest, ordered = bool(call.get("largest", 1)), bool(call.get("sorted", 1))
    return torch.topk(x, numbers(count)[0], call.get("axis", -1), largest, ordered)


@operator("CumSum")
def _cumulated(call: Call, x: Any, axis: Any) -> Any:
    if call.get("exclusive", 0) or call.get("reverse", 0):
        raise Lacks("it adds up in another order than from the first on")
    return torch.cumsum(x, numbers(axis)[0])


@operator("Gemm")
def _gemm(call: Call, a: Any, b: Any, c: Any = None) -> Any:
    a, b = tensor(a), tensor(b)
    found = (a.t() if call.get("transA", 0) else a) @ (b.t() if call.get("transB", 0) else b)
    alpha, beta = call.get("alpha", 1.0), call.get("beta", 1.0)
    found = found if alpha == 1.0 else found * alpha
    if c is None:
        return found
    return found + (tensor(c) if beta == 1.0 else tensor(c) * beta)


@operator("Einsum")
def _einsum(call: Call, *inputs: Any) -> Any:
    return torch.einsum(call.get("equation"), *map(tensor, inputs))
