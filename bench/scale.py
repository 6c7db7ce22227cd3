"""(e) A thousand trials are queued within seconds, and then cost an open page next to nothing."""

import os
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from tempfile import TemporaryDirectory

from bench.procedure import subjects
from optim.recipe import Recipe
from optim.running.queue import Queue
from optim.settings import settings
from optim.studies.store import changes
from optim.studies.study import Study, create_study, open_study

TRIALS, LOOKS = 1000, 50
_QUEUED_SECONDS, _LOOK_MS = 30, 20


def run(options: Namespace) -> tuple[str, bool]:
    """Report in Markdown and whether the claim holds."""
    with home_of_its_own():
        (subject,) = subjects(["credit"])
        study = create_study(subject.model, subject.evalset)
        recipes = [_recipe(number) for number in range(TRIALS)]
        with Queue.open() as queue:
            started = time.perf_counter()
            numbers = study.add_all(recipes)
            added = time.perf_counter()
            queue.submit(study, *numbers)
            queued = time.perf_counter()
            looks = _looks(study, queue)
    seconds = queued - started
    rows = [f"| {what} | {ms:.2f} ms |" for what, ms in looks.items()]
    said = f"{TRIALS:,} trials queued in {seconds:.1f} s ({added - started:.1f} s in the store)."
    head = "| what an open page asks for | median |\n|---|---|\n"
    fine = seconds <= _QUEUED_SECONDS and max(looks.values()) <= _LOOK_MS
    return f"## A thousand queued trials\n\n{said}\n\n{head}" + "\n".join(rows), fine


def _recipe(number: int) -> Recipe:
    return Recipe.parse(f"magnitude_prune:sparsity={0.1 + number * 5e-4:.4f} + onnxruntime")


def _looks(study: Study, queue: Queue) -> dict[str, float]:
    """How long an open page's questions take, in ms, while the first trials run."""
    return {
        "what is pending": _ms(queue.pending),
        "whether the store has changed": _ms(changes().version),
        "all trials": _ms(lambda: open_study(study.name).trials()),
    }


def _ms(ask: Callable[[], object]) -> float:
    taken = []
    for _ in range(LOOKS):
        started = time.perf_counter()
        ask()
        taken.append(1e3 * (time.perf_counter() - started))
        time.sleep(0.1)
    return median(taken)


@contextmanager
def home_of_its_own() -> Iterator[str]:
    """An empty home folder, for this process and its children; returns its path."""
    before = os.environ.get("OPTIM_HOME")
    with TemporaryDirectory() as home:
        os.environ["OPTIM_HOME"] = home
        settings.cache_clear()
        try:
            yield home
        finally:
            os.environ.pop("OPTIM_HOME")
            os.environ |= {"OPTIM_HOME": before} if before else {}
            settings.cache_clear()
