"""Compiling for OpenVINO's CPU plugin; also part of exported bundles, so it stands alone."""

from typing import Any


def compiled(core: Any, path: Any, options: dict[str, Any]) -> Any:
    """The compiled model. Raises RuntimeError as OpenVINO does.

    OpenVINO 2026 puts a chain of small products into one generated kernel, whose answers are wrong
    where the products have weights of 8 bits. Without such kernels each runs by itself, rightly.
    """
    first = core.compile_model(path, "CPU", options)
    if not _has_products_in_8_bits_in_one_kernel(first):
        return first
    return core.compile_model(path, "CPU", options | {"SNIPPETS_MODE": "DISABLE"})


def _has_products_in_8_bits_in_one_kernel(model: Any) -> bool:
    kernels = (o for o in model.get_runtime_model().get_ordered_ops() if _is(o, "Subgraph"))
    read = (value.get_node() for kernel in kernels for value in kernel.input_values())
    return any(_is(one, "Const") and _fact(one, "runtimePrecision") == "i8" for one in read)


def _is(layer: Any, kind: str) -> bool:
    return _fact(layer, "layerType") == kind


def _fact(layer: Any, name: str) -> str:
    return str(layer.get_rt_info()[name].astype(str))
