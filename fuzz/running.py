"""A run: cases through the doors, within its time, each failure kept with how to see it again."""

import itertools
import random
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from fuzz.doors import DOORS, Door
from fuzz.judge import Verdict, judged
from fuzz.sound import sound_files
from optim.running.warming import warm
from optim.sandbox import wait_until_warm


@dataclass(frozen=True)
class Failure:
    """A case that went wrong, and the file that did it."""

    door: str
    seed: int
    number: int
    kept: Path
    verdict: Verdict

    def __str__(self) -> str:
        again = f"python -m fuzz --seed {self.seed} --door '{self.door}' --only {self.number}"
        wrong = "; ".join(self.verdict.wrong)
        return (
            f"{self.door} {self.number}: {wrong}\n  {self.verdict.said}\n  {self.kept}\n  {again}"
        )


@dataclass
class Result:
    """What a run found."""

    seed: int
    verdicts: dict[str, list[Verdict]] = field(default_factory=lambda: defaultdict(list))
    failures: list[Failure] = field(default_factory=list)
    seconds: float = 0.0
    grown_mb: float = 0.0


def cases(seed: int, doors: tuple[Door, ...]) -> Iterator[tuple[Door, int]]:
    """Which door is tried next, for ever: by their weights, each numbered from 0."""
    chance, numbers = random.Random(seed), {door: itertools.count() for door in doors}
    while True:
        yield from ((door, next(numbers[door])) for door in doors)  # each at least once
        for _ in range(3 * len(doors)):
            (door,) = chance.choices(doors, [door.weight for door in doors])
            yield door, next(numbers[door])


def fuzzed(
    seed: int, count: int, seconds: float, keep: Path, doors: tuple[Door, ...] = DOORS
) -> Result:
    """Try that many cases, or as many as the seconds allow, and keep the files that did wrong.

    A file lies under its name in `keep` while it is tried: there it stays if this process dies.
    """
    result, process = Result(seed), psutil.Process()
    if count:
        _begin(doors)
    began, memory = time.monotonic(), process.memory_full_info().uss
    for door, number in itertools.islice(cases(seed, doors), count):
        if time.monotonic() - began > seconds:
            break
        tried(result, door, number, keep)
    result.seconds = time.monotonic() - began
    result.grown_mb = (process.memory_full_info().uss - memory) / 1e6
    return result


def _begin(doors: tuple[Door, ...]) -> None:
    """What the first case would otherwise be charged with; and sound files must be taken."""
    warm()
    for door in doors:
        door.opened(sound_files()[door.file])
    wait_until_warm()


def tried(result: Result, door: Door, number: int, keep: Path) -> Verdict:
    """One case, its verdict added to the result."""
    suffix = Path(door.file).suffix
    keep.mkdir(parents=True, exist_ok=True)
    kept = keep / f"{door.name.replace(' ', '-')}-{result.seed}-{number}{suffix}"
    kept.write_bytes(door.spoiled(result.seed, number))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"brought{suffix}")
        path.write_bytes(kept.read_bytes())
        verdict = judged(door.opened, path)
    result.verdicts[door.name].append(verdict)
    if verdict.wrong:
        result.failures.append(Failure(door.name, result.seed, number, kept, verdict))
    else:
        kept.unlink()
    return verdict
