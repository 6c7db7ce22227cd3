"""(a) The product's p50 of the baseline agrees with a bare ONNX Runtime loop within 3 %."""

import os
import subprocess
import sys
from argparse import Namespace
from pathlib import Path
from statistics import geometric_mean

from bench.procedure import Subject, slice_number, subjects
from optim.ingest.samples import find_sample
from optim.machine.environment import cores_for
from optim.recipe import Recipe
from optim.timing.measurement import Measurement
from optim.timing.stats import summarize
from optim.timing.stopping import StoppingRule

TOLERANCE = 0.03


def run(options: Namespace) -> tuple[str, bool]:
    """Report in Markdown and whether the claim holds. Slices and loops take turns."""
    rows, fine = [], True
    for subject in subjects(options.sample):
        measurement, bare = Measurement(), []
        for number in range(options.slices):
            seconds = StoppingRule.of_settings().seconds(number)
            piece = slice_number(subject, subject.model, Recipe.baseline(), number, seconds)
            measurement = measurement.plus(piece)
            bare.append(_bare_p50(subject))
        ours, theirs = summarize(measurement).p50_ms.value, geometric_mean(bare)
        gap = ours / theirs - 1
        fine &= abs(gap) <= TOLERANCE
        rows.append(f"| {subject.name} | {ours:.4f} | {theirs:.4f} | {gap:+.1%} |")
    head = "| sample | product p50, ms | bare loop p50, ms | difference |\n|---|---|---|---|\n"
    return f"## The product against a bare loop (within 3 %)\n\n{head}" + "\n".join(rows), fine


def _bare_p50(subject: Subject) -> float:
    evalset = find_sample(subject.name).evalset_path
    command = [sys.executable, str(Path(__file__).with_name("bare_loop.py"))]
    done = subprocess.run(
        [*command, str(subject.model.path), str(evalset), "1.5"],
        preexec_fn=lambda: os.sched_setaffinity(0, cores_for(1)),
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)
