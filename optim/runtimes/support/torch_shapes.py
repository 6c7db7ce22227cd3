"""ONNX's operators on shapes and places in torch's words; see `torch_operators`."""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  # as torch's documentation has it

from optim.runtimes.support.compiling import Lacks
from optim.runtimes.support.torch_operators import Call, known, numbers, operator, tensor


@operator("Reshape")
def _reshape(call: Call, x: Any, shape: Any = None) -> Any:
    wanted = list(call.get("shape") or numbers(shape))
    if not call.get("allowzero", 0):
        wanted = [x.shape[i] if size == 0 else size for i, size in enumerate(wanted)]
    return tensor(x).reshape(wanted)


@operator("Flatten")
def _flatten(call: Call, x: Any) -> Any:
    axis = call.get("axis", 1)
    axis = axis + x.dim() if axis < 0 else axis
    return x.reshape(int(np.prod(x.shape[:axis])), -1)


@operator("Transpose")
def _transpose(call: Call, x: Any) -> Any:
    x = tensor(x)
    return x.permute(call.get("perm") or list(range(x.dim()))[::-1])


@operator("Squeeze")
def _squeeze(call: Call, x: Any, *rest: Any) -> Any:
    axes = call.ints("axes", (x, *rest), 1)
    return x.squeeze() if axes is None else x.squeeze(tuple(axes))


@operator("Unsqueeze")
def _unsqueeze(call: Call, x: Any, *rest: Any) -> Any:
    x, axes = tensor(x), call.ints("axes", (x, *rest), 1) or []
    rank = x.dim() + len(axes)
    for axis in sorted(axis % rank for axis in axes):
        x = x.unsqueeze(axis)
    return x


@operator("Concat")
def _concat(call: Call, *inputs: Any) -> Any:
    return torch.cat([tensor(one) for one in inputs], call.get("axis"))


@operator("Split")
def _split(call: Call, x: Any, *rest: Any) -> Any:
    axis = call.get("axis", 0)
    sizes = call.ints("split", (x, *rest), 1)
    if sizes is None:
        each = -(-x.shape[axis] // call.get("num_outputs", call.outputs))
        return torch.split(x, each, axis)
    return torch.split(x, sizes, axis)


@operator("Slice")
def _slice(call: Call, x: Any, *rest: Any) -> Any:
    given = (None, *rest)
    starts, ends = call.ints("starts", given, 1) or [], call.ints("ends", given, 2) or []
    axes = call.ints("axes", given, 3) or list(range(len(starts)))
    steps = call.ints("steps", given, 4) or [1] * len(starts)
    x = tensor(x)
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        size = x.shape[axis]
        places = range(*slice(start, None if step < 0 and end < -size else end, step).indices(size))
        if step > 0:
            x = x[(slice(None),) * (axis % x.dim()) + (slice(places.start, places.stop, step),)]
        else:
            x = x.index_select(axis, torch.tensor(list(places), dtype=torch.int64))
    return x


@operator("Gather")
def _gather(call: Call, x: Any, at: Any) -> Any:
    x, axis = tensor(x), call.get("axis", 0)
    axis = axis % x.dim()
    if isinstance(at, np.ndarray):
        at = np.where(at < 0, at + x.shape[axis], at)
        if at.ndim == 0:
            return x.select(axis, int(at))
    at = tensor(at).to(torch.int64)
    found = x.index_select(axis, torch.where(at < 0, at + x.shape[axis], at).reshape(-1))
    return found.reshape([*x.shape[:axis], *at.shape, *x.shape[axis + 1 :]])


@operator("GatherElements")
def _gather_elements(call: Call, x: Any, at: Any) -> Any:
    x, axis, at = tensor(x), call.get("axis", 0), tensor(at)
    return torch.gather(x, axis, torch.where(at < 0, at + x.shape[axis], at))


@operator("GatherND")
def _gather_nd(call: Call, x: Any, at: Any) -> Any:
    if call.get("batch_dims", 0):
        raise Lacks("GatherND gathers batch by batch")
    return tensor(x)[tuple(tensor(at).unbind(-1))]


@operator("Expand")
def _expand(call: Call, x: Any, shape: Any) -> Any:
    wanted = torch.broadcast_shapes(tuple(x.shape), tuple(numbers(shape)))
    return tensor(x).expand(wanted).clone()


@operator("Tile")
def _tile(call: Call, x: Any, repeats: Any) -> Any:
    return tensor(x).repeat(numbers(repeats))


@operator("Pad")
def _pad(call: Call, x: Any, *rest: Any) -> Any:
    given = (None, *rest)
    pads = call.ints("pads", given, 1) or []
    axes = call.ints("", given, 3) or list(range(len(pads) // 2))
    value = rest[1] if len(rest) > 1 and rest[1] is not None else call.get("value", 0.0)
    around = [(0, 0)] * x.dim()
    for place, axis in enumerate(axes):
        around[axis] = pads[place], pads[place + len(axes)]
    mode = {"edge": "replicate"}.get(call.get("mode", "constant"), call.get("mode", "constant"))
    flat = [one for pair in reversed(around) for one in pair]
    if mode == "constant":
        return F.pad(x, flat, value=float(np.asarray(value).reshape(-1)[0]))
    return F.pad(x, flat[: 2 * (x.dim() - 2)], mode=mode)


@operator("Trilu")
def _triangle(call: Call, x: Any, k: Any = None) -> Any:
    cut = torch.triu if call.get("upper", 1) else torch.tril
    return cut(tensor(x), 0 if k is None else numbers(k)[0])


@operator("DepthToSpace")
def _depth_to_space(call: Call, x: Any) -> Any:
    if call.get("mode", "DCR") == "CRD":
        return F.pixel_shuffle(x, call.get("blocksize"))
    n, c, h, w = x.shape
    b = call.get("blocksize")
    parts = x.reshape(n, b, b, c // b**2, h, w).permute(0, 3, 4, 1, 5, 2)
    return parts.reshape(n, c // b**2, h * b, w * b)


@operator("Resize", "Upsample")
def _resize(call: Call, x: Any, *rest: Any) -> Any:
    mode = call.get("mode", "nearest")
    way = call.get("coordinate_transformation_mode", "half_pixel")
    sizes = rest[2] if len(rest) > 2 else None
    scales = rest[0] if len(rest) == 1 else rest[1] if len(rest) > 1 else None
    if call.get("axes"):
        raise Lacks("Resize names its axes")
    if sizes is not None:
        wanted = numbers(sizes)[2:]
    else:
        given = known(scales) if scales is not None else np.asarray(call.get("scales"))
        wanted = [int(np.floor(n * s)) for n, s in zip(x.shape, given, strict=True)][2:]
    if mode == "nearest" and way == "asymmetric" and call.get("nearest_mode", "") == "floor":
        return F.interpolate(x, wanted, mode="nearest")
    if mode == "linear" and x.dim() == 4 and way in ("half_pixel", "align_corners"):
        return F.interpolate(x, wanted, mode="bilinear", align_corners=way == "align_corners")
    raise Lacks(f"Resize works by {mode}, {way}")
