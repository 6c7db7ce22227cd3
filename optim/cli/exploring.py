"""The command that finds the best recipe."""

import argparse
import json
import sys
import time
from collections.abc import Callable

from optim.bundles.bundle import check_free
from optim.cli import show
from optim.cli.exporting import written
from optim.cli.given import goal_of, progress, study_of, tell
from optim.errors import StepError
from optim.running.queue import Queue
from optim.search.answer import Answer
from optim.search.explore import find_best
from optim.search.news import News
from optim.showing.records import record
from optim.studies.choice import front_of
from optim.studies.study import Study
from optim.studies.trial import Trial

_EXPORT_SECONDS = 3.0  # of a budget, kept for writing the bundle


def explore(args: argparse.Namespace) -> int:
    """Find the best recipe within the limits and the budget, and say how sure that is."""
    if args.out:
        check_free(args.out)
    study = study_of(args)
    goal = goal_of(args)
    spent = time.monotonic() - args.began + (_EXPORT_SECONDS if args.out else 0)
    found = find_best(study, goal, max(0.0, args.budget - spent), _progress_of_search())
    if not any(row.gain for row in found.news.rows):
        raise StepError(
            f"Nothing was measured in {args.budget:g} s.", "Give a larger --budget.", "explore"
        )
    trial = _trial_of(study, found.recipe)
    if args.full and trial:
        trial = _measured_in_full(study, trial)
    _show_search(args, study, found)
    if args.out:
        if trial is None:
            raise StepError("The original was not measured.", "Give a larger --budget.", "explore")
        written(study, trial, args.out, args.deploy)
    return 0


def _progress_of_search() -> Callable[[News], None]:
    """One line on standard error for each step."""

    def tell(news: News) -> None:
        if news.doing:
            print(f"{news.seconds:5.1f} s  {news.doing}", file=sys.stderr, flush=True)

    return tell


def _trial_of(study: Study, recipe: str) -> Trial | None:
    """The study's newest measured trial of a recipe."""
    found = [t for t in study.trials() if t.recipe.spelling == recipe and t.summary]
    return found[-1] if found else None


def _show_search(args: argparse.Namespace, study: Study, found: Answer) -> None:
    trials, metric = study.trials(), study.evalset.metric
    on_front = front_of(trials)
    if args.json:
        rows = [{**record(t, metric), "on_front": t.number in on_front} for t in trials]
        answer = {"chosen": found.recipe, "trials": rows, "answer": found.model_dump(mode="json")}
        print(json.dumps(answer, indent=1))
        return
    print(show.trial_table(trials, metric, on_front))
    print("* on the front: nothing tried in this study is clearly both faster and better")
    chosen = [trial for trial in trials if trial.recipe.spelling == found.recipe]
    tell(study, trials if args.verbose else chosen, args.verbose)
    print(show.search_table(found.news))
    print(*found.sentences, f"Most likely to help next: {found.help}", sep="\n")


def _measured_in_full(study: Study, best: Trial) -> Trial:
    """The trial, or a new one of its recipe where the budget ended before it was done."""
    if best.quality and best.quality.complete and best.summary and not best.summary.provisional:
        return best
    print("measuring the chosen recipe to the end for its bundle", file=sys.stderr)
    number = study.add(best.recipe, origin="explore", again=True)
    with Queue.open() as queue:
        (trial,) = queue.run_all(study, [number], progress)
    if trial.state != "done":
        raise StepError(f"{trial.recipe} could not be measured again: {trial.error}", "Try again.")
    return trial
