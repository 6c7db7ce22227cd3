"""What each quantized node does to a model's outputs, measured on calibration inputs only.

The unit is what is rounded together: a node's weights, or a value, which all nodes that make or
read it share. One graph holds all of them with a switch each (`switches`), so that a choice costs
one run of a few samples. Noise of independent roundings adds up, nearly; so what a group does
bounds what its members do, and only groups that matter are split, the worst first. Where seconds
end before all are split, the rest of a group shares its noise.
"""

import heapq
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from optim import sandbox
from optim.arrays import Array, Feeds
from optim.errors import InputError, StepError, one_line
from optim.evalset import EvalSet, evalset_from_digest
from optim.home.scratch import scratch
from optim.judging.noise import noise_of
from optim.judging.switches import Switched, switched
from optim.machine.environment import affinity
from optim.model import Model
from optim.model.proto import read_proto, write_proto
from optim.passes.base import NodeByNode
from optim.passes.support.quantizing import SPLIT_SUFFIX
from optim.passes.support.tools import quiet
from optim.recipe import Recipe

if TYPE_CHECKING:
    import onnx

STEP = "sensitivity"
_FEWEST, _MOST_SAMPLES = 4, 16
_NEGLIGIBLE = 1e-3  # of the noise of everything rounded: a group below it is not split


class Rounding(BaseModel):
    """Something that is rounded: the nodes that share it, and the noise it alone makes.

    It stays in float where all its nodes do. `noise` is that of the outputs, their mean: 0 to 1.
    """

    model_config = ConfigDict(frozen=True)

    nodes: tuple[str, ...]
    noise: float


class Sensitivity(BaseModel):
    """The damage of each rounding of a quantized model.

    `together`: noise of each output by its name with everything rounded. `runs`: choices tried on
    `samples` calibration samples. `complete`: each rounding that matters was measured alone.
    """

    model_config = ConfigDict(frozen=True)

    roundings: tuple[Rounding, ...]
    together: dict[str, float]
    samples: int
    runs: int
    seconds: float
    complete: bool

    @property
    def noise(self) -> float:
        """Noise of the outputs with everything rounded, their mean."""
        return _mean(self.together)


def can_leave_out(recipe: Recipe) -> bool:
    """Whether the recipe's last pass quantizes nodes that it can leave in float one by one."""
    return bool(recipe.passes) and isinstance(recipe.passes[-1], NodeByNode)


def sensitivity_of(
    before: Model,
    built: Model,
    recipe: Recipe,
    evalset: EvalSet,
    seconds: float = 20.0,
    cancelled: Callable[[], bool] = lambda: False,
) -> Sensitivity:
    """Measure what each rounding of `built` does to its outputs.

    Args:
        before: what the recipe's last pass was given: the original where it is the only one.
        built: the model after all of its passes.
        seconds: for the runs; making the graph takes some more.

    Raises: InputError for a recipe that leaves no nodes out; StepError; Cancelled.
    """
    if not can_leave_out(recipe):
        raise InputError(
            f"No pass of {recipe} quantizes node by node.",
            "Choose a recipe with static_int8, dynamic_int8 or weight_only.",
            STEP,
        )
    with scratch(STEP) as folder:
        found = sandbox.call(
            measure,
            {
                "before": str(before.path),
                "built": str(built.path),
                "recipe": recipe.passes[-1].spelling,
                "evalset_digest": evalset.digest,
                "seconds": seconds,
                "folder": str(folder),
            },
            where=STEP,
            files=sandbox.Files(
                readable=(before.folder, built.folder, evalset.path), writable=(folder,)
            ),
            cancelled=cancelled,
        )
    return Sensitivity.model_validate(found)


def measure(
    before: str, built: str, recipe: str, evalset_digest: str, seconds: float, folder: str
) -> dict[str, Any]:
    """Child: see `sensitivity_of`. Returns a Sensitivity as JSON values."""
    begun = time.monotonic()
    graph, _ = switches_of(Path(before), Path(built), Recipe.parse(recipe).passes[-1])
    feeds = evalset_from_digest(evalset_digest).feeds("calibration", _MOST_SAMPLES)
    trial = _Trial(graph, Path(folder), feeds, seconds)
    noises, complete = split(len(graph.owners), trial.noise, trial.time_is_over, trial.affordable)
    return Sensitivity(
        roundings=tuple(
            Rounding(nodes=tuple(sorted(nodes)), noise=noise)
            for nodes, noise in zip(graph.owners, noises, strict=True)
        ),
        together=trial.together,
        samples=trial.samples,
        runs=trial.runs,
        seconds=time.monotonic() - begun,
        complete=complete,
    ).model_dump(mode="json")


def switches_of(before: Path, built: Path, last: object) -> tuple[Switched, "onnx.ModelProto"]:
    """Child: both models in one graph, with the owners by the names that the pass leaves out;
    and the model in the form that the pass quantized.

    Args:
        last: the pass, NodeByNode, that made one of the other.
    """
    assert isinstance(last, NodeByNode)
    original = read_proto(before)
    form = last.form(original)
    graph = switched(form, read_proto(built), last.chosen(form))
    named = {node.name for node in original.graph.node}
    graph.owners = [frozenset(as_excluded(name, named) for name in one) for one in graph.owners]
    return graph, form


class _Trial:
    """The graph in a session, with the answers that it gives in float."""

    def __init__(
        self, graph: Switched, folder: Path, feeds: Sequence[Feeds], seconds: float
    ) -> None:
        self._session = _opened(graph, folder)
        self._switches, self.runs = graph.inputs, 0
        self._outputs = [output.name for output in self._session.get_outputs()]
        count = len(self._switches)
        self._answers(feeds[:1], ())  # the first run allocates
        begun = time.monotonic()
        self._answers(feeds[:1], range(count))
        self._deadline = begun + seconds
        fit = seconds / max(2 * count * (time.monotonic() - begun), 1e-9)
        self._feeds = feeds[: int(min(max(fit, _FEWEST), _MOST_SAMPLES))]
        self.affordable = int(count * fit / max(1, len(self._feeds)))
        self._float = self._answers(feeds, ())
        self.together = self._noises(range(count))

    @property
    def samples(self) -> int:
        return len(self._feeds)

    def noise(self, on: Iterable[int]) -> float:
        """Noise of the outputs with these switches on."""
        return _mean(self._noises(on))

    def time_is_over(self) -> bool:
        return time.monotonic() > self._deadline

    def _noises(self, on: Iterable[int]) -> dict[str, float]:
        self.runs += 1
        return noise_of(self._float, self._answers(self._feeds, on))

    def _answers(self, feeds: Sequence[Feeds], on: Iterable[int]) -> dict[str, list[Array]]:
        chosen = set(on)
        switches = {name: np.array(i in chosen) for i, name in enumerate(self._switches)}
        rows = [self._session.run(None, {**sample, **switches}) for sample in feeds]
        return {name: [row[i] for row in rows] for i, name in enumerate(self._outputs)}


def split(
    count: int,
    noise: Callable[[Iterable[int]], float],
    is_over: Callable[[], bool],
    pieces: int = 1,
) -> tuple[list[float], bool]:
    """The noise that each of `count` roundings makes alone, and whether time sufficed.

    Groups are neighbours in the graph's order; the first and the last, which matter most often, are
    alone from the start, and what lies between is in so many `pieces`. `noise` says what a group
    makes.
    """
    between = max(0, count - 2)
    pieces = max(1, min(pieces, between))
    cuts = {0, count, count - 1, *(1 + between * i // pieces for i in range(pieces))}
    edges = sorted(cut for cut in cuts if 0 <= cut <= count)
    groups = [_measured(noise, low, high) for low, high in zip(edges, edges[1:], strict=False)]
    heapq.heapify(groups)
    found, complete = [0.0] * count, True
    enough = _NEGLIGIBLE * sum(-group[0] for group in groups)
    while groups:
        minus, low, high = heapq.heappop(groups)
        whole = high - low == 1 or -minus <= enough
        if whole or is_over():
            complete &= whole
            found[low:high] = [-minus / (high - low)] * (high - low)
        else:
            middle = (low + high) // 2
            heapq.heappush(groups, _measured(noise, low, middle))
            heapq.heappush(groups, _measured(noise, middle, high))
    return found, complete


def _measured(
    noise: Callable[[Iterable[int]], float], low: int, high: int
) -> tuple[float, int, int]:
    return -noise(range(low, high)), low, high


def as_excluded(name: str, named: set[str]) -> str:
    """The name by which a pass excludes a node: a Gemm's own where it was split in two."""
    return name if name in named else name.removesuffix(SPLIT_SUFFIX)


def _opened(graph: Switched, folder: Path) -> Any:
    """A session that computes roundings as they are written, in floats."""
    path = folder / "switched.onnx"
    write_proto(graph.model, path)
    with quiet():
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = len(affinity())
        options.add_session_config_entry("session.disable_quant_qdq", "1")
        try:
            return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # an engine's, of no particular type
            raise StepError(
                f"What single nodes do to this model cannot be measured: {one_line(error, 200)}.",
                "Leave out nodes by hand, with the pass's setting `exclude`.",
            ) from None


def _mean(noises: Mapping[str, float]) -> float:
    return sum(noises.values()) / len(noises) if noises else 0.0
