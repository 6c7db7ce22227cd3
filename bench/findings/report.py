"""What is found in each case, against what is there: `python -m bench findings [SET]`."""

from argparse import Namespace
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np
import onnx

from bench.findings.case import Case
from optim import probing
from optim.errors import OptimError
from optim.evalset import load_evalset
from optim.home.scratch import scratch
from optim.ingest import ingest
from optim.recipe import Recipe
from optim.running.queue import Queue
from optim.studies.study import create_study
from optim.why.explanation import why
from optim.why.finding import Finding
from optim.why.telling import nobody

SETS = (
    *("first", "second", "third", "fourth", "fifth"),
    *("sixth", "seventh", "eighth", "ninth", "tenth"),
)
_WANTED = 0.9
"""Of the causes, the share that is to be found: 18 of 20."""


@dataclass(frozen=True)
class Told:
    """A case, what was found in it, and what kept it from being looked at."""

    case: Case
    findings: tuple[Finding, ...] = ()
    error: str = ""

    @property
    def right(self) -> bool:
        """Whether the cause is named; of a model without one, whether nothing is."""
        case = self.case
        if not case.code:
            return not self.error and not self.beside
        said = [f"{f.text} {f.advice} {f.nodes}" for f in self.findings if f.code == case.code]
        return any(case.names.lower() in text.lower() for text in said)

    @property
    def beside(self) -> list[str]:
        """Codes of what else was found to mend."""
        known = (self.case.code, *self.case.also)
        return [f.code for f in self.findings if not f.note and f.code not in known]


def run(options: Namespace) -> tuple[str, bool]:
    """Report in Markdown and whether the claim holds of the sets that are named (default: all)."""
    names = [name for name in options.names if name in SETS] or SETS
    only = [name for name in options.names if name not in SETS]
    tables = [_of_set(name, only) for name in names]
    text = "\n\n".join(table for table, _ in tables)
    return f"## Findings on cases with a known cause\n\n{text}", all(fine for _, fine in tables)


def _of_set(name: str, only: Sequence[str]) -> tuple[str, bool]:
    chosen = import_module(f"bench.findings.{name}")
    cases = [case for case in (*chosen.POSITIVE, *chosen.CLEAN) if _asked(case, only)]
    found = list(told(cases))
    with_cause = [one for one in found if one.case.code]
    without = [one for one in found if not one.case.code]
    right, quiet = (sum(one.right for one in some) for some in (with_cause, without))
    summary = (
        f"The {name} set: {right} of {len(with_cause)} causes are named; nothing is said of "
        f"{quiet} of {len(without)} models without one."
    )
    rows = [_row(one) for one in found]
    table = "\n".join(
        ["| model and recipe | cause | named | also found |", "|---|---|---|---|", *rows]
    )
    fine = right >= _WANTED * len(with_cause) and quiet == len(without)
    return f"{summary}\n\n{table}", fine


def _asked(case: Case, only: Sequence[str]) -> bool:
    return not only or any(word in f"{case.code} {case.title}" for word in only)


def _row(one: Told) -> str:
    verdict = one.error or ("yes" if one.right else "**no**")
    cells = (one.case.title, one.case.code or "none", verdict, ", ".join(one.beside))
    return f"| {' | '.join(cells)} |"


def told(cases: Sequence[Case]) -> Iterator[Told]:
    """What is found in each, one after the other."""
    if probing.known() is None:
        probing.probe(nobody)
    with Queue.open() as queue, scratch("findings") as folder:
        for case in cases:
            try:
                yield Told(case, _findings(case, queue, folder))
            except OptimError as error:
                yield Told(case, error=str(error))


def _findings(case: Case, queue: Queue, folder: Path) -> tuple[Finding, ...]:
    """Brought, measured and explained, with what would mend it timed: that may find no cost."""
    made = case.model()
    onnx.save(made, folder / "model.onnx")
    np.savez(folder / "evalset.npz", **case.samples(made))  # type: ignore[arg-type]
    model = ingest(folder / "model.onnx", evalset=folder / "evalset.npz")
    study = create_study(model, load_evalset(folder / "evalset.npz", model))
    (trial,) = queue.run_all(study, [study.add(Recipe.parse(case.recipe), again=True)])
    return why(study, trial).findings
