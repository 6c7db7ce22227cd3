"""What a peer is given, and how it offers what it found. Runs in the peers' environments.

Folder of a task: `model.onnx` (static shapes), `data.npz` (samples, labels, the original's
answers), `task.json`; the peer leaves `answer.json` there, and files beside it.
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.peers.openers import Feeds, Run, opened
from bench.peers.scores import score

Array = npt.NDArray[Any]
ANSWER, TASK, DATA, MODEL = "answer.json", "task.json", "data.npz", "model.onnx"
_TIMED_SECONDS = 0.4


@dataclass(frozen=True)
class Answer:
    """What to run: a file with an engine of `openers` and its options; `said` tells what it is."""

    engine: str
    file: str
    said: str
    options: Mapping[str, str]


class Task:
    """A model to make faster within `seconds`, losing at most `limit` of its quality."""

    def __init__(self, folder: Path) -> None:
        told = json.loads((folder / TASK).read_text())
        self.folder, self.model = folder, folder / MODEL
        self.seconds, self.limit = float(told["seconds"]), float(told["limit"])
        self.metric, self.output = str(told["metric"]), str(told["output"])
        self.inputs: list[str] = told["inputs"]
        self._told, self._best = told, float("inf")
        self._data = np.load(folder / DATA)

    def calibration(self) -> list[dict[str, Array]]:
        """The samples for calibration, each a full set of inputs."""
        return list(self._feeds("calibration"))

    def validation(self) -> list[dict[str, Array]]:
        """The samples that the answer will be judged on."""
        return list(self._feeds("validation"))

    def _feeds(self, split: str) -> Iterator[dict[str, Array]]:
        columns = [self._data[f"{split}_{i}"] for i in range(len(self.inputs))]
        for row in zip(*columns, strict=True):
            yield {name: np.asarray(one) for name, one in zip(self.inputs, row, strict=True)}

    def offer(self, engine: str, file: Path, said: str, options: Mapping[str, str] = {}) -> None:
        """Make this the answer, instead of what was offered before."""
        answer = {"engine": engine, "file": str(file), "said": said, "options": dict(options)}
        partial = self.folder / f"{ANSWER}.partial"
        partial.write_text(json.dumps(answer))
        partial.replace(self.folder / ANSWER)

    def consider(self, engine: str, file: Path, said: str, options: Mapping[str, str] = {}) -> bool:
        """Offer this if it loses no more than the limit and is the fastest of those considered.

        Returns whether it is within the limit.
        """
        run = opened(engine, str(file), options)
        lost = self.loss([run(feeds) for feeds in self.validation()])
        seconds = _typical_seconds(run, self.validation()[0])
        print(f"{said}: {seconds * 1e3:.3f} ms, loses {lost:.4f}", flush=True)
        if lost <= self.limit and seconds < self._best:
            self._best = seconds
            self.offer(engine, file, said, options)
        return lost <= self.limit

    def loss(self, outputs: Sequence[Mapping[str, Array]]) -> float:
        """Quality lost on the validation samples, as a peer may know it while it chooses."""
        answers = np.stack([one[self.output] for one in outputs])
        return self.score_of(self._data["originals"]) - self.score_of(answers)

    def score_of(self, answers: Array) -> float:
        """The metric's score of the answers [samples, ...] to the validation samples."""
        return score(self.metric, answers, self._data["originals"], self._data.get("labels"))


def _typical_seconds(run: Run, feeds: Feeds) -> float:
    run(feeds)
    times: list[float] = []
    while sum(times) < _TIMED_SECONDS or len(times) < 3:
        start = time.perf_counter()
        run(feeds)
        times.append(time.perf_counter() - start)
    return float(np.median(times))
