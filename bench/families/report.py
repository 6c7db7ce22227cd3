"""The table that a newcomer reads: which pays where."""

from collections.abc import Iterable, Iterator, Sequence

from bench.families.rows import Kept, Row
from optim.findings import Interval
from optim.ingest.samples import list_samples
from optim.part import Group
from optim.recipe import Recipe
from optim.runtimes.support.on_gpu import OnGpu

_LIMIT = 0.01  # one point of quality, or one percent of an error
_TITLES = {
    Group.ENGINE: "Engines, the original as it is",
    Group.MODEL: "Pruning, quantization, precision",
    Group.GRAPH: "Graph and operators",
    Group.STEPS: "Graph, step by step",
}
_KEY = (
    "Each cell is how many times as fast as the original on one thread of ONNX Runtime: the 95 % "
    "interval of paired ratios. **Bold** pays: it is shown to be faster and loses at most one "
    "point (of an error: one percent) of quality; what loses more says so. `=`: changed nothing; "
    "`no`: refused, with a reason; empty: not measured beside a quiet machine, or of no use there. "
    "[parts.md](parts.md) says what the parts of a recipe do, and when they help."
)
_BEST = (
    "| model | original, ms | fastest on the CPU that pays, so far | times as fast | loss |\n"
    "|---|---|---|---|---|"
)


def report(kept: Kept, names: Sequence[str], left: int) -> str:
    """In Markdown.

    Args:
        left: how many rows are still to be measured.
    """
    rows = [row for row in kept.rows if row.quiet and row.model in names]
    models = [name for name in names if any(row.model == name for row in rows)]
    about = ", ".join(f"{key} {value}" for key, value in kept.about.items() if value)
    busy = sum(not row.quiet for row in kept.rows)
    lines = ["## Which pays where", about + ".", _KEY, *_samples(models), *_best(rows, models)]
    for group, title in _TITLES.items():
        lines += _table(title, [row for row in rows if _group(row) is group], models)
    lines.append(
        f"Measured: {len(rows)} rows; {left} to go, {busy} of them since others disturbed."
    )
    return "\n\n".join(lines)


def _group(row: Row) -> Group:
    passes = Recipe.parse(row.recipe).passes
    return passes[0].group if passes else Group.ENGINE


def _on_gpu(row: Row) -> bool:
    return isinstance(Recipe.parse(row.recipe).runtime, OnGpu)


def _samples(models: Sequence[str]) -> Iterator[str]:
    """What the samples among the models are for."""
    told = [f"`{one.name}`: {one.title}" for one in list_samples() if one.name in models]
    if told:
        yield f"Samples: {'; '.join(told)}."


def _best(rows: Sequence[Row], models: Sequence[str]) -> Iterator[str]:
    """For each model what pays most without a GPU."""
    lines = [_BEST]
    for model in models:
        mine = [row for row in rows if row.model == model]
        original = next((row for row in mine if row.recipe == "onnxruntime"), None)
        was = f"{original.p50_ms:.3g}" if original else ""
        paying = [row for row in mine if row.pays(_LIMIT) and not _on_gpu(row)]
        best = max(paying, key=lambda row: row.speedup.low if row.speedup else 0, default=None)
        if best and best.speedup and best.loss:
            lost = round(100 * best.loss.value, 1) + 0.0  # no minus before a zero
            told = f"`{best.recipe}` | {_times(best.speedup)} | {lost:.1f} % |"
        else:
            told = "none of what was measured | 1 | 0 |"
        lines.append(f"| {model} | {was} | {told}")
    yield "\n".join(lines)


def _table(title: str, rows: Sequence[Row], models: Sequence[str]) -> list[str]:
    if not rows:
        return []
    head = f"| recipe | {' | '.join(models)} | pays on |\n|---|{'---|' * (len(models) + 1)}"
    recipes = dict.fromkeys(row.recipe for row in rows)
    return [f"### {title}", "\n".join([head, *(_line(one, rows, models) for one in recipes)])]


def _line(recipe: str, rows: Iterable[Row], models: Sequence[str]) -> str:
    mine = {row.model: row for row in rows if row.recipe == recipe}
    paying = sum(row.pays(_LIMIT) for row in mine.values())
    cells = " | ".join(_cell(mine[model]) if model in mine else "" for model in models)
    return f"| `{recipe}` | {cells} | {paying} of {len(mine)} |"


def _cell(row: Row) -> str:
    if row.same:
        return "="
    if row.speedup is None or row.loss is None:
        return "no"
    told = _times(row.speedup)
    if row.loss.value > _LIMIT or not row.sound:
        return f"{told}, loses {100 * row.loss.value:.0f} %"
    return f"**{told}**" if row.pays(_LIMIT) else told


def _times(value: Interval) -> str:
    return f"{value.low:.2f} to {value.high:.2f}"
