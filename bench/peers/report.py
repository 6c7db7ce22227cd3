"""`python -m bench peers [NAMES]`: every peer on every model, timed and judged alike."""

import shutil
import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from statistics import geometric_mean
from types import ModuleType

from bench.document import written_into
from bench.peers import harness
from bench.peers.environments import python_of
from bench.peers.ours import with_engines
from bench.procedure import Subject
from bench.zoo import subject
from optim.errors import OptimError
from optim.findings import Interval

OURS = "ours"
PEERS = (
    OURS,
    "onnxruntime_quantizers",
    "openvino_as_it_comes",
    "nncf_accuracy_control",
    "aimet",
    "olive",
    "isat",
    "torch_compile",
)
LIMIT, WANTED_GAIN = 0.01, 1.2
_MODELS = ("fashion", "spam", "credit", "weather")
_HEAD = (
    "| model | peer | speed-up (95 %) | lost (95 %) | within 1 % | chose after | what it chose |\n"
    "|---|---|---|---|---|---|---|\n"
)


@dataclass(frozen=True)
class Outcome:
    """A peer on a model: what its answer brings and loses, or why there is none."""

    peer: str
    speedup: Interval | None = None
    loss: Interval | None = None
    seconds: float = 0.0
    said: str = ""

    @property
    def counts(self) -> float:
        """Its speed-up where it loses little enough; otherwise its user keeps the original."""
        allowed = self.speedup and self.loss and self.loss.value <= LIMIT
        return max(1.0, self.speedup.value) if allowed and self.speedup else 1.0


def run(options: Namespace) -> tuple[str, bool]:
    """A table in Markdown, and whether ours is never behind the best, and 1.2x ahead overall."""
    peers, rows, shares = options.peer or PEERS, [], []
    for name in options.names or _MODELS:
        one = subject(name, Path(options.cache))
        outcomes = [outcome(peer, one, options) for peer in peers]
        rows += [_row(name, found) for found in outcomes]
        shares += _against_the_best(outcomes)
    about = "\n".join(f"- {peer}: {_module(peer).ABOUT}." for peer in peers)
    text = (
        f"## Peers, {options.budget:.0f} s each on one core, at most {LIMIT:.0%} lost\n\n"
        f"{about}\n\n{_HEAD}" + "\n".join(rows)
    )
    if shares:
        text += f"\n\nOurs over the best peer: {geometric_mean(shares):.2f}x in the geometric mean"
        text += f", {min(shares):.2f}x at least."
    if options.document:
        written_into("peers", text)
    return text, not shares or (min(shares) >= 1 and geometric_mean(shares) >= WANTED_GAIN)


def outcome(peer: str, one: Subject, options: Namespace) -> Outcome:
    """Let a peer choose for a model, then time and judge its answer. A failure is an outcome."""
    cache = Path(options.cache)
    folder = cache / "tasks" / one.name / peer
    shutil.rmtree(folder, ignore_errors=True)
    try:
        python = python_of(peer, _module(peer).REQUIREMENTS, cache)
        harness.prepare(one, folder, options.budget, LIMIT)
        if peer == OURS:
            with_engines(folder / harness.HOME, cache)
        chosen = harness.choose(peer, python, folder, options.budget)
        lost = harness.loss(one, chosen.answer, python, folder)
        gained = harness.speedup(chosen.answer, python, folder)
    except OptimError as error:
        return Outcome(peer, said=f"failed: {error.what}")
    finally:
        print(f"{one.name}: {peer} is done", file=sys.stderr, flush=True)
    words = f"; its last words: {chosen.words}" if chosen.words else ""
    return Outcome(peer, gained, lost, chosen.seconds, f"{chosen.answer.said}{words}")


def _module(peer: str) -> ModuleType:
    return import_module(f"bench.peers.{peer}")


def _against_the_best(outcomes: Sequence[Outcome]) -> list[float]:
    """Our speed-up over the best peer's, where we and others took part."""
    ours = [found.counts for found in outcomes if found.peer == OURS]
    others = [found.counts for found in outcomes if found.peer != OURS]
    return [ours[0] / max(others)] if ours and others else []


def _row(name: str, found: Outcome) -> str:
    said = found.said.replace("|", "\\|")[:200]
    if not found.speedup or not found.loss:
        return f"| {name} | {found.peer} | - | - | - | - | {said} |"
    fast, lost = found.speedup, found.loss
    return (
        f"| {name} | {found.peer} | {fast.value:.2f}x ({fast.low:.2f} to {fast.high:.2f}) "
        f"| {lost.value:.2%} ({lost.low:.2%} to {lost.high:.2%}) "
        f"| {'yes' if lost.value <= LIMIT else 'no'} | {found.seconds:.0f} s | {said} |"
    )
