"""One load on one server: of each request, when it was due, sent and answered."""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from optim.load.issuing import LoadGen, Scheduled
from optim.load.requests import Requests
from optim.load.scenario import Load
from optim.load.wires import LOST, Answer, Wire
from optim.serving.parts import read_parts

_PATIENCE_S = 15.0  # without one answer, while requests are under way
_LOOK_S, _SOON_S = 0.25, 0.01


@dataclass
class Running:
    """Requests under way: those that are issued are sent at once, whatever the others do.

    `offline` alone keeps `at_once` under way: its requests are all due in the beginning.
    """

    wire: Wire
    bodies: Sequence[bytes]
    load: Load
    source: LoadGen | Scheduled
    due: dict[int, float] = field(default_factory=dict)
    answers: dict[int, Answer] = field(default_factory=dict)
    held: deque[int] = field(default_factory=deque)
    heard: float = 0.0

    async def play(self) -> None:
        """Until all is issued and answered, or given up."""
        loop, self.heard = asyncio.get_running_loop(), time.perf_counter()

        def issue(places: list[int], due: float) -> None:
            loop.call_soon_threadsafe(self._issued, places, due)

        issuing = asyncio.create_task(asyncio.to_thread(self.source.run, issue))
        while not issuing.done() or len(self.answers) < len(self.due):
            if issuing.done():
                await asyncio.sleep(_SOON_S)
            else:
                await asyncio.wait([issuing], timeout=_LOOK_S)
            if time.perf_counter() - self.heard > _PATIENCE_S:
                self._give_up()
        await issuing

    def _issued(self, places: list[int], due: float) -> None:
        if len(self.due) == len(self.answers):  # patience begins with the first that waits
            self.heard = time.perf_counter()
        self.due |= dict.fromkeys(places, due)
        self.held.extend(places)
        self._send()

    def _send(self) -> None:
        while self.held and not self._is_full():
            place = self.held.popleft()
            self.wire.ask(self.bodies[place % len(self.bodies)], partial(self._answered, place))

    def _is_full(self) -> bool:
        under_way = len(self.due) - len(self.answers) - len(self.held)
        return self.load.kind == "offline" and under_way >= self.load.at_once

    def _answered(self, place: int, answer: Answer) -> None:
        if place in self.answers:  # it was given up
            return
        self.answers[place], self.heard = answer, time.perf_counter()
        if isinstance(self.source, LoadGen):
            self.source.answered(place)
        self._send()

    def _give_up(self) -> None:
        """Nobody answers any more: what is under way was lost."""
        now = time.perf_counter()
        for place in self.due.keys() - self.answers.keys():
            self._answered(place, Answer(now, now, LOST))


async def play(wire: Wire, bodies: Sequence[bytes], load: Load) -> tuple[Requests, str]:
    """What became of every request, in the order of issue; LoadGen's summary, if it was that."""
    with TemporaryDirectory(prefix="optim-loadgen-") as folder:
        ours = load.kind in ("burst", "trace")
        source = Scheduled(load) if ours else LoadGen(load, Path(folder))
        run = Running(wire, bodies, load, source)
        await run.play()
        due = np.array([run.due[place] for place in sorted(run.due)])
        summary = ""
        if isinstance(source, LoadGen):
            summary, due = source.summary(), source.due(due)
    return _table(due, [run.answers[place] for place in sorted(run.due)]), summary


def _table(due: np.ndarray, answers: Sequence[Answer]) -> Requests:
    names = ("decode_ms", "queue_ms", "batch_ms", "run_ms", "server_ms", "rows")
    parts = np.array([read_parts(one.parts) for one in answers]).T
    sent = np.array([one.sent for one in answers])
    done = np.array([one.done for one in answers])
    return Requests(
        due_s=due - due.min(),
        late_ms=1e3 * (sent - due),
        latency_ms=1e3 * (done - due),
        status=np.array([one.status for one in answers]),
        **dict(zip(names, parts, strict=True)),
    )
