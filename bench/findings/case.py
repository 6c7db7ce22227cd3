"""A case: a model, samples, a recipe, and what is to be found; and ways to make models quickly."""

import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper, parser

from optim.arrays import Array

Arrays = dict[str, Array]
SAMPLES = 48


@dataclass(frozen=True)
class Case:
    """What has one known cause, or none.

    `code` is the finding that names it, empty where nothing is wrong; `names` must stand in its
    text, advice or nodes. `also`: what is true of this model and recipe besides.
    """

    title: str
    model: Callable[[], onnx.ModelProto]
    code: str = ""
    recipe: str = "onnxruntime"
    names: str = ""
    also: tuple[str, ...] = ()
    arrays: Callable[[onnx.ModelProto], Arrays] | None = None

    def samples(self, made: onnx.ModelProto) -> Arrays:
        """The EvalSet's arrays."""
        return (self.arrays or drawn)(made)


def drawn(made: onnx.ModelProto, count: int = SAMPLES, most: int = 100, seed: int = 7) -> Arrays:
    """Normal numbers, or whole ones from 1 to `most`, for every input."""
    chance = np.random.default_rng(seed)
    constants = {weight.name for weight in made.graph.initializer}
    found: Arrays = {}
    for given in made.graph.input:
        if given.name in constants:
            continue
        tensor = given.type.tensor_type
        shape = (count, *(dim.dim_value or 1 for dim in tensor.shape.dim))
        kind = helper.tensor_dtype_to_np_dtype(tensor.elem_type)
        whole = np.issubdtype(kind, np.integer)
        values = chance.integers(1, most, shape) if whole else chance.standard_normal(shape)
        found[given.name] = values.astype(kind)
    return found


def name_of_input(made: onnx.ModelProto) -> str:
    """Of the first input."""
    return str(made.graph.input[0].name)


def answers(made: onnx.ModelProto, arrays: Arrays) -> Array:
    """The class with the highest score, by the model itself."""
    import onnxruntime as ort

    session = ort.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    rows = range(len(next(iter(arrays.values()))))
    given = ({name: rows_of[row] for name, rows_of in arrays.items()} for row in rows)
    return np.array([int(np.argmax(session.run(None, feeds)[0])) for feeds in given])


def exported(
    module: Any, *shapes: tuple[int, ...], opset: int = 17, dynamo: bool = False, **options: Any
) -> onnx.ModelProto:
    """A torch module as ONNX, by the older exporter or the newer one.

    Args:
        shapes: of its inputs, or tensors.
    """
    import torch

    torch.manual_seed(0)
    made = module() if isinstance(module, type) or not hasattr(module, "forward") else module
    made = made.eval()
    example = tuple(torch.randn(one) if isinstance(one, tuple) else one for one in shapes)
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if dynamo:
            program = torch.onnx.export(
                made, example, dynamo=True, opset_version=opset, verbose=False, **options
            )
            return program.model_proto
        torch.onnx.export(made, example, file, dynamo=False, opset_version=opset, **options)
    return onnx.load_from_string(file.getvalue())


def net(module: Any, *shapes: Any, **options: Any) -> Callable[[], onnx.ModelProto]:
    """What exports a module when it is called; as `exported`."""
    return lambda: exported(module, *shapes, **options)


def written(text: str, opset: int = 17, **weights: Any) -> onnx.ModelProto:
    """A graph in ONNX's own text, its nodes without names; weights by shape (random) or value."""
    made = parser.parse_model(f'<ir_version: 8, opset_import: ["": {opset}]> g {text}')
    chance = np.random.default_rng(11)
    for name, value in weights.items():
        if isinstance(value, tuple):
            fan = int(np.prod(value[1:])) if len(value) > 2 else value[0]
            value = (chance.standard_normal(value) / np.sqrt(fan)).astype(np.float32)
        made.graph.initializer.append(numpy_helper.from_array(np.asarray(value), name))
    return made
