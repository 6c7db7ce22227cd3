"""A waterfall's bars add up to what the recipe brings when it is measured once more.

The bars come from one trial and its profiles, the difference from a second trial in processes of
its own: each has an interval, and both must overlap.
"""

from argparse import Namespace

from bench.procedure import Subject, subjects
from optim.findings import Interval
from optim.recipe import Recipe
from optim.running.queue import Queue
from optim.showing.text import spanned
from optim.studies.study import create_study
from optim.timing.measurement import Summary
from optim.why.explanation import why

RECIPES = ("openvino", "dynamic_int8 + onnxruntime", "static_int8 + onnxruntime")
_SECONDS = 30.0
"""For each trial; samples that are not judged by then are left."""
_HEAD = "| sample | recipe | sum of the bars, ms | measured, ms | measured again, ms | agree |"


def run(options: Namespace) -> tuple[str, bool]:
    """Report in Markdown and whether the claim holds, of the samples with networks."""
    rows, fine = [], True
    with Queue.open() as queue:
        for subject in subjects(options.sample or ["credit", "fashion", "spam", "weather"]):
            for recipe in options.recipe or RECIPES:
                row, holds = _row(subject, recipe, queue)
                rows.append(row)
                fine &= holds
    text = "\n".join([_HEAD, "|---|---|---|---|---|---|", *rows])
    return f"## Waterfalls against what is measured\n\n{text}", fine


def _row(subject: Subject, recipe: str, queue: Queue) -> tuple[str, bool]:
    study = create_study(subject.model, subject.evalset)
    numbers = [study.add(Recipe.parse(recipe), again=True) for _ in range(2)]
    one, two = (queue.run_all(study, [number], seconds=_SECONDS)[0] for number in numbers)
    if one.summary is None or two.summary is None:
        return f"| {subject.name} | {recipe} | {one.error or two.error} | | | **no** |", False
    bars = why(study, one, measure_costs=False).waterfall.bars
    total = sum(bar.change_ms.value for bar in bars)
    first, second = difference(one.summary), difference(two.summary)
    holds = first.low <= total <= first.high and first.overlaps(second)
    told = (f"{total:+.4f}", *(spanned(found, "{:+.4f}".format) for found in (first, second)))
    said = "yes" if holds else "**no**"
    return f"| {subject.name} | {recipe} | {' | '.join(told)} | {said} |", holds


def difference(measured: Summary) -> Interval:
    """What a run takes longer than the original's, in ms, by the interval of their ratio."""
    before, ratio = measured.baseline_p50_ms, measured.speedup
    low, value, high = (before / one - before for one in (ratio.high, ratio.value, ratio.low))
    return Interval(value=value, low=low, high=high)
