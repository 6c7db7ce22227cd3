"""Whatever a child does or meets, its parent lives and has one sentence about it."""

import os
import signal
import subprocess
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
from support.study_tools import gone, sandboxes, wait_for

from optim.errors import Cancelled, DiskError, StepError
from optim.machine.environment import affinity, machine_id
from optim.sandbox import Limits, Named, call, calling, forking, wait_until_warm, warm

pytestmark = pytest.mark.slow

WARMED = ("optim.build",)
LIMITS = Limits(memory_mb=400, seconds=20)
FUNCTIONS = """
import ctypes, os, sys, time

def crash(): ctypes.string_at(0)
def greedy(): kept = [bytes([i]) * 10_000_000 for i in range(200)]; time.sleep(60)
def shared():
    kept = bytes([1]) * 200_000_000
    for _ in range(3):
        if not os.fork():
            time.sleep(0.7)
            os._exit(len(kept) > 0 and 7)
    return [os.waitstatus_to_exitcode(os.wait()[1]) for _ in range(3)]
def hang(): time.sleep(60)
def vanish(): os._exit(0)
def loud():
    os.truncate(1, 500_000_000)
    os.lseek(1, 0, os.SEEK_END)
    print("\\nthe last word", flush=True)
    os._exit(7)
def tricky():
    for path in (os.environ["TMPDIR"] + "/" + name for name in ("log", "result")):
        os.path.exists(path) and os.unlink(path)
        os.symlink(os.environ["OPTIM_HOME"] + "/secret", path)
    os._exit(7)
def forge():
    os.symlink(os.environ["OPTIM_HOME"] + "/secret", os.environ["TMPDIR"] + "/status.new")
    os._exit(7)
def block():
    os.mkfifo(os.environ["TMPDIR"] + "/status.new")
    os._exit(7)
def claim():
    os.mkfifo(os.environ["TMPDIR"] + "/status")
    time.sleep(0.5)
    os._exit(7)
def flood():
    while True: os.write(1, b"again and again " * 100_000)
def slow(): time.sleep(1); return "done"
def warmed(): return "optim.build" in sys.modules
def variable(): return os.environ.get("OPTIM_HOME", "")
def chance(): import random, numpy; return [random.random(), numpy.random.random()]
def where(): return [os.getcwd(), len(os.sched_getaffinity(0))]
def score(): return int(open("/proc/self/oom_score_adj").read())
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("functions")
    (made / "hostile.py").write_text(FUNCTIONS)
    return made


@pytest.fixture(autouse=True, params=["spawned", "forked"])
def way(folder: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How children start. Both must keep every promise."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), f"{folder}/{request.param}"]))
    if request.param == "forked":
        warm(WARMED)
        wait_until_warm()
    return str(request.param)


def run(name: str, **options: Any) -> Any:
    return call(Named(f"hostile:{name}"), {}, where="the step", **{"limits": LIMITS, **options})


@pytest.mark.parametrize(
    ("name", "limits", "said"),
    [
        ("crash", LIMITS, r"native code \(SIGSEGV\)"),
        ("greedy", LIMITS, "limit of 400 MB.*OPTIM_STEP_MEMORY_MB"),
        ("hang", Limits(400, 1), "limit of 1 s.*OPTIM_STEP_SECONDS"),
        ("vanish", LIMITS, "ended with exit code 0"),
        ("flood", LIMITS, "printed more than 64 MB and was stopped"),
    ],
)
def test_the_end_of_a_child_is_one_sentence(name: str, limits: Limits, said: str) -> None:
    with pytest.raises(StepError, match=said) as caught:
        run(name, limits=limits)
    assert caught.value.where == "the step" and caught.value.next_step
    assert not sandboxes(os.getpid())


def test_what_a_child_links_to_is_not_read(home: Path) -> None:
    home.mkdir(exist_ok=True)
    (home / "secret").write_text("hunter2")
    with pytest.raises(StepError, match="ended with exit code 7") as caught:
        run("tricky")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("name", ["forge", "block", "claim"])
def test_how_it_ended_is_written_and_read_past_what_a_child_put_there(
    name: str, home: Path, way: str
) -> None:
    home.mkdir(exist_ok=True)
    (home / "secret").write_text("hunter2")
    with pytest.raises(StepError, match="ended with exit code"):
        run(name)
    assert (home / "secret").read_text() == "hunter2"
    assert run("warmed") == (way == "forked")  # who starts children goes on


def test_what_a_loud_child_wrote_is_not_read_whole() -> None:
    tracemalloc.start()
    with pytest.raises(StepError, match=r"ended with exit code 7 \(the last word\)"):
        run("loud")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50_000_000


def test_memory_that_processes_of_a_child_share_counts_once() -> None:
    assert run("shared") == [7, 7, 7]


def test_a_child_that_the_system_kills_is_not_called_a_crash() -> None:
    def kill_it() -> bool:
        for child in sandboxes(os.getpid()):
            child.send_signal(signal.SIGKILL)
        return False

    with pytest.raises(StepError, match="killed by the system.*memory"):
        run("hang", cancelled=kill_it)


def test_the_system_is_told_to_kill_a_child_before_its_parent() -> None:
    assert run("score") > int(Path("/proc/self/oom_score_adj").read_text())


def test_cancelling_ends_the_child_at_once() -> None:
    asked: list[float] = []

    def cancelled() -> bool:
        if sandboxes(os.getpid()):
            asked.append(time.monotonic())
        return bool(asked)

    with pytest.raises(Cancelled):
        run("hang", cancelled=cancelled)
    assert time.monotonic() - asked[0] < 1
    assert not sandboxes(os.getpid())


def test_a_child_dies_with_its_parent(way: str) -> None:
    if (parent := os.fork()) == 0:
        if way == "forked":
            warm(WARMED)
            wait_until_warm()
        run("hang")
    wait_for(lambda: sandboxes(parent), seconds=20)
    children = sandboxes(parent)
    os.kill(parent, signal.SIGKILL)
    os.waitpid(parent, 0)
    wait_for(lambda: gone(children), seconds=5)


def test_a_forked_child_is_another_processs_and_a_fresh_one_is_ours(way: str) -> None:
    assert run("warmed") == (way == "forked")
    assert not run("warmed", for_timing=True)


def test_a_timing_has_a_child_that_waited_for_it(way: str) -> None:
    for _ in range(2):
        wait_for(lambda: way == "spawned" or _waiting())  # /proc tells its name a moment late
        waits, busy = {one.pid for one in _waiting()}, _at_work_meanwhile()
        assert way == "spawned" or (waits and waits <= busy)


def test_a_child_that_waited_works_where_and_on_what_it_is_told() -> None:
    folder, cores = run("where", for_timing=True, cpus=[affinity()[0]])
    assert cores == 1 and folder != "/"


def test_a_child_that_waits_ends_with_its_parent(way: str) -> None:
    if (parent := os.fork()) == 0:
        warm(WARMED)
        time.sleep(60)
    wait_for(lambda: _waiting(parent))
    children = _waiting(parent)
    os.kill(parent, signal.SIGKILL)
    os.waitpid(parent, 0)
    wait_for(lambda: gone(children), seconds=5)


def test_a_timing_whose_waiting_child_was_killed_has_another() -> None:
    killed = _waiting()
    for child in killed:
        child.kill()
    wait_for(lambda: gone(killed), seconds=5)
    assert run("variable", for_timing=True) == os.environ["OPTIM_HOME"]


def test_a_child_takes_the_machine_for_the_one_it_is() -> None:
    """Or it would not find what was compiled before: it may not read all that the id rests on."""
    ask = Named("optim.machine.environment:machine_id")
    assert call(ask, {}, where="test") == machine_id()


def test_children_have_the_environment_of_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPTIM_HOME", "/elsewhere")
    assert run("variable") == "/elsewhere"
    monkeypatch.setenv("OPTIM_HOME", "relative")
    assert run("variable") == str(Path.cwd() / "relative")


def test_children_do_not_share_their_random_numbers() -> None:
    first, second = run("chance"), run("chance")
    assert first[0] != second[0] and first[1] != second[1]


@pytest.mark.deep
def test_many_at_once_get_their_own_answers() -> None:
    with ThreadPoolExecutor(8) as pool:
        assert len({tuple(found) for found in pool.map(run, ["chance"] * 16)}) == 16


def test_a_step_whose_fork_server_dies_is_done_once_more(way: str) -> None:
    killed: list[int] = []

    def kill_it() -> bool:
        if not killed and sandboxes(os.getpid()):
            for server in _fork_servers():
                server.kill()
                killed.append(server.pid)
        return False

    assert run("slow", cancelled=kill_it) == "done"
    assert killed or way == "spawned"


def test_without_its_fork_server_a_child_starts_from_nothing() -> None:
    for server in _fork_servers():
        server.kill()
    assert not run("warmed")


def _waiting(parent: int | None = None) -> list[psutil.Process]:
    children = psutil.Process(parent).children()
    return [one for one in children if "optim.sandbox.child" in " ".join(one.cmdline())]


def _at_work_meanwhile() -> set[int]:
    """The children at work while something is timed."""
    found: set[int] = set()

    def look() -> bool:
        found.update(one.pid for one in sandboxes(os.getpid()))
        return False

    run("slow", for_timing=True, cancelled=look)
    return found


def _fork_servers() -> list[psutil.Process]:
    children = psutil.Process().children()
    return [child for child in children if "optim.sandbox.forkserver" in " ".join(child.cmdline())]


def test_a_child_whose_end_could_not_be_written_down_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a disk that is full: nobody waits for it for ever."""
    monkeypatch.setattr(forking, "_TELLING_SECONDS", 0.05)
    ended = subprocess.Popen(["true"])
    ended.wait()
    with subprocess.Popen(["sleep", "60"]) as server:
        forked = forking.Forked(ended.pid, tmp_path, server)
        assert forked.wait(10) != 0
        assert forking.Forked(server.pid, tmp_path, server)._untold is False
        server.kill()


def test_a_folder_whose_rights_were_taken_is_no_fault_of_the_model(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(f"PermissionError: [Errno 13] Permission denied: '{tmp_path}/result'\n")
    refused = calling._crash(1, "measure", log)
    assert isinstance(refused, DiskError) and "refuses access" in refused.what
    log.write_text("PermissionError: [Errno 13] Permission denied: '/etc/shadow'\n")
    assert not isinstance(calling._crash(1, "measure", log), DiskError)
