"""What is said of this machine agrees with what the system says."""

import os
import subprocess
import sys

import pytest
from support.paths import ROOT

from optim.machine import environment as module
from optim.machine.environment import affinity, cores_for, cpu_flags, environment, machine_id


def test_facts_are_text_and_complete():
    facts = environment()
    assert all(isinstance(value, str) and value for key, value in facts.items() if key != "flags")
    assert {"machine_id", "cpu", "flags", "cores", "governor", "kernel", "onnxruntime"} <= set(
        facts
    )
    assert int(facts["all_cores"]) == os.cpu_count()
    assert 1 <= int(facts["cores"]) <= int(facts["all_cores"])
    assert set(facts["flags"].split()) <= cpu_flags()
    assert int(facts["memory_gb"]) > 0


def test_machine_id_is_the_same_in_a_pinned_process():
    program = "from optim.machine.environment import machine_id; print(machine_id())"
    pinned = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        preexec_fn=lambda: os.sched_setaffinity(0, {affinity()[0]}),
        capture_output=True,
        text=True,
        check=True,
    )
    assert pinned.stdout.strip() == machine_id()


@pytest.mark.parametrize(
    "change",
    [
        {"/etc/machine-id": "0123456789abcdef"},
        {"/proc/cpuinfo": "model name : Another CPU\nflags : avx2 amx_bf16\n"},
    ],
)
def test_machine_id_differs_between_machines(change, monkeypatch):
    here = machine_id()
    monkeypatch.setattr(module, "_text", lambda path: change.get(path, ""))
    assert machine_id() != here


def test_cores_are_fixed_and_within_what_is_allowed():
    allowed = affinity()
    for threads in range(1, len(allowed) + 2):
        chosen = cores_for(threads)
        assert chosen == cores_for(threads)
        assert set(chosen) <= set(allowed)
        assert len(set(chosen)) == min(threads, len(allowed))


def test_cores_are_one_per_physical_core_first(monkeypatch):
    """Eight logical CPUs on four cores, numbered as servers do: 0 and 4 share one."""
    monkeypatch.setattr(module, "affinity", lambda: list(range(8)))
    monkeypatch.setattr(module, "_siblings", lambda cpu: [cpu % 4, cpu % 4 + 4])
    assert cores_for(1) == [7]
    assert cores_for(4) == [4, 5, 6, 7]
    assert cores_for(6) == [2, 3, 4, 5, 6, 7]
    monkeypatch.setattr(module, "affinity", lambda: [1, 5, 6])
    assert cores_for(2) == [5, 6]


@pytest.mark.parametrize(
    ("listed", "siblings"), [("3", {3}), ("1,33", {1, 3, 33}), ("2-3", {2, 3}), ("", {3})]
)
def test_sibling_lists_are_read(listed, siblings, monkeypatch):
    monkeypatch.setattr(module, "_text", lambda path: listed)
    assert set(module._siblings(3)) == siblings


@pytest.mark.parametrize(
    ("quota", "cores"), [("max 100000", 3), ("150000 100000", 2), ("50000 100000", 1), ("", 3)]
)
def test_container_quota_limits_the_cores(quota, cores, monkeypatch):
    monkeypatch.setattr(module, "affinity", lambda: [0, 1, 2])
    monkeypatch.setattr(module, "_text", lambda path: quota)
    assert module.usable_cores() == cores
