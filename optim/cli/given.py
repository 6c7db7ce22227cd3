"""The study that commands are given, and what they say of its trials."""

import argparse
import sys
import time

from optim import probing
from optim.cli import show
from optim.cli.bringing import bring
from optim.evalset import EvalSet, judged_by, load_evalset, synthesize
from optim.ingest.samples import SAMPLE_PREFIX, find_sample
from optim.machine.environment import environment
from optim.running.warming import warm
from optim.search.advice import advise
from optim.search.space import circumstances_of
from optim.showing.text import spanned, times
from optim.studies.goal import Goal
from optim.studies.study import Study, create_study
from optim.studies.trial import Trial
from optim.targets import LOCAL


def study_of(args: argparse.Namespace) -> Study:
    """The study of the arguments' model and EvalSet; inputs are synthesized where none is given."""
    warm()
    model, path = bring(args)
    evalset: EvalSet = (
        load_evalset(path, model, args.labels, args.label_column) if path else synthesize(model)
    )
    evalset = judged_by(evalset, args.metric, model)
    sample = args.model.startswith(SAMPLE_PREFIX)
    return create_study(model, evalset, find_sample(args.model).title if sample else "")


def goal_of(args: argparse.Namespace) -> Goal:
    """What is to be made best within which limits, as the options say."""
    return Goal.model_validate({name: getattr(args, name) for name in Goal.model_fields})


def progress(trial: Trial) -> None:
    """One line on standard error whenever a trial has news."""
    figure = f"  {spanned(trial.summary.speedup, times)}" if trial.summary else ""
    now = time.strftime("%H:%M:%S")
    state = trial.phase or trial.state
    print(f"{now}  {state:<11} {trial.recipe}{figure}", file=sys.stderr, flush=True)


def tell(study: Study, trials: list[Trial], verbose: bool) -> None:
    """What a reader must know to believe the table: machine, model, samples, remarks."""
    here, known = environment(), circumstances_of(study.model)
    measured = probing.known()
    print(f"measured on {here['cpu']}; speed-up against the original on ONNX Runtime")
    print(study.evalset.split_note, *study.evalset.notes)
    print(*(f"model: {note}\n" for note in study.model.notes), sep="", end="")
    for trial in trials:
        advice = advise(trial.recipe, known.ops, known.flags, known.cores, measured)
        lines = show.remarks(trial, advice if trial.target == LOCAL else ())
        few = show.some(lines, verbose, show.work_of(trial))
        print(*(f"{trial.recipe}: {line}\n" for line in few), sep="", end="")
