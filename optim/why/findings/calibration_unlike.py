"""Calibration inputs unlike the validation inputs: the ranges are those of other data."""

import math
from collections.abc import Iterator

from optim.names import legible
from optim.why.evidence import Evidence
from optim.why.finding import Finding
from optim.why.input_seen import InputSeen
from optim.why.saying import percent

_APART = 1.0  # standard deviations of a sample's mean
_CHANCE = 5.0  # standard errors
_OUTSIDE = 0.02
_TIMES = 2.0  # as far, or half as far: one bit of eight is lost, or what lies outside is


def find(seen: Evidence) -> Iterator[Finding]:
    """Inputs whose two splits lie apart, where a pass calibrates."""
    if not any(one.needs_calibration for one in seen.recipe.passes) or seen.evalset.synthetic:
        return
    counts = (seen.evalset.calibration_count, seen.evalset.validation_count)
    error = sum(1 / max(1, min(256, count)) for count in counts) ** 0.5
    limit = max(_APART, _CHANCE * error)
    for name, one in seen.observed.inputs.items():
        scaled = one.spread >= limit and abs(math.log(one.times)) >= math.log(_TIMES)
        if one.apart < limit and one.outside < _OUTSIDE and not scaled:
            continue
        yield Finding(
            concerns="quality",
            nodes=(name,),
            text=f"The calibration samples of {legible(name)} are unlike those that are judged: "
            f"{_what(seen, one)} lie {min(one.apart, 999):.3g} standard deviations apart, "
            f"{_reach(one) if scaled else ''}and {percent(one.outside)} of the "
            "validation numbers lie outside the range that was calibrated. Ranges measured on "
            "them do not fit.",
            advice="Calibrate on samples like those of production: split one data set at random.",
        )


def _reach(one: InputSeen) -> str:
    return f"their numbers reach {one.times:.3g} times as far, "


def _what(seen: Evidence, one: InputSeen) -> str:
    if one.feature is None:
        return "their means"
    names = seen.evalset.features if len(seen.original.inputs) == 1 else ()
    name = (
        names[one.feature] if one.feature < len(names) else f"{one.part} {one.feature + 1} of each"
    )
    return f"the means of {legible(name)}"
