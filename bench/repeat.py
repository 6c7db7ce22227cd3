"""(c) The same recipe measured five times, minutes apart: the same speed-up each time."""

import sys
import time
from argparse import Namespace
from itertools import combinations

from bench.procedure import measured, subjects
from optim.build import built
from optim.recipe import Recipe
from optim.timing.measurement import Summary

TIMES = 5
TOLERANCE = 0.04
RECIPES = {
    "fashion": "openvino:precision=bf16",
    "spam": "static_int8 + onnxruntime",
    "credit": "openvino",
    "weather": "dynamic_int8 + onnxruntime",
}


def run(options: Namespace) -> tuple[str, bool]:
    """Report in Markdown and whether spread and overlap are as claimed."""
    cases = [(subject, Recipe.parse(RECIPES[subject.name])) for subject in subjects(options.sample)]
    models = [built(one.model, recipe, one.evalset).model for one, recipe in cases]
    found: list[list[Summary]] = [[] for _ in cases]
    for turn in range(TIMES):
        if turn:
            print(f"waiting {options.gap} s", file=sys.stderr)
            time.sleep(options.gap)
        for results, (subject, recipe), model in zip(found, cases, models, strict=True):
            results.append(measured(subject, model, recipe))
    lines = ["| sample | recipe | speed-ups | spread | overlap |", "|---|---|---|---|---|"]
    fine = True
    for (subject, recipe), results in zip(cases, found, strict=True):
        values = [one.speedup.value for one in results]
        spread = max(values) / min(values) - 1
        overlap = all(a.speedup.overlaps(b.speedup) for a, b in combinations(results, 2))
        fine &= overlap and spread <= TOLERANCE
        shown = ", ".join(
            f"{one.speedup.value:.3f} ({one.speedup.low:.3f} to {one.speedup.high:.3f})"
            for one in results
        )
        lines.append(
            f"| {subject.name} | {recipe.spelling} | {shown} | {spread:.1%} "
            f"| {'yes' if overlap else 'no'} |"
        )
    title = f"## {TIMES} times the same, {options.gap:.0f} s apart (spread within 4 %, overlapping)"
    return f"{title}\n\n" + "\n".join(lines), fine
