"""Trials as records for other programs: one flat JSON object each, and the same as CSV."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

from optim.showing.figure import TrialFigure
from optim.showing.figures import figures
from optim.studies.trial import Trial

_ALWAYS = (
    *("p50_ms", "p50_ci", "speedup", "speedup_ci", "quality", "quality_baseline"),
    *("quality_verdict", "size_bytes"),
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def record(trial: Trial, metric: str) -> dict[str, Any]:
    """One trial as plain JSON values. Latency in ms, sizes in bytes, memory in MB.

    `kind` tells measured from estimated; figures that do not exist are null.
    """
    row: dict[str, Any] = {
        "recipe": trial.recipe.spelling,
        "target": trial.target,
        "kind": "estimated" if trial.estimate else "measured",
        "status": trial.state,
        **dict.fromkeys(_ALWAYS),
        "warnings": [warning.model_dump() for warning in trial.warnings],
        "error": trial.error or None,
    }
    for figure in figures(metric).values():
        row.update(_entries(figure, trial))
    return row | _nested(trial)


def numbered(trials: Sequence[Trial], metric: str, on_front: set[int]) -> list[dict[str, Any]]:
    """Records of trials, each with its number, its marks and whether it is on the front."""
    return [
        {
            "number": trial.number,
            **record(trial, metric),
            "on_front": trial.number in on_front,
            "origin": trial.origin,
            "pinned": trial.pinned,
            "note": trial.note,
        }
        for trial in trials
    ]


def as_csv(records: Sequence[dict[str, Any]]) -> str:
    """Records as a table: intervals become two columns, `_low` and `_high`; lists are left out, and
    columns in which nothing stands.

    A text that a spreadsheet would take for a formula gets an apostrophe before it.
    """
    rows = [dict(_cells(one)) for one in records]
    heads = list(dict.fromkeys(name for row in rows for name, cell in row.items() if cell != ""))
    sink = io.StringIO()
    writer = csv.DictWriter(sink, heads, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return sink.getvalue()


def _cells(one: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in one.items():
        if name.endswith("_ci"):
            low, high = value or ("", "")
            stem = name.removesuffix("_ci")
            yield from ((f"{stem}_low", low), (f"{stem}_high", high))
        elif isinstance(value, dict):
            yield from ((f"{name}_{inner}", cell) for inner, cell in value.items())
        elif isinstance(value, str):
            yield name, f"'{value}" if value.startswith(_FORMULA) else value
        elif not isinstance(value, list):
            yield name, "" if value is None else value


def _entries(figure: TrialFigure, trial: Trial) -> Iterator[tuple[str, Any]]:
    """A figure's keys and values, where the trial has what it is read from."""
    source, found = figure.reading.source, figure.of(trial)
    if source and getattr(trial, source) is None:
        return
    if figure.key:
        value = found and (int(found.value) if figure.whole else found.value)
        yield figure.key, value
    if figure.ci_key:
        yield figure.ci_key, [found.low, found.high] if found else None


def _nested(trial: Trial) -> dict[str, Any]:
    """What is more than a number, as it is stored."""
    found: dict[str, Any] = {}
    if summary := trial.summary:
        gain = summary.thread_gain
        found["thread_gain"] = gain.model_dump() if gain else None
        found["percentiles_ms"] = {name: at.value for name, at in summary.percentiles.items()}
    if quality := trial.quality:
        found["quality_verdict"], found["quality_metric"] = quality.verdict, quality.metric
        found["fidelity"] = quality.fidelity.model_dump()
    return found
