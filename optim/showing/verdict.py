"""The verdict on a study: its pick in one sentence, why, and what would settle what is open."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from optim.showing import text
from optim.showing.brief import brief
from optim.studies.goal import Goal, Objective
from optim.studies.picking import (
    Facts,
    Place,
    cores_on,
    known_on,
    loss_shown,
    not_faster,
    picked,
    standing,
)
from optim.studies.trial import Trial
from optim.targets import LOCAL

_BEST: dict[Objective, tuple[str, str]] = {
    "latency": ("Fastest", "faster"),
    "throughput": ("Most runs a second", "faster for its threads"),
    "size": ("Smallest", "smaller without being slower"),
    "memory": ("Least memory", "smaller in memory without being slower"),
}
_OPEN: dict[Place, str] = {
    "loses too much": "Nothing {} is within the loss allowed",
    "loss not known": "Nothing {} is shown to be within the loss allowed yet",
}
"""What the title says of the nearest one where it is faster, and the loss stands against it."""
_SETTLES: dict[Place, str] = {
    "not faster": "More timing settles it: Find the best.",
    "loses too much": "A larger loss allowed lets it in; Find the best tries to win it back.",
    "loss not known": "Judging it on more samples settles it.",
}

_THERE = "Read from a study file: measure its front here to know it of this machine. "


@dataclass(frozen=True)
class Verdict:
    """The pick is the trial `number`: `title` says as what, `figures` with which gain, and `why`
    what that rests on, or what would settle it. `figures` is empty for the original as it is.
    """

    number: int
    title: str
    figures: str
    why: str


def verdict(trials: Sequence[Trial], goal: Goal) -> Verdict | None:
    """What a goal picks among the trials of this machine; None before the original is measured.

    Where it has not been here, the verdict is that of the machine elsewhere that measured most of
    them, which it names: their ratios are paired there, and say nothing of this machine.
    """
    elsewhere = Counter(one.target for one in trials if one.summary and one.target != LOCAL)
    machines = (LOCAL, *(target for target, _ in elsewhere.most_common()))
    found = (_on(target, trials, goal) for target in machines)
    return next(filter(None, found), None)


def _on(target: str, trials: Sequence[Trial], goal: Goal) -> Verdict | None:
    known = known_on(trials, target)
    names = {trial.number: f"#{trial.number} {brief(trial.recipe)}" for trial in trials}
    best = picked(trials, goal, target)
    if best is None:
        return None
    one = known.pop(best.number)
    at, there = ("", "") if target == LOCAL else (f" on {target}", _THERE)
    if one.is_original and one.threads == 1:
        title, why = _open(known, names, goal, target)
        return Verdict(best.number, title + at, "", there + why)
    why = f"On {one.threads} threads. " if one.threads > 1 else ""
    figures = f"{names[best.number]}, {_figures(one)}"
    return Verdict(
        best.number, _title(one, goal) + at, figures, there + why + loss_shown(one, goal)
    )


def _title(one: Facts, goal: Goal) -> str:
    best = _BEST[goal.objective][0]
    if one.loss is None or one.loss.low <= 0:
        return f"{best} without measurable loss"
    return f"{best} within the loss allowed"


def _figures(one: Facts) -> str:
    gain = text.spanned(one.gain, text.times)
    if one.p50_ms is None:
        return gain
    before, after = map(text.milliseconds, (one.p50_ms * one.gain.value, one.p50_ms))
    return f"{before} to {after}, {gain}"


def _open(
    others: Mapping[int, Facts], names: Mapping[int, str], goal: Goal, target: str
) -> tuple[str, str]:
    """The title while nothing is picked; what comes nearest to that, and what would settle it."""
    better = _BEST[goal.objective][1]
    nothing = f"Nothing is clearly {better} yet"
    if not others:
        return nothing, "Nothing beside the original is measured yet."
    cores, compared = cores_on(others.values(), target), len(others) + 1
    stands = {n: standing(one, goal, cores, compared) for n, one in others.items()}
    hopes = [n for n, one in others.items() if stands[n].place in _SETTLES and one.alike.high > 1]
    if not hopes:
        return nothing, f"{len(others)} measured beside the original; none can win any more."
    number = max(hopes, key=lambda n: others[n].gain.value)
    said, nearest = stands[number], others[number]
    is_better = not not_faster(nearest, goal, compared)
    title = _OPEN.get(said.place, nothing).format(better) if is_better else nothing
    # Where the gain is what stands against it, the reason has it.
    gain = text.spanned(nearest.gain, text.times) if said.place != "not faster" else ""
    name = ", ".join(filter(None, (names[number], gain)))
    return title, f"Closest: {name}. {said.why} {_SETTLES[said.place]}"
