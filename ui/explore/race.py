"""The candidates of a search as a picture that moves: gains with intervals, the winner crowned."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from optim.findings import Interval
from optim.search.news import News, Row
from optim.search.searches import SearchRun
from optim.showing import text

_ORDER = ("picked", "in the running", "timed", "not chosen", "slower", "failed")
_SAID = {
    "picked": ("leads", "chosen"),
    "in the running": ("may win", "as good"),
    "timed": ("timed", "timed only"),
    "not chosen": ("ruled out", "ruled out"),
    "slower": ("slower", "slower"),
    "failed": ("failed", "failed"),
}
"""What a state is called while the search runs, and once it has ended."""
_CSS = Path(__file__).with_suffix(".css").read_text(encoding="utf-8")


def race(run: SearchRun, trials: Mapping[str, int], key: str) -> int | None:
    """Draw where a search stands; the trial whose candidate was clicked just now.

    Args:
        trials: numbers of the study's trials by the spelling of their recipe.
    """
    mount = st.components.v2.component(
        "race",
        html='<div class="race"></div>',
        css=_CSS,
        js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8"),
    )
    event = mount(key=key, data=picture(run, trials), on_picked_change=lambda: None)
    picked = event.get("picked")
    return None if picked is None else int(picked)


def picture(run: SearchRun, trials: Mapping[str, int]) -> dict[str, Any]:
    """What the browser draws, the leading candidate first."""
    news = (run.answer.news if run.answer else run.news) or News(rows=(), doing="", seconds=0)
    rows = sorted(news.rows, key=lambda row: (_ORDER.index(row.state), -_speed(row)))
    gains = [row.gain for row in rows if row.gain]
    return {
        "running": run.under_way,
        "doing": _doing(run, news),
        "elapsed": run.elapsed,
        "budget": run.budget,
        "ticking": run.state == "running",
        "left": len(news.not_reached),
        "scale": [min(0.8, *(g.value for g in gains), 1), max(1.25, *(g.value for g in gains), 1)],
        "rows": [_row(row, run, news, trials) for row in rows],
    }


def _doing(run: SearchRun, news: News) -> str:
    if run.state == "waiting":
        return "waiting for the machine: the step that runs there ends first"
    if run.state == "stopping":
        return "stopping, with the best so far"
    if run.news is None:
        return "looking at the model and the machine"
    return news.doing or "putting the answer together"


def _row(row: Row, run: SearchRun, news: News, trials: Mapping[str, int]) -> dict[str, Any]:
    return {
        "recipe": row.recipe,
        "trial": trials.get(row.recipe),
        "state": row.state,
        "said": _SAID[row.state][not run.under_way],
        "why": "" if row.state == "slower" else row.why,
        "busy": run.under_way and row.recipe in news.at_work,
        "gain": _ends(row.gain),
        "figures": text.spanned(row.gain, text.times) if row.gain else "",
    }


def _ends(gain: Interval | None) -> list[float] | None:
    return [gain.low, gain.value, gain.high] if gain else None


def _speed(row: Row) -> float:
    return row.gain.value if row.gain else 0.0
