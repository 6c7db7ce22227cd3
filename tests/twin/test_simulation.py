"""The simulation against queueing theory, and against what the real batching does."""

import asyncio

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import poisson as poisson_law
from support.looping import ran

from optim.errors import InputError
from optim.serving.batching import Batching
from optim.twin import arrivals
from optim.twin.simulation import _Server, after_front, simulate

pytestmark = pytest.mark.slow

COUNT = 60_000
ENDLESS = 100_000


def served(rate, draw, sessions=1, seed=0, **more):
    rng = np.random.default_rng(seed)
    batching = Batching(sessions=sessions, queue=ENDLESS, **more)
    found = simulate(arrivals.poisson(rate, COUNT, rng), draw(rng), batching)
    assert found.refused == 0
    return found.seconds[COUNT // 20 :]


def exponential(rng):
    return lambda rows, count: rng.exponential(1.0, count)


def constant(rng):
    return lambda rows, count: np.ones(count)


@pytest.mark.parametrize("load", [0.3, 0.6])
def test_mm1(load):
    """Sojourn times are exponential with rate mu - lambda (Kleinrock, Queueing Systems, 1975)."""
    seconds = served(load, exponential)
    assert seconds.mean() == pytest.approx(1 / (1 - load), rel=0.06)
    assert np.quantile(seconds, 0.99) == pytest.approx(np.log(100) / (1 - load), rel=0.1)


@pytest.mark.parametrize("load", [0.3, 0.6, 0.8])
def test_md1(load):
    """Pollaczek and Khinchine: half the wait of M/M/1."""
    wait = load / (2 * (1 - load))
    assert served(load, constant).mean() - 1 == pytest.approx(wait, rel=0.08)


@pytest.mark.parametrize(("sessions", "load"), [(2, 0.7), (5, 0.8)])
def test_mdc(sessions, load):
    """Crommelin, 1932: after one service time all that were in service are gone."""
    rate = sessions * load
    wait = in_system(sessions, rate) / rate - 1
    found = served(rate, constant, sessions).mean() - 1
    assert found == pytest.approx(wait, rel=0.1)


def in_system(sessions, rate, most=400):
    """Mean number in M/D/c: the stationary law of its chain, one service time a step."""
    came = poisson_law.pmf(np.arange(most + 1), rate)
    step = np.zeros((most + 1, most + 1))
    for now in range(most + 1):
        left = max(now - sessions, 0)
        step[now, left:] = came[: most + 1 - left]
    step /= step.sum(axis=1, keepdims=True)
    law = np.linalg.matrix_power(step, 2**14)[0]
    return float(law @ np.arange(most + 1))


def test_the_front_serves_one_after_the_other():
    times = np.array([0.0, 0.1, 5.0])
    assert after_front(times, 1.0).tolist() == [1.0, 2.0, 6.0]
    assert after_front(times, 0.0).tolist() == times.tolist()


@settings(max_examples=25, deadline=None)
@given(
    gaps=st.lists(st.integers(0, 8), min_size=1, max_size=40),
    sessions=st.integers(1, 3),
    most=st.integers(1, 4),
    wait=st.integers(0, 3),
)
def test_every_request_is_answered_once_after_its_run(gaps, sessions, most, wait):
    times = np.cumsum(gaps) / 100
    batching = Batching(sessions=sessions, most=most, wait_ms=10 * wait)
    found = simulate(times, lambda rows, count: np.full(count, 0.02 * rows), batching)
    assert found.rows.sum() == len(times) and found.rows.max() <= most
    assert (found.seconds >= 0.02 - 1e-12).all()
    assert found.busy >= 0


def test_what_finds_the_queue_full_is_refused():
    times = np.linspace(0, 1e-6, 10)
    found = simulate(times, lambda rows, count: np.ones(count), Batching(queue=4))
    assert np.isnan(found.seconds).tolist() == [False] * 4 + [True] * 6


def test_batches_arise_as_in_the_real_server():
    """The same arrivals, played to the real Batcher on a clock, give the same batches."""
    times = [0.00, 0.02, 0.04, 0.10, 0.60, 0.62, 0.64, 0.66, 0.68, 1.40]
    batching = Batching(sessions=1, most=4, wait_ms=120)
    found = simulate(np.array(times), lambda rows, count: np.full(count, 0.3), batching)
    assert found.rows.tolist() == ran(played(times, batching, 0.3))


async def played(times, batching, run_s):
    import time

    from optim.serving.batcher import Batcher

    sizes = []

    def run(feeds):
        sizes.append(len(feeds["x"]))
        time.sleep(run_s)
        return {"y": feeds["x"]}

    batcher = Batcher([run], batching)
    begun = asyncio.get_running_loop().time()

    async def ask(at):
        await asyncio.sleep(begun + at - asyncio.get_running_loop().time())
        await batcher.infer({"x": np.zeros((1, 1))})

    await asyncio.gather(*map(ask, times))
    await batcher.drain()
    return sizes


def test_one_by_one_all_at_once_is_the_same():
    rng = np.random.default_rng(5)
    times, runs = arrivals.poisson(0.8, 500, rng), rng.exponential(1.0, 500)
    quick = simulate(times, lambda rows, count: runs[:count], Batching(queue=ENDLESS), 0.1)
    slow = _Server(after_front(times, 0.1), lambda rows, count: runs[::-1], Batching(queue=ENDLESS))
    slow.play()
    np.testing.assert_allclose(quick.seconds, slow.answered - times)


def test_bursts_keep_the_mean_and_are_worse():
    rng = np.random.default_rng(3)
    times = arrivals.bursty(1000.0, 50_000, rng)
    assert len(times) / times[-1] == pytest.approx(1000, rel=0.15)
    calm = arrivals.poisson(1000.0, 50_000, rng)
    per_slot = [np.histogram(t, np.arange(0, t[-1], 0.05))[0] for t in (times, calm)]
    assert per_slot[0].var() > 3 * per_slot[1].var()
    with pytest.raises(InputError, match="cannot be"):
        arrivals.bursty(1.0, 10, rng, factor=6)


def test_a_recorded_trace_is_read_and_scaled(tmp_path):
    (tmp_path / "t.txt").write_text("12.0\n10\n11.5\n")
    times = arrivals.recorded(tmp_path / "t.txt")
    assert times.tolist() == [0, 1.5, 2]
    assert arrivals.at_rate(times, 100).tolist() == [0, 0.015, 0.02]
    (tmp_path / "t.txt").write_text("soon\n")
    with pytest.raises(InputError, match="no list of arrival times"):
        arrivals.recorded(tmp_path / "t.txt")
