"""What channels cost on this machine: a graph's products by measured time, not by FLOPs."""

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from optim.arrays import Feeds
from optim.errors import InputError
from optim.model.proto import write_proto
from optim.passes.support.channels import Axis, Channels, Ids
from optim.passes.support.families import Family, flops
from optim.passes.support.running import quiet_session
from optim.passes.support.thinning import Thinning
from optim.runtimes.base import NodeTime
from optim.runtimes.onnxruntime import OnnxRuntime

if TYPE_CHECKING:
    import onnx

_PROFILED_RUNS = 30
_SECONDS, _FEWEST = 1.0, 15  # of rounds of both
_LEAST, _MOST = 0.5, 2.0
_TRIES, _NEAR, _MOST_ASKED = 3, 0.02, 0.9  # shares of time: they are measured, so they vary
_COARSER = (1, 2)  # kernels may like twice the multiple better: tried


def by_time(thinning: Thinning, feeds: Sequence[Feeds], share: float) -> tuple[list[int], float]:
    """The labels to remove so that about this share of a run's time is gone, and the share that was
    measured. Of what reaches it, that which removes the fewest FLOPs.

    Raises InputError where there is no input to run.
    """
    if not feeds:
        raise InputError("There is no input to measure time with.", "Use `flops` instead.")
    clock, total = timed(thinning.channels, thinning.labels, feeds[0])
    dear = dearness(thinning.channels, clock, thinning.labels, thinning.families)
    speeds = [a * b for a, b in zip(thinning.speeds, dear, strict=True)]
    tried: list[tuple[float, list[int]]] = []
    for coarser in _COARSER:
        way = replace(thinning, speeds=speeds, multiple=coarser * thinning.multiple)
        asked = share * total / (flops(clock, thinning.labels) or total)
        for _ in range(_TRIES):
            gone = way.of(min(asked, _MOST_ASKED), clock)
            saved = share_saved(thinning.channels.model, thinning.without(gone), feeds[0])
            tried.append((saved, gone))
            if abs(saved - share) < _NEAR:
                break
            asked *= float(np.clip(share / max(saved, 0.01), 0.5, 2.0))
    enough = [one for one in tried if one[0] > share - _NEAR]
    if not enough:
        saved, gone = max(tried, key=lambda one: one[0])
    else:
        saved, gone = min(enough, key=lambda one: thinning.share(one[1]))
    return gone, saved


def timed(channels: Channels, labels: Mapping[Axis, Ids], feeds: Feeds) -> tuple[Channels, float]:
    """The channels with products whose `flops` are microseconds on ONNX Runtime's profiler, one
    thread, and the time of all nodes."""
    found = profiled(channels.model, feeds, _PROFILED_RUNS)
    work = {p.node: flops(replace(channels, products=[p]), labels) for p in channels.products}
    factors: dict[str, float] = {}
    for one in found:
        inside = [name for name in one.nodes if work.get(name)]
        total = sum(work[name] for name in inside)
        factors |= dict.fromkeys(inside, one.microseconds / total if total else 0.0)
    products = [replace(p, factor=p.factor * factors.get(p.node, 0.0)) for p in channels.products]
    return replace(channels, products=products), sum(one.microseconds for one in found)


def profiled(model: "onnx.ModelProto", feeds: Feeds, runs: int) -> list[NodeTime]:
    """What each node takes on ONNX Runtime, one thread."""
    with tempfile.TemporaryDirectory() as folder:
        write_proto(model, path := Path(folder, "model.onnx"))
        return OnnxRuntime().profile(path, feeds, runs)


def dearness(
    channels: Channels, clock: Channels, labels: Mapping[Axis, Ids], found: Sequence[Family]
) -> list[float]:
    """How much time a FLOP of each family takes relative to all, as a root, within bounds.

    Args:
        clock: as `timed` gives it.
    """
    work, cost = flops(channels, labels), flops(clock, labels)

    def rate(family: Family) -> float:
        some = family.members
        saved = work - flops(channels, labels, some)
        return (cost - flops(clock, labels, some)) / saved * work / cost if saved and cost else 1.0

    return [float(np.clip(rate(family) ** 0.5, _LEAST, _MOST)) for family in found]


def share_saved(before: "onnx.ModelProto", after: "onnx.ModelProto", feeds: Feeds) -> float:
    """The share of a run's time that the second takes less, by runs side by side on one thread."""
    sessions = [quiet_session(one.SerializeToString(), "ORT_ENABLE_ALL") for one in (before, after)]
    ratios: list[float] = []
    ends = time.perf_counter() + _SECONDS
    while len(ratios) < _FEWEST or time.perf_counter() < ends:
        marks = [time.perf_counter()]
        for session in sessions:
            session.run(None, feeds)
            marks.append(time.perf_counter())
        ratios.append((marks[2] - marks[1]) / (marks[1] - marks[0]))
    return 1 - float(np.median(ratios[len(ratios) // 5 :]))
