"""Write the store file of this version: `python tests/support/store_fixtures/make.py FOLDER`.

Measures three recipes of the small classifier of the tests and keeps what a later version must
still be able to open: the database, and the files that it refers to.
"""

import os
import shutil
import sqlite3
import sys
import tempfile
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[i]) for i in (3, 2)]


def main(folder: Path) -> None:
    """Make `<folder>/<version>.zip`, a home folder."""
    from support.study_tools import write_classifier

    from optim import __version__
    from optim.evalset import load_evalset
    from optim.ingest import ingest
    from optim.recipe import Recipe
    from optim.running.queue import Queue
    from optim.settings import settings
    from optim.studies.study import create_study

    home = settings().home
    model_path, evalset_path = write_classifier(home.parent)
    model = ingest(model_path, evalset=evalset_path)
    study = create_study(model, load_evalset(evalset_path, model))
    numbers = [study.add(Recipe.parse(text)) for text in ("onnxruntime", "simplify + openvino")]
    with Queue.open() as queue:
        queue.run_all(study, numbers)
    study.pin(numbers[1])
    study.note(numbers[1], "kept by version " + __version__)
    study.add(Recipe.parse("onnxruntime:graph=off"))  # waits, and its process ends
    kept = home.parent / "kept"
    shutil.copytree(home, kept, ignore=shutil.ignore_patterns("studies.db*"))
    with sqlite3.connect(home / "studies.db") as live, sqlite3.connect(kept / "studies.db") as copy:
        live.backup(copy)
    shutil.make_archive(str(folder / __version__), "zip", kept)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        os.environ |= {"OPTIM_HOME": f"{temporary}/home", "OPTIM_TRIAL_SECONDS": "2"}
        main(Path(sys.argv[1]))
