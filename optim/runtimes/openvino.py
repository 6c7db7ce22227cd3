"""OpenVINO on the CPU."""

import inspect
import logging
import re
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from optim.arrays import Feeds
from optim.machine.environment import cpu_flags
from optim.model.wiring import made_of
from optim.names import legible
from optim.part import Circumstances, Hazard, Kind, Precision, Start
from optim.runtimes.base import (
    PRECISION,
    PRECISION_ASKED,
    EngineNode,
    NodeTime,
    Runtime,
    Session,
)
from optim.runtimes.support import openvino_compiling
from optim.runtimes.support.fusion import node_name

_logger = logging.getLogger(__name__)
_NOISE = re.compile(
    r"Exception from \S+|Check '.*?' failed at \S+|FrontEnd API failed with \w+:|Summary:|"
    r"Model wasn't fully converted\.|^-- "
)
_RECURRENT: tuple[Kind, ...] = ("recurrent",)
_NOT_CONVERTED = re.compile(
    r"(?:Conversion is failed for: ([\w.]+?)(?:-\d+)?$)"
    r"|(?:^[-\s]*([\w.]+?)-\d+ with a message:)",
    re.MULTILINE,
)
_UNKNOWN = re.compile(r"No conversion rule found for operations: *([^\n]+)")
_PRECISION = re.compile(r"node with name '([^']*)'.*doesn't support (f\d+) precision")
_NODE = re.compile(r"<Node\([\w.]+\): ([^>]*)>")
_NOT_RUN = "not_executed"
_BATCH = 5  # runs
_MIRRORS = {"Input", "Output", "Const"}


class OpenVino(Runtime):
    """OpenVINO's CPU plugin with its compile options."""

    name: ClassVar[str] = "openvino"
    title: ClassVar[str] = "OpenVINO"
    summary: ClassVar[str] = (
        "Compiles the model for this CPU with Intel's engine, which also runs on AMD and Arm."
    )
    helps: ClassVar[str] = (
        "Convolutions and transformers: it fuses more than most, and runs QDQ int8 models (made "
        "by the pass static_int8) in int8 whatever the precision chosen here is. `bf16` needs no "
        "calibration and is often the fastest single choice on CPUs with bf16 instructions."
    )
    hurts: ClassVar[str] = (
        "Recurrent models gain little. Very small models can lose to its overhead per run. On "
        "CPUs without bf16 instructions `bf16` runs as f32 or emulated, and the trial says so."
    )
    packages: ClassVar[tuple[str, ...]] = ("openvino",)
    hazards: ClassVar[tuple[Hazard, ...]] = (
        Hazard(
            "bf16 gains little",
            "bf16 gains little on this CPU: without instructions for it OpenVINO runs in f32, or "
            "emulates it, which is slower.",
            lambda part, here: part.precision == "bf16" and not here.gains("bf16", "openvino"),
            lambda part, here: here.cited("bf16", runtime="openvino"),
        ),
        Hazard(
            "recurrent on OpenVINO",
            "Recurrent models gain little or nothing from OpenVINO.",
            lambda part, here: here.recurrent and not here.measured_gain("fp32", "openvino"),
            lambda part, here: here.cited("fp32", runtime="openvino", kinds=_RECURRENT),
        ),
        *Runtime.hazards,
    )
    starts: ClassVar[tuple[Start, ...]] = (
        Start("openvino", 10),
        Start("openvino:precision=bf16", 20, lambda here: here.gains("bf16", "openvino")),
    )

    precision: Literal["f32", "bf16"] = Field(
        default="f32",
        description="Arithmetic of the layers that a QDQ model has not made int8.",
    )
    streams: int = Field(
        default=1,
        ge=1,
        le=64,
        description="Runs that may proceed at once; they share the threads, so one run gets fewer.",
    )
    pinning: Literal["auto", "on", "off"] = Field(
        default="auto",
        description="Whether each thread keeps to one core (affinity); auto: as OpenVINO decides.",
    )

    @property
    def lowers_to(self) -> Precision:
        """Floats of 16 bits, where asked for."""
        return "bf16" if self.precision == "bf16" else ""

    def takes(self, here: Circumstances) -> bool:
        """It has no operators of `ai.onnx.ml` (trees, scalers and the like).

        Of a QLinearConv it takes the scales of weights, one for each channel, for those of another
        axis, and does not open the model.
        """
        return not here.classical and "QLinearConv" not in here.ops

    def open(self, path: Path) -> Session:
        """Compile the model at `path`. Raises StepError naming the operators it cannot run."""
        return _OpenVinoSession(self._compile(path), path, self)

    def profile(self, path: Path, feeds: Feeds, runs: int) -> list[NodeTime]:
        """Times per executed layer from the plugin's counters.

        The counters keep means in whole microseconds since the model was opened. So they are read
        after every few runs, and a layer's time is the median of what each batch added; the first
        batch, which also prepares weights and code, is left out. Layers that take less than the
        counter can tell count as 0: the plugin calls them "not executed", like those that need no
        time at all.
        """
        compiled = self._compile(path, PERF_COUNT=True)
        totals: dict[str, list[float]] = {}
        for done in range(_BATCH, runs + 2 * _BATCH, _BATCH):
            layers = _layers_after(compiled, feeds, _BATCH)
            for layer in layers:
                totals.setdefault(layer["name"], []).append(_mean(layer) * done)
        names = _names_of_original(path)
        return [
            NodeTime(
                name=layer["name"],
                op=layer["layerType"],
                microseconds=max(0.0, float(np.median(np.diff(totals[layer["name"]]))) / _BATCH),
                nodes=_originals(layer, names),
                precision=layer["runtimePrecision"],
            )
            for layer in layers
            if layer["layerType"] not in _MIRRORS
        ]

    def engine_graph(self, path: Path) -> list[EngineNode]:
        """The layers that the plugin executes at each run; a layer's tensors go by its name."""
        layers = self._compile(path).get_runtime_model().get_ordered_ops()
        names = _names_of_original(path)
        sources = {layer.get_friendly_name(): tuple(_sources(layer)) for layer in layers}
        return [
            EngineNode(
                name=layer["name"],
                op=layer["layerType"],
                reads=sources[layer["name"]],
                writes=(layer["name"],),
                nodes=_originals(layer, names),
            )
            for layer in _run_each_time(layers)
            if layer["layerType"] not in _MIRRORS
        ]

    def script(self) -> str:
        """The same compile options as `open` sets, written out."""
        config = "".join(f"    {key!r}: {value!r},\n" for key, value in self._config.items())
        return f"""\
import sys

sys.modules["openvino_telemetry"] = None  # it would report its use to its maker
import openvino

{inspect.getsource(openvino_compiling)}

options = {{
{config}}}
engine = compiled(openvino.Core(), MODEL, options)
sinks = [output.node.get_friendly_name() for output in engine.outputs]
outputs = [sink.removesuffix("/sink_port_0") for sink in sinks]


def run(feeds):
    return dict(zip(outputs, engine(feeds).to_tuple()))
"""

    @property
    def _config(self) -> dict[str, Any]:
        config = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": self.precision,
            "INFERENCE_NUM_THREADS": self.threads,
            "NUM_STREAMS": str(self.streams),
        }
        pinned = {"ENABLE_CPU_PINNING": self.pinning == "on"} if self.pinning != "auto" else {}
        return config | pinned

    def _compile(self, path: Path, **more: Any) -> Any:
        import openvino

        try:
            return openvino_compiling.compiled(openvino.Core(), path, self._config | more)
        except RuntimeError as error:
            reason = _reason(str(error))
            _logger.warning("OpenVINO: %s", error)
            raise self.refusal(reason) from None


def _reason(said: str) -> str:
    """What it says, but not where in its source; of a conversion, which operators it was."""
    if unknown := _UNKNOWN.search(said):  # what fails beside it fails since it is missing
        listed = (name.strip(" .") for name in unknown[1].split(","))
        return f"it has no {', '.join(re.sub(r'-[0-9]+$', '', name) for name in listed)}"
    if operators := list(dict.fromkeys(a or b for a, b in _NOT_CONVERTED.findall(said))):
        nodes = [legible(name) for name in dict.fromkeys(_NODE.findall(said)) if name]
        where = f" (which makes {', '.join(nodes)})" if nodes else ""
        return f"it cannot convert {', '.join(operators)}{where}{_why(said)}"
    if lacking := _PRECISION.search(said):
        return f"it has no kernel in {lacking[2]} for the node {legible(lacking[1])!r}"
    lines = (_NOISE.sub("", line.strip()).strip() for line in said.splitlines())
    return " ".join(filter(None, lines)).rstrip(".")


def _why(said: str) -> str:
    """The cause of a failed conversion where it is known."""
    return ", which is in training mode" if "Training mode is not supported" in said else ""


class _OpenVinoSession(Session):
    def __init__(self, compiled: Any, path: Path, engine: OpenVino) -> None:
        self._compiled, self._path, self._engine = compiled, path, engine

    def run(self, feeds: Feeds) -> dict[str, np.ndarray]:
        try:
            result = self._compiled(self._taken(feeds))
        except RuntimeError as error:
            raise RuntimeError(_reason(str(error))) from error
        return {name: np.array(result[i]) for i, name in enumerate(self._outputs)}

    def bind(self, feeds: Feeds) -> Callable[[], None]:
        """`compiled(feeds)` on arrays, as its documentation shows it, its copies included."""
        run, ready = self._compiled, self._taken(feeds)
        return lambda: run(ready)

    def facts(self) -> dict[str, str]:
        import openvino

        executed = str(self._compiled.get_property("INFERENCE_PRECISION_HINT").to_string())
        if executed == "bf16" and not any("bf16" in flag for flag in cpu_flags()):
            executed = "emulated bf16"  # AVX-512 without bf16 instructions: accepted, and slow
        layers = [_info(layer) for layer in self._compiled.get_runtime_model().get_ordered_ops()]
        kinds = Counter(
            layer["runtimePrecision"] for layer in layers if layer["layerType"] not in _MIRRORS
        )
        return {
            "engine": f"OpenVINO {openvino.__version__}",
            "threads": str(self._compiled.get_property("INFERENCE_NUM_THREADS")),
            "streams": str(self._compiled.get_property("NUM_STREAMS")),
            PRECISION_ASKED: self._engine.precision,
            PRECISION: executed,
            "layers": ", ".join(f"{count} {kind}" for kind, count in kinds.most_common()),
        }

    def close(self) -> None:
        del self._compiled

    def _taken(self, feeds: Feeds) -> dict[str, np.ndarray]:
        """The feeds. Raises StepError for one that the compiled model lost: its answers are none.

        Seen of models with sequences: it takes other members of them, and what was never written.
        """
        if lost := [legible(name) for name in feeds if name not in self._inputs]:
            raise self._engine.refusal(f"its conversion loses the input {', '.join(lost)}")
        return dict(feeds)

    @cached_property
    def _inputs(self) -> frozenset[str]:
        return frozenset(name for port in self._compiled.inputs for name in port.get_names())

    @cached_property
    def _outputs(self) -> list[str]:
        import onnx

        graph = onnx.load(str(self._path), load_external_data=False).graph
        return [output.name for output in graph.output]


def _layers_after(compiled: Any, feeds: Feeds, runs: int) -> list[dict[str, str]]:
    for _ in range(runs):
        compiled(dict(feeds))
    return _run_each_time(compiled.get_runtime_model().get_ordered_ops())


def _run_each_time(layers: Sequence[Any]) -> list[dict[str, str]]:
    """The layers but those of constants alone, such as weights' reorders: they run once."""
    infos = [_info(layer) for layer in layers]
    weights = [info["name"] for info in infos if info["layerType"] == "Const"]
    wiring = ((_sources(layer), (layer.get_friendly_name(),)) for layer in layers)
    constant = made_of(weights, wiring)
    return [info for info in infos if info["name"] not in constant]


def _sources(layer: Any) -> list[str]:
    return [source.get_node().get_friendly_name() for source in layer.input_values()]


def _mean(layer: dict[str, str]) -> float:
    """Microseconds per run so far."""
    return 0.0 if layer["execTimeMcs"] == _NOT_RUN else float(layer["execTimeMcs"])


def _info(layer: Any) -> dict[str, str]:
    """One layer of the compiled graph: its name and what the plugin says of it."""
    facts = layer.get_rt_info()
    return {"name": layer.get_friendly_name()} | {
        key: str(facts[key].astype(str))
        for key in ("layerType", "originalLayersNames", "runtimePrecision", "execTimeMcs")
    }


def _names_of_original(path: Path) -> dict[str, str]:
    """What the plugin may call a node of the model (its name, an output's) -> its name."""
    import onnx

    nodes = onnx.load(str(path), load_external_data=False).graph.node
    by_output = {output: node_name(node) for node in nodes for output in node.output}
    return by_output | {node_name(node): node_name(node) for node in nodes}


def _originals(layer: dict[str, str], names: dict[str, str]) -> tuple[str, ...]:
    found = (names.get(name) for name in layer["originalLayersNames"].split(","))
    return tuple(dict.fromkeys(name for name in found if name))
