import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.study_tools import brought, python, study, use_home

from optim.recipe import Recipe
from optim.running.queue import Queue
from optim.settings import settings
from optim.studies.listing import list_studies
from optim.studies.study import Study, create_study, open_study

__all__ = ["brought", "study"]  # fixtures

_BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
pytestmark = [
    pytest.mark.deep,
    pytest.mark.skipif(
        not _BINARIES, reason="no PostgreSQL server here; install Debian's package postgresql"
    ),
]


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL server of its own on a socket in a temporary folder; yields its URL.

    It refuses to run as root, so root becomes Debian's user `postgres` for it.
    """
    folder = Path("/tmp") / f"optim-pg-{os.getpid()}"  # a socket's path must be short
    folder.mkdir()
    user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    shutil.chown(folder, user)
    become = ["runuser", "-u", user, "--"] if os.geteuid() == 0 else []

    def command(name: str, *arguments: str) -> None:
        call = [*become, str(_BINARIES[-1] / name), *arguments]
        subprocess.run(call, check=True, cwd=folder, stdout=subprocess.DEVNULL)

    command("initdb", "-D", "data", "-A", "trust", "-N", "-U", "optim", "-E", "UTF8")
    options = f"-k {folder} -c listen_addresses='' -c fsync=off"
    command("pg_ctl", "-D", "data", "-w", "-l", "log", "-o", options, "start")
    yield f"postgresql://optim@/postgres?host={folder}"
    command("pg_ctl", "-D", "data", "-m", "immediate", "stop")
    shutil.rmtree(folder)


@pytest.mark.slow
def test_a_whole_trial_on_postgresql(
    postgres: str, study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_home(settings().home, monkeypatch, STORE=postgres)
    kept = create_study(study.model, study.evalset)
    first, second = (kept.add(Recipe.parse(text)) for text in ("onnxruntime", "openvino"))
    with Queue.open() as queue:
        trial = queue.run_all(kept, [first])[0]
    kept.cancel(second)
    kept.note(first, "kept — in Unicode")
    note = f"open_study({kept.name!r}).trials()[0].note"
    other = python(f"from optim.studies.study import open_study; print({note})")
    assert other.communicate(timeout=60)[0].strip() == "kept — in Unicode"
    assert trial.state == "done" and trial.summary
    assert [t.state for t in open_study(kept.name).trials()] == ["done", "cancelled"]
    assert [info.name for info in list_studies()] == [kept.name]


@pytest.mark.slow
def test_two_processes_add_at_once(
    postgres: str, study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_home(settings().home, monkeypatch, STORE=postgres)
    kept = create_study(study.model, study.evalset)
    before = len(kept.trials())
    code = (
        "from optim.recipe import Recipe; from optim.studies.study import open_study; "
        f"study = open_study({kept.name!r}); "
        "[study.add(Recipe.parse('openvino'), again=True) for _ in range(8)]"
    )
    other = python(code)
    for _ in range(8):
        kept.add(Recipe.baseline(), again=True)
    assert other.wait(60) == 0
    new = [trial.number for trial in kept.trials() if trial.number >= before]
    assert new == list(range(before, before + 16))
