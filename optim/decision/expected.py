"""Expected money of each setting, with intervals: the bootstrap over samples, paired.

All settings are judged on the same resamples of the validation samples (Efron and Tibshirani,
1993). Latencies are paired as well: each setting's with those of the original from the same rounds,
resampled by rounds, since a machine's times drift. Both are scaled as the study's figures are, to
where the original takes what it takes by itself. So the difference from the original is surer than
the amounts are; an amount is the original's and the difference.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from optim.decision.costs import Costs, Numbers
from optim.decision.scores import bad_of, scores_of
from optim.errors import InputError
from optim.findings import Interval
from optim.model import load_model
from optim.serving.batching import Batching
from optim.studies.study import Study
from optim.studies.trial import Trial
from optim.targets import LOCAL
from optim.timing.measurement import BASELINE, CANDIDATE, SINGLE_THREAD
from optim.twin.arrivals import poisson
from optim.twin.simulation import simulate

PER = 1000
"""Requests that amounts are of."""
_RESAMPLES = 1000
_REQUESTS, _ROUNDS = 20_000, 40


@dataclass(frozen=True)
class Earned:
    """One setting: money per 1,000 requests, more than the original's, the shares behind it."""

    number: int
    spelling: str
    money: Interval
    more: Interval
    late: float
    refused: float
    missed: float
    """Of the bad ones."""
    alarmed: float
    """Of the good ones."""
    claimed: float
    """The share of bad ones by its probabilities: their mean."""
    bad: Interval
    """The share that is bad."""


def earned(study: Study, costs: Costs, rate: float = 0.0, front_ms: float = 0.0) -> list[Earned]:
    """Of every setting measured on this machine, the original first, then the most money first.

    Args:
        rate: requests a second at one replica; they wait for each other. 0: run times alone.
        front_ms: a server's own work on each request.

    Raises: InputError where the original is not measured, or there is nothing to decide.
    """
    trials = [t for t in study.trials() if t.target == LOCAL and t.slices and t.model_digest]
    first = next((trial for trial in trials if trial.is_original), None)
    if first is None:
        raise InputError("The original is not measured yet.", "Measure it first.", "decide")
    ordered = [first, *(trial for trial in trials if trial is not first)]
    bad = bad_of(study.evalset)
    scores = [_scores(study, trial) for trial in ordered]

    def late(rounds: Sequence[Numbers]) -> Numbers:
        return late_shares(rounds, costs, rate, front_ms)

    timed = [rounds_of(study, trial) for trial in ordered]
    lates = [(late(own), late(beside)) for own, beside in timed]
    found = judged(ordered, scores, lates, bad, costs)
    return [found[0], *sorted(found[1:], key=lambda one: -one.money.value)]


def judged(
    trials: Sequence[Trial],
    scores: Sequence[Numbers],
    lates: Sequence[tuple[Numbers, Numbers]],
    bad: np.ndarray,
    costs: Costs,
) -> list[Earned]:
    """Of each trial, the first being the original.

    Args:
        scores: probability of bad by sample.
        lates: share that comes too late, by round; of the trial, and of the original beside it.
    """
    rng = np.random.default_rng(0)
    counts = rng.multinomial(len(bad), np.full(len(bad), 1 / len(bad)), _RESAMPLES) / len(bad)
    default = costs.fallen_back(bad)
    weights = np.vstack([np.full(len(bad), 1 / len(bad)), counts])  # the first: as they are
    by_decision = [weights @ costs.money(score >= costs.threshold, bad) for score in scores]
    by_default = weights @ default

    def money(decided: Numbers, late: Numbers, rounds: np.ndarray) -> Numbers:
        share = np.concatenate([[late.mean()], late[rounds].mean(axis=1)])
        found: Numbers = PER * ((1 - share) * decided + share * by_default)
        return found

    def drawn(late: Numbers) -> np.ndarray:
        return rng.integers(0, len(late), (_RESAMPLES, len(late)))

    first = money(by_decision[0], lates[0][0], drawn(lates[0][0]))
    found, known = [], _share(bad)
    for trial, score, decided, (own, beside) in zip(
        trials, scores, by_decision, lates, strict=True
    ):
        rounds = drawn(own)
        more = money(decided, own, rounds) - money(by_decision[0], beside, rounds)
        shares = _shares(score >= costs.threshold, bad)
        late = float(own.mean())
        amount, gain = _interval(first + more), _interval(more)
        spelling, claimed = trial.recipe.spelling, float(score.mean())
        found.append(Earned(trial.number, spelling, amount, gain, late, *shares, claimed, known))
    return found


def _shares(refused: np.ndarray, bad: np.ndarray) -> tuple[float, float, float]:
    """Of all that are refused, of the bad that are missed, of the good that are alarmed at."""
    missed = float((~refused[bad]).mean()) if bad.any() else 0.0
    alarmed = float(refused[~bad].mean()) if not bad.all() else 0.0
    return float(refused.mean()), missed, alarmed


def _share(bad: np.ndarray) -> Interval:
    """With its 95 % interval (Clopper and Pearson, 1934)."""
    found = stats.binomtest(int(bad.sum()), len(bad)).proportion_ci()
    return Interval(value=float(bad.mean()), low=float(found.low), high=float(found.high))


def _interval(drawn: Numbers) -> Interval:
    """Of a value, the first, and its resamples."""
    low, high = np.quantile(drawn[1:], [0.025, 0.975])
    return Interval(value=float(drawn[0]), low=float(low), high=float(high))


def late_shares(
    rounds: Sequence[Numbers], costs: Costs, rate: float, front_ms: float = 0.0
) -> Numbers:
    """Share of the requests that comes too late, by round; of the twin's answers where a rate is

    given, cut into pieces.

    Args:
        rounds: run times in ms.
    """
    limit = costs.deadline_ms
    if not rate:
        return np.array([(times + front_ms > limit).mean() for times in rounds])
    rng, runs = np.random.default_rng(0), np.concatenate(rounds) / 1e3
    arrivals = poisson(rate, _REQUESTS, rng)
    batching = Batching(queue=100_000)
    found = simulate(arrivals, lambda _, n: rng.choice(runs, n), batching, front_ms / 1e3)
    late = (1e3 * found.seconds > limit) | np.isnan(found.seconds)
    return np.array([piece.mean() for piece in np.array_split(late, _ROUNDS)])


def _scores(study: Study, trial: Trial) -> Numbers:
    model = load_model(trial.model_digest)
    return scores_of(model, study.model, trial.recipe, study.evalset)


def rounds_of(study: Study, trial: Trial) -> tuple[list[Numbers], list[Numbers]]:
    """Run times in ms by round: the trial's, and those of the original on one thread beside it.

    Both as where the original takes what it takes by itself; see `optim.timing.beside`.
    """
    per_ms = 1e6 * (trial.summary.slowed if trial.summary else 1)
    own, beside = list[Numbers](), list[Numbers]()
    for piece in study.measurement(trial.number).slices:
        other = SINGLE_THREAD if SINGLE_THREAD in piece.arms else BASELINE
        for ours, theirs in zip(piece.arms[CANDIDATE], piece.arms[other], strict=True):
            own.append(np.array(ours) / per_ms)
            beside.append(np.array(theirs) / per_ms)
    return own, beside
