"""The one stopping rule: its budget is kept, and it is what trials, replays and benches follow."""

from hypothesis import given
from hypothesis import strategies as st

from optim.settings import Settings
from optim.timing.measurement import BASELINE, CANDIDATE, Slice
from optim.timing.stopping import StoppingRule, measured

TIMES = st.floats(0.05, 60)


def noisy(number: int, seconds: float) -> Slice:
    """Processes that disagree so much that no number of them is precise."""
    base = 1000 * (1 + number % 2)
    arms = {CANDIDATE: [[1000, 1010]] * 3, BASELINE: [[base, base + 10]] * 3}
    return Slice(arms=arms, started_at="", load_average=0)


def calm(number: int, seconds: float) -> Slice:
    arms = {CANDIDATE: [[1000, 1000]] * 9, BASELINE: [[2000, 2000]] * 9}
    return Slice(arms=arms, started_at="", load_average=0)


@given(budget=TIMES, first=TIMES, later=TIMES)
def test_the_budget_ends_timing_with_the_slice_that_spends_it(
    budget: float, first: float, later: float
) -> None:
    rule = StoppingRule(first_seconds=first, slice_seconds=later, budget_seconds=budget)
    if rule.most_slices > 40:
        return
    taken: list[float] = []

    def take(number: int, seconds: float) -> Slice:
        taken.append(seconds)
        return noisy(number, seconds)

    assert len(measured(rule, take).slices) == len(taken) == rule.most_slices
    assert sum(taken) >= budget * (1 - 1e-9)
    assert len(taken) == 1 or sum(taken[:-1]) < budget * (1 + 1e-9)
    assert taken[0] == min(first, budget) and set(taken[1:]) <= {later}


def test_what_is_known_well_is_timed_no_longer() -> None:
    assert len(measured(StoppingRule(budget_seconds=60), calm).slices) < 12
    assert len(measured(StoppingRule(budget_seconds=60), noisy).slices) > 30


def test_the_settings_default_is_the_rules() -> None:
    assert Settings.model_fields["trial_seconds"].default == StoppingRule().budget_seconds
