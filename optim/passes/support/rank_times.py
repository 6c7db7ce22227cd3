"""Ranks by what narrow products take on this machine, not by their arithmetic."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from optim.arrays import Feeds
from optim.passes.support.channel_times import profiled
from optim.passes.support.factors import NARROW

if TYPE_CHECKING:
    import onnx

_SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.65, 0.8, 1.0)  # of the largest rank that saves arithmetic
_RUNS = 20


def by_gain(
    split: Callable[[Mapping[str, int]], "onnx.ModelProto"],
    most: Mapping[str, int],
    feeds: Feeds,
    gain: float,
    multiple: int,
) -> dict[str, int]:
    """The highest rank tried at which a product's two are `gain` times as fast as it; 0: none is.

    Args:
        split: the model with each product of a rank in two, by name.
        most: the largest rank of each product that is worth a try.
        multiple: what ranks are multiples of.
    """
    whole, ranks = _times(split({}), feeds), dict.fromkeys(most, 0)
    for share in _SHARES:
        asked = {name: int(share * each) // multiple * multiple for name, each in most.items()}
        took = _times(split(asked), feeds)
        ranks |= {
            name: rank
            for name, rank in asked.items()
            if rank and name in took and took[name] * gain <= whole.get(name, 0.0)
        }
    return ranks


def _times(model: "onnx.ModelProto", feeds: Feeds) -> dict[str, float]:
    """Microseconds of each product or of its two halves, by ONNX Runtime's profiler."""
    times: dict[str, float] = defaultdict(float)
    for one in profiled(model, feeds, _RUNS):
        for name in {node.removesuffix(NARROW) for node in one.nodes}:
            times[name] += one.microseconds
    return dict(times)
