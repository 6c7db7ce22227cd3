"""A grid as it is stored: what every recipe was measured to bring and to cost on a machine.

Strategies of search are played on it, so that they can be compared on the same measurements. One
JSON per model and machine lies in `bench/grids/`, and in `bench/grids/probes/` what was probed of
the machine.
"""

import json
from collections import defaultdict
from collections.abc import Iterable
from functools import cache, cached_property
from pathlib import Path
from typing import Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from optim.findings import Interval
from optim.part import Circumstances
from optim.passes.base import Pass
from optim.probing import Probe
from optim.recipe import Recipe

GRIDS = Path(__file__).with_name("grids")
PROBES = "probes"
_PLACES = 5


class Candidate(BaseModel):
    """One recipe. Seconds of wall time; `build_seconds` is what its passes take, `cheap_seconds`
    what they take where only its speed must be right; `slice_seconds` what timing it in one process
    takes, `own_seconds` what of it remains where others pay for the process: opening, warming up,
    running.

    `logs` holds, per process, the log of how many times faster it is than the original on one
    thread of ONNX Runtime; `thread_logs`, where it has more threads, the part of it that these
    alone bring to the original. `loss` is in the unit that a limit is in: absolute for shares,
    relative for errors. `same_as`: its passes gave the same model as that recipe's, on the same
    engine.
    """

    model_config = ConfigDict(frozen=True)

    build_seconds: float = 0.0
    cheap_seconds: float = 0.0
    slice_seconds: float = 0.0
    own_seconds: float = 0.0
    judge_seconds: float = 0.0
    logs: tuple[float, ...] = ()
    thread_logs: tuple[float, ...] = ()
    loss: Interval | None = None
    samples: int = 0
    sound: bool = True
    same_as: str = ""
    error: str = ""

    def seen(self, rng: np.random.Generator) -> float:
        """The speed-up that one process shows: one of those that were measured."""
        return float(np.exp(rng.choice(self.logs)))


class Table(BaseModel):
    """A model's grid on a machine: recipes by their spelling, and where it was measured."""

    model_config = ConfigDict(frozen=True)

    model: str
    machine: dict[str, str]
    spent_seconds: float = 0.0
    baseline_ms: float = 0.0
    metric: str = ""
    ops: dict[str, int] = {}
    mix: dict[str, float] = {}
    """Shares of the model's work by kind of operator, as `mix_of` has them."""
    wanted: tuple[str, ...] = ()
    """Spellings of the whole grid, measured or not yet."""
    candidates: dict[str, Candidate] = {}

    probe: Probe | None = Field(default=None, exclude=True)
    """What was probed of the machine, where it was."""

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read `write`'s form, and what was probed of the machine it names."""
        table = cls.model_validate_json(path.read_text())
        probed = path.parent / PROBES / f"{table.machine.get('machine_id')}.json"
        if not probed.exists():
            return table
        return table.model_copy(update={"probe": Probe.model_validate_json(probed.read_text())})

    def write(self, path: Path) -> None:
        """As JSON, one recipe a line, what is as usual left out."""
        stored = self.model_dump(mode="json", exclude_defaults=True)
        rows = stored.pop("candidates", {})
        lines = [f"  {json.dumps(name)}: {json.dumps(_short(row))}" for name, row in rows.items()]
        head = json.dumps(stored, indent=1).removesuffix("\n}")
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_suffix(".new")  # what is ended meanwhile leaves the one before
        new.write_text(f'{head},\n "candidates": {{\n' + ",\n".join(lines) + "\n }\n}\n")
        new.replace(path)

    @property
    def circumstances(self) -> Circumstances:
        """The model on the machine, with what was probed of it."""
        flags = frozenset(self.machine["flags"].split())
        return Circumstances(self.ops, flags, int(self.machine["cores"]), known=self.probe)

    @cached_property
    def measured(self) -> dict[str, Candidate]:
        """The recipes that were timed and judged, or are the same as one that was."""
        full = {name: one for name, one in self.candidates.items() if one.logs and one.loss}
        same = {name: full.get(one.same_as) for name, one in self.candidates.items() if one.same_as}
        return full | {name: one for name, one in same.items() if one}

    @cached_property
    def speedups(self) -> dict[str, float]:
        """How fast each that was measured is, over the original on one thread: the geometric mean
        over all processes of all recipes that are as fast by nature (`Recipe.cheaply`).

        That these are as fast is no assumption: `bench search` tests it on each grid. Taken one by
        one, the best of many would be the luckiest.
        """
        logs: dict[str, list[float]] = defaultdict(list)
        for name, one in self.candidates.items():
            logs[cheap_of(one.same_as or name)] += one.logs
        shown = {
            name: logs[cheap_of(self.candidates[name].same_as or name)] for name in self.measured
        }
        return {name: float(np.exp(np.mean(found))) for name, found in shown.items()}

    def seconds_of(self, spellings: Iterable[str]) -> float:
        """What one look at each takes: built once for all with the same passes, timed in one
        process, judged."""
        chosen = {name: self.candidates[name] for name in spellings}
        builds = {passes_of(name): one.build_seconds for name, one in chosen.items()}
        looks = (one.slice_seconds + one.judge_seconds for one in chosen.values())
        return sum(builds.values()) + sum(looks)

    @property
    def seconds(self) -> float:
        """What it took to look at every recipe once, those that failed included."""
        return self.seconds_of(self.candidates)

    def best(self, limit: float) -> float:
        """The best speed-up of what is sound and within the limit; 1 for the original."""
        allowed = (name for name, one in self.measured.items() if within(one, limit))
        return max((self.speedups[name] for name in allowed), default=1.0)


@cache
def passes_of(spelling: str) -> tuple[Pass, ...]:
    """What is built for a recipe."""
    return Recipe.parse(spelling).passes


@cache
def cheap_of(spelling: str) -> str:
    """The recipe that stands for all that are as fast by nature."""
    return Recipe.parse(spelling).cheaply().spelling


def within(one: Candidate, limit: float) -> bool:
    """Whether a candidate may be chosen under this limit of loss."""
    return one.sound and one.loss is not None and one.loss.value <= limit


def _short(value: object) -> object:
    """Floats with five places, at any depth."""
    if isinstance(value, float):
        return round(value, _PLACES)
    if isinstance(value, dict):
        return {key: _short(item) for key, item in value.items()}
    return [_short(item) for item in value] if isinstance(value, list) else value
