"""What was probed of a machine, in sentences, tables and one picture."""

import math
from collections.abc import Iterator, Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from optim.findings import Interval
from optim.part import Kind
from optim.probing import Probe, Row
from optim.probing.values import LATE
from optim.runtimes.base import all_runtimes
from optim.showing import text
from optim.showing.chart import ACCENT, GREY

PRECISIONS = {
    "fp32": GREY,
    "bf16": "#5d8f58",
    "fp16": "#9b6fae",
    "u8s8": ACCENT,
    "dynamic": "#3fa796",
    "s8s8": "#c98a2b",
    "u8u8": "#b5574f",
}
"""Every precision with its colour, a middle tone for light and dark."""
_MEANT = {"u8s8": "int8 (u8s8)", "dynamic": "dynamic int8", "s8s8": "s8s8", "u8u8": "u8u8"}
KIND_TITLES: dict[Kind, str] = {
    "conv": "convolutions",
    "depthwise": "depthwise",
    "matmul": "matrix products",
    "recurrent": "LSTM",
}
_TICKS = {-4: "1/16×", -3: "1/8×", -2: "1/4×", -1: "1/2×", 0: "1×", 1: "2×", 2: "4×", 3: "8×"}
_TICKS |= {4: "16×", 5: "32×"}


def runtimes_of(probe: Probe) -> list[str]:
    """The runtimes that were probed, by name."""
    return list(probe.overflows)


def gains_table(probe: Probe) -> list[list[str]]:
    """What each precision brings: a header, then a row for each runtime and kind of arithmetic."""
    rows = [["runtime", "speed against fp32", *PRECISIONS]]
    for runtime in runtimes_of(probe):
        for kind, title in KIND_TITLES.items():
            gains = [probe.gain(runtime, precision, kind) for precision in PRECISIONS]
            rows.append([_title(runtime), title, *(_times(gain) for gain in gains)])
    return rows


def rates_table(probe: Probe) -> list[list[str]]:
    """Every operation at every size: a header, then rows with the median rate in each precision."""
    rows = [["runtime", "operation", "size", "cores", *PRECISIONS, "unit"]]
    found: dict[tuple[str, str, str, int, str], dict[str, Row]] = {}
    for row in probe.rows:
        place = (row.runtime, row.operation, row.size, row.threads, row.unit)
        found.setdefault(place, {})[row.precision] = row
    for (runtime, operation, size, threads, unit), by_precision in found.items():
        rates = [_rate(by_precision.get(precision)) for precision in PRECISIONS]
        rows.append([_title(runtime), operation, size, str(threads), *rates, unit])
    return rows


def facts(probe: Probe) -> list[str]:
    """Sentences on the machine beside what the precisions bring."""
    return [*_on_overflow(probe), *_on_runs(probe), *_on_what_lacks(probe)]


def versions(probe: Probe) -> str:
    """Which engines were probed."""
    installed = {name: found for name, found in probe.versions.items() if found != "not installed"}
    return ", ".join(f"{name} {found}" for name, found in installed.items())


def _on_overflow(probe: Probe) -> Iterator[str]:
    exact = [_title(name) for name, wrong in probe.overflows.items() if not wrong]
    if exact:
        yield f"Products of bytes are exact in {' and '.join(exact)}: weights may use all 8 bits."
    for name, wrong in probe.overflows.items():
        if wrong:
            yield (
                f"Products of bytes overflow in {_title(name)} ({', '.join(wrong)}): "
                "int8 passes give weights 7 bits there."
            )


def _on_runs(probe: Probe) -> Iterator[str]:
    for name in runtimes_of(probe):
        said = []
        if empty := probe.dispatch_us(name):
            said.append(f"a run with nothing in it takes {text.milliseconds(empty / 1e3)}")
        if gain := probe.threads_gain(name):
            said.append(f"{_of_cores(probe.cores, gain)} in fp32")
        if rate := _memory(probe, name):
            said.append(f"weights are read at {rate:.0f} GB/s")
        if said:
            yield f"{_title(name)}: {'; '.join(said)}."


def _of_cores(cores: int, gain: Interval) -> str:
    """What they bring; an interval that holds 1 shows neither."""
    said = text.spanned(gain, text.times)
    if gain.low <= 1 <= gain.high:
        return f"{cores} cores are not shown to differ from one, at {said},"
    return f"{cores} cores bring {said} over one"


def _memory(probe: Probe, runtime: str) -> float | None:
    for row in probe.rows:
        if (row.runtime, row.operation) == (runtime, "memory") and row.quartiles:
            return row.quartiles[1]
    return None


def _on_what_lacks(probe: Probe) -> Iterator[str]:
    """One sentence for each runtime and precision, and one for all that was not reached."""
    yield from (f"{part} could not be probed. {why}" for part, why in probe.failed.items())
    lacking: dict[tuple[str, str], Row] = {}
    for row in probe.rows:
        if row.lacks and row.lacks != LATE:
            lacking.setdefault((row.runtime, row.precision), row)
    for (runtime, precision), row in lacking.items():
        yield f"{_title(runtime)}, {precision}, {row.operation}: {row.lacks}"
    if late := sum(row.lacks == LATE for row in probe.rows):
        yield (
            f"{late} of {len(probe.rows)} figures were not reached in time, since the machine "
            "was busy: probe again when it is quieter."
        )


def gains_chart(probe: Probe) -> go.Figure:
    """What each precision brings on each runtime: speed against fp32 on ONNX Runtime, log scale.

    Bars up are faster, bars down slower; whiskers are 95 % intervals. Where there is no bar the
    runtime has no such kernel.
    """
    names = runtimes_of(probe)
    figure = make_subplots(
        1, len(names), shared_yaxes=True, subplot_titles=[*map(_title, names)],
        horizontal_spacing=0.03,
    )  # fmt: skip
    reached, told = [-1.0, 1.0], set[str]()
    for column, runtime in enumerate(names, 1):
        for precision, colour in PRECISIONS.items():
            found = {kind: probe.gain(runtime, precision, kind) for kind in KIND_TITLES}
            gains = {KIND_TITLES[kind]: gain for kind, gain in found.items() if gain}
            reached += [math.log2(gain.value) for gain in gains.values()]
            figure.add_trace(_bars(precision, colour, gains, precision not in told), 1, column)
            told |= {precision} if gains else set()
    low, high = math.floor(min(reached)), math.ceil(max(reached))
    figure.update_layout(
        barmode="group",
        bargap=0.2,
        height=390,
        margin={"l": 10, "r": 10, "t": 34, "b": 10},
        legend={"orientation": "h", "y": -0.1, "yanchor": "top", "x": 0},
    )
    figure.update_yaxes(
        range=[low - 0.1, high + 0.1],
        tickvals=[tick for tick in _TICKS if low <= tick <= high],
        ticktext=[name for tick, name in _TICKS.items() if low <= tick <= high],
        zeroline=True,
        zerolinewidth=2,
    )
    figure.update_xaxes(categoryorder="array", categoryarray=[*KIND_TITLES.values()])
    figure.update_yaxes(title="speed against fp32 on ONNX Runtime", col=1)
    return figure


def _bars(precision: str, colour: str, gains: dict[str, Interval], in_legend: bool) -> go.Bar:
    logs = {kind: _logs(gain) for kind, gain in gains.items()}
    name = _MEANT.get(precision, precision)
    return go.Bar(
        name=name,
        x=[*logs],
        y=[value for value, _, _ in logs.values()],
        error_y={
            "array": [high - value for value, _, high in logs.values()],
            "arrayminus": [value - low for value, low, _ in logs.values()],
            "thickness": 1,
            "width": 2,
            "color": GREY,
        },
        marker={"color": colour},
        legendgroup=precision,
        showlegend=in_legend,
        customdata=[text.spanned(gain, text.times) for gain in gains.values()],
        hovertemplate="%{x}: %{customdata}<extra>" + name + "</extra>",
    )


def _logs(gain: Interval) -> Sequence[float]:
    return [math.log2(value) for value in (gain.value, gain.low, gain.high)]


def _title(runtime: str) -> str:
    known = all_runtimes()
    return known[runtime].title if runtime in known else runtime


def _times(gain: Interval | None) -> str:
    return text.times(gain.value) if gain else "-"


def _rate(row: Row | None) -> str:
    return f"{row.quartiles[1]:,.3g}" if row and row.quartiles else "-"
