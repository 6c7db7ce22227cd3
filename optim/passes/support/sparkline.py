"""A curve as one word, for a line of text."""

from collections.abc import Sequence

import numpy as np

_BARS = "▁▂▃▄▅▆▇█"
_TINY = 1e-12


def sparkline(values: Sequence[float]) -> str:
    """A bar for each value, from the lowest to the highest of them on a logarithmic scale; what is
    no finite number is as high as they get."""
    logs = np.log(np.maximum(np.asarray(values, np.float64), _TINY))
    known = logs[np.isfinite(logs)]
    if not known.size:
        return _BARS[-1] * len(logs)
    span = float(np.ptp(known)) or 1.0
    places = np.where(np.isfinite(logs), (logs - known.min()) / span, 1.0)
    return "".join(_BARS[round(place * (len(_BARS) - 1))] for place in places)
