"""The command that measures and judges recipes."""

import argparse
import json
from collections.abc import Sequence

from optim.bundles.bundle import check_free
from optim.bundles.deployment import chosen
from optim.cli import FAILED, show
from optim.cli.exporting import written
from optim.cli.given import progress, study_of, tell
from optim.errors import InputError
from optim.recipe import Recipe
from optim.running.queue import Queue
from optim.showing.records import record
from optim.targets import LOCAL
from optim.targets.placing import placed, stands_under


def measure(args: argparse.Namespace) -> int:
    """Measure and judge the given recipes, or the baseline."""
    recipes = [Recipe.parse(text) for text in args.recipe] or [Recipe.baseline()]
    if args.out:
        _check_export(args, recipes)
    recipes = [placed(recipe, args.target) for recipe in recipes]
    study = study_of(args)
    numbers = [study.add(recipe, args.target, origin="cli", again=True) for recipe in recipes]
    with Queue.open() as queue:
        queue.run_all(study, numbers, progress)
    trials, metric = study.trials_of(numbers), study.evalset.metric
    if args.json:
        print(json.dumps([record(trial, metric) for trial in trials], indent=1))
    else:
        print(show.trial_table(trials, metric))
        tell(study, trials, args.verbose)
        print(show.verdict_text(study.trials()))
    failed = [trial for trial in trials if trial.state != "done"]
    if args.out and not failed:
        written(study, trials[0], args.out, args.deploy)
    return FAILED if failed else 0


def _check_export(args: argparse.Namespace, recipes: Sequence[Recipe]) -> None:
    """Refuse before the work what an export would refuse after it."""
    if len(recipes) != 1:
        raise InputError(f"--out exports one recipe; {len(recipes)} were given.", "Give one.")
    if stands_under(args.target) != LOCAL:
        raise InputError("--out exports a measurement, not an estimate.", "Leave --target out.")
    check_free(args.out)
    chosen(args.deploy, recipes[0])
