"""One trial inference of a bound ONNX file, so that a model that cannot run is found at once.

Runs in a child: whatever the model does to it (crash, hang, exhaust memory) ends the child only.
"""

from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from optim.arrays import DTYPES, Array
from optim.errors import InputError, StepError
from optim.evalset.casting import may_be_setting, setting
from optim.ingest.ending import loops_ended
from optim.ingest.operators import explained
from optim.ingest.shapes import varying_shapes
from optim.ingest.specs import InputSpec
from optim.model.proto import all_nodes
from optim.names import legible

if TYPE_CHECKING:
    import onnx

Observed = dict[str, Array]
_ORT_DTYPES = {"float": "float32", "double": "float64"}


def made_up(
    specs: list[InputSpec], seed: int = 0, settings: bool = False, whole: int = 1
) -> dict[str, Array]:
    """Inputs nobody measured: normal floats; ones, which serve as ids, masks and lengths.

    Args:
        settings: floats of fewer than two axes are a half, which serves as a ratio and a scale.
        whole: what whole numbers are.
    """
    rng = np.random.default_rng(seed)
    return {spec.name: _made_up(spec, rng, settings, whole) for spec in specs}


def _made_up(spec: InputSpec, rng: np.random.Generator, settings: bool, whole: int) -> Array:
    data = spec.dtype.startswith("float")
    if not data or (settings and _may_be_setting(spec)):
        return setting(spec.dtype, spec.shape, whole)
    return rng.standard_normal(spec.shape).astype(spec.dtype)


def check_file(path: Path) -> None:
    """Raise InputError unless onnx.checker accepts the file."""
    import onnx

    try:
        onnx.checker.check_model(str(path))
    except (onnx.checker.ValidationError, ValueError) as error:
        raise explained(error, "The check against the ONNX specification") from None


def run_once(path: Path, given: Mapping[str, Array]) -> tuple["Observed", list[list[Any]]]:
    """Open the model in ONNX Runtime as it comes and run it once, on one thread.

    Args:
        given: inputs to use; what is missing is made up.

    Returns: outputs by name, and the output shapes that ONNX Runtime infers (None or text where
        it cannot). Raises InputError with ONNX Runtime's reason.
    """
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    try:
        session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its exceptions share no base class
        raise explained(error, "Opening the model in ONNX Runtime") from None
    specs = [_spec(value) for value in session.get_inputs()]
    feeds = {spec.name: given[spec.name] for spec in specs if spec.name in given}
    open_ = [spec for spec in specs if spec.name not in given]
    names = [value.name for value in session.get_outputs()]
    tries = [{**feeds, **made_up(open_)}]
    if any(map(_may_be_setting, open_)):
        tries += [{**feeds, **made_up(open_, settings=True, whole=one)} for one in (1, 0)]
    try:
        with loops_ended(lambda: all_nodes(_skeleton(path))) if open_ else nullcontext() as ending:
            outputs = _first_answer(session, names, tries, ending)
    except InputError:
        raise
    except Exception as error:
        on = "the given inputs" if given else "made-up inputs (ones for integers)"
        raise explained(error, f"A trial run on {on}") from None
    return dict(zip(names, outputs, strict=True)), [v.shape for v in session.get_outputs()]


def _may_be_setting(spec: InputSpec) -> bool:
    return may_be_setting(spec.dtype, spec.shape)


def _skeleton(path: Path) -> "onnx.ModelProto":
    import onnx

    return onnx.load(path, load_external_data=False)


def _first_answer(
    session: Any, names: list[str], tries: list[dict[str, Array]], options: Any
) -> list[Array]:
    """The outputs for the first inputs that the model takes. Raises what it says of the first."""
    failures = []
    for feeds in tries:
        try:
            return list(session.run(names, feeds, options))
        except Exception as error:  # its exceptions share no base class
            failures.append(error)
    raise failures[0]


def _spec(value: Any) -> InputSpec:
    dtype = value.type.removeprefix("tensor(").removesuffix(")")
    return InputSpec(value.name, _ORT_DTYPES.get(dtype, dtype), tuple(value.shape))


def undeclare_outputs(graph: "onnx.GraphProto") -> dict[str, list[int]]:
    """Take the declared shapes from the outputs, in place, so that an engine infers its own.

    Returns: output name -> the sizes that were declared, 0 where open.
    """
    declared = {}
    for value in graph.output:
        declared[value.name] = [dim.dim_value for dim in value.type.tensor_type.shape.dim]
        value.type.tensor_type.ClearField("shape")
    return declared


def declare_outputs(
    graph: "onnx.GraphProto",
    seen: Observed,
    inferred: list[list[Any]],
    declared: Mapping[str, list[int]],
) -> None:
    """Give each output the shape it has, in place; a length that depends on the data stays open.

    A length is static where ONNX Runtime infers it or the file declared it, and the trial agrees,
    or where no operator makes it of the data.
    """
    varying = varying_shapes(graph)
    for value, shape in zip(graph.output, inferred, strict=True):
        array = seen[value.name]
        if not isinstance(array, np.ndarray) or array.dtype.name not in DTYPES:
            raise InputError(
                f"The output {legible(value.name)!r} is no tensor of numbers.", "Leave it out."
            )
        sizes = declared[value.name]
        tensor = value.type.tensor_type
        tensor.ClearField("shape")
        tensor.shape.SetInParent()
        for axis, size in enumerate(array.shape):
            dim = tensor.shape.dim.add()
            known = shape[axis : axis + 1] + [one for one in sizes[axis : axis + 1] if one]
            if size in known or value.name not in varying:
                dim.dim_value = size


def check_same(reference: list[Array], outputs: list[Array], tolerance: float = 1e-3) -> None:
    """Raise StepError unless an export computes what the original does.

    The difference is the largest absolute one, relative to the largest reference value.
    """
    if len(reference) != len(outputs):
        raise StepError(
            f"The exported model has {len(outputs)} outputs, the original {len(reference)}.",
            "Export it to ONNX yourself.",
        )
    for number, (expected, got) in enumerate(zip(reference, outputs, strict=True)):
        if expected.shape != got.shape:
            raise StepError(
                f"Output {number} of the exported model has the shape {list(got.shape)}, in "
                f"PyTorch {list(expected.shape)}.",
                "Export it to ONNX yourself.",
            )
        difference = _difference(expected, got)
        limit = tolerance if expected.dtype != np.float16 else 10 * tolerance
        if not difference <= limit:
            raise StepError(
                f"Output {number} of the exported model differs from PyTorch's by "
                f"{difference:.2g} (relative; the limit is {limit:g}).",
                "Export it to ONNX yourself, or leave out what is random or depends on the data.",
            )


def _difference(expected: Array, got: Array) -> float:
    a, b = expected.astype(np.float64), got.astype(np.float64)
    if not a.size:
        return 0.0
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    with np.errstate(invalid="ignore"):  # inf - inf is nan, and unlike
        gap = np.where(same, 0.0, np.abs(a - b))
    finite = np.abs(a[np.isfinite(a)])
    scale = float(finite.max()) if finite.size else 0.0
    return float(gap.max()) / (scale or 1.0)
