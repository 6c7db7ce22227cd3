"""Whatever a child does or meets, its parent lives and has one sentence about it."""

import os
import signal
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from study_tools import gone, sandboxes, wait_for

from optim.errors import Cancelled, StepError
from optim.sandbox import Limits, call

LIMITS = Limits(memory_mb=400, seconds=20)
FUNCTIONS = """
import ctypes, os, sys, time

def crash(): ctypes.string_at(0)
def greedy(): kept = [bytes([i]) * 10_000_000 for i in range(200)]; time.sleep(60)
def hang(): time.sleep(60)
def vanish(): os._exit(0)
def loud():
    os.truncate(1, 500_000_000)
    os.lseek(1, 0, os.SEEK_END)
    print("\\nthe last word", flush=True)
    os._exit(7)
def score(): return int(open("/proc/self/oom_score_adj").read())
"""


@pytest.fixture(autouse=True)
def functions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hostile.py").write_text(FUNCTIONS)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


def run(name: str, **options: Any) -> Any:
    return call(f"hostile:{name}", {}, step="the step", **{"limits": LIMITS, **options})


@pytest.mark.parametrize(
    ("name", "limits", "said"),
    [
        ("crash", LIMITS, r"native code \(SIGSEGV\)"),
        ("greedy", LIMITS, "limit of 400 MB.*OPTIM_STEP_MEMORY_MB"),
        ("hang", Limits(400, 1), "limit of 1 s.*OPTIM_STEP_SECONDS"),
        ("vanish", LIMITS, "ended with exit code 0"),
    ],
)
def test_the_end_of_a_child_is_one_sentence(name: str, limits: Limits, said: str) -> None:
    with pytest.raises(StepError, match=said) as caught:
        run(name, limits=limits)
    assert caught.value.step == "the step" and caught.value.next_step
    assert not sandboxes(os.getpid())


def test_what_a_loud_child_wrote_is_not_read_whole() -> None:
    tracemalloc.start()
    with pytest.raises(StepError, match=r"ended with exit code 7 \(the last word\)"):
        run("loud")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50_000_000


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


def test_a_child_dies_with_its_parent() -> None:
    if (parent := os.fork()) == 0:
        run("hang")
    wait_for(lambda: sandboxes(parent), seconds=20)
    children = sandboxes(parent)
    os.kill(parent, signal.SIGKILL)
    os.waitpid(parent, 0)
    wait_for(lambda: gone(children), seconds=5)
