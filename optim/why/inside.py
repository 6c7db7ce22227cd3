"""The child's side of `layers`: both models with their tensors read out, on the same samples."""

import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from optim.arrays import Feeds
from optim.evalset import evalset_from_digest
from optim.judging.fidelity import Signal
from optim.recipe import Recipe
from optim.runtimes.base import Runtime, runtime_of
from optim.why.layers import CLEAR_DB, EXACT_DB, Layers, TensorError
from optim.why.tensors import Plan, planned, reading_out

_MOST_SAMPLES, _FEWEST_SAMPLES = 16, 2
_SECONDS = 20.0
_SIGNIFICANT_DB = 3.0  # twice or half the noise: by so much reading out must not change the outputs


def compare(
    original: str, optimized: str, runtime: str, evalset_digest: str, folder: str
) -> dict[str, Any]:
    """Child: see `layers`. Returns Layers as JSON values."""
    plan = planned(Path(original), Path(optimized))
    feeds = evalset_from_digest(evalset_digest).feeds("validation", _MOST_SAMPLES)
    sides = _Sides(Path(original), Path(optimized), runtime_of(runtime), Path(folder))
    count = sides.affordable(feeds, len(plan.groups))
    untouched = sides.signals(plan.outputs, feeds[:count])
    read: dict[str, Signal] = {}
    for group in plan.groups:
        read |= sides.signals({name: plan.inside[name] for name in group}, feeds[:count], True)
    errors = tuple(
        TensorError(
            tensor=name,
            node=made.node,
            op=made.op,
            sqnr_db=_sqnr((untouched if name in plan.outputs else read).get(name)),
            is_output=name in plan.outputs,
            leads_to=made.leads_to,
        )
        for name, made in plan.tensors.items()
        if name in plan.outputs or name in plan.inside
    )
    return Layers(
        errors=errors,
        fused_away=plan.fused_away,
        samples=count,
        notes=tuple(_notes(plan, untouched, read)),
    ).model_dump(mode="json")


class _Sides:
    """Both models, and what they answer with some of their tensors read out."""

    def __init__(self, original: Path, optimized: Path, runtime: Runtime, folder: Path) -> None:
        self._original, self._optimized, self._folder = original, optimized, folder
        self._engines = Recipe.baseline().runtime, runtime

    def affordable(self, feeds: Sequence[Feeds], groups: int) -> int:
        """How many samples the time allows for so many groups of tensors."""
        begun = time.monotonic()
        self.signals({}, feeds[:1])
        seconds = (time.monotonic() - begun) * (groups + 1)
        fit = int(_SECONDS / max(seconds, 1e-9))
        return min(len(feeds), max(_FEWEST_SAMPLES, min(fit, _MOST_SAMPLES)))

    def signals(
        self, wanted: dict[str, str], feeds: Sequence[Feeds], inside: bool = False
    ) -> dict[str, Signal]:
        """How far each tensor is off, by its name in the original.

        Args:
            wanted: names in the original -> names in the optimized graph.
            inside: they are to be read out of the graphs; else they are outputs anyway.
        """
        paths = [self._original, self._optimized]
        if inside:
            paths = [
                reading_out(path, names, self._folder / side)
                for path, names, side in zip(
                    paths, ([*wanted], [*wanted.values()]), ("before", "after"), strict=True
                )
            ]
        sessions = [e.open(path) for e, path in zip(self._engines, paths, strict=True)]
        found = {name: Signal() for name in wanted}
        for sample in feeds:
            before, after = (session.run(sample) for session in sessions)
            for name, counterpart in wanted.items():
                if "f" in (before[name].dtype.kind, after[counterpart].dtype.kind):
                    found[name].add(before[name], after[counterpart])
        for session in sessions:
            session.close()
        return found


def _sqnr(signal: Signal | None) -> float | None:
    """None for what was not compared, or on any sample has another size or no numbers."""
    if signal is None or not signal.samples or signal.misshapen:
        return None
    noise = signal.sqnr_db
    return EXACT_DB if noise is None else min(noise, EXACT_DB)


def _notes(plan: Plan, untouched: dict[str, Signal], read: dict[str, Signal]) -> Iterable[str]:
    if plan.fused_away:
        yield (
            f"{len(plan.fused_away)} of the original's nodes were fused into others or folded "
            "away: their tensors have no counterpart."
        )
    if plan.untyped:
        yield f"{plan.untyped} tensors are left out, since their types are not known."
    for name, signal in untouched.items():
        as_given, as_read = _sqnr(signal), _sqnr(read.get(name))
        if as_given is None or as_read is None:
            continue
        if abs(min(as_given, CLEAR_DB) - min(as_read, CLEAR_DB)) > _SIGNIFICANT_DB:
            yield (
                f"Reading tensors out changes what the engine fuses, and here what it answers: the "
                f"output {name!r} has {as_read:.1f} dB with them read out, {as_given:.1f} dB as it "
                "is. Where the error jumps may lie elsewhere."
            )
