"""Figures drawn on a graph's nodes: what an overlay is, its scale, its legend.

Scales are those of ColorBrewer and of Okabe and Ito, told apart by the colour-blind too.
"""

import importlib
import pkgutil
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Literal, Protocol

from optim.explaining.profile import ProfiledNode, heaviest
from optim.graph import Weight
from optim.graph.values import NodeRow
from optim.targets.estimate import Bound

Need = Literal["", "profile", "errors", "weights", "bounds", "match"]
"""What an overlay reads beyond the graph; empty: nothing."""
Value = float | str
GREY = "#9aa5b1"
HEAT = ("#ffffe5", "#fee391", "#fe9929", "#cc4c02", "#662506")
"""ColorBrewer's YlOrBr: the more, the darker."""
COLD = ("#fff7fb", "#d0d1e6", "#74a9cf", "#0570b0", "#023858")
"""ColorBrewer's PuBu."""


class Errored(Protocol):
    """The error of one tensor of the original: `optim.why.layers.TensorError` is one."""

    @property
    def node(self) -> str: ...
    @property
    def sqnr_db(self) -> float | None: ...


@dataclass(frozen=True)
class Facts:
    """What is known of the nodes of one graph."""

    nodes: Sequence[NodeRow]
    profile: Sequence[ProfiledNode] = ()
    errors: Sequence[Errored] = ()
    weights: Mapping[str, Weight] = field(default_factory=dict)
    bounds: Mapping[str, Bound] = field(default_factory=dict)
    match: Mapping[str, str] = field(default_factory=dict)
    """Node -> its change against the other graph."""
    ids: Mapping[str, str] = field(default_factory=dict)
    """Ids in the picture of nodes that have another one than their name."""


@dataclass(frozen=True)
class Ramp:
    """A scale of numbers: colours over values, low ones spread by `power`.

    `least` and `most` bound it where they are given, else the values do.
    """

    show: Callable[[float], str]
    colors: Sequence[str] = HEAT
    power: float = 0.5
    least: float | None = 0.0
    most: float | None = None
    adds_up: bool = True
    """Whether the values of several nodes have a sum that means something."""

    def ends(self, values: Iterable[Value]) -> tuple[float, float]:
        """The lowest and the highest value of the scale."""
        found = [float(value) for value in values]
        low = min(found, default=0.0) if self.least is None else self.least
        high = max(found, default=1.0) if self.most is None else self.most
        return low, max(high, low + 1e-12)

    def color(self, value: float, ends: tuple[float, float]) -> str:
        """The colour of a value."""
        low, high = ends
        place = min(1.0, max(0.0, (value - low) / (high - low))) ** self.power
        scaled = place * (len(self.colors) - 1)
        index = min(int(scaled), len(self.colors) - 2)
        return _between(self.colors[index], self.colors[index + 1], scaled - index)

    def tick(self, place: float, ends: tuple[float, float]) -> str:
        """The value at a place of the scale, 0 to 1, in words."""
        low, high = ends
        return self.show(low + place ** (1 / self.power) * (high - low))


@dataclass(frozen=True)
class Classes:
    """A scale of words, each with its colour; others are grey."""

    colors: Mapping[str, str]


@dataclass(frozen=True)
class Overlay:
    """One figure of every node. A file in `overlays/` holds one as `OVERLAY`.

    `values` are by node; a node without one is not coloured. Those of lowest `rank` come first.
    """

    name: str
    title: str
    about: str
    """A sentence: what it is, and whether it was measured."""
    rank: int
    values: Callable[[Facts], Mapping[str, Value]]
    scale: Ramp | Classes
    needs: Need = ""


@cache
def all_overlays() -> dict[str, Overlay]:
    """Every overlay by name, in the order in which they are offered."""
    package = importlib.import_module("optim.showing.overlays")
    names = [info.name for info in pkgutil.iter_modules(package.__path__)]
    found = [importlib.import_module(f"{package.__name__}.{name}").OVERLAY for name in names]
    return {overlay.name: overlay for overlay in sorted(found, key=lambda one: one.rank)}


def on_heaviest(
    profile: Iterable[ProfiledNode], value: Callable[[ProfiledNode], float]
) -> dict[str, float]:
    """A measured value by node; what runs fused has it on the heaviest of its nodes."""
    found: dict[str, float] = {}
    for node in profile:
        name = heaviest(node.rows).name if node.rows else node.name
        found[name] = found.get(name, 0.0) + value(node)
    return found


@dataclass(frozen=True)
class Laid:
    """An overlay laid on graphs: node data as the viewer reads it, and the legend."""

    node_data: Mapping[str, Any]
    legend: Mapping[str, Any]


def lay(overlay: Overlay, graphs: Mapping[str, Facts], dark: bool = False) -> Laid:
    """The overlay on graphs by their ids, all on one scale.

    Args:
        dark: whether the page is: what is darkest on a light page would not be seen on it.
    """
    if dark and isinstance(overlay.scale, Ramp):
        overlay = replace(overlay, scale=replace(overlay.scale, colors=overlay.scale.colors[::-1]))
    values = {name: overlay.values(facts) for name, facts in graphs.items()}
    every = [value for found in values.values() for value in found.values()]
    color = _coloring(overlay.scale, every)
    data = {}
    for name, facts in graphs.items():
        results = {
            facts.ids.get(node, node): _result(value, color(value))
            for node, value in values[name].items()
        }
        data[name] = {"name": overlay.title, "results": results, **_statistics(overlay.scale)}
    return Laid(data, {"title": overlay.title, "about": overlay.about, **_legend(overlay, every)})


def unmeasured(overlay: Overlay) -> Overlay:
    """What stands for it until it is measured: no node has a colour, not even another figure's."""
    return replace(
        overlay,
        title=f"{overlay.title}, not measured yet",
        about="Not measured yet: no node has a colour.",
        values=lambda _: {},
        scale=Classes({}),
        needs="",
    )


def _statistics(scale: Ramp | Classes) -> dict[str, bool]:
    """What the viewer tells of the nodes of a module. Of all nodes the legend tells enough."""
    found = {"hideInAggregatedStatsTable": True}
    if isinstance(scale, Classes):
        shown = ("showExpandedSummaryOnGroupNode", "showLabelCountColumnsInChildrenStatsTable")
        return found | dict.fromkeys(shown, True)
    return found if scale.adds_up else found | {"hideInChildrenStatsTable": True}


def _result(value: Value, color: str) -> dict[str, Value]:
    shown = value if isinstance(value, str) else round(value, 4)
    return {"value": shown, "bgColor": color, "textColor": _ink(color)}


def _ink(color: str) -> str:
    """Black or white, whichever has more contrast to a colour (WCAG 2.1, relative luminance)."""
    shares = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in shares]
    luminance = sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
    return "#000000" if (luminance + 0.05) ** 2 > 1.05 * 0.05 else "#ffffff"


def _coloring(scale: Ramp | Classes, every: Sequence[Value]) -> Callable[[Value], str]:
    if isinstance(scale, Classes):
        colors = scale.colors
        return lambda value: colors.get(str(value), GREY)
    ends = scale.ends(every)
    return lambda value: scale.color(float(value), ends)


def _legend(overlay: Overlay, every: Sequence[Value]) -> dict[str, Any]:
    scale = overlay.scale
    if isinstance(scale, Classes):
        counts = Counter(map(str, every))
        order = [name for name in scale.colors if name in counts]
        order += sorted(counts.keys() - scale.colors.keys())
        entries = [
            {"color": scale.colors.get(name, GREY), "text": f"{name} {counts[name]:,}"}
            for name in order
        ]
        return {"entries": entries}
    ends = scale.ends(every)
    ticks = [scale.tick(place, ends) for place in (0, 0.5, 1)] if every else []
    return {"ramp": list(scale.colors), "ticks": ticks}


def _between(one: str, two: str, share: float) -> str:
    ends = [[int(color[at : at + 2], 16) for at in (1, 3, 5)] for color in (one, two)]
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in zip(*ends, strict=True))
