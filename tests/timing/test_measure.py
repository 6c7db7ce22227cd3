"""A slice of timing, taken for real on a small model; no run is asserted to take any time."""

import fcntl
import gc
import itertools
import os
import random
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import numpy as np
import onnx
import onnx.parser
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import numpy_helper
from support.study_tools import sandboxes

from optim.errors import Cancelled, StepError
from optim.evalset import synthesize
from optim.machine.environment import affinity, cores_for, machine_id
from optim.machine.lock import lock_file, waited
from optim.model import store_model
from optim.recipe import Recipe
from optim.settings import settings
from optim.timing import arms as arms_of
from optim.timing.arms import beaten_in, plan_block
from optim.timing.measure import Contender, heat_of, slice_of
from optim.timing.measurement import BASELINE, CANDIDATE, SINGLE_THREAD, Measurement
from optim.timing.stats import summarize

pytestmark = pytest.mark.alone  # it says how contended the cores were

MODEL = """<ir_version: 8, opset_import: ["" : 17]>
dense (float[1,64] x) => (float[1,64] y) {
  [one] a = MatMul(x, w)
  [two] b = Relu(a)
  [three] y = MatMul(b, w)
}"""


@pytest.fixture(scope="module")
def brought(tmp_path_factory):
    """A stored model and its EvalSet."""
    folder = tmp_path_factory.mktemp("measure")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPTIM_HOME", str(folder / "home"))
        settings.cache_clear()
        proto = onnx.parser.parse_model(MODEL)
        weights = np.random.default_rng(0).normal(size=(64, 64)).astype(np.float32)
        proto.graph.initializer.append(numpy_helper.from_array(weights, "w"))
        onnx.save(proto, folder / "model.onnx")
        model = store_model(folder / "model.onnx", "dense", "onnx", {})
        yield model, synthesize(model, samples=8)
    settings.cache_clear()


def take(brought, spelling, **values):
    model, evalset = brought
    wanted = {"seconds": 0.2, "seed": 0, **values}
    return slice_of(model, model, Recipe.parse(spelling), evalset, **wanted)


def test_baseline_is_timed_against_itself(brought):
    part = take(brought, "onnxruntime", solo=True)
    assert set(part.arms) == {CANDIDATE, BASELINE}
    assert len(part.arms[CANDIDATE]) == len(part.arms[BASELINE]) >= 2
    assert all(run > 0 for rounds in part.arms.values() for block in rounds for run in block)
    assert part.load_ms > 0 and part.first_run_ms > 0 and part.peak_memory_mb >= 0
    assert part.machine == machine_id()
    assert part.environment["pinned_to"] == " ".join(map(str, cores_for(1)))
    assert part.facts["engine"].startswith("ONNX Runtime")
    assert summarize(Measurement(slices=(part,))).runs > 100


def test_threads_are_compared_with_one_thread_as_well(brought):
    part = take(brought, "openvino:threads=2")
    assert set(part.arms) == {CANDIDATE, BASELINE, SINGLE_THREAD}
    assert part.load_ms is None and part.peak_memory_mb is None
    assert summarize(Measurement(slices=(part,))).thread_gain is not None


def test_model_that_the_engine_refuses_is_a_step_error(brought, tmp_path):
    _, evalset = brought
    text = '<ir_version: 8, opset_import: ["" : 17]> g (float[1] x) => (float[1] y) { y = Nope(x) }'
    onnx.save(onnx.parser.parse_model(text), tmp_path / "model.onnx")
    bad = SimpleNamespace(path=tmp_path / "model.onnx", folder=tmp_path)
    with pytest.raises(StepError, match="Nope") as caught:
        slice_of(bad, brought[0], Recipe.parse("openvino"), evalset, seconds=0.1, seed=0)
    assert caught.value.where == "openvino"


HOLDER = """
import fcntl, os, sys, time
lock = os.open(sys.argv[1], os.O_RDONLY | os.O_CREAT, 0o644)
fcntl.flock(lock, fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(600)
"""


@pytest.fixture
def held_elsewhere():
    """The machine's lock, held by another program."""
    command = [sys.executable, "-c", HOLDER, str(lock_file())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        yield holder
        holder.kill()


def test_timing_waits_for_another_program_and_its_death_frees_the_machine(brought, held_elsewhere):
    done = []
    thread = threading.Thread(target=lambda: done.append(take(brought, "onnxruntime")))
    thread.start()
    time.sleep(1)
    assert not done
    held_elsewhere.kill()
    thread.join(60)
    assert done[0].arms[CANDIDATE]


def test_cancelling_while_waiting(brought, held_elsewhere):
    start, before = time.monotonic(), waited()
    with pytest.raises(Cancelled):
        take(brought, "onnxruntime", cancelled=lambda: time.monotonic() > start + 1.5)
    assert 0 < waited() - before <= time.monotonic() - start


def test_cancelling_while_timing_frees_the_machine(brought):
    start, asked = time.monotonic(), itertools.count()
    with pytest.raises(Cancelled):  # soon: a quiet machine has timed enough of it in two seconds
        take(brought, "onnxruntime", seconds=100, cancelled=lambda: next(asked) > 10)
    assert time.monotonic() - start < 6
    assert not sandboxes(os.getpid())
    lock = os.open(lock_file(), os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)  # waits only for timings of others
    finally:
        os.close(lock)


BUSY = "import os, sys; os.sched_setaffinity(0, {int(sys.argv[1])})\nwhile True: pass"


@pytest.fixture
def rivals():
    """A busy process on every core."""
    commands = [[sys.executable, "-c", BUSY, str(cpu)] for cpu in affinity()]
    running = [subprocess.Popen(command) for command in commands]
    yield
    for process in running:
        process.kill()
        process.wait()


def test_contention_is_noticed(brought, rivals):
    part = take(brought, f"onnxruntime:threads={len(affinity())}", seconds=0.5)
    assert part.facts["priority"] == "normal"
    assert part.contention > 0.1


@pytest.mark.skipif(len(affinity()) < 2, reason="one core: nothing is left to others")
def test_a_slice_goes_first_where_the_system_lets_it(brought, rivals):
    part = take(brought, "onnxruntime", seconds=0.5)
    if part.facts["priority"] != "raised":
        pytest.skip("this user may not raise priorities")
    assert part.contention < 0.3  # its rival alone would take half


class FakeArm:
    def __init__(self, name, log):
        self.name, self._log = name, log

    def block(self):
        self._log.append(self.name)
        assert not gc.isenabled()
        return [1, 2, 3]


@pytest.mark.parametrize("seconds", [0.0, 60.0])
def test_rounds_are_complete_in_random_order_and_bounded(seconds):
    log = []
    arms = [FakeArm(name, log) for name in "abc"]
    rounds, contention = arms_of.timed(arms, seconds, random.Random(5))
    count = len(rounds["a"])
    assert count == (arms_of._MAX_ROUNDS if seconds else arms_of._MIN_ROUNDS)
    assert 0 <= contention <= 1 and gc.isenabled()
    turns = [tuple(log[i : i + 3]) for i in range(0, len(log), 3)]
    assert all(sorted(turn) == ["a", "b", "c"] for turn in turns)
    if seconds:
        assert len(set(turns)) > 3


@given(st.floats(1e-7, 100))
def test_blocks_are_bounded(run_seconds):
    kept, dropped = plan_block(run_seconds)
    assert 1 <= kept <= 200 and dropped >= 0
    if run_seconds < 0.05:
        assert kept >= 5 and dropped >= 1
    assert (kept + dropped) * run_seconds <= max(0.31, run_seconds * 1.01)


def test_in_a_heat_each_has_the_same_rounds_of_the_original(brought):
    model, evalset = brought
    spellings = ["onnxruntime", "openvino", "onnxruntime:graph=off"]
    racing = [Contender(model, Recipe.parse(text)) for text in spellings]
    slices = heat_of(racing, model, evalset, seconds=0.3, seed=1)
    assert [set(part.arms) for part in slices] == [{CANDIDATE, BASELINE}] * 3
    for part in slices:
        assert 2 <= len(part.arms[CANDIDATE]) == len(part.arms[BASELINE])
    longest = max(slices, key=lambda part: len(part.arms[BASELINE])).arms[BASELINE]
    assert all(part.arms[BASELINE] == longest[: len(part.arms[BASELINE])] for part in slices)
    engines = [part.facts["engine"].split()[0] for part in slices]
    assert engines == ["ONNX", "OpenVINO", "ONNX"]


def test_one_that_the_engine_refuses_costs_a_heat_only_itself(brought, tmp_path):
    model, evalset = brought
    text = '<ir_version: 8, opset_import: ["" : 17]> g (float[1] x) => (float[1] y) { y = Nope(x) }'
    onnx.save(onnx.parser.parse_model(text), tmp_path / "model.onnx")
    bad = SimpleNamespace(path=tmp_path / "model.onnx", folder=tmp_path)
    engine = Recipe.parse("openvino")
    racing = [Contender(bad, engine), Contender(model, engine)]
    refused, taken = heat_of(racing, model, evalset, seconds=0.1, seed=0)
    assert isinstance(refused, StepError) and "Nope" in str(refused)
    assert taken.arms[CANDIDATE]
    (alone,) = heat_of(racing[:1], model, evalset, seconds=0.1, seed=0)
    assert isinstance(alone, StepError)


def rounds_of(**times):
    return {name: [[time] for time in kept] for name, kept in times.items()}


def test_who_is_slower_by_a_quarter_in_every_round_is_beaten():
    assert beaten_in(rounds_of(a=[10, 10, 10], b=[13, 14, 13], c=[14, 11, 14])) == {"b"}
    assert beaten_in(rounds_of(a=[10, 10], b=[20, 20])) == set()
    kept = rounds_of(a=[10, 10, 10, 10], b=[13, 14, 13], baseline=[40] * 4)
    assert beaten_in(kept) == {"b"}  # it stays out; the original is always timed on
    assert beaten_in(rounds_of(baseline=[10] * 3, a=[20] * 3)) == {"a"}
