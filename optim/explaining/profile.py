"""Where the time goes: the runtime's own profile, joined to the rows of the graph."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from optim import sandbox
from optim.evalset import evalset_from_digest
from optim.graph.flops import MATRIX, MOVES
from optim.graph.values import Analysis, NodeRow
from optim.graph.wiring import Wiring
from optim.machine.environment import cores_for
from optim.machine.lock import machine_to_itself
from optim.model import Model
from optim.runtimes.base import NodeTime, Runtime, runtime_of

_RUNS, _TRIES = 20, 3
TOO_LONG = 1.5
"""Nodes that add up to more measured runs than this were not timed in peace."""
STEP = "profile"
CONVERSIONS = frozenset(
    {
        *("Cast", "Convert", "QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"),
        *("FakeQuantize", "Reorder", "ReorderInput", "ReorderOutput"),
    }
)
"""Executed operators that only change a type or a layout."""


_ATTENTION = frozenset({"Subgraph", "ScaledDotProductAttention", "Attention", "MultiHeadAttention"})
"""Executed operators that hold more than one matrix product: attention, or what OpenVINO compiles
into one kernel."""
_RECURRENT = frozenset({"LSTM", "GRU", "RNN"})
_RAN_RECURRENT = "RNNSeq"


class ProfiledNode(BaseModel):
    """One node as executed, its measured time, and what it stands for in the graph."""

    model_config = ConfigDict(frozen=True)

    name: str
    op: str
    microseconds: float
    share: float
    """Of the total of all executed nodes, 0 to 1."""
    precision: str = ""
    rows: tuple[NodeRow, ...] = ()
    """The rows that it stands for; empty for what the runtime added, such as a reorder."""

    @property
    def flops(self) -> int:
        """FLOPs of the rows together."""
        return sum(row.flops for row in self.rows)

    @property
    def counted(self) -> bool:
        """Whether FLOPs and bytes are known; with unknown shapes they are lower bounds."""
        return not any(row.unknown for row in self.rows)

    @property
    def gflops_per_second(self) -> float:
        """Rate reached, in GFLOP/s."""
        return self.flops / self.microseconds / 1e3 if self.microseconds else 0.0


def profile_of(
    model: Model,
    runtime: Runtime,
    evalset_digest: str,
    cancelled: Callable[[], bool] = lambda: False,
    *,
    run_us: float | None = None,
) -> list[NodeTime]:
    """Per-node times of a model on this machine, in order of execution; runs in a pinned child.

    Waits until nothing else is timed on this machine.

    Args:
        run_us: the measured median of a run, if known. A profile that adds up to more than
            `TOO_LONG` of them was not taken in peace: it is taken again, and the shortest counts.

    Raises StepError where the runtime cannot run or profile the model; Cancelled.
    """
    taken: list[list[NodeTime]] = []
    while len(taken) < _TRIES and not (taken and _in_peace(taken[-1], run_us)):
        taken.append(_profiled(model, runtime, evalset_digest, cancelled))
    return min(taken, key=_sum)


def _in_peace(times: Iterable[NodeTime], run_us: float | None) -> bool:
    return not run_us or _sum(times) <= TOO_LONG * run_us


def _sum(times: Iterable[NodeTime]) -> float:
    return sum(time.microseconds for time in times)


def _profiled(
    model: Model, runtime: Runtime, evalset_digest: str, cancelled: Callable[[], bool]
) -> list[NodeTime]:
    argument = {"path": str(model.path), "runtime": runtime.spelling, "evalset": evalset_digest}
    with machine_to_itself(cancelled):
        times = runtime.call(
            profile_json,
            argument,
            where=STEP,
            files=sandbox.Files(readable=(model.folder, evalset_from_digest(evalset_digest).path)),
            cpus=cores_for(runtime.threads),
            cancelled=cancelled,
        )
    return [NodeTime(**{**time, "nodes": tuple(time["nodes"])}) for time in times]


def profile_json(path: str, runtime: str, evalset: str) -> list[dict[str, Any]]:
    """The child's side of `profile_of`: profiles on one calibration sample."""
    engine = runtime_of(runtime)
    feeds = next(iter(evalset_from_digest(evalset).feeds("calibration", 1)))
    return [asdict(time) for time in engine.profile(Path(path), feeds, _RUNS)]


def join_profile(analysis: Analysis, times: Iterable[NodeTime]) -> tuple[ProfiledNode, ...]:
    """Times with the rows they stand for, in order of execution. Linear in both.

    An engine may leave out the name of a node that it folded into the next one, as OpenVINO does
    with a convolution before a batch normalization; such a row goes where its result goes. But a
    matrix product goes neither to a node that only moves data nor to one that has its own, unless
    that is attention run as one, which has two.
    """
    times = list(times)
    claimed = _claims(analysis, times)
    total = _sum(times) or 1.0
    return tuple(
        ProfiledNode(
            name=time.name,
            op=time.op,
            microseconds=time.microseconds,
            share=time.microseconds / total,
            precision=time.precision,
            rows=tuple(claimed[index]),
        )
        for index, time in enumerate(times)
    )


def heaviest(rows: Sequence[NodeRow]) -> NodeRow:
    """Of rows that run as one, the one that their time goes to."""
    return max(rows, key=lambda row: (row.flops, row.bytes))


def _claim_recurrent(
    analysis: Analysis, times: list[NodeTime], owners: dict[str, set[int]]
) -> None:
    """Recurrent nodes that OpenVINO runs under names of its own are the graph's, in order."""
    rows = [row.name for row in analysis.nodes if row.op in _RECURRENT and not owners[row.name]]
    owned = set().union(*owners.values())
    ran = [i for i, time in enumerate(times) if time.op == _RAN_RECURRENT and i not in owned]
    if len(rows) == len(ran):
        for name, index in zip(rows, ran, strict=True):
            owners[name].add(index)


def _claims(analysis: Analysis, times: list[NodeTime]) -> list[list[NodeRow]]:
    """For each executed node its rows, in the graph's order."""
    owners: dict[str, set[int]] = {row.name: set() for row in analysis.nodes}
    products = {row.name for row in analysis.nodes if row.op in MATRIX}
    full = {i for i, time in enumerate(times) if time.op in CONVERSIONS or time.op in MOVES}
    for index, time in enumerate(times):
        for name in time.nodes or (time.name,):
            if name in owners and not (name in products and index in full):
                owners[name].add(index)
    _claim_recurrent(analysis, times, owners)
    many = {i for i, time in enumerate(times) if time.op in _ATTENTION}
    full.update(*(owners[name] - many for name in products))
    wiring = Wiring(analysis)
    for row in reversed(analysis.nodes):
        if not owners[row.name] and row.op != "Constant":
            after = [owners[reader.name] for reader in wiring.after(row)]
            same = after[0] if after and all(owner == after[0] for owner in after) else set()
            if row.name not in products:
                owners[row.name] = same
            elif not same & full:
                owners[row.name] = same
                full |= same - many
    rows: list[list[NodeRow]] = [[] for _ in times]
    for row in analysis.nodes:
        for index in sorted(owners[row.name]):
            rows[index].append(row)
    return rows
