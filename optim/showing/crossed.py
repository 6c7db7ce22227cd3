"""Where times and paired ratios order two trials the other way round: that is said.

Times are as the machine was when each was taken; ratios are paired with the original beside it, so
they hold on a machine that was busier at one time than at another.
"""

from collections.abc import Sequence

from optim.showing import text
from optim.studies.choice import front_of
from optim.studies.picking import Facts, known_on
from optim.studies.trial import Trial

APART = 1.1
"""From this factor on the original's times beside two trials are told apart."""

_Known = tuple[int, Facts]


def crossed(trials: Sequence[Trial]) -> str:
    """A sentence on the two that are farthest off, one on the front or the original; else empty."""
    named = front_of(trials) | {trial.number for trial in trials if trial.runs_the_original}
    groups = [list(known_on(trials, target).items()) for target in {t.target for t in trials}]
    pairs = [
        (left, right)
        for known in groups
        for one in known
        if one[0] in named
        for other in known
        for left, right in [sorted((one, other), key=_time)]
        if _is_crossed(left[1], right[1])
    ]
    if not pairs:
        return ""
    left, right = max(pairs, key=lambda pair: apart(pair[0][1], pair[1][1]))
    names = {t.number: "the original" if t.runs_the_original else f"#{t.number}" for t in trials}
    times = f"{text.milliseconds(_time(right))} and {text.milliseconds(_time(left))}"
    ratios = f"{text.times(right[1].gain.value)} and {text.times(left[1].gain.value)}"
    said = f"{names[right[0]]} stands right of {names[left[0]]} ({times})"
    return (
        f"{said[0].upper()}{said[1:]}, yet its ratio is larger ({ratios}): other work slowed the "
        "machine meanwhile. Across can be Speed-up."
    )


def apart(left: Facts, right: Facts) -> float:
    """How many times as long the original took beside the right one as beside the left one."""
    assert left.p50_ms and right.p50_ms
    return (right.p50_ms * right.gain.value) / (left.p50_ms * left.gain.value)


def _is_crossed(left: Facts, right: Facts) -> bool:
    return left.gain.value < right.gain.value and apart(left, right) > APART


def _time(one: _Known) -> float:
    return one[1].p50_ms or 0.0
