"""The cases of a folder, each as its `case.json` has it: `python -m bench cases --cases FOLDER`.

A case names its commands; what they say is shown beside what is expected. A traceback, or a
library's words in place of a sentence, fails the claim; whether what they say is right is for
people to judge.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from argparse import Namespace
from pathlib import Path
from tempfile import TemporaryDirectory

_LIBRARYS_WORDS = re.compile(r"Traceback|\b[A-Z]\w*(?:Error|Exception): |site-packages|  File \"")
_LONGEST_SECONDS = 900


def run(options: Namespace) -> tuple[str, bool]:
    """Report in Markdown and whether the claim holds."""
    folder = Path(options.cases)
    parts, fine = [], True
    for case in sorted(folder.glob("*/case.json")):
        about = json.loads(case.read_text())
        said = _said(about["command"], folder)
        wrong = sorted({found[0] for found in _LIBRARYS_WORDS.finditer(said)})
        fine &= not wrong
        verdict = f"**Wrong: {', '.join(wrong)}**\n\n" if wrong else ""
        parts.append(
            f"### {case.parent.name}\n\nExpected: {about['expected']}\n\n{verdict}```\n{said}\n```"
        )
    return "## Cases, as reported elsewhere\n\n" + "\n\n".join(parts), fine


def _said(command: str, folder: Path) -> str:
    """What the commands print, progress left out, in a home folder of their own."""
    with TemporaryDirectory() as home:
        here = {"OPTIM_HOME": f"{home}/home", "OPTIM_TRIAL_SECONDS": "0.5"}
        path = os.pathsep.join((str(Path.cwd()), os.environ.get("PYTHONPATH", "")))
        script = command.replace("python -m", f"{sys.executable} -m")
        work = Path(home, "cases")  # they may write beside the cases, which are not ours
        shutil.copytree(folder, work, copy_function=shutil.copyfile)
        for case in work.iterdir():
            case.chmod(0o755)
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=work,
            env={**os.environ, **here, "PYTHONPATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_LONGEST_SECONDS,
        )
    lines = [line.rstrip() for line in done.stdout.splitlines()]
    return "\n".join(line for line in lines if not re.match(r"\d\d:\d\d:\d\d  ", line))
