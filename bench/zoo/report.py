"""`python -m bench zoo [NAMES]`: makes the models and says what they are."""

import sys
import time
from argparse import Namespace
from pathlib import Path

from bench.evidence import latency_ms
from bench.procedure import Subject
from bench.zoo.base import entries, subject
from optim.judging.quality import quality_of
from optim.recipe import Recipe

_HEAD = (
    "| model | size, MB | run, ms | score | validation | what it is |\n|---|---|---|---|---|---|\n"
)


def run(options: Namespace) -> tuple[str, bool]:
    """A table in Markdown, and whether all could be made."""
    rows, fine = [], True
    for name in options.names or entries():
        start = time.monotonic()
        try:
            rows.append(_row(subject(name, Path(options.cache))))
        except Exception as error:  # one model's failure is a row, not the end
            fine = False
            rows.append(f"| {name} | - | - | - | - | {type(error).__name__}: {error} |")
        print(f"{rows[-1]}  ({time.monotonic() - start:.0f} s)", file=sys.stderr, flush=True)
    return f"## The zoo\n\n{_HEAD}" + "\n".join(rows), fine


def _row(one: Subject) -> str:
    baseline = Recipe.baseline()
    found = quality_of(one.model, one.model, baseline, one.evalset)
    entry, feeds = entries().get(one.name), one.evalset.feeds("validation", 1)[0]
    score = f"{found.value:.4f} {found.metric}" + ("" if found.labelled else " of itself")
    return (
        f"| {one.name} | {one.model.size_bytes / 1e6:.1f} "
        f"| {latency_ms(one.model.path, baseline, feeds):.3f} "
        f"| {score} | {found.n} | {entry.summary if entry else 'a sample model'} |"
    )
