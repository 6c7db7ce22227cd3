"""Win the quality of a fast quantized recipe back: leave out the nodes that do the damage.

What a search finds fast may lose too much. Most often a few nodes do it: they stay in float, by an
ordinary recipe (`static_int8:exclude=...`) that replays. Where that does not hold, or gives most of
the gain away, other ranges and types follow, as the pass itself declares them worth trying.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from optim.build import built
from optim.errors import Cancelled, OptimError
from optim.evalset import EvalSet
from optim.findings import Interval
from optim.graph import analysis_of
from optim.judging.sensitivity import can_leave_out, sensitivity_of
from optim.model import Model
from optim.part import Circumstances
from optim.recipe import Recipe, excluding, without_last
from optim.search.guesses import guessed
from optim.search.leaving_out import LeftOut, nested
from optim.search.node_times import NodeTimes, node_times
from optim.search.proposals import Proposal, other_settings, repairs, why

__all__ = ["Attempt", "Judge", "Proposal", "Repair", "Subject", "repaired", "repairs"]

_SHARE_OF_TIME = 0.3  # of the seconds, for finding which nodes do the damage
_MOST_JUDGED = 8  # recipes of one setting
_GUESSES = 3  # judged sets, until halving is the surer way
_DEAR = 0.25  # of what quantization saves: beyond it other settings are tried, too
Judge = Callable[[Recipe], Interval | None]
"""The loss of a recipe, positive is worse; None where it cannot be used, whatever it loses."""


@dataclass(frozen=True)
class Attempt:
    """A proposal that was judged; no loss where it failed or its outputs are unusable."""

    proposal: Proposal
    loss: Interval | None
    holds: bool


@dataclass(frozen=True)
class Subject:
    """What is repaired for: `here` holds the model's operators and the machine, for what the parts
    declare; `times` are those of the nodes, where they are known, else they are profiled."""

    model: Model
    evalset: EvalSet
    here: Circumstances
    times: NodeTimes | None = None


@dataclass(frozen=True)
class Repair:
    """What came of a repair: `recipe` is None where nothing that was tried holds.

    `untried`: what would have been judged next, had there been time. `left_out`: the nodes in
    float, `share_in_float` of the original's time; `said`: what was done and why, in sentences.
    """

    recipe: Recipe | None
    loss: Interval | None
    tried: tuple[Attempt, ...]
    untried: Proposal | None = None
    left_out: tuple[str, ...] = ()
    share_in_float: float = 0.0
    seconds: float = 0.0
    said: tuple[str, ...] = ()


def smallest_that_holds(
    sets: Sequence[LeftOut], judged: Callable[[LeftOut], Attempt], limit: float, loss: float
) -> LeftOut | None:
    """The smallest of nested sets that holds, by judging as few of them as that takes.

    The first guesses: the loss falls as the noise does, from the nearest that was seen. Then the
    middle between the largest that failed and the smallest that held.

    Args:
        loss: with nothing left out.
    """
    low, high = -1, len(sets)
    seen = [(1.0, loss)]
    for tries in range(_MOST_JUDGED):
        if high - low <= 1:
            break
        wanted = _noise_for(limit, seen)
        guess = next((i for i, one in enumerate(sets) if one.noise <= wanted), len(sets) - 1)
        at = guess if tries < _GUESSES else (low + high) // 2
        at = min(max(at, low + 1), high - 1)
        attempt = judged(sets[at])
        low, high = (low, at) if attempt.holds else (at, high)
        if attempt.loss is not None and attempt.loss.value > 0:
            seen.append((sets[at].noise, attempt.loss.value))
    return sets[high] if high < len(sets) else None


def _noise_for(limit: float, seen: Sequence[tuple[float, float]]) -> float:
    """The share of noise at which the loss is the limit, in proportion to the nearest seen."""
    noise, loss = min(seen, key=lambda one: abs(one[1] - limit))
    return noise * max(limit, 0.0) / loss if loss > 0 else noise / 2


def repaired(
    subject: Subject,
    recipe: Recipe,
    judge: Judge,
    limit: float,
    *,
    seconds: float = 60.0,
    sure: bool = False,
    cancelled: Callable[[], bool] = lambda: False,
) -> Repair:
    """A recipe near this one that loses at most `limit`, and what was tried on the way.

    Args:
        recipe: fast, lossy; its last pass has a setting `exclude`.
        judge: called once for each recipe that is tried.
        limit: the loss allowed, as `judge` measures it.
        seconds: no new judgement begins after them.
        sure: hold the interval's end against the limit, not its value.

    Raises: Cancelled.
    """
    begun = time.monotonic()
    work = _Work(subject, judge, limit, begun + seconds, sure, cancelled, subject.times)
    found = work.repaired(recipe)
    return work.told(found, time.monotonic() - begun)


@dataclass
class _Work:
    """A repair under way."""

    subject: Subject
    judge: Judge
    limit: float
    deadline: float
    sure: bool
    cancelled: Callable[[], bool]
    times: NodeTimes | None
    tried: list[Attempt] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    untried: Proposal | None = None

    def repaired(self, recipe: Recipe) -> Attempt | None:
        """The cheapest attempt that holds."""
        first = self.judged(Proposal(recipe, None, "As it is."))
        if first.holds or not can_leave_out(recipe):
            return first if first.holds else None
        best = self.leaving_out(first)
        if best and not self._is_dear(best):
            return best
        others = [
            self.judged(one) for one in other_settings(recipe, self.subject.here) if not self.over()
        ]
        if any(one.holds for one in others):
            return next(one for one in others if one.holds)
        usable = [one for one in others if one.loss is not None]
        milder = min(usable, key=_value, default=None)
        if milder and not self.over() and _value(milder) < _value(first):
            again = self.leaving_out(milder)
            best = min(filter(None, (best, again)), key=_lost_us, default=None)
        return best

    def leaving_out(self, lossy: Attempt) -> Attempt | None:
        """The attempt with the smallest set left out of this recipe that holds."""
        recipe, sets = lossy.proposal.recipe, self._sets(lossy.proposal.recipe)
        made: dict[tuple[str, ...], Attempt] = {}

        def judged(one: LeftOut) -> Attempt:
            reason = why(one, self.times or NodeTimes())
            proposal = Proposal(excluding(recipe, one.nodes), one, reason)
            if self.over():
                self.untried = self.untried or proposal
                return Attempt(proposal, None, False)
            made[one.nodes] = self.judged(proposal)
            return made[one.nodes]

        found = smallest_that_holds(sets, judged, self.limit, _value(lossy))
        return made[found.nodes] if found else None

    def _sets(self, recipe: Recipe) -> list[LeftOut]:
        """Nested sets, measured if that works, else guessed."""
        try:
            before = built(
                self.subject.model, without_last(recipe), self.subject.evalset, self.cancelled
            ).model
            after = built(self.subject.model, recipe, self.subject.evalset, self.cancelled).model
            damage = sensitivity_of(
                before,
                after,
                recipe,
                self.subject.evalset,
                _SHARE_OF_TIME * self.left(),
                self.cancelled,
            )
            if self.times is None:
                self.times = node_times(
                    before, after, recipe.runtime, self.subject.evalset, self.cancelled
                )
            return nested(damage.roundings, self.times.saved_us)
        except Cancelled:
            raise
        except OptimError as error:
            self.remarks.append(f"What each node does could not be measured: {error.what}")
            return guessed(analysis_of(self.subject.model))

    def _is_dear(self, attempt: Attempt) -> bool:
        saved = sum(self.times.saved_us.values()) if self.times else 0.0
        return _lost_us(attempt) > _DEAR * saved

    def over(self) -> bool:
        return time.monotonic() > self.deadline

    def left(self) -> float:
        return max(1.0, self.deadline - time.monotonic())

    def judged(self, proposal: Proposal) -> Attempt:
        """Judge once; what fails in a build or a run is an attempt without a loss."""
        for known in self.tried:
            if known.proposal.recipe == proposal.recipe:
                return known
        try:
            loss = self.judge(proposal.recipe)
        except Cancelled:
            raise
        except OptimError as error:
            self.remarks.append(f"{proposal.recipe}: {error.what}")
            loss = None
        holds = loss is not None and (loss.high if self.sure else loss.value) <= self.limit
        self.tried.append(Attempt(proposal, loss, holds))
        return self.tried[-1]

    def told(self, found: Attempt | None, seconds: float) -> Repair:
        """What came of it, in sentences."""
        one = found.proposal.left_out if found else None
        times = self.times or NodeTimes()
        return Repair(
            recipe=found.proposal.recipe if found else None,
            loss=found.loss if found else None,
            tried=tuple(self.tried),
            untried=self.untried,
            left_out=one.nodes if one else (),
            share_in_float=times.share(one.nodes) if one else 0.0,
            seconds=seconds,
            said=(*self._said(found), *self.remarks),
        )

    def _said(self, found: Attempt | None) -> list[str]:
        if found is None:
            return [
                f"None of {len(self.tried)} recipes that were tried loses at most {self.limit:g}."
            ]
        if len(self.tried) == 1:
            return ["It loses no more than allowed as it is."]
        return [found.proposal.why, f"{len(self.tried)} recipes were judged to find it."]


def _value(attempt: Attempt) -> float:
    return attempt.loss.value if attempt.loss else float("inf")


def _lost_us(attempt: Attempt) -> float:
    one = attempt.proposal.left_out
    return one.lost_us if one else 0.0
