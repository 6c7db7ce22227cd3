"""ONNX operators by PyTorch's functions, for training; each gets its attributes and its inputs.

Written for what trained networks are made of. What is not in the table cannot be trained and is
refused by its name.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

Attributes = Mapping[str, Any]
Op = Callable[..., Any]


def operators() -> dict[str, Op]:
    """Every operator by its op type: a function of (attributes, *inputs)."""
    import torch
    from torch.nn import functional as F  # noqa: N812 (its usual name)

    return {
        **_pointwise(torch, F),
        **_moving(torch),
        **_reducing(torch),
        "Conv": lambda a, x, w, b=None: _conv(torch, F, a, x, w, b),
        "ConvTranspose": lambda a, x, w, b=None: _conv_transpose(F, a, x, w, b),
        "Gemm": _gemm,
        "MatMul": lambda a, x, y: x @ y,
        "MaxPool": lambda a, x: _pool(F, "max_pool", a, x),
        "AveragePool": lambda a, x: _pool(F, "avg_pool", a, x),
        "Softmax": lambda a, x: x.softmax(a.get("axis", -1)),
        "LogSoftmax": lambda a, x: x.log_softmax(a.get("axis", -1)),
        "LayerNormalization": lambda a, x, w, b=None: F.layer_norm(
            x, x.shape[a.get("axis", -1) % x.ndim :], w, b, a.get("epsilon", 1e-5)
        ),
        "InstanceNormalization": lambda a, x, w, b: F.instance_norm(
            x, weight=w, bias=b, eps=a.get("epsilon", 1e-5)
        ),
    }


def _pointwise(torch: Any, F: Any) -> dict[str, Op]:  # noqa: N803
    unary = {
        **{n.capitalize(): getattr(torch, n) for n in ("relu", "sigmoid", "tanh", "erf", "exp")},
        **{n.capitalize(): getattr(torch, n) for n in ("log", "sqrt", "reciprocal", "neg", "abs")},
        **{"Floor": torch.floor, "Ceil": torch.ceil, "Round": torch.round, "Sign": torch.sign},
        **{"Sin": torch.sin, "Cos": torch.cos, "Not": torch.logical_not, "IsNaN": torch.isnan},
        **{
            "Softplus": F.softplus,
            "Softsign": F.softsign,
            "Mish": F.mish,
            "HardSwish": F.hardswish,
        },
        "Identity": lambda x: x,
    }
    binary = {
        **{n.capitalize(): getattr(torch, n) for n in ("add", "sub", "mul", "pow")},
        **{"Equal": torch.eq, "Greater": torch.gt, "Less": torch.lt, "And": torch.logical_and},
        **{"GreaterOrEqual": torch.ge, "LessOrEqual": torch.le, "Or": torch.logical_or},
        "PRelu": lambda x, s: torch.where(x < 0, x * s, x),
    }
    return {
        **{name: _plain(function) for name, function in (unary | binary).items()},
        "Div": lambda a, x, y: x / y if x.is_floating_point() else x // y,
        "Where": lambda a, c, x, y: torch.where(c, x, y),
        "Min": lambda a, *xs: _folded(torch.minimum, xs),
        "Max": lambda a, *xs: _folded(torch.maximum, xs),
        "Sum": lambda a, *xs: sum(xs),
        "LeakyRelu": lambda a, x: F.leaky_relu(x, a.get("alpha", 0.01)),
        "Elu": lambda a, x: F.elu(x, a.get("alpha", 1.0)),
        "HardSigmoid": lambda a, x: (x * a.get("alpha", 0.2) + a.get("beta", 0.5)).clamp(0, 1),
        "Gelu": lambda a, x: F.gelu(x, approximate=a.get("approximate", b"none").decode()),
        "Clip": lambda a, x, low=None, high=None: x.clamp(
            low if low is not None else a.get("min"), high if high is not None else a.get("max")
        ),
        "Dropout": lambda a, x, *rest: x,
        "Cast": lambda a, x: x.to(_dtype(torch, a["to"])),
    }


def _plain(function: Op) -> Op:
    return lambda a, *xs: function(*xs)


def _folded(function: Op, values: tuple[Any, ...]) -> Any:
    found = values[0]
    for value in values[1:]:
        found = function(found, value)
    return found


def _dtype(torch: Any, kind: int) -> Any:
    from onnx import helper

    return getattr(torch, helper.tensor_dtype_to_np_dtype(kind).name)


def _moving(torch: Any) -> dict[str, Op]:
    return {
        "Reshape": _reshape,
        "Flatten": lambda a, x: (
            x.flatten(a.get("axis", 1)) if a.get("axis", 1) else x.reshape(1, -1)
        ),
        "Transpose": lambda a, x: x.permute(*(a.get("perm") or reversed(range(x.ndim)))),
        "Concat": lambda a, *xs: torch.cat(_alike(xs, a["axis"]), a["axis"]),
        "Split": _split,
        "Slice": lambda a, x, *rest: _slice(torch, x, *rest),
        "Gather": lambda a, x, i: _gather(a, x, i),
        "Unsqueeze": lambda a, x, axes=None: _unsqueeze(x, _ints(a, "axes", axes)),
        "Squeeze": lambda a, x, axes=None: _squeeze(x, _ints(a, "axes", axes)),
        "Expand": lambda a, x, shape: (
            x * torch.ones(shape.tolist(), dtype=x.dtype, device=x.device)
        ),
        "Shape": lambda a, x: torch.tensor(x.shape, device=x.device),
        "Pad": lambda a, x, pads=None, value=None, *rest: _pad(torch, a, x, pads, value),
        "ConstantOfShape": lambda a, shape: torch.full(
            shape.tolist(), a["value"].item(), dtype=a["value"].dtype
        ),
    }


def _reshape(a: Attributes, x: Any, shape: Any, *, batch: int = 1) -> Any:
    """A graph for one sample has its 1 in the shape; `batch` samples at once take its place."""
    sizes = [x.shape[at] if size == 0 else size for at, size in enumerate(shape.tolist())]
    fits = -1 not in sizes and math.prod(sizes) == x.numel()
    if batch > 1 and not fits and sizes and sizes[0] == 1 and x.shape[0] == batch:
        sizes[0] = batch
    return x.reshape(sizes)


def _alike(values: tuple[Any, ...], axis: int) -> list[Any]:
    """With as many samples each: a constant among them stands for every sample."""
    most = max(value.shape[0] if value.ndim else 1 for value in values)
    if axis == 0 or most == 1:
        return [*values]
    return [v.expand(most, *v.shape[1:]) if v.shape[0] == 1 else v for v in values]


def _split(a: Attributes, x: Any, sizes: Any = None, *, outputs: int = 1) -> Any:
    axis = a.get("axis", 0)
    given = _ints(a, "split", sizes)
    return x.split(given or -(-x.shape[axis] // outputs), axis)


def _slice(torch: Any, x: Any, starts: Any, ends: Any, axes: Any = None, steps: Any = None) -> Any:
    first = starts.tolist()
    along = axes.tolist() if axes is not None else [*range(len(first))]
    by = steps.tolist() if steps is not None else [1] * len(first)
    for start, end, axis, step in zip(first, ends.tolist(), along, by, strict=True):
        places = [*range(x.shape[axis])][start:end:step]
        x = x.index_select(axis, torch.tensor(places, dtype=torch.long, device=x.device))
    return x


def _gather(a: Attributes, x: Any, indices: Any) -> Any:
    axis = a.get("axis", 0) % x.ndim
    flat = indices.reshape(-1).long() % x.shape[axis]
    picked = x.index_select(axis, flat)
    return picked.reshape((*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]))


def _ints(a: Attributes, name: str, given: Any) -> list[int]:
    return [*a[name]] if name in a else given.tolist() if given is not None else []


def _unsqueeze(x: Any, axes: list[int]) -> Any:
    rank = x.ndim + len(axes)
    for axis in sorted(axis % rank for axis in axes):
        x = x.unsqueeze(axis)
    return x


def _squeeze(x: Any, axes: list[int]) -> Any:
    return x.squeeze(tuple(axes)) if axes else x.squeeze()


def _pad(torch: Any, a: Attributes, x: Any, pads: Any, value: Any) -> Any:
    sizes, mode = _ints(a, "pads", pads), a.get("mode", b"constant").decode()
    pairs = [(sizes[at], sizes[at + x.ndim]) for at in range(x.ndim)]
    while mode != "constant" and len(pairs) > 2 and pairs[0] == (0, 0) and len(pairs) + 2 > x.ndim:
        pairs = pairs[1:]
    flat = [size for pair in reversed(pairs) for size in pair]
    if mode != "constant":
        return torch.nn.functional.pad(x, flat, "replicate" if mode == "edge" else mode)
    return torch.nn.functional.pad(x, flat, value=0.0 if value is None else float(value))


def _reducing(torch: Any) -> dict[str, Op]:
    def over(function: Op) -> Op:
        def reduced(a: Attributes, x: Any, axes: Any = None) -> Any:
            given = _ints(a, "axes", axes) or [*range(x.ndim)]
            return function(x, tuple(given), keepdim=bool(a.get("keepdims", 1)))

        return reduced

    def places(x: Any) -> tuple[int, ...]:
        return tuple(range(2, x.ndim))

    return {
        "ReduceMean": over(torch.mean),
        "ReduceSum": over(torch.sum),
        "ReduceMax": over(torch.amax),
        "ReduceMin": over(torch.amin),
        "ReduceL2": over(lambda x, axes, keepdim: (x * x).sum(axes, keepdim=keepdim).sqrt()),
        "GlobalAveragePool": lambda a, x: x.mean(places(x), keepdim=True),
        "GlobalMaxPool": lambda a, x: x.amax(places(x), keepdim=True),
    }


def _padded(a: Attributes, x: Any, F: Any, value: float = 0.0) -> Any:  # noqa: N803
    pads = a.get("pads")
    if a.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID"):
        raise NotImplementedError("auto_pad")
    if not pads or not any(pads):
        return x
    half = len(pads) // 2
    flat = [p for at in reversed(range(half)) for p in (pads[at], pads[at + half])]
    return F.pad(x, flat, value=value)


def _conv(torch: Any, F: Any, a: Attributes, x: Any, w: Any, b: Any) -> Any:  # noqa: N803
    dims = w.ndim - 2
    pads = a.get("pads") or [0] * 2 * dims
    same = pads[:dims] == pads[dims:]
    function = getattr(F, f"conv{dims}d")
    return function(
        x if same else _padded(a, x, F),
        w,
        b,
        stride=tuple(a.get("strides") or [1] * dims),
        padding=tuple(pads[:dims]) if same else 0,
        dilation=tuple(a.get("dilations") or [1] * dims),
        groups=a.get("group", 1),
    )


def _conv_transpose(F: Any, a: Attributes, x: Any, w: Any, b: Any) -> Any:  # noqa: N803
    dims = w.ndim - 2
    pads = a.get("pads") or [0] * 2 * dims
    if pads[:dims] != pads[dims:] or "output_shape" in a:
        raise NotImplementedError("uneven pads")
    return getattr(F, f"conv_transpose{dims}d")(
        x,
        w,
        b,
        stride=tuple(a.get("strides") or [1] * dims),
        padding=tuple(pads[:dims]),
        output_padding=tuple(a.get("output_padding") or [0] * dims),
        groups=a.get("group", 1),
        dilation=tuple(a.get("dilations") or [1] * dims),
    )


def _pool(F: Any, kind: str, a: Attributes, x: Any) -> Any:  # noqa: N803
    dims = x.ndim - 2
    if a.get("ceil_mode") or (kind == "avg_pool" and "dilations" in a):
        raise NotImplementedError("ceil_mode")
    largest = kind == "max_pool"
    counted = largest or a.get("count_include_pad") or not any(a.get("pads") or [0])
    if not counted:
        raise NotImplementedError("count_include_pad")
    kernel = tuple(a["kernel_shape"])
    stride = tuple(a.get("strides") or [1] * dims)
    padded = _padded(a, x, F, float("-inf") if largest else 0.0)
    extra = {"dilation": tuple(a["dilations"])} if "dilations" in a else {}
    return getattr(F, f"{kind}{dims}d")(padded, kernel, stride, **extra)


def _gemm(a: Attributes, x: Any, w: Any, b: Any = None) -> Any:
    x = x.T if a.get("transA") else x
    y = a.get("alpha", 1.0) * (x @ (w.T if a.get("transB") else w))
    return y if b is None else y + a.get("beta", 1.0) * b
