"""8-bit products that overflow 16-bit sums on CPUs without VNNI: answers move."""

from collections.abc import Iterator

from optim.explaining.executed import INT8
from optim.judging.saturation import SATURATED
from optim.why.evidence import Evidence
from optim.why.finding import Finding
from optim.why.mending import changed
from optim.why.saying import does, named, percent

_NOISE = 0.005  # of a layer's power: more than rounding to bytes adds
_PASSES = ("static_int8", "dynamic_int8")


def find(seen: Evidence) -> Iterator[Finding]:
    """What was found when the trial was judged; where this CPU is exact, a warning for others."""
    for caution in seen.trial.warnings:
        if caution.code == SATURATED:
            yield Finding(
                concerns="quality", text=caution.text, advice=_ADVICE, recipe=_mended(seen)
            )
            return
    full = [name for name in _PASSES if _of_eight_bits(seen, name)]
    if full:
        yield Finding(
            concerns="trust",
            note=True,
            text="Weights keep all 8 bits (reduce_range=off). This machine multiplies such bytes "
            "exactly; CPUs with AVX2 or AVX-512 but without VNNI saturate sums of two products, "
            "and the quality shown here does not hold there.",
            advice="For such CPUs use reduce_range=on, or measure the quality there.",
            recipe=changed(seen.recipe, full[0], reduce_range="on"),
        )
    elif brought := _brought(seen):
        yield Finding(
            concerns="trust",
            note=True,
            nodes=brought,
            text="The model was brought with weights of all 8 bits. This machine multiplies such "
            "bytes exactly; CPUs with AVX2 or AVX-512 but without VNNI saturate sums of two "
            f"products, which on these samples adds noise of up to {_worst(seen, brought)} to "
            f"what {named(brought)} {does(brought, 'give')}: the quality shown here may not hold "
            "there.",
            advice="For such CPUs quantize again with reduce_range, or measure the quality there.",
        )


def _brought(seen: Evidence) -> tuple[str, ...]:
    """The original's products that the engine runs in bytes and whose sums would saturate."""
    noises = seen.observed.overflows
    floats = {work.name for work in seen.executed if work.multiplies and work.precision != INT8}
    rows = [row for row in seen.before.analysis.nodes if row.writes and row.name not in floats]
    loud = [row for row in rows if noises.get(row.writes[0], 0.0) > _NOISE]
    return tuple(row.name for row in sorted(loud, key=lambda row: -noises[row.writes[0]]))


def _worst(seen: Evidence, names: tuple[str, ...]) -> str:
    rows = (row for row in seen.before.analysis.nodes if row.name in names)
    return percent(max(seen.observed.overflows[row.writes[0]] for row in rows))


_ADVICE = "Weights of 7 bits cannot overflow: reduce_range=on."


def _mended(seen: Evidence) -> str:
    return next((changed(seen.recipe, n, reduce_range="on") for n in _PASSES if seen.part(n)), "")


def _of_eight_bits(seen: Evidence, name: str) -> bool:
    part = seen.part(name)
    return part is not None and getattr(part, "reduce_range", "") == "off"
