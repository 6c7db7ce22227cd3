"""What a run found, as docs/reliability.md has it."""

import re
from argparse import Namespace
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from statistics import median
from typing import get_args

from fuzz.bundled import Found, Outcome
from fuzz.judge import Verdict
from fuzz.running import Result
from optim.sandbox import protections

_NAMED = 3  # models that stand for a reason
_LONGEST_REASON = 220
_OWN = (
    (re.compile(r"'[^']*'"), "'…'"),
    (re.compile(r"\(.*\)"), "(…)"),
    (re.compile(r"\d+"), "N"),
    (re.compile(r"(?<=[.)]) (?:Export|Leave|Try|Exclude|Bring|Use) .*"), ""),
)
"""What of a sentence is one model's own, and what stands in its place."""

_HEAD = """# Reliability

Made by `make fuzz`; what it does is in `fuzz/`. Sound files of each kind are spoiled (their bytes,
their fields, their words, members of their archives) and brought as a person would bring them. Of
every file it is demanded that the program goes on, that what it says is a sentence without
traceback or path of the server, that no file, folder or process is left, and that its time keeps
to the limits. *Taken*: it still was a sound file. *Refused*: a sentence said what is wrong with it.
*Stopped*: the child that read it was, and a sentence said so.
"""

_MODELS = """
## Bundled models

{models} models that the `onnx` package brings for testing engines, of those that the seed draws:
brought, given synthesized inputs, and each pass and engine tried on what could be brought. *Right*:
it answers as the original does, or nothing changed. *Far off, and said*: the verdict says that its
outputs are far from the original's, or collapsed. *Refused*: by a sentence that names what it is.
*Wrong*: an error of a library's own, or a promise that was broken.
"""


def text(result: Result, options: Namespace, machines: Counter[str]) -> str:
    """The report in Markdown; `machines` have tried so many cases each."""
    verdicts = [v for of_door in result.verdicts.values() for v in of_door]
    rows = [_row(name, of_door) for name, of_door in sorted(result.verdicts.items())]
    head = "| door | files | taken | refused | stopped | wrong | median, s | longest, s |"
    table = [head, "|---|---|---|---|---|---|---|---|", *rows, _row("all", verdicts)]
    said = (
        f"{len(verdicts)} files in {result.seconds:,.0f} s, of which {len(result.failures)} did "
        f"wrong. The program's own memory grew by {result.grown_mb:.0f} MB."
    )
    return "\n".join([_HEAD, facts(options, machines), "", *table, "", said, ""])


def facts(options: Namespace, machines: Counter[str]) -> str:
    """When, where and within which limits."""
    walls = [name for name, why in protections().items() if not why]
    where = ", ".join(f"{name}: {count} cases" for name, count in machines.most_common())
    today = datetime.now(UTC).date().isoformat()
    return (
        f"{today}, seed {options.seed}, on {where}, models included. "
        f"Steps had {options.step_seconds} s and {options.step_memory_mb:,} MB each. "
        f"Walls that stood: {', '.join(walls) or 'none'}."
    )


def of_models(found: Sequence[Found]) -> str:
    """What became of bundled models, by recipe, and why some were refused; empty without any."""
    if not found:
        return ""
    models = len({one.model for one in found})
    recipes = sorted({one.recipe for one in found}, key=lambda name: (name != "brought", name))
    kinds = get_args(Outcome)
    rows = []
    for recipe in (*recipes, "all"):
        counts = Counter(one.outcome for one in found if recipe in (one.recipe, "all"))
        rows.append(f"| {recipe} | {' | '.join(str(counts[kind]) for kind in kinds)} |")
    head = [f"| recipe | {' | '.join(kinds)} |", "|---|---|---|---|---|"]
    return "\n".join([_MODELS.format(models=models), *head, *rows, "", *_refusals(found)])


def _refusals(found: Sequence[Found]) -> list[str]:
    """Every reason for which a model was not brought or a recipe refused, and how often."""
    lines: list[str] = []
    for title, chosen in (
        ("Not brought", [one for one in found if one.recipe == "brought"]),
        ("Refused by a pass or an engine", [one for one in found if one.recipe != "brought"]),
    ):
        reasons: dict[str, list[Found]] = defaultdict(list)
        for one in chosen:
            if one.outcome in ("refused", "wrong"):
                reasons[_reason(one)].append(one)
        ordered = sorted(reasons.items(), key=lambda item: (-len(item[1]), item[0]))
        if ordered:
            lines += [
                f"{title}, by reason:",
                "",
                "| times | reason | models, such as |",
                "|---|---|---|",
            ]
            lines += [_reasoned(reason, those) for reason, those in ordered]
            lines.append("")
    return lines


def _reason(one: Found) -> str:
    """The sentence without what is only this model's: names, numbers, the next step."""
    said = one.said.partition(": ")[2] if one.recipe == "brought" else one.said
    for pattern, instead in _OWN:
        said = pattern.sub(instead, said)
    return said[:_LONGEST_REASON].replace("|", "/")


def _reasoned(reason: str, those: Sequence[Found]) -> str:
    models = sorted({one.model for one in those})
    more = f" and {len(models) - _NAMED} more" if len(models) > _NAMED else ""
    return f"| {len(those)} | {reason} | {', '.join(models[:_NAMED])}{more} |"


def _row(name: str, verdicts: Sequence[Verdict]) -> str:
    counts = Counter(v.outcome for v in verdicts)
    kinds = " | ".join(str(counts[kind]) for kind in ("taken", "refused", "stopped"))
    wrong = sum(bool(v.wrong) for v in verdicts)
    seconds = [v.seconds for v in verdicts] or [0.0]
    times = f"{median(seconds):.1f} | {max(seconds):.1f}"
    return f"| {name} | {len(verdicts)} | {kinds} | {wrong} | {times} |"
