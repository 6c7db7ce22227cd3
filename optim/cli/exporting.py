"""Commands on bundles: one written of what was measured already, one checked."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from optim.bundles import bundle
from optim.bundles.deployment import starts
from optim.bundles.replay import replay as check
from optim.cli import FAILED
from optim.cli.sharing import study_named
from optim.errors import InputError
from optim.studies.picking import picked
from optim.studies.study import Study
from optim.studies.trial import Trial


def export(args: argparse.Namespace) -> int:
    """Write the bundle of one trial of a study: the one of this number, else the best."""
    study = study_named(args.study)
    trials = study.trials()
    trial = picked(trials) if args.trial is None else _numbered(trials, args.trial)
    if trial is None:
        raise InputError("Nothing was measured in this study.", "Measure a recipe.", "export")
    written(study, trial, args.out, args.deploy)
    return 0


def written(study: Study, trial: Trial, folder: Path, deploy: Sequence[str]) -> None:
    """Write the bundle, and say where it is and how each deployment begins."""
    made = bundle.findings_of(study, trial)
    bundle.write_bundle(made, folder, deploy)
    print(f"bundle: {folder}", file=sys.stderr)
    for title, command in starts(deploy, made, folder):
        print(f"{title}: {command}", file=sys.stderr)


def replay(args: argparse.Namespace) -> int:
    """Rebuild, measure and judge a bundle again; compare with what it claims."""
    result = check(args.bundle, lambda text: print(text, file=sys.stderr))
    print(result.model_dump_json(indent=1) if args.json else result.text())
    return 0 if result.ok else FAILED


def _numbered(trials: Sequence[Trial], number: int) -> Trial:
    for trial in trials:
        if trial.number == number:
            return trial
    known = ", ".join(str(trial.number) for trial in trials)
    raise InputError(f"There is no trial {number}.", f"The study has: {known}.", "export")
