"""A run: cases through the doors, within its time, each failure kept with how to see it again."""

import itertools
import random
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import psutil

from fuzz.doors import DOORS, Door
from fuzz.journal import Journal
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

    def add(self, door: Door, number: int, keep: Path, verdict: Verdict) -> None:
        """The verdict on one case."""
        self.verdicts[door.name].append(verdict)
        if verdict.wrong:
            kept = _kept(door, self.seed, number, keep)
            self.failures.append(Failure(door.name, self.seed, number, kept, verdict))


def cases(seed: int, doors: tuple[Door, ...]) -> Iterator[tuple[Door, int]]:
    """Which door is tried next, for ever: by their weights, each numbered from 0."""
    chance, numbers = random.Random(seed), {door: itertools.count() for door in doors}
    while True:
        yield from ((door, next(numbers[door])) for door in doors)  # each at least once
        for _ in range(3 * len(doors)):
            (door,) = chance.choices(doors, [door.weight for door in doors])
            yield door, next(numbers[door])


def fuzzed(
    seed: int,
    count: int,
    seconds: float,
    keep: Path,
    journal: Journal,
    doors: tuple[Door, ...] = DOORS,
) -> Result:
    """Try that many cases, or as many as the seconds allow, and keep the files that did wrong.

    A file lies under its name in `keep` while it is tried: there it stays if this process dies.
    What the journal has is not tried again.
    """
    result, process = Result(seed), psutil.Process()
    chosen = list(itertools.islice(cases(seed, doors), count))
    if any(journal.wants(_key(seed, *case)) for case in chosen):
        _begin(doors)
    until, memory = time.monotonic() + seconds, process.memory_full_info().uss
    for door, number in chosen:
        attempt = partial(_attempt, door, seed, number, keep)
        for record in journal.records(_key(seed, door, number), attempt, until):
            result.add(door, number, keep, Verdict.read(record))
    result.seconds = sum(v.seconds for of_door in result.verdicts.values() for v in of_door)
    result.grown_mb = (process.memory_full_info().uss - memory) / 1e6
    return result


def _attempt(door: Door, seed: int, number: int, keep: Path) -> list[Verdict]:
    return [tried(door, seed, number, keep)]


def _begin(doors: tuple[Door, ...]) -> None:
    """What the first case would otherwise be charged with; and sound files must be taken."""
    warm()
    for door in doors:
        door.opened(sound_files()[door.file])
    wait_until_warm()


def tried(door: Door, seed: int, number: int, keep: Path) -> Verdict:
    """One case; its file is kept where it did wrong."""
    kept = _kept(door, seed, number, keep)
    keep.mkdir(parents=True, exist_ok=True)
    kept.write_bytes(door.spoiled(seed, number))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"brought{kept.suffix}")
        path.write_bytes(kept.read_bytes())
        verdict = judged(door.opened, path)
    if not verdict.wrong:
        kept.unlink()
    return verdict


def _kept(door: Door, seed: int, number: int, keep: Path) -> Path:
    return keep / f"{_key(seed, door, number).replace(' ', '-')}{Path(door.file).suffix}"


def _key(seed: int, door: Door, number: int) -> str:
    return f"{door.name}-{seed}-{number}"
