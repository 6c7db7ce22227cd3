"""The roofline of this machine, measured now, with a sample's operators on it."""

import time
from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np
import plotly.graph_objects as go

from optim.explaining.profile import ProfiledNode, join_profile, profile_of
from optim.findings import percent
from optim.graph import analysis_of
from optim.learning.drawing import WARM, coloured, laid
from optim.learning.picture import Panel, Picture, timed_in_child
from optim.learning.sample import opened
from optim.recipe import Recipe
from optim.showing.chart import ACCENT, GREY, LOG_AXIS

_SIDE = 768  # of the matrices multiplied
_STREAM_BYTES = 64_000_000  # more than caches keep
_REPEATS = 25  # of which the best counts: others may use the machine meanwhile
_LONG = 0.02  # of the time: what takes less is timed too coarsely to tell a peak by


class Roofline(Picture):
    """Arithmetic intensity across, rate reached upward; one thread."""

    title: ClassVar[str] = "Roofline, with the operators on it"

    sample: str

    def draw(self) -> tuple[Panel, ...]:
        of = opened(self.sample)
        engine = Recipe.baseline().runtime
        times = profile_of(of.model, engine, of.evalset.digest)
        ran = [n for n in join_profile(analysis_of(of.model), times) if n.flops and _bytes(n)]
        roof = timed_in_child(measure_roof, {})
        peak, stream = _peak(roof["gflops"], ran), roof["gbytes"]
        ridge = peak / stream
        left = sum(n.flops / _bytes(n) < ridge for n in ran)
        return (
            Panel(
                "Operators under the roof",
                _drawn(ran, peak, stream),
                "Measured now on one thread: the best of a large matrix product and of the "
                f"operators is {peak:.0f} GFLOP/s, reading memory {stream:.1f} GB/s. They meet at "
                f"{ridge:.1f} FLOP per byte: of "
                f"{len(ran)} operators {left} lie left of it, where memory sets the pace. Small "
                "ones fall far below both: starting them takes longer than their work. One whose "
                "data stay in the cache may pass the memory's roof.",
            ),
        )


def _peak(product: float, ran: Sequence[ProfiledNode]) -> float:
    """What arithmetic reaches at most, in GFLOP/s: at least what was seen of it."""
    return max([product, *(n.gflops_per_second for n in ran if n.share >= _LONG)])


def _bytes(node: ProfiledNode) -> int:
    return sum(row.bytes for row in node.rows)


def _drawn(ran: list[ProfiledNode], peak: float, stream: float) -> go.Figure:
    across = [n.flops / _bytes(n) for n in ran]
    low, high = min(*across, peak / stream / 10), max(*across, peak / stream * 10)
    figure = go.Figure()
    for name, x, colour in (
        ("memory's roof", [low, peak / stream], WARM),
        ("arithmetic's roof", [peak / stream, high], GREY),
    ):
        y = [min(peak, stream * value) for value in x]
        line = {"color": colour, "width": 3}
        figure.add_scatter(x=x, y=y, mode="lines", name=name, line=line)
    colours = coloured([node.op for node in ran])
    figure.add_scatter(
        x=across,
        y=[n.gflops_per_second for n in ran],
        mode="markers",
        name="operators",
        marker={
            "color": [colours.get(n.op, ACCENT) for n in ran],
            "size": [8 + 60 * n.share**0.5 / 2 for n in ran],
            "opacity": 0.75,
        },
        hovertext=[
            f"{n.op}: {n.gflops_per_second:.3g} GFLOP/s, {percent(n.share)} of time" for n in ran
        ],
        hoverinfo="text",
    )
    laid(figure, "FLOP per byte moved (arithmetic intensity)", "GFLOP/s", 360)
    return figure.update_xaxes(LOG_AXIS).update_yaxes(LOG_AXIS)


def measure_roof() -> dict[str, float]:
    """The child's side: the best rate of a matrix product and of reading memory, one thread."""
    import os

    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    rng = np.random.default_rng(0)
    a, b = rng.random((2, _SIDE, _SIDE), np.float32)
    stream = np.ones(_STREAM_BYTES // 4, np.float32)
    return {
        "gflops": 2 * _SIDE**3 / _best(lambda: a @ b) / 1e9,
        "gbytes": _STREAM_BYTES / _best(lambda: stream.max()) / 1e9,
    }


def _best(work: Callable[[], object]) -> float:
    times = []
    for _ in range(_REPEATS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)
