"""Names beside points: the original, the front and the chosen one, where there is room."""

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from itertools import islice, product
from typing import Any, NamedTuple

from optim.showing.chart.boxes import Box, Line, text_width
from optim.showing.chart.frame import Frame, place
from optim.showing.chart.marks import BAR, Mark

_LINE = 16.0  # pixels of a line at this size of type
_SIZE, _GAP, _POINT = 12, 11.0, 8.0
_FARTHER = (30.0, 50.0, 75.0)  # with a line to its point, for a name that is never left out
_MOST, _LEAST = 44, 30  # letters; the rest shows when pointed at
_TRIED = 24  # of hundreds on a front: more names than that nobody reads
_SIDES = ((1, 1), (-1, 1), (1, -1), (-1, -1), (1, 0), (-1, 0), (0, 1), (0, -1))
"""The corners first: beside, above and below a point its own bars strike the name through."""


def labels(
    marks: Sequence[Mark],
    frame: Frame,
    chosen: int | None,
    size: tuple[float, float],
    scale: float = 1.0,
    notes: Sequence[dict[str, Any]] = (),
    lines: Sequence[Line] = (),
) -> list[dict[str, Any]]:
    """Annotations for those that are named, most important first.

    Where a name has no room its number may have; else there is none, but the chosen one's and the
    original's stand farther away. A line is crossed rather than a name cut to its number, and none
    where there is another place.

    Args:
        size: width and height of the plot in pixels, about.
        scale: how much larger than usual names and points are.
        notes: what stands at the edges of zones already.
        lines: what better crosses no name, such as fronts and bars, in shares of the plot.
    """
    size = (size[0] / scale, size[1] / scale)
    shown = [mark for mark in marks if not mark.aside and _inside(mark, frame)]
    taken = [_around(*_pixels(mark, frame, size)) for mark in shown]
    taken += [_box_of(note, frame, size, scale) for note in notes if "xref" in note]
    drawn = [_scaled(line, size) for line in lines]
    found = []
    for mark in islice(_named(shown, chosen), _TRIED):
        bold = mark.number == chosen
        for way in _ways(mark, bold or mark.kind == "baseline"):
            wide = text_width(f"{way.text} ", _SIZE, bold)
            box = _beside(_pixels(mark, frame, size), way, wide)
            if box.within(*size, _LINE / 2) and _free(box, taken, drawn if way.clear else ()):
                taken.append(box)
                found.append(_annotation(way, mark, frame, bold, scale))
                break
    return found


def _free(box: Box, taken: Iterable[Box], lines: Iterable[Line]) -> bool:
    met = any(box.meets(other) for other in taken)
    return not met and not any(box.crossed(line) for line in lines)


def _scaled(line: Line, size: tuple[float, float]) -> Line:
    (x, y), (to_x, to_y) = line
    return (x * size[0], y * size[1]), (to_x * size[0], to_y * size[1])


def _named(marks: Iterable[Mark], chosen: int | None) -> Iterator[Mark]:
    def rank(mark: Mark) -> int:
        return [mark.number == chosen, mark.kind == "baseline", mark.on_front].index(True)

    wanted = [m for m in marks if m.number == chosen or m.kind == "baseline" or m.on_front]
    yield from sorted((m for m in wanted if m.short), key=lambda m: (rank(m), m.x.value))


def _inside(mark: Mark, frame: Frame) -> bool:
    return 0 <= frame.across(mark.x.value) <= 1 and 0 <= frame.up(mark.y.value) <= 1


def _pixels(mark: Mark, frame: Frame, size: tuple[float, float]) -> tuple[float, float]:
    return frame.across(mark.x.value) * size[0], frame.up(mark.y.value) * size[1]


def _around(x: float, y: float) -> Box:
    return Box(x - _POINT, y - _POINT, x + _POINT, y + _POINT)


def _box_of(note: dict[str, Any], frame: Frame, size: tuple[float, float], scale: float) -> Box:
    """Of a zone's name, which stands at the left or the right edge of the plot."""
    width = text_width(note["text"], note["font"]["size"] / scale)
    y = frame.up(note["y"]) * size[1]
    left = 0.0 if note["xanchor"] == "left" else size[0] - width
    low = y if note["yanchor"] == "bottom" else y - _LINE
    return Box(left, low, left + width, low + _LINE)


class _Way(NamedTuple):
    """What may be written, on which side, whether no line may cross it, how far off."""

    text: str
    side: tuple[int, int]
    clear: bool
    gap: float = _GAP


def _ways(mark: Mark, always: bool) -> Iterator[_Way]:
    """The best first: the name, or the beginning of it; its number where neither has room.

    Args:
        always: whether it is rather far from its point than left out.
    """
    names = [_begun(mark.short, most) for most in (_MOST, _LEAST)]
    for texts in (names, [mark.short.split()[0]]):
        for clear in (True, False):
            yield from (_Way(text, side, clear) for text, side in product(texts, _SIDES))
    for gap, side in product(_FARTHER if always else (), _SIDES):
        yield _Way(names[-1], side, False, gap)


def _begun(name: str, most: int) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"


def _beside(at: tuple[float, float], way: _Way, width: float) -> Box:
    (x, y), (across, up), gap = at, way.side, way.gap
    left = x + gap if across > 0 else x - gap - width if across < 0 else x - width / 2
    low = y - _LINE / 2 if up == 0 else y + gap if up > 0 else y - gap - _LINE
    return Box(left, low, left + width, low + _LINE)


def _annotation(way: _Way, mark: Mark, frame: Frame, bold: bool, scale: float) -> dict[str, Any]:
    text, (across, up) = escape(way.text), way.side
    shift = scale * across * way.gap, scale * up * way.gap
    if way.gap > _GAP:  # the text is at the tail of an arrow without a head
        tied = {"showarrow": True, "arrowhead": 0, "arrowwidth": 1, "arrowcolor": BAR}
        tied |= {"ax": shift[0], "ay": -shift[1], "standoff": scale * _POINT}
    else:
        tied = {"showarrow": False, "xshift": shift[0], "yshift": shift[1]}
    return {
        "x": place(mark.x.value, frame.log),
        "y": mark.y.value,
        "text": f"<b>{text}</b>" if bold else text,
        "xanchor": {1: "left", -1: "right", 0: "center"}[across],
        "yanchor": {1: "bottom", -1: "top", 0: "middle"}[up],
        "borderpad": 0,
        "font": {"size": scale * _SIZE},
        "name": "label",
        **tied,
    }
