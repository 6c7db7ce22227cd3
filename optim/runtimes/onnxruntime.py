"""ONNX Runtime on the CPU. With its defaults it is the baseline of every speed-up."""

import json
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from optim.arrays import Feeds
from optim.part import Start
from optim.runtimes.base import EngineNode, NodeTime, Runtime, Session
from optim.runtimes.support.fusion import executed_for, known_as, node_name
from optim.runtimes.support.ort_errors import reason

_PROVIDERS = ["CPUExecutionProvider"]
_ERRORS_ONLY = 3
_LEVELS = {
    "off": "ORT_DISABLE_ALL",
    "basic": "ORT_ENABLE_BASIC",
    "extended": "ORT_ENABLE_EXTENDED",
    "layout": "ORT_ENABLE_LAYOUT",
    "all": "ORT_ENABLE_ALL",
}
_LAYOUTS = {"nchwc": "NchwcTransformer", "nhwc": "NhwcTransformer"}
"""The engine's steps that put convolutions in each."""
_KERNEL = "_kernel_time"
_WEIGHTS_BESIDE = "session.optimized_model_external_initializers_file_name"


class OnnxRuntime(Runtime):
    """ONNX Runtime's CPU provider with its session options."""

    name: ClassVar[str] = "onnxruntime"
    title: ClassVar[str] = "ONNX Runtime"
    summary: ClassVar[str] = (
        "Runs the model on Microsoft's engine. As it comes it is what every speed-up here is "
        "measured against."
    )
    helps: ClassVar[str] = (
        "The widest operator coverage, and small models and recurrent ones, where its overhead "
        "per run is low. It runs QDQ int8 well when activations are unsigned (u8s8)."
    )
    hurts: ClassVar[str] = (
        "Graph levels below `all` give up fusions and are there to find out what those bring. "
        "Signed activations (s8s8) and fp16 have no fast kernels on most CPUs, and spinning "
        "threads take the cores from whatever else runs beside them."
    )
    packages: ClassVar[tuple[str, ...]] = ("onnxruntime",)
    starts: ClassVar[tuple[Start, ...]] = (
        Start("onnxruntime:graph=off", 120, lambda here: here.classical),
        Start("onnxruntime:threads=2", 130, lambda here: here.cores > 1),
    )

    graph: Literal["off", "basic", "extended", "layout", "all"] = Field(
        default="all",
        description="How far the engine may rewrite the graph when it loads it: basic folds and "
        "removes, extended fuses too, layout and all also choose the layout of convolutions.",
    )
    layout: Literal["auto", "nchwc", "nhwc", "nchw"] = Field(
        default="auto",
        description="Order of channels in memory that convolutions may get from graph levels "
        "layout and all: nchwc, blocks of channels, for floats; nhwc, channels last, for 8 bits; "
        "auto, either; nchw, neither: what the model has, with all fusions.",
    )
    mode: Literal["sequential", "parallel"] = Field(
        default="sequential", description="Whether independent branches may run side by side."
    )
    inter_op: int = Field(
        default=1, ge=1, le=256, description="Threads across branches; used by parallel mode only."
    )
    spinning: bool = Field(
        default=True, description="Idle threads wait by spinning: quicker to start, burns a core."
    )
    arena: bool = Field(
        default=True, description="Keep freed memory for the next run instead of returning it."
    )
    mem_pattern: bool = Field(
        default=True, description="Plan all activations as one block after the first run."
    )
    prepacking: bool = Field(
        default=True,
        description="Copy weights into the order that the fastest kernels read: without it loading "
        "is quicker and takes less memory, and products take slower kernels.",
    )

    def open(self, path: Path) -> Session:
        """Load the model at `path`. Raises StepError naming the operator it cannot run."""
        return _OrtSession(self._session(path))

    def profile(self, path: Path, feeds: Feeds, runs: int) -> list[NodeTime]:
        """Medians of the kernel times in ONNX Runtime's own trace, the first run left out."""
        with tempfile.TemporaryDirectory(prefix="optim-profile-") as folder:
            optimized = Path(folder, "optimized.onnx")
            session = self._session(
                path,
                enable_profiling=True,
                profile_file_prefix=str(Path(folder, "trace")),
                optimized_model_filepath=str(optimized),
            )
            for _ in range(runs + 1):
                session.run(None, feeds)
            events = _kernels(json.loads(Path(session.end_profiling()).read_text()))
            traced = ((name, event["args"]["op_name"]) for name, event in events)
            names = known_as(optimized, traced)
            known = [(names.get(name, name), event) for name, event in events]
            return _node_times(known, executed_for(path, optimized), runs)

    def engine_graph(self, path: Path) -> list[EngineNode]:
        """The optimized model that ONNX Runtime writes, before its kernels are chosen."""
        import onnx

        with tempfile.TemporaryDirectory(prefix="optim-graph-") as folder:
            optimized = Path(folder, "optimized.onnx")
            self._session(path, optimized_model_filepath=str(optimized))
            made_of = executed_for(path, optimized)
            nodes = onnx.load(str(optimized), load_external_data=False).graph.node
        return [
            EngineNode(
                name=node_name(node),
                op=node.op_type,
                reads=tuple(filter(None, node.input)),
                writes=tuple(filter(None, node.output)),
                nodes=made_of.get(node_name(node), ()),
            )
            for node in nodes
        ]

    def script(self) -> str:
        """The same session options as `open` sets, written out."""
        return f"""\
import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # it would report its use to its maker
import onnxruntime as ort

options = ort.SessionOptions()
options.graph_optimization_level = ort.GraphOptimizationLevel.{_LEVELS[self.graph]}
options.execution_mode = ort.ExecutionMode.ORT_{self.mode.upper()}
options.intra_op_num_threads = {self.threads}
options.inter_op_num_threads = {self.inter_op}
options.enable_cpu_mem_arena = {self.arena}
options.enable_mem_pattern = {self.mem_pattern}
for key, value in {self._entries}.items():
    options.add_session_config_entry(key, value)
session = ort.InferenceSession(MODEL, options, **{self._opening})
outputs = [output.name for output in session.get_outputs()]


def run(feeds):
    return dict(zip(outputs, session.run(None, feeds)))
"""

    @property
    def _opening(self) -> dict[str, Any]:
        """What a session is opened with beside its options."""
        without = [step for name, step in _LAYOUTS.items() if self.layout not in ("auto", name)]
        return {"providers": _PROVIDERS} | ({"disabled_optimizers": without} if without else {})

    @property
    def _entries(self) -> dict[str, str]:
        """Options that go by name."""
        pools = ("intra_op", "inter_op")
        entries = {f"session.{pool}.allow_spinning": f"{self.spinning:d}" for pool in pools}
        return entries if self.prepacking else {**entries, "session.disable_prepacking": "1"}

    def _session(self, path: Path, **options: Any) -> Any:
        import onnxruntime as ort

        try:
            return ort.InferenceSession(path, self._options(**options), **self._opening)
        except Exception as error:  # the engine's exceptions share no base class of their own
            raise self.refusal(reason(error)) from None

    def _options(self, **more: Any) -> Any:
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.graph_optimization_level = getattr(ort.GraphOptimizationLevel, _LEVELS[self.graph])
        options.execution_mode = getattr(ort.ExecutionMode, f"ORT_{self.mode.upper()}")
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = self.inter_op
        options.enable_cpu_mem_arena = self.arena
        options.enable_mem_pattern = self.mem_pattern
        options.log_severity_level = _ERRORS_ONLY
        for key, value in self._entries.items():
            options.add_session_config_entry(key, value)
        for key, value in more.items():
            setattr(options, key, value)
        if "optimized_model_filepath" in more:  # weights beside it: a protobuf holds 2 GB at most
            options.add_session_config_entry(_WEIGHTS_BESIDE, "optimized.data")
        return options


class _OrtSession(Session):
    def __init__(self, session: Any) -> None:
        self._session = session
        self._outputs = [output.name for output in session.get_outputs()]

    def run(self, feeds: Feeds) -> dict[str, np.ndarray]:
        return dict(zip(self._outputs, self._session.run(None, feeds), strict=True))

    def bind(self, feeds: Feeds) -> Callable[[], None]:
        """`session.run` on arrays, as nearly every user calls it, its copies included.

        IO binding is not used: it would time a way of calling that the exported script has not.
        """
        run, ready = self._session.run, dict(feeds)
        return lambda: run(None, ready)

    def facts(self) -> dict[str, str]:
        import onnxruntime as ort

        options = self._session.get_session_options()
        return {
            "engine": f"ONNX Runtime {ort.__version__}",
            "threads": str(options.intra_op_num_threads),
            "providers": ", ".join(self._session.get_providers()),
        }

    def close(self) -> None:
        del self._session


def _kernels(events: Iterable[dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    """The events of a trace that time a node's kernel, each with the node's name."""
    return [
        (event["name"].removesuffix(_KERNEL), event)
        for event in events
        if event.get("cat") == "Node" and event["name"].endswith(_KERNEL)
    ]


def _node_times(
    events: Iterable[tuple[str, dict[str, Any]]],
    stands_for: dict[str, tuple[str, ...]],
    runs: int,
) -> list[NodeTime]:
    """Timed kernels of a trace -> medians over the last `runs`, in order of execution.

    A control-flow node's time includes its body's, so the body's own nodes are left out.
    """
    times: dict[str, list[dict[str, Any]]] = {}
    for name, event in events:
        if name in stands_for:
            times.setdefault(name, []).append(event)
    return [
        NodeTime(
            name=name,
            op=seen[0]["args"]["op_name"],
            microseconds=float(median(event["dur"] for event in seen[-runs:])),
            nodes=stands_for[name],
            precision=_precision(seen[0]["args"]),
        )
        for name, seen in times.items()
    ]


def _precision(args: dict[str, Any]) -> str:
    """Type of the first input, which is what the kernel computes in."""
    types = [kind for shape in args.get("input_type_shape", []) for kind in shape]
    return types[0] if types else ""
