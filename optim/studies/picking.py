"""The pick: what a goal chooses among trials, and where each of the others stands.

It never rests on a point estimate. Only what is shown to be faster than the original at equal
threads is picked: on the interval of its paired ratio, 95 % of it for all that were compared
together (Bonferroni: the best of many would else look faster by chance). And only where the loss
is within the limit: shown by its interval, or judged on every sample there is and at most the
limit, which the pick then says. Otherwise it is the original.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, hypot, log
from typing import Literal

from scipy.special import ndtri

from optim.findings import EVEN, Interval, percent
from optim.machine.environment import usable_cores
from optim.metrics.base import find_metric
from optim.recipe import Recipe
from optim.studies.goal import DEFAULT, Goal
from optim.studies.trial import Progress, Trial
from optim.targets import LOCAL
from optim.timing.measurement import Summary

Place = Literal[
    "picked",
    "slower pick",
    "not faster",
    "loses too much",
    "loss not known",
    "unsound",
    "over a limit",
]


CROWDED = 0.3
"""Share of the cores' time that others took, above which threads wait for each other by chance:
ratios of 20 were seen on a crowded machine, where 1.8 is true."""

_OUT_OF_REACH = 20
"""Nobody brings so many times the samples that they have."""


@dataclass(frozen=True)
class Facts:
    """What a pick looks at. `gain`: speed relative to the original on one thread, `alike`: to the
    original on as many threads, both paired ratios; `loss` as `Metric.loss` has it, None before it
    is judged; `whole`: judged on every sample there is; `sound`: the outputs are near the
    original's.
    """

    name: str
    threads: int
    is_original: bool
    gain: Interval
    alike: Interval
    loss: Interval | None
    samples: int = 0
    whole: bool = False
    sound: bool = True
    quality: float | None = None
    p50_ms: float | None = None
    size_mb: float | None = None
    memory_mb: float | None = None
    contention: float = 0.0
    in_points: bool = True
    """Whether a loss is one of points of a share; otherwise it is a share of an error."""


@dataclass(frozen=True)
class Standing:
    """Where one stands against a goal, and a sentence on why."""

    place: Place
    why: str = ""

    @property
    def eligible(self) -> bool:
        """Whether it may be picked."""
        return self.place == "picked"


def standing(one: Facts, goal: Goal, cores: int, compared: int = 1) -> Standing:
    """Whether it may be picked, and if not, the first reason against it.

    Args:
        cores: how many a run may use, where the goal does not say.
        compared: how many were timed to find the best of them.
    """
    if one.is_original and one.threads == 1:
        return Standing("picked", "The original.")
    return (
        _unsound(one)
        or _over_a_limit(one, goal, cores)
        or _too_lossy(one, goal)
        or not_faster(one, goal, compared)
        or Standing("picked", loss_shown(one, goal))
    )


def _unsound(one: Facts) -> Standing | None:
    if one.sound or one.is_original:
        return None
    return Standing("unsound", "Its outputs are far from the original's.")


def _over_a_limit(one: Facts, goal: Goal, cores: int) -> Standing | None:
    limits = [
        (one.threads, goal.cores or cores, "threads"),
        (one.p50_ms, goal.max_latency_ms, "ms a run"),
        (one.memory_mb, goal.max_memory_mb, "MB of memory"),
        (one.size_mb, goal.max_size_mb, "MB in its file"),
    ]
    for value, most, unit in limits:
        if value is not None and most is not None and value > most:
            return Standing("over a limit", f"{value:.3g} {unit}, above the limit of {most:g}.")
    if goal.min_quality is not None and one.quality is not None and one.quality < goal.min_quality:
        text = f"Its quality of {one.quality:.4g} is below the {goal.min_quality:g} asked for."
        return Standing("over a limit", text)
    return None


def _too_lossy(one: Facts, goal: Goal) -> Standing | None:
    if one.is_original:
        return None
    if one.loss is None:
        return Standing("loss not known", "It was not judged.")
    if one.loss.value > goal.max_loss:
        return Standing("loses too much", f"It loses {_size(one.loss.value, one)}.")
    if one.loss.high > goal.max_loss and not one.whole:
        return Standing("loss not known", f"{one.samples:,} samples do not show what it loses.")
    return None


def not_faster(one: Facts, goal: Goal, compared: int = 1) -> Standing | None:
    """What stands against its gain, whatever it loses; None where its gain is shown."""
    shown = _low_of_all(one.gain if one.is_original else one.alike, compared) > 1
    if goal.objective in ("size", "memory") and not one.is_original:
        shown = one.alike.high >= 1  # asked for is a smaller one that is not shown to be slower
    ratio = one.gain if one.is_original else one.alike
    if shown and one.threads > 1 and one.contention > CROWDED:
        text = (
            f"Other work took {percent(one.contention)} of its cores: threads cannot be told then."
        )
        return Standing("not faster", text)
    if shown:
        return None
    at = f" on {one.threads} threads each" if one.threads > 1 else ""
    return Standing("not faster", f"Not shown to be faster than the original{at}: {_x(ratio)}.")


def _low_of_all(ratio: Interval, compared: int) -> float:
    """The lower end where 95 % are for all intervals of so many together."""
    stretch = ndtri(1 - 0.025 / max(1, compared)) / ndtri(0.975)
    return float(ratio.value * (ratio.low / ratio.value) ** stretch)


def loss_shown(one: Facts, goal: Goal) -> str:
    """How sure it is that the loss is within the limit: one sentence."""
    if one.is_original or one.loss is None:
        return "Its quality is the original's own."
    limit = _size(goal.max_loss, one)
    if one.loss.high <= goal.max_loss:
        return f"At most {limit} lost, with 95 % confidence ({one.samples:,} samples)."
    wanted = samples_wanted(one.loss, one.samples, goal.max_loss)
    more = f": bring about {wanted:,}" if wanted else ""
    if wanted and wanted > _OUT_OF_REACH * one.samples:
        more = f": it takes {wanted:,}, or a larger loss allowed"
    return (
        f"{_size(max(0.0, one.loss.value), one)} lost on your {one.samples:,} samples, but that it "
        f"is at most {limit} could not be shown with so few{more}."
    )


def samples_wanted(loss: Interval, samples: int, limit: float) -> int | None:
    """About how many samples would show a loss of this size to be within the limit.

    The interval's upper half shrinks with the root of their number. None where no number would.
    """
    room, reach = limit - loss.value, loss.high - loss.value
    if room <= 0:
        return None
    exact = samples * (reach / room) ** 2
    step = 10 ** max(0, len(str(ceil(exact))) - 2)
    return int(ceil(exact / step) * step)


def pick(field: Iterable[Facts], goal: Goal, cores: int, compared: int = 1) -> Facts | None:
    """The best that may be picked; the original where nothing else may; None where it is missing.

    Among equals (their intervals overlap) the one with a loss that is shown, then fewer threads:
    what more threads bring must be shown, too (at 90 %: both are shown to be faster already).
    """
    eligible = [one for one in field if standing(one, goal, cores, compared).eligible]
    if not eligible:
        return None
    best = max(eligible, key=lambda one: (_worth(one, goal), one.name))
    if goal.objective in ("size", "memory"):
        return best
    tied = [one for one in eligible if _tied(one, best, goal)]
    return max(tied, key=lambda one: (_is_shown(one, goal), -one.threads, _worth(one, goal)))


def _is_shown(one: Facts, goal: Goal) -> bool:
    return one.is_original or (one.loss is not None and one.loss.high <= goal.max_loss)


def _tied(one: Facts, best: Facts, goal: Goal) -> bool:
    """Whether the difference is not shown, and on as many threads too small to matter, too."""
    if one.threads < best.threads:
        return not _shown_faster(best.gain, one.gain)
    near = _worth(one, goal) >= 0.97 * _worth(best, goal)
    return near and one.gain.high >= best.gain.low


def _shown_faster(one: Interval, other: Interval) -> bool:
    """Whether a ratio is larger than another, with 90 % confidence, were they independent."""
    half_widths = hypot(log(one.value / one.low), log(other.high / other.value))
    return bool(log(one.value / other.value) > half_widths * ndtri(0.9) / ndtri(0.975))


def _worth(one: Facts, goal: Goal) -> float:
    match goal.objective:
        case "latency":
            return one.gain.value
        case "throughput":
            return one.gain.value / one.threads
        case "size":
            return -(one.size_mb or float("inf"))
        case "memory":
            return -(one.memory_mb or float("inf"))


def facts_of(trial: Trial, target: str = LOCAL) -> Facts | None:
    """What is known of a trial measured on a target; None where it was not, or is not settled."""
    if trial.summary is None or trial.target != target or trial.unsettled:
        return None
    return facts(trial.recipe, trial.summary, trial)


def facts(recipe: Recipe, summary: Summary, progress: Progress) -> Facts:
    """What is known of a recipe from its timings and the rest of its progress."""
    quality, original = progress.quality, recipe.is_baseline
    return Facts(
        name=recipe.spelling,
        threads=recipe.runtime.threads,
        is_original=original,
        gain=(summary.thread_gain or EVEN) if original else summary.gain,
        alike=EVEN if original else summary.speedup,
        loss=quality.loss if quality else None,
        samples=quality.n if quality else 0,
        whole=bool(quality and quality.complete),
        sound=quality is None or quality.sound,
        quality=quality.value if quality else None,
        p50_ms=summary.p50_ms.value,
        size_mb=progress.size_bytes / 1e6 if progress.size_bytes is not None else None,
        memory_mb=summary.peak_memory_mb,
        contention=summary.contention,
        in_points=quality is None or find_metric(quality.metric).higher_is_better,
    )


def known_on(trials: Sequence[Trial], target: str = LOCAL) -> dict[int, Facts]:
    """What is known of the trials measured on a target, by their numbers."""
    return {trial.number: found for trial in trials if (found := facts_of(trial, target))}


def cores_on(known: Iterable[Facts], target: str) -> int:
    """How many cores a run may use there: elsewhere as many as ran."""
    return usable_cores() if target == LOCAL else max((one.threads for one in known), default=1)


def picked(trials: Sequence[Trial], goal: Goal = DEFAULT, target: str = LOCAL) -> Trial | None:
    """The trial that a goal picks among those measured on a target; see `pick`."""
    known = known_on(trials, target)
    cores = cores_on(known.values(), target)
    found = pick(known.values(), goal, cores, compared=len(known))
    return next((t for t in trials if found and known.get(t.number) is found), None)


def _size(loss: float, one: Facts) -> str:
    size = f"{100 * loss:.2g}"
    return f"{size} %" if not one.in_points else f"{size} point{'s' * (size != '1')}"


def _x(gain: Interval) -> str:
    return f"{gain.value:.2f}× ({gain.low:.2f} to {gain.high:.2f})"
