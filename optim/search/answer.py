"""The answer of a search in words: what to use, how sure that is, what was tried, what may help."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from optim.findings import Interval
from optim.runtimes.base import Runtime
from optim.search.news import News, Row
from optim.studies.goal import Goal
from optim.studies.picking import Facts, loss_shown
from optim.timing.cautions import SHORT_MS

_CLOSEST = 3


class Answer(BaseModel):
    """What a search found. `recipe` is the original's where nothing is shown to be faster.

    `sentences`: what to use and why, for whoever decides. `help`: the one thing that is most
    likely to find more. `speedup`: relative to the original on one thread.
    """

    model_config = ConfigDict(frozen=True)

    recipe: str
    speedup: Interval
    sentences: tuple[str, ...]
    help: str
    seconds: float
    news: News


def answer(
    picked: Facts,
    news: News,
    goal: Goal,
    *,
    labelled: bool,
    spent: bool,
    absent: Sequence[type[Runtime]] = (),
) -> Answer:
    """Put what was found in words.

    Args:
        labelled: whether the validation samples have labels.
        spent: whether the budget ended the search.
        absent: engines that take the model and have only to be installed.
    """
    return Answer(
        recipe=picked.name,
        speedup=picked.gain,
        sentences=(_use(picked), loss_shown(picked, goal), _tried(news)),
        help=_help(picked, news, goal, labelled, spent) or _help_beyond(absent),
        seconds=news.seconds,
        news=news,
    )


def _use(one: Facts) -> str:
    if one.is_original and one.threads == 1:
        return (
            "Keep the original as it is: nothing that was tried is shown to be faster within "
            "the limits."
        )
    gain = f"{one.gain.value:.2f}x as fast ({one.gain.low:.2f} to {one.gain.high:.2f})"
    if one.is_original:
        return f"Keep the original, on {one.threads} threads: {gain} as on one."
    even = ""
    if one.threads > 1:
        alike = f"{one.alike.value:.2f}x ({one.alike.low:.2f} to {one.alike.high:.2f})"
        even = f", and {alike} as fast as the original on {one.threads} threads too"
    return f"Use {one.name}: {gain} as the original on one thread{even}."


def _tried(news: News) -> str:
    timed = [row for row in news.rows if row.gain]
    rivals = sorted((r for r in timed if r.state != "picked"), key=_speed, reverse=True)
    said = "; ".join(f"{row.recipe} {_speed(row):.2f}x ({_why(row)})" for row in rivals[:_CLOSEST])
    left = f", {len(news.not_reached)} were not reached" if news.not_reached else ""
    closest = f" Closest: {said}." if said else ""
    recipes = "1 recipe was" if len(timed) == 1 else f"{len(timed)} recipes were"
    return f"{recipes} timed in {news.seconds:.0f} s{left}.{closest}"


def _speed(row: Row) -> float:
    return row.gain.value if row.gain else 0.0


def _why(row: Row) -> str:
    return row.why.rstrip(".") if row.why and row.state == "not chosen" else row.state


def _help(picked: Facts, news: News, goal: Goal, labelled: bool, spent: bool) -> str:
    """The one thing most likely to find more with what is here; empty where all was tried."""
    ahead = [r for r in news.rows if r.gain and r.gain.low > picked.gain.high]
    faster, unjudged = [r for r in ahead if r.loss], [r for r in ahead if r.state == "timed"]
    unknown = [r for r in faster if r.loss and r.loss.value <= goal.max_loss < r.loss.high]
    if unknown:
        return f"More validation samples: {unknown[0].recipe} is faster. {unknown[0].why}"
    if unjudged:
        best = max(unjudged, key=_speed)
        return (
            f"A larger budget: {best.recipe} was timed at {_speed(best):.2f}x, and no time was "
            "left to judge it."
        )
    if picked.is_original and picked.p50_ms and picked.p50_ms < SHORT_MS:
        return (
            f"Fewer calls: one run takes {picked.p50_ms * 1e3:.0f} µs, about what calling an "
            "engine costs, whatever is done to the model. Run several samples at once, or serve it "
            "in batches (Serve; `host`)."
        )
    if not labelled:
        return "Labels: without them a loss is only a difference from the original's answers."
    if spent and news.not_reached:
        return f"A larger budget: {news.not_reached[0]} and others were not tried."
    if faster:
        return f"A larger loss allowed, or training: {faster[0].recipe} is faster. {faster[0].why}"
    return ""


def _help_beyond(absent: Sequence[type[Runtime]]) -> str:
    if not absent:
        return (
            "Another CPU, or a smaller model trained for the task: everything promising was tried."
        )
    names = " and ".join(engine.title for engine in absent)
    return f"Another engine: {names} can be tried once installed. {absent[0].install_hint()}"
