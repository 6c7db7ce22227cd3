"""Whose gain is it, asked of a study's trials: what they tell, what is missing, and in words."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from statistics import median

import plotly.graph_objects as go

from optim.errors import InputError
from optim.findings import Interval
from optim.metrics.base import find_metric
from optim.recipe import Recipe
from optim.running.items import QueueItem
from optim.showing import text
from optim.showing.waterfall import Step, waterfall
from optim.studies.picking import facts
from optim.studies.trial import Trial
from optim.targets import LOCAL
from optim.timing.stopping import StoppingRule
from optim.why.shares import Interaction, Reading, Share, Shares, missing, shares_of

_STARTING_SECONDS = 1.3  # of a slice, beside its timing: a process, two models loaded and warmed up
_DIGITS = 4  # of a loss in hundredths: fewer than any number of samples can tell
_JUDGING_SECONDS = 1.0  # of a judgement, beside its samples


def readings(trials: Iterable[Trial]) -> tuple[dict[Recipe, Reading], dict[Recipe, str]]:
    """What measured trials say of their recipes, and why others failed.

    A trial that is still being tightened, or that never settled, counts as it stands, with the
    interval it has by now: measuring it once more is not offered.
    """
    known: dict[Recipe, Reading] = {}
    failed: dict[Recipe, str] = {}
    for trial in trials:
        if trial.target != LOCAL or trial.recipe_digest != trial.recipe.digest:
            continue
        if reading := _reading(trial):
            known[trial.recipe] = reading
        elif trial.state == "failed":
            failed[trial.recipe] = trial.error
    return known, {recipe: why for recipe, why in failed.items() if recipe not in known}


def _reading(trial: Trial) -> Reading | None:
    """What a trial says; None before more than a first reading, or a judgement, is there."""
    if trial.summary is None or (trial.unsettled and not trial.finished):
        return None
    found = facts(trial.recipe, trial.summary, trial)
    return Reading.of(found.gain, found.loss) if found.loss else None


def left_to_measure(trial: Trial, trials: Iterable[Trial]) -> tuple[Recipe, ...]:
    """The sub-recipes of a trial that nothing is known of yet."""
    return missing(trial.recipe, *readings(trials))


def shares_among(trial: Trial, trials: Iterable[Trial]) -> Shares:
    """A trial's shares. Raises InputError while sub-recipes are missing; see `shares_of`."""
    return shares_of(trial.recipe, *readings(trials))


def shares_if_known(trial: Trial, trials: Iterable[Trial]) -> Shares | None:
    """A trial's shares; None while sub-recipes are missing, or where fewer than two share it."""
    with suppress(InputError):
        found = shares_among(trial, trials)
        return found if len(found.shares) > 1 else None
    return None


def seconds_for(recipes: Iterable[Recipe], trials: Iterable[Trial]) -> float:
    """About how long measuring recipes takes, by what the most alike of the trials took.

    An estimate: alike are those with the same engine and as many passes.
    """
    done = [trial for trial in trials if trial.state == "done" and trial.summary]
    return sum(_seconds(recipe, done) for recipe in recipes)


def _seconds(recipe: Recipe, done: Sequence[Trial]) -> float:
    alike = [one for one in done if _kind(one.recipe) == _kind(recipe)] or done
    return median(map(spent, alike)) if alike else StoppingRule.of_settings().budget_seconds


def _kind(recipe: Recipe) -> tuple[type, int]:
    return type(recipe.runtime), len(recipe.passes)


def spent(trial: Trial) -> float:
    """About how many seconds a measured trial took: its passes, its slices, its judgement."""
    rule, summary = StoppingRule.of_settings(), trial.summary
    slices = sum(rule.seconds(i) + _STARTING_SECONDS for i in range(len(trial.slices)))
    samples = trial.quality.n if trial.quality else 0
    judged = samples * summary.p50_ms.value / 1e3 if summary else 0.0
    return sum(report.seconds for report in trial.reports) + slices + judged + _JUDGING_SECONDS


def cost_told(
    recipes: Sequence[Recipe], trials: Iterable[Trial], queued: Sequence[QueueItem] = ()
) -> str:
    """What measuring these costs, before it is spent; empty where nothing is missing.

    Args:
        queued: what is in the queue already and goes before.
    """
    if not recipes:
        return ""
    about = text.seconds(seconds_for(recipes, trials))
    return (
        f"{len(recipes)} sub-recipe{'s' * (len(recipes) > 1)} still to be measured: about {about}, "
        f"by what such trials took here.{_queued_told(queued)}"
    )


def _queued_told(queued: Sequence[QueueItem]) -> str:
    if not queued:
        return ""
    left = max((item.seconds_left or 0.0 for item in queued), default=0.0)
    about = f"about {text.seconds(left)}" if left else "not known yet how long"
    many = f"{len(queued)} trial{'s' * (len(queued) > 1)}"
    return f" Before that the queue has {many} to do: {about}."


def loss_shown(metric: str) -> text.Show:
    """How a loss reads: points of a share, or a share of an error."""
    unit = _unit(metric)
    return lambda loss: f"{round(100 * loss, _DIGITS) + 0.0:.2g} {unit}"


def _unit(metric: str) -> str:
    return "points" if find_metric(metric).higher_is_better else "%"


def drawn(shares: Shares, metric: str) -> go.Figure:
    """The shares as a waterfall, losses in hundredths, as they read."""
    loss = loss_shown(metric)
    steps = [Step(one.name, one.gain, _hundredfold(one.loss)) for one in shares.shares]
    whole = Step("together", shares.gain, _hundredfold(shares.loss))
    return waterfall(steps, whole, lambda value: loss(value / 100), f"loss, {_unit(metric)}")


def _hundredfold(loss: Interval) -> Interval:
    return Interval(value=100 * loss.value, low=100 * loss.low, high=100 * loss.high)


def told(shares: Shares, metric: str) -> str:
    """The shares as text: one line for each, then the whole, interactions, and how it was got."""
    rows = [
        ("", "gain", "loss"),
        *((share.name, *_figures(share, metric)) for share in shares.shares),
        ("together", *_figures(Share(toggles=(), gain=shares.gain, loss=shares.loss), metric)),
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    table = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in rows]
    said = [*interactions_told(shares, metric), *shares.notes, how_got(shares)]
    return "\n".join([*(line.rstrip() for line in table), "", *said])


def _figures(share: Share, metric: str) -> tuple[str, str]:
    return text.spanned(share.gain, text.times), text.spanned(share.loss, loss_shown(metric))


def interactions_told(shares: Shares, metric: str) -> list[str]:
    """Each interaction in a sentence."""
    return [interaction_told(one, metric) for one in shares.interactions]


def interaction_told(one: Interaction, metric: str) -> str:
    """Such as "static_int8 brings 1.90× only with simplify: 1.02× (0.98 to 1.05) without it."."""
    if one.of == "loss":
        loss = loss_shown(metric)
        return (
            f"{one.toggle} loses {text.spanned(one.with_it, loss)} with {one.other}, "
            f"{text.spanned(one.without, loss)} without it."
        )
    only = "only " if _is_one(one.without) and one.with_it.low > 1 else ""
    return (
        f"{one.toggle} brings {text.spanned(one.with_it, text.times)} {only}with {one.other}, "
        f"{text.spanned(one.without, text.times)} without it."
    )


def _is_one(factor: Interval) -> bool:
    return factor.low <= 1 <= factor.high


def how_got(shares: Shares) -> str:
    """What the figures are and rest on."""
    over = (
        f"over {shares.drawn} orders drawn at random"
        if shares.drawn
        else "over every order in which they may be switched on"
    )
    return (
        f"Each gain is the mean factor that it brings {over} (Shapley value), from "
        f"{shares.measured} measured recipes; together they multiply to the whole gain, against "
        "the original on one thread. In brackets: 95 % intervals."
    )
