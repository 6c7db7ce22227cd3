"""What each command does. Every function takes the parsed arguments and returns an exit code."""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from optim import probing, sandbox
from optim.bundles.bundle import check_free
from optim.bundles.deployment import chosen
from optim.cli import FAILED, machine, show
from optim.cli.deciding import decide as decide
from optim.cli.exporting import export as export
from optim.cli.exporting import written
from optim.cli.hosting import host as host
from optim.cli.loading import load as load
from optim.cli.twinning import twin as twin
from optim.errors import InputError, StepError
from optim.evalset import EvalSet, load_evalset, synthesize
from optim.graph import analysis_of
from optim.ingest import ingest
from optim.ingest.samples import SAMPLE_PREFIX, find_sample
from optim.machine.environment import environment
from optim.model import Model
from optim.recipe import Recipe
from optim.running.queue import Queue
from optim.running.warming import warm
from optim.search.advice import advise
from optim.search.answer import Answer
from optim.search.explore import find_best
from optim.search.news import News
from optim.search.space import circumstances_of
from optim.shipped import APP
from optim.showing.records import record
from optim.showing.text import spanned, times
from optim.studies.choice import front_of
from optim.studies.goal import Goal
from optim.studies.study import Study, create_study
from optim.studies.trial import Trial
from optim.targets import LOCAL
from optim.targets.placing import placed, stands_under

if TYPE_CHECKING:
    from optim.why.shares import Shares

_HEAVIEST = 15
_MEASURED_SECONDS = 30.0  # at most, before it is explained: samples not judged by then are left
_EXPORT_SECONDS = 3.0  # of a budget, kept for writing the bundle


def parts(args: argparse.Namespace) -> int:
    """List passes, runtimes, metrics and targets, and what other packages announce in vain."""
    from optim.cli import parts as doing

    return doing.parts(args)


def install(args: argparse.Namespace) -> int:
    """Install what a part needs, in a folder apart."""
    from optim.cli import parts as doing

    return doing.install(args)


def uninstall(args: argparse.Namespace) -> int:
    """Remove what was installed for a part."""
    from optim.cli import parts as doing

    return doing.uninstall(args)


def inspect(args: argparse.Namespace) -> int:
    """A model's totals and its heaviest nodes."""
    model = bring(args)[0]
    analysis = analysis_of(model)
    if args.json:
        print(analysis.model_dump_json(indent=1))
        return 0
    ops = ", ".join(f"{op} {count}" for op, count in list(analysis.op_histogram.items())[:8])
    print(f"{model.name}  sha256 {model.digest[:12]}  opset {model.opset}")
    for way, specs in (("in", model.inputs), ("out", model.outputs)):
        print(*(f"  {way} {s.name} {s.dtype}{list(s.shape)}" for s in specs), sep="\n")
    print(f"  {analysis.parameters:,} parameters, {analysis.flops / 1e6:,.1f} MFLOP")
    print(f"  {analysis.node_count} nodes: {ops}")
    print(*(f"  {note}\n" for note in (*model.notes, *analysis.notes)), sep="", end="")
    heaviest = sorted(analysis.nodes, key=lambda row: -row.flops)[:_HEAVIEST]
    header = ["node", "op", "MFLOP", "MB", "FLOP/byte"]
    cells = [
        [n.name, n.op, f"{n.flops / 1e6:.2f}", f"{n.bytes / 1e6:.2f}", f"{n.intensity:.1f}"]
        for n in heaviest
    ]
    print(show.align([header, *cells]))
    return 0


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
        _tell(study, trials, args.verbose)
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


def explore(args: argparse.Namespace) -> int:
    """Find the best recipe within the limits and the budget, and say how sure that is."""
    if args.out:
        check_free(args.out)
    study = study_of(args)
    goal = Goal.model_validate({name: getattr(args, name) for name in Goal.model_fields})
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
    _tell(study, trials, args.verbose)
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


def why(args: argparse.Namespace) -> int:
    """Why a recipe is as fast and as good as it is, and what would mend what went wrong."""
    from optim.why.explanation import why as explained
    from optim.why.told import told
    from optim.why.whose import told as shares_told

    recipe = Recipe.parse(args.recipe)
    study = study_of(args)
    number = study.add(recipe, origin="cli", again=True)
    with Queue.open() as queue:
        (trial,) = queue.run_all(study, [number], progress, _MEASURED_SECONDS)
        if trial.state != "done":
            raise StepError(trial.error or "It was not measured.", "Try another recipe.", "why")
        found = explained(study, trial, lambda text: print(text, file=sys.stderr, flush=True))
        shares = _shares(study, trial, queue) if args.shares else None
    metric = study.evalset.metric
    if args.json:
        said = {"trial": record(trial, metric), **found.model_dump(mode="json")}
        said["shares"] = shares and shares.model_dump(mode="json")
        print(json.dumps(said, indent=1))
        return 0
    print(show.trial_table([trial], metric))
    print(told(found))
    if args.shares:
        alone = "Nothing to share: at most one thing is switched on."
        print(f"\nWhose gain it is\n{shares_told(shares, metric) if shares else alone}")
    return 0


def _shares(study: Study, trial: Trial, queue: Queue) -> "Shares | None":
    """Each toggle's share, after what is missing for it was measured."""
    from optim.why.whose import cost_told, left_to_measure, shares_if_known

    missing = left_to_measure(trial, study.trials())
    print(cost_told(missing, study.trials()), file=sys.stderr, flush=True)
    queue.run_all(study, [study.add(one, origin="why") for one in missing], progress)
    return shares_if_known(trial, study.trials())


def replay(args: argparse.Namespace) -> int:
    """Rebuild, measure and judge a bundle again; compare with what it claims."""
    from optim.bundles.replay import replay as check

    result = check(args.bundle, lambda text: print(text, file=sys.stderr))
    print(result.model_dump_json(indent=1) if args.json else result.text())
    return 0 if result.ok else FAILED


def report(args: argparse.Namespace) -> int:
    """Write a study's report, or a slide of its chart."""
    from optim.cli import sharing

    return sharing.report(args)


def study(args: argparse.Namespace) -> int:
    """List studies, export one to a file, or import one."""
    from optim.cli import sharing

    return sharing.study(args)


def learn(args: argparse.Namespace) -> int:
    """List the lessons, or measure one."""
    from optim.cli import lessons

    return lessons.learn(args)


def serve(args: argparse.Namespace) -> int:
    """Serve the web application until it is stopped."""
    options = [f"--server.port={args.port}", f"--server.address={args.address}"]
    # -P: modules that happen to lie in the current folder are not taken for Python's own.
    streamlit = [sys.executable, "-P", "-m", "streamlit", "run", str(APP / "app.py")]
    os.execv(sys.executable, [*streamlit, "--server.headless=true", *options])


def probe(args: argparse.Namespace) -> int:
    """What this machine's engines reach, probed where it is not known yet."""
    found = (None if args.again else probing.known()) or probing.probe(machine.told)
    print(json.dumps(machine.as_record(found), indent=1) if args.json else machine.as_text(found))
    return 0 if any(row.rounds for row in found.rows) else FAILED


def doctor(args: argparse.Namespace) -> int:
    """What this installation is, and which walls stand between files that are read and the rest."""
    from optim.cli.parts import environments, environments_told

    walls = sandbox.protections()
    if args.json:
        known = {"protections": walls, "environment": environment(), "parts": environments()}
        print(json.dumps(known, indent=1))
        return 0
    print(show.align([[name, value] for name, value in environment().items()]))
    print(f"\n{machine.heading(found) if (found := probing.known()) else machine.NOT_PROBED}")
    print(f"\nParts with packages of their own:\n\n{environments_told()}")
    print("\nEvery model and EvalSet is read and run in a child process. Of it is true here:\n")
    keeps = {one.name: one.keeps for one in sandbox.PROTECTIONS}
    rows = [[name, f"no: {why}" if why else "yes", keeps[name]] for name, why in walls.items()]
    print(show.align(rows))
    return 0


def docs(args: argparse.Namespace) -> int:
    """Write the generated documents, or check that they are up to date."""
    from optim.cli.documents import write

    stale = write(check=args.check)
    for path in stale:
        print(f"{'out of date' if args.check else 'wrote'}: {path.name}")
    return FAILED if args.check and stale else 0


def bring(args: argparse.Namespace) -> tuple[Model, Path | None]:
    """The model of the arguments, and the path of its EvalSet if there is one."""
    evalset: Path | None = args.evalset
    if evalset is None and args.model.startswith(SAMPLE_PREFIX):
        evalset = find_sample(args.model).evalset_path
    dims = dict(args.dim)
    return ingest(args.model, dims=dims, evalset=evalset, input_specs=args.input), evalset


def study_of(args: argparse.Namespace) -> Study:
    """The study of the arguments' model and EvalSet; inputs are synthesized where none is given."""
    warm()
    model, path = bring(args)
    evalset: EvalSet = load_evalset(path, model, args.labels) if path else synthesize(model)
    sample = args.model.startswith(SAMPLE_PREFIX)
    return create_study(model, evalset, find_sample(args.model).title if sample else "")


def progress(trial: Trial) -> None:
    """One line on standard error whenever a trial has news."""
    figure = f"  {spanned(trial.summary.speedup, times)}" if trial.summary else ""
    now = time.strftime("%H:%M:%S")
    state = trial.phase or trial.state
    print(f"{now}  {state:<11} {trial.recipe}{figure}", file=sys.stderr, flush=True)


def _tell(study: Study, trials: list[Trial], verbose: bool) -> None:
    """What a reader must know to believe the table: machine, model, samples, remarks."""
    here, known = environment(), circumstances_of(study.model)
    measured = probing.known()
    print(f"measured on {here['cpu']}; speed-up against the original on ONNX Runtime")
    print(study.evalset.split_note, *study.evalset.notes)
    print(*(f"model: {note}\n" for note in study.model.notes), sep="", end="")
    for trial in trials:
        advice = advise(trial.recipe, known.ops, known.flags, known.cores, measured)
        lines = show.remarks(trial, advice if trial.target == LOCAL else ())
        print(*(f"{trial.recipe}: {line}\n" for line in show.some(lines, verbose)), sep="", end="")
