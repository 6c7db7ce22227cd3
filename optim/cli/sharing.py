"""Commands that hand a study on: a report of it, and the study itself as one file."""

import argparse
import json
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

from optim.cli.aligning import align
from optim.cli.given import goal_of, progress
from optim.errors import InputError
from optim.home import written
from optim.running.queue import Queue
from optim.running.warming import warm
from optim.sharing.browser import pdf_of
from optim.sharing.report import study_report
from optim.sharing.slide import study_slide
from optim.sharing.taking_in import TakenIn, take_in
from optim.sharing.writing import write_study
from optim.studies.choice import telling_here
from optim.studies.listing import StudyInfo, list_studies
from optim.studies.study import Study, open_study
from optim.targets import LOCAL

_KINDS = (".html", ".pdf", ".png")


def report(args: argparse.Namespace) -> int:
    """Write a study's report, or a slide of its chart, as its file's name asks for."""
    kind = args.out.suffix.lower()
    if kind not in _KINDS:
        raise InputError(
            f"A report is no {kind or 'file without an ending'}.",
            "Name it report.html or report.pdf, or slide.png for a slide of the chart.",
            "report",
        )
    study, today = study_named(args.study), date.today().isoformat()
    if kind == ".png":
        data = study_slide(study, goal_of(args), today)
    else:
        page = study_report(study, goal_of(args), today)
        data = pdf_of(page) if kind == ".pdf" else page.encode()
    return _wrote(args.out, lambda path: path.write_bytes(data))


def _wrote(path: Path, write: Callable[[Path], object]) -> int:
    """Write a file, whole or not at all, in place of one of its name."""
    try:
        with written(path) as new:
            write(new)
    except OSError as error:
        raise InputError(
            f"{path} cannot be written ({error.strerror}).", "Name another file.", "report"
        ) from None
    print(f"wrote: {path}", file=sys.stderr)
    return 0


def study(args: argparse.Namespace) -> int:
    """List the studies, write one to a file, or take one in."""
    return {"list": _list, "export": _export, "import": _import}[args.doing](args)


def study_named(text: str) -> Study:
    """The study of this name; else the one whose title is this, or whose name begins so."""
    infos = list_studies()
    for fits in (_by_name, _by_title, _by_beginning):
        found = [info.name for info in infos if fits(info, text)]
        if len(found) == 1:
            return open_study(found[0])
        if found:
            raise InputError(
                f"{len(found)} studies are called {text[:80]!r}.", f"Say which: {', '.join(found)}."
            )
    return open_study(text)  # which says that there is none


def _by_name(info: StudyInfo, text: str) -> bool:
    return info.name == text


def _by_title(info: StudyInfo, text: str) -> bool:
    return info.title == text


def _by_beginning(info: StudyInfo, text: str) -> bool:
    return info.name.startswith(text)


def _list(args: argparse.Namespace) -> int:
    infos = list_studies()
    if args.json:
        print(json.dumps([info.model_dump() for info in infos], indent=1))
        return 0
    rows = [[one.name, one.title, str(one.trials), one.created[:16]] for one in infos]
    print(align([["study", "title", "trials", "made"], *rows]))
    return 0


def _export(args: argparse.Namespace) -> int:
    found = study_named(args.study)
    return _wrote(args.file, lambda path: write_study(found, path))


def _import(args: argparse.Namespace) -> int:
    if not args.file.is_file():
        raise InputError(f"There is no file {str(args.file)!r}.", "Give a study file (.zip).")
    warm()
    taken = take_in(args.file)
    if args.measure:
        _measure_here(taken)
    info = taken.study.info
    if args.json:
        told = {"study": info.name, "added": taken.added, "known": taken.known}
        print(json.dumps(told | {"machines": taken.machines}, indent=1))
    else:
        print(f"{info.name}: {taken.said}")
    return 0


def _measure_here(taken: TakenIn) -> None:
    """The original and what is on the front, on this machine; and what was only estimated."""
    here = taken.study
    numbers = here.add_all(telling_here(here.trials()), LOCAL, origin="import")
    numbers += [here.add(recipe, target, origin="import") for recipe, target in taken.estimates]
    with Queue.open() as queue:
        queue.run_all(here, numbers, progress)
