"""8-bit rounding while training, so that the weights learn to live with it (quantization-aware).

Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
Inference", 2018. Gradients pass through the rounding as if it were not there.
"""

from typing import Any

_KEPT = 0.98  # of a running range, at each batch


class Fake8Bit:
    """Rounds what a product reads as static 8-bit quantization does: its input to 256 steps over a
    running range, its weight to steps of its own for each output channel.

    Args:
        bits: of the weights.
        axes: the axis of output channels of each product's weight, by the node's name.
    """

    def __init__(self, bits: int, axes: dict[str, int]) -> None:
        self._most = 2 ** (bits - 1) - 1
        self._axes = axes
        self._ranges: dict[str, tuple[Any, Any]] = {}
        self.watching = True

    def __call__(self, node: str, x: Any, weight: Any) -> tuple[Any, Any]:
        """The input and the weight, rounded, of a node among those that are."""
        if node not in self._axes:
            return x, weight
        return self._input(node, x), self._weight(weight, self._axes[node])

    def _weight(self, weight: Any, axis: int) -> Any:
        others = tuple(at for at in range(weight.ndim) if at != axis)
        scale = weight.detach().abs().amax(others, keepdim=True).clamp_min(1e-12) / self._most
        return _through(weight, (weight / scale).round() * scale)

    def _input(self, node: str, x: Any) -> Any:
        low, high = x.detach().min().clamp_max(0), x.detach().max().clamp_min(0)
        if node in self._ranges:
            old_low, old_high = self._ranges[node]
            if self.watching:
                low = _KEPT * old_low + (1 - _KEPT) * low
                high = _KEPT * old_high + (1 - _KEPT) * high
            else:
                low, high = old_low, old_high
        self._ranges[node] = (low, high)
        scale = (high - low).clamp_min(1e-12) / 255
        zero = (low / scale).round()
        return _through(x, (x / scale).round().clamp(zero, zero + 255) * scale)


def _through(value: Any, rounded: Any) -> Any:
    return value + (rounded - value).detach()
