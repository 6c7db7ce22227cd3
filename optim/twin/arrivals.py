"""When requests come: at random, in bursts, or as they were recorded. Seconds, ascending."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from optim.errors import InputError

Times = NDArray[np.float64]
_MOST_BYTES = 200 << 20


def poisson(rate: float, count: int, rng: np.random.Generator) -> Times:
    """So many requests at this rate a second, each independent of the others."""
    return np.cumsum(rng.exponential(1 / rate, count))


def bursty(
    rate: float, count: int, rng: np.random.Generator, factor: float = 3.0, burst_s: float = 0.2
) -> Times:
    """The same mean rate in bursts: a Markov-modulated Poisson process of two states.

    Bursts last `burst_s` on average, a fifth of the time, and have `factor` (below 5) times the
    mean rate.
    """
    share = 0.2
    calm = (1 - share * factor) / (1 - share)
    if not factor >= 1 or calm <= 0:
        raise InputError(
            f"A burst of {factor:g} times the rate cannot be.", "From 1 to below 5.", "twin"
        )
    begun, came, found = 0.0, 0, list[Times]()
    while came < count:
        for state, mean in ((calm, burst_s * (1 - share) / share), (factor, burst_s)):
            length = rng.exponential(mean)
            number = rng.poisson(rate * state * length)
            found.append(np.sort(begun + rng.uniform(0, length, number)))
            begun, came = begun + length, came + number
    return np.concatenate(found)[:count]


def recorded(path: Path) -> Times:
    """Times of a file: one number of seconds a line, in any order. Raises InputError."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError("it is too large")
        times = np.sort(np.loadtxt(path, dtype=np.float64, ndmin=1, comments="#"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path} is no list of arrival times ({error}).",
            "One number of seconds a line.",
            "twin",
        ) from None
    if len(times) < 2 or not np.isfinite(times).all():
        raise InputError(f"{path} has fewer than two arrivals.", "Record more.", "twin")
    found: Times = times - times[0]
    return found


def at_rate(times: Times, rate: float) -> Times:
    """The same pattern, stretched or pressed to another mean rate."""
    scaled: Times = times * ((len(times) - 1) / (times[-1] - times[0]) / rate)
    return scaled
