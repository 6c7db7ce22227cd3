"""The front told in sentences: one stop for each of its trials, and the original as the first word.

For a room: a stop's sentence says in plain words what a click on its point would show.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from optim.findings import Interval
from optim.judging.quality import Quality
from optim.metrics.base import find_metric
from optim.showing import text
from optim.showing.brief import named
from optim.showing.figure import unsettled
from optim.showing.figures import QUALITY, figures
from optim.showing.verdict import verdict
from optim.studies.choice import front_of, has_collapsed, loss_of
from optim.studies.goal import DEFAULT, Goal
from optim.studies.picking import picked
from optim.studies.trial import Trial
from optim.targets import LOCAL


@dataclass(frozen=True)
class Stop:
    """One stop on the way along the front: its trial's number and one sentence or two."""

    number: int
    sentence: str


def has_place(trial: Trial) -> bool:
    """Whether it has a latency and a quality, and so can be told of."""
    return trial.latency_ms is not None and trial.quality is not None


def on_stage(trials: Sequence[Trial]) -> list[Trial]:
    """The trials that are told of together: of this machine, or where it has none, of the first
    hardware that has any; times of two machines do not stand side by side."""
    pointed = [trial for trial in trials if has_place(trial)]
    targets = [trial.target for trial in pointed]
    target = LOCAL if LOCAL in targets or not targets else targets[0]
    return [trial for trial in trials if trial.target == target]


def stops(trials: Sequence[Trial], goal: Goal = DEFAULT) -> tuple[Stop, ...]:
    """The front, the pick and the original, the fastest first, as they lie on the chart.

    Args:
        trials: of one target.
    """
    target = trials[0].target if trials else LOCAL
    front, pick = front_of(trials), picked(trials, goal, target)
    chosen = pick.number if pick else None
    told = [
        trial
        for trial in trials
        if has_place(trial) and (trial.number in (*front, chosen) or trial.runs_the_original)
    ]
    told.sort(key=lambda trial: (trial.latency_ms or 0.0, trial.number))
    return tuple(
        Stop(trial.number, sentence(trial, trial.number == chosen, trials, goal)) for trial in told
    )


def sentence(
    trial: Trial, is_pick: bool = False, beside: Sequence[Trial] = (), goal: Goal = DEFAULT
) -> str:
    """What a trial is, how fast it is and what it loses.

    Args:
        beside: the trials that it is told of with: the original scores as it does among them.
    """
    if trial.runs_the_original:
        found = verdict(beside, goal) if is_pick else None
        return f"{_original(trial, beside)}{f' {found.title}.' if found else ''}"
    said = f"#{trial.number}, {named(trial.recipe)}: {_speed(trial)}; {_loss(trial)}."
    if is_pick:
        said += " This is the pick."
    return said if trial.finished or trial.estimate else f"{said} It is still being measured."


def headline(trial: Trial) -> str:
    """The speed-up alone, for the back of a room; empty where none is shown or lost."""
    if trial.runs_the_original:
        return "1×"
    ratio = trial.summary.speedup if trial.summary and not trial.unsettled else None
    return text.times(ratio.value) if ratio and (ratio.low > 1 or ratio.high < 1) else ""


def _original(trial: Trial, beside: Sequence[Trial]) -> str:
    assert trial.quality
    figure = figures(trial.quality.metric, (trial, *beside))[QUALITY]
    score = f"{find_metric(trial.quality.metric).called} {figure.text(trial)}"
    return f"The original, as it comes: {_latency(trial)}, {score}. All else is held against it."


def _speed(trial: Trial) -> str:
    if trial.summary is None:
        return _latency(trial)
    if trial.unsettled:
        return f"{_latency(trial)}, {unsettled(trial)}"
    ratio = trial.summary.speedup
    alike = " on as many threads" if trial.recipe.runtime.threads > 1 else ""
    return f"{_latency(trial)}, {_ratio(ratio)} the original{alike} ({_ends(ratio)})"


def _latency(trial: Trial) -> str:
    guess = trial.estimate.interval if trial.estimate else None
    if guess and not trial.summary:
        return f"{text.spanned(guess, text.milliseconds)} a run, an estimate"
    return f"{text.milliseconds(trial.latency_ms or 0.0)} a run"


def _ratio(ratio: Interval) -> str:
    if ratio.low <= 1 <= ratio.high:
        return "not shown to be faster or slower than"
    if ratio.high < 1:
        return f"slower, at {text.times(ratio.value)} the speed of"
    return f"{text.times(ratio.value)} as fast as"


def _ends(value: Interval) -> str:
    return text.ends(value, text.times) or text.times(value.value)


def _loss(trial: Trial) -> str:
    assert trial.quality
    loss, metric = loss_of(trial), find_metric(trial.quality.metric)
    if has_collapsed(trial):
        return "its outputs collapsed"
    if not any((loss.value, loss.low, loss.high)):
        return f"the same {metric.called} on every sample"
    if loss.low <= 0 <= loss.high:
        return f"no loss can be seen{_within(loss, trial.quality)}"
    size = metric.show_difference(loss.value)
    between = _between(loss, metric.show_difference)
    if metric.higher_is_better:
        verb = "loses" if loss.value > 0 else "gains"
        return f"it {verb} {size} of {metric.called} ({between})"
    return f"{metric.called} {'rises' if loss.value > 0 else 'falls'} by {size} ({between})"


def _within(loss: Interval, quality: Quality) -> str:
    """How much may still be lost, and on how many samples that rests while there are more."""
    most = f"at most {find_metric(quality.metric).show_difference(loss.high)}" if loss.high else ""
    on = "" if quality.complete else f"on {quality.n:,} samples so far"
    said = ", ".join(filter(None, (most, on)))
    return f" ({said})" if said else ""


def _between(loss: Interval, show: text.Show) -> str:
    low, high = sorted((abs(loss.low), abs(loss.high)))
    return text.ends(Interval(value=abs(loss.value), low=low, high=high), show)
