"""Whoever waits for others' timings is told so, and that it is over."""

import fcntl
import threading
from pathlib import Path

import pytest

from optim.machine import lock


def test_a_long_wait_is_told_and_that_it_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "lock_file", lambda: tmp_path / "lock")
    monkeypatch.setattr(lock, "_LONG_SECONDS", 0.0)
    told: list[str] = []
    with (tmp_path / "lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        ends = threading.Timer(0.3, lambda: fcntl.flock(other, fcntl.LOCK_UN))
        ends.start()
        with lock.telling(told.append), lock.machine_to_itself(lambda: False):
            assert lock.waited() > 0
        ends.join()
    assert [bool(why) for why in told] == [True, False] and "waits" in told[0]


def test_who_waits_not_is_told_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "lock_file", lambda: tmp_path / "lock")
    told: list[str] = []
    with lock.telling(told.append), lock.machine_to_itself(lambda: False):
        pass
    assert told == []
