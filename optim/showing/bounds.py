"""What bounds an operator or a run: how it is called, and its colour and hatching in pictures."""

from typing import NamedTuple

from optim.targets.estimate import Bound


class Look(NamedTuple):
    """Colours differ in lightness as well as in hue; hatching and symbol are a second cue."""

    said: str
    colour: str
    hatching: str
    symbol: str


BOUNDS: dict[Bound, Look] = {
    "compute": Look("arithmetic (compute)", "#d55e00", "", "circle"),
    "memory": Look("moving bytes (memory)", "#3a97d0", "/", "diamond"),
    "dispatch": Look("starting operators (dispatch)", "#8593a3", ".", "cross"),
}
