"""The store's file: opened by several at once, lost while the program runs, disks that refuse."""

import errno
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from optuna.exceptions import StorageInternalError
from support.paths import ROOT

from optim.errors import InputError, OptimError, of_the_disk
from optim.home import place, written
from optim.home.scratch import scratch
from optim.settings import settings
from optim.studies import store
from optim.studies.listing import list_studies
from optim.studies.store import Owner, storage, this_process

OPEN = "from optim.studies.store import storage; storage().get_all_studies()"


@pytest.mark.deep
def test_several_processes_may_open_an_empty_home_at_once(home: Path) -> None:
    started = [
        subprocess.Popen([sys.executable, "-c", OPEN], cwd=ROOT, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    said = [process.communicate(timeout=120)[1] for process in started]
    assert not any(process.returncode for process in started), said


def test_a_store_deleted_under_the_program_is_noticed(home: Path) -> None:
    storage()
    away = (home / "studies.db").rename(home / "away.db")
    for _ in range(2):
        with pytest.raises(InputError, match="deleted or replaced"):
            list_studies()
    away.rename(home / "studies.db")
    assert list_studies() == []


HOLD = """
import sqlite3, sys
held = sqlite3.connect(sys.argv[1])
held.execute("BEGIN IMMEDIATE")
print(held.execute("SELECT count(*) FROM studies").fetchall(), flush=True)
sys.stdin.read()
"""


def test_a_store_deleted_under_another_process_is_made_anew(home: Path) -> None:
    storage()
    store._open.cache_clear()
    path = home / "studies.db"
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout and other.stdout.readline()
        path.unlink()
        assert list_studies() == []
        other.communicate()


def test_a_database_is_quoted_without_its_librarys_names(home: Path) -> None:
    home.mkdir(exist_ok=True)
    (home / "studies.db").write_bytes(b"no database" * 100)
    with pytest.raises(InputError, match=r"cannot be opened \(file is not a database\)"):
        storage()


def test_a_relative_home_is_the_same_for_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPTIM_HOME", "my-home")
    settings.cache_clear()
    assert settings().home == tmp_path / "my-home"
    settings.cache_clear()


def test_locks_of_ended_processes_go_and_others_stay(home: Path) -> None:
    owners = home / "owners"
    owners.mkdir(parents=True)
    (owners / "ended.lock").write_text(socket.gethostname())
    (owners / "elsewhere.lock").write_text("another host")
    me = this_process()
    assert {path.stem for path in owners.iterdir()} == {"elsewhere", me.id}
    assert me.alive and not Owner(id="ended", host=socket.gethostname()).alive
    store._sweep(owners)
    assert me.alive


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EROFS, "Nothing can be written"),
        (errno.EACCES, "refuses access"),
    ],
)
def test_a_disk_that_refuses_is_a_sentence_and_leaves_nothing(
    home: Path, code: int, said: str
) -> None:
    with pytest.raises(OptimError, match=said) as caught, written(place("files", "x")) as new:
        new.write_text("half of it")
        raise OSError(code, os.strerror(code), str(new))
    assert caught.value.next_step and [*(home / "files").iterdir()] == []


@pytest.mark.skipif(not os.geteuid(), reason="root may write everywhere")
def test_a_home_that_may_not_be_written_to_is_a_sentence(home: Path) -> None:
    home.mkdir(mode=0o500)
    with pytest.raises(OptimError, match="refuses access"), scratch("step"):
        pass


def test_a_database_that_cannot_grow_is_a_sentence() -> None:
    try:
        try:
            raise RuntimeError("(sqlite3.OperationalError) database or disk is full")
        except RuntimeError as error:
            raise StorageInternalError("An exception is raised during the commit.") from error
    except StorageInternalError as error:
        told = of_the_disk(error)
    assert told and "full" in told.what
    assert of_the_disk(ValueError("x")) is None


@pytest.mark.deep
def test_a_disk_that_fills_up_is_a_sentence_and_work_goes_on(tmp_path: Path) -> None:
    """A real one of 3 MB: opening a sample of 4 MB fails, and works once there is space."""
    measure = f"OPTIM_HOME={tmp_path}/disk/home {sys.executable} -m optim inspect sample:fashion"
    script = (
        f"mkdir {tmp_path}/disk && mount -t tmpfs -o size=3m tmpfs {tmp_path}/disk || exit 77\n"
        f"{measure}; echo rc $?\n"
        f"mount -o remount,size=300m {tmp_path}/disk\n{measure}; echo rc $?\n"
    )
    alone = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script]
    try:
        done = subprocess.run(alone, cwd=ROOT, capture_output=True, text=True, timeout=200)
    except FileNotFoundError:
        pytest.skip("unshare is not installed")
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip("this system grants no mounts")
    assert "The disk is full" in done.stderr and "Traceback" not in done.stderr
    assert [line for line in done.stdout.splitlines() if line.startswith("rc")] == ["rc 1", "rc 0"]
