"""The command that says why a recipe is as fast and as good as it is."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence

from optim.cli import show
from optim.cli.aligning import align
from optim.cli.given import progress, study_of
from optim.errors import StepError
from optim.findings import percent
from optim.names import legible
from optim.recipe import Recipe
from optim.running.queue import Queue
from optim.showing.records import record
from optim.showing.text import spanned
from optim.studies.study import Study
from optim.studies.trial import Trial
from optim.why.explanation import node_by_node
from optim.why.explanations import explain
from optim.why.nodes import NodeChange
from optim.why.shares import Shares
from optim.why.told import told
from optim.why.whose import cost_told, left_to_measure, shares_if_known
from optim.why.whose import told as shares_told

_MEASURED_SECONDS = 30.0  # at most, before it is explained: samples not judged by then are left


def why(args: argparse.Namespace) -> int:
    """Why a recipe is as fast and as good as it is, and what would mend what went wrong."""
    recipe = Recipe.parse(args.recipe)
    against = Recipe.parse(args.against) if args.against else None
    study = study_of(args)
    with Queue.open() as queue:
        trial = _measured(study, recipe, queue)
        found = explain(study, trial, _progress_of_why())
        shares = _shares(study, trial, queue) if args.shares else None
        before = _measured(study, against, queue) if against else None
    nodes = node_by_node(study, before, trial, _progress_of_why()) if before else ()
    metric = study.evalset.metric
    if args.json:
        said = {"trial": record(trial, metric), **found.model_dump(mode="json")}
        said["shares"] = shares and shares.model_dump(mode="json")
        said["against"] = before and record(before, metric)
        said["nodes"] = [one.model_dump(mode="json") for one in nodes]
        print(json.dumps(said, indent=1))
        return 0
    print(show.trial_table([one for one in (before, trial) if one], metric))
    print(told(found))
    if before:
        print(f"\nNode by node, against {before.recipe}, in microseconds\n{nodes_told(nodes)}")
    if args.shares:
        alone = "Nothing to share: at most one thing is switched on."
        print(f"\nWhose gain it is\n{shares_told(shares, metric) if shares else alone}")
    return 0


def _measured(study: Study, recipe: Recipe, queue: Queue) -> Trial:
    """A trial of it. Raises StepError where it cannot be measured."""
    number = study.add(recipe, origin="cli", again=True)
    (trial,) = queue.run_all(study, [number], progress, _MEASURED_SECONDS)
    if trial.state != "done":
        raise StepError(trial.error or "It was not measured.", "Try another recipe.", "why")
    return trial


def nodes_told(nodes: Sequence[NodeChange]) -> str:
    """Nodes before and after as columns, the largest changes first."""
    head = ["node", "operator", "before", "after", "change", "in", "runs as"]
    rows = [
        [
            legible(one.name),
            one.op,
            _tenths(one.before_us),
            _tenths(one.after_us),
            spanned(one.change_us, "{:+.1f}".format),
            one.after_precision,
            one.runs_as,
        ]
        for one in nodes
    ]
    return align([head, *rows])


def _tenths(microseconds: float | None) -> str:
    return "" if microseconds is None else f"{microseconds:.1f}"


def _progress_of_why() -> Callable[[str, float], None]:
    """One line on standard error for each step."""
    told: list[str] = []

    def tell(text: str, share: float) -> None:
        if [text] != told[-1:]:
            told.append(text)
            print(f"{percent(share):>5}  {text}", file=sys.stderr, flush=True)

    return tell


def _shares(study: Study, trial: Trial, queue: Queue) -> Shares | None:
    """Each toggle's share, after what is missing for it was measured."""
    missing = left_to_measure(trial, study.trials())
    print(cost_told(missing, study.trials()), file=sys.stderr, flush=True)
    queue.run_all(study, [study.add(one, origin="why") for one in missing], progress)
    return shares_if_known(trial, study.trials())
