"""A model repository of Triton Inference Server: config.pbtxt and the model.

With dynamic batching where the model answers each row of a batch as it does alone; else bound to
one sample. Fields: model_config.proto of triton-inference-server/common; options of the engine:
https://github.com/triton-inference-server/onnxruntime_backend#other-optimization-options-with-onnx-runtime
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

from optim.arrays import TensorSpec
from optim.bundles import manifest
from optim.bundles.deployment import Deployed, Deployment, Files
from optim.bundles.free_axis import free_axis
from optim.model.proto import DATA_FILE
from optim.runtimes.base import Runtime

_BATCH, _DELAY_US = 8, 1000
_TYPES = {"bool": "BOOL", "float16": "FP16", "float32": "FP32", "float64": "FP64"}
_GRAPH_LEVELS = {"off": 2, "basic": -1, "extended": 1}
"""Triton's numbers; all else, `layout` too, is ONNX Runtime's default there: everything."""


def _type(dtype: str) -> str:
    return f"TYPE_{_TYPES.get(dtype, dtype.upper())}"


def _tensors(kind: str, specs: tuple[TensorSpec, ...], batched: bool) -> Iterator[str]:
    for spec in specs:
        dims = ", ".join(map(str, spec.shape[1:] if batched else spec.shape))
        yield (
            f"{kind} [ {{ name: {_quoted(spec.name)} data_type: {_type(spec.dtype)} "
            f"dims: [ {dims} ] }} ]"
        )


def _quoted(text: str) -> str:
    """As protobuf's text format has strings: bytes that are not plain letters in octal."""
    plain = (chr(b) if 32 <= b < 127 and b not in b'"\\' else f"\\{b:03o}" for b in text.encode())
    return f'"{"".join(plain)}"'


def _options(engine: Runtime) -> Iterator[str]:
    """How the recipe opens its engine, as far as Triton takes it."""
    options = engine.model_dump(mode="json")
    level = _GRAPH_LEVELS.get(options["graph"])
    if level is not None:
        yield f"optimization {{ graph {{ level: {level} }} }}"
    named = {
        "intra_op_thread_count": options["threads"],
        "inter_op_thread_count": options["inter_op"],
        "execution_mode": int(options["mode"] == "parallel"),
    }
    for key, value in named.items():
        yield f'parameters {{ key: "{key}" value: {{ string_value: "{value}" }} }}'


def _config(of: Deployed, batched: bool) -> str:
    lines = [
        f"# {of.recipe.spelling}",
        f'name: "{of.slug}"',
        'backend: "onnxruntime"',
        f"max_batch_size: {_BATCH if batched else 0}",
        *_tensors("input", of.inputs, batched),
        *_tensors("output", of.outputs, batched),
        "instance_group [ { count: 1 kind: KIND_CPU } ]",
        *_options(of.recipe.runtime),
    ]
    if batched:
        lines.append(f"dynamic_batching {{ max_queue_delay_microseconds: {_DELAY_US} }}")
    return "\n".join(lines) + "\n"


def _files(of: Deployed, folder: Path) -> Files:
    version = folder / of.slug / "1"
    version.mkdir(parents=True)
    batched = free_axis(of, version)
    if not batched:
        for name in (manifest.MODEL, DATA_FILE):
            if of.path.with_name(name).exists():
                shutil.copyfile(of.path.with_name(name), version / name)
    return {f"{of.slug}/config.pbtxt": _config(of, batched)}


DEPLOYMENT = Deployment(
    title="Triton Inference Server",
    about=(
        f"A model repository with batches of up to {_BATCH} where the model can take them. "
        "It holds the model once more."
    ),
    start=lambda of: f"tritonserver --model-repository={manifest.DEPLOY}triton",
    files=_files,
    engines=("onnxruntime",),
)
