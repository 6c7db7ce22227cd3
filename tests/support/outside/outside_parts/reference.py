"""ONNX's own evaluator, which defines what the operators mean and is in no hurry."""

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, ClassVar

import numpy as np

from optim.arrays import Feeds
from optim.errors import StepError
from optim.part import Hazard
from optim.runtimes.base import NodeTime, Runtime, Session
from optim.runtimes.support.fusion import node_name


class Reference(Runtime):
    """The reference implementation of the ONNX standard, in Python."""

    name: ClassVar[str] = "reference"
    title: ClassVar[str] = "ONNX's reference"
    summary: ClassVar[str] = "Runs the model by the standard's own definitions, in Python."
    helps: ClassVar[str] = "It tells what a model ought to answer where engines differ."
    hurts: ClassVar[str] = "It is hundreds of times slower than an engine."
    packages: ClassVar[tuple[str, ...]] = ("onnx",)
    hazards: ClassVar[tuple[Hazard, ...]] = (
        Hazard(
            "reference on convolutions",
            "The reference takes seconds for what an engine convolves in milliseconds.",
            lambda part, here: here.has_conv,
        ),
        *Runtime.hazards,
    )

    def open(self, path: Path) -> Session:
        """Load the model at `path`. Raises StepError naming the operator it does not know."""
        return _Session(self._evaluator(path), self.threads)

    def profile(self, path: Path, feeds: Feeds, runs: int) -> list[NodeTime]:
        """Medians of the time in each node."""
        evaluator = self._evaluator(path)
        times = [_timed_nodes(evaluator, feeds) for _ in range(runs)]
        return [
            NodeTime(
                name=node_name(node.onnx_node),
                op=node.onnx_node.op_type,
                microseconds=median(one[position] for one in times),
                nodes=(node_name(node.onnx_node),),
                precision="f32",
            )
            for position, node in enumerate(evaluator.rt_nodes_)
        ]

    def script(self) -> str:
        """The same evaluator."""
        return """\
from onnx.reference import ReferenceEvaluator

evaluator = ReferenceEvaluator(str(MODEL))


def run(feeds):
    return dict(zip(evaluator.output_names, evaluator.run(None, feeds)))
"""

    def _evaluator(self, path: Path) -> Any:
        import onnx
        from onnx.reference import ReferenceEvaluator

        try:
            return ReferenceEvaluator(onnx.load(path))
        except Exception as error:  # of many types
            raise StepError(
                f"The reference cannot open this model: {' '.join(str(error).split())[:300]}.",
                "Try another runtime.",
                self.name,
            ) from None


class _Session(Session):
    def __init__(self, evaluator: Any, threads: int) -> None:
        self._evaluator, self._threads = evaluator, threads

    def run(self, feeds: Feeds) -> dict[str, np.ndarray]:
        results = self._evaluator.run(None, dict(feeds))
        return dict(zip(self._evaluator.output_names, map(np.array, results), strict=True))

    def bind(self, feeds: Feeds) -> Callable[[], None]:
        for value in self._evaluator.proto_.graph.input:
            wanted = tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim)
            if value.name in feeds and feeds[value.name].shape != wanted:
                return lambda: _refuse(value.name, wanted)
        run, ready = self._evaluator.run, dict(feeds)
        return lambda: run(None, ready)

    def facts(self) -> dict[str, str]:
        import onnx

        return {"engine": f"ONNX reference {onnx.__version__}", "threads": "1"}


def _refuse(name: str, wanted: tuple[int, ...]) -> None:
    raise ValueError(f"the shape of {name} is not {wanted}")


def _timed_nodes(evaluator: Any, feeds: Feeds) -> list[float]:
    """Microseconds of each node in one run."""
    values: dict[str, Any] = {"": None, **evaluator.rt_inits_, **feeds}
    times = []
    for node in evaluator.rt_nodes_:
        started = time.perf_counter()
        outputs = node.run(*(values[name] for name in node.input))
        times.append((time.perf_counter() - started) * 1e6)
        values.update(zip(node.output, outputs, strict=False))
    return times
