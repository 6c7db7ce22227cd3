"""An explanation as text for a terminal."""

from collections.abc import Iterator, Sequence

from optim.explaining.profile import TOO_LONG
from optim.findings import percent
from optim.showing.text import SHORT_MS, milliseconds, spanned, times
from optim.why.explanation import Why
from optim.why.finding import Finding
from optim.why.saying import signed
from optim.why.waterfall import Bar, Waterfall

_MOST_BARS = 8
_CELLS = 24
NOTES = "Good to know, and nothing to mend here"


def told(found: Why) -> str:
    """Waterfall, what changed, findings: a screenful."""
    return "\n".join(_lines(found))


def _lines(found: Why) -> Iterator[str]:
    yield f"Why {found.recipe}"
    yield f"{headline(found)}\n"
    flow = found.waterfall
    yield from _parts(flow) if found.is_original else _waterfall(flow)
    if doubted := doubt(found.profiled_ms, (flow.before_ms, flow.after_ms)):
        yield f"  {doubted}"
    if found.changes:
        yield "\nWhat the recipe changed"
        yield from (f"  {line}" for line in found.changes)
    yield f"\n{title_of_findings(found)}"
    for number, finding in enumerate(found.findings, 1):
        if finding.note and not (number > 1 and found.findings[number - 2].note):
            yield f"\n{NOTES}"
        yield from _finding(number, finding)


def title_of_findings(found: Why) -> str:
    """What heads the findings, and what is said where there are none."""
    if any(not one.note for one in found.findings):
        return "What did not go as hoped"
    if not found.is_original and found.speedup.high < 1:
        return "It is slower, and none of the causes looked for was found"
    return "Nothing went worse than hoped"


def headline(found: Why) -> str:
    """How fast it is now, what that comes from most, and how much was found."""
    flow = found.waterfall
    said = [_of_the_original(flow) if found.is_original else _of_a_change(found)]
    costly = sum(one.concerns == "time" and not one.note for one in found.findings)
    said.append(f"Causes found that cost time: {costly or 'none'}.")
    return " ".join(said)


def doubt(profiled_ms: Sequence[float], run_ms: Sequence[float]) -> str:
    """What to think of profiles that add up to far more than the runs, or of runs that are as short
    as the steps of the profilers' clocks; empty where there is nothing to think of.

    Args:
        profiled_ms: what nodes add up to, of each side; run_ms: the measured run.
    """
    far = [pair for pair in zip(profiled_ms, run_ms, strict=True) if pair[0] > TOO_LONG * pair[1]]
    if not far and max(run_ms) < SHORT_MS:
        return (
            f"Profilers write whole microseconds for each node: of a run of "
            f"{milliseconds(max(run_ms))} the shares say little, the measured figures say more."
        )
    if not far:
        return ""
    nodes, run = (milliseconds(ms) for ms in max(far))
    return (
        f"The profiled nodes add up to {nodes}, but a run takes {run}: the machine was busy, or "
        "profiling slows these nodes down. Shares and estimated costs may be far off; measured "
        "ones are not."
    )


def _of_the_original(flow: Waterfall) -> str:
    most = flow.parts[0]
    return (
        f"The original as it comes takes {milliseconds(flow.after_ms)} a run, "
        f"{milliseconds(most.after_ms)} of it {most.op}."
    )


def _of_a_change(found: Why) -> str:
    flow = found.waterfall
    both = f"{milliseconds(flow.before_ms)} before, {milliseconds(flow.after_ms)} after"
    most = flow.bars[0]
    way = "saves" if most.change_ms.value < 0 else "costs"
    told = f"{most.op}, which {way} {_size(most)} a run."
    if found.speedup.low <= 1 <= found.speedup.high:
        said = f", so no difference is shown. Most changed {told}"
    elif (found.speedup.value > 1) == (way == "saves"):
        said = f". Most of that is {told}"
    else:
        said = f". Most changed {told}"
    return f"{both}: {spanned(found.speedup, times)}{said}"


def _size(bar: Bar) -> str:
    return milliseconds(abs(bar.change_ms.value))


def _parts(found: Waterfall) -> Iterator[str]:
    yield "Where the time goes"
    name = max(len(bar.op) for bar in found.parts)
    for bar in found.parts[:_MOST_BARS]:
        share = bar.after_ms / found.after_ms
        cells = "=" * round(_CELLS * share)
        took = f"{milliseconds(bar.after_ms):<12}{percent(share):>6}"
        yield f"  {bar.op:<{name}}  {took}  {cells}".rstrip()


def _waterfall(found: Waterfall) -> Iterator[str]:
    yield "Where the time went"
    shown = found.bars[:_MOST_BARS]
    widest = max((abs(bar.change_ms.value) for bar in shown), default=0.0) or 1.0
    name = max((len(bar.op) for bar in shown), default=0)
    for bar in shown:
        yield f"  {bar.op:<{name}}  {_change(bar):<44}{_cells(bar, widest)}"
    if rest := found.bars[_MOST_BARS:]:
        kinds = f"{len(rest)} more operator{'s' * (len(rest) > 1)}"
        yield f"  and {kinds}: {signed(sum(bar.change_ms.value for bar in rest))}"


def _change(bar: Bar) -> str:
    low, high = signed(bar.change_ms.low), signed(bar.change_ms.high)
    return f"{signed(bar.change_ms.value)} ({low} to {high})"


def _cells(bar: Bar, widest: float) -> str:
    return ("+" if bar.change_ms.value > 0 else "-") * round(
        _CELLS * abs(bar.change_ms.value) / widest
    )


def cost(finding: Finding) -> str:
    """What a finding costs, and how that is known; empty where it costs no time."""
    if finding.cost_ms is None:
        return ""
    if finding.measured and finding.cost_ci:
        low, high = finding.cost_ci
        if low <= 0 <= high:
            return f"no cost shown here ({signed(low)} to {signed(high)} a run, measured)"
        if high < 0:
            return (
                f"what was tried to mend it takes {milliseconds(-finding.cost_ms)} a run longer "
                f"({milliseconds(-high)} to {milliseconds(-low)}, measured)"
            )
        return (
            f"costs {milliseconds(finding.cost_ms)} a run ({milliseconds(low)} to "
            f"{milliseconds(high)}, measured)"
        )
    return f"costs about {milliseconds(finding.cost_ms)} a run (estimate)"


def _finding(number: int, finding: Finding) -> Iterator[str]:
    about = cost(finding) or f"concerns {finding.concerns}"
    yield f"\n{number}. {finding.code}: {about}"
    yield f"   {finding.text}"
    if finding.advice:
        yield f"   {finding.advice}"
    if finding.recipe:
        yield f"   Try: --recipe '{finding.recipe}'"
