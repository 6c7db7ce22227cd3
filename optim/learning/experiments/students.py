"""A tiny student taught in seconds: by hard labels, and by its teacher's whole answers."""

from collections.abc import Callable
from typing import Any, ClassVar

from pydantic import Field

from optim import sandbox
from optim.findings import Interval
from optim.judging.paired import proportion_interval
from optim.learning.experiment import Experiment
from optim.learning.outcome import Bar, Figure, Outcome, Tell, here, never, silent
from optim.learning.sample import opened

_TEACH = sandbox.Named("optim.learning.student:teach")  # it imports torch


class Students(Experiment):
    """Two students of the same size and start, on the same few samples, judged on others."""

    title: ClassVar[str] = "Students of a teacher"
    figures: ClassVar[tuple[str, ...]] = ("gain", "behind_teacher")

    sample: str = "fashion"
    width: int = Field(default=64, ge=4, le=512, description="Hidden units of the students.")
    epochs: int = Field(default=60, ge=1, le=500, description="Times they see the samples.")
    temperature: float = Field(default=4.0, gt=0, le=50, description="Softens the teacher.")

    @property
    def does(self) -> str:
        return (
            f"Trains two small networks on the calibration samples of {self.sample}, one on the "
            "labels, one on the teacher's probabilities, and scores both on other samples."
        )

    def longer(self) -> None:
        """None: what they are judged on is all there is."""

    def briefly(self) -> "Students":
        return self.model_copy(update={"epochs": 2})

    def run(self, tell: Tell = silent, cancelled: Callable[[], bool] = never) -> Outcome:
        tell("training both students", 0.2)
        of = opened(self.sample)
        found: dict[str, Any] = sandbox.call(
            _TEACH,
            {
                "path": str(of.model.path),
                "evalset": of.evalset.digest,
                "width": self.width,
                "epochs": self.epochs,
                "temperature": self.temperature,
            },
            where="experiment",
            files=of.files,
            cancelled=cancelled,
        )
        count = found["count"]
        bars = [
            Bar(label=name, value=_share(right, count)) for name, right in found["right"].items()
        ]
        by_label, by_teacher, teacher = (bar.value.value for bar in bars)
        return here(
            figures={
                "gain": _difference(
                    "Gained by the teacher's probabilities",
                    by_teacher - by_label,
                    found["won"],
                    found["lost"],
                    count,
                ),
                "behind_teacher": _difference(
                    "The taught student is behind its teacher by",
                    teacher - by_teacher,
                    found["teacher_won"],
                    found["teacher_lost"],
                    count,
                ),
            },
            bars=bars,
            axis="right answers, %",
            rests_on=f"{found['taught_on']:,} samples to learn from, {count:,} others to judge on; "
            f"{found['parameters']:,} parameters against the teacher's {found['of_teacher']:,}",
            notes=["One start of the weights: another one moves both students by a point or so."],
        )


def _difference(title: str, points: float, won: int, lost: int, count: int) -> Figure:
    """In points, with Bonett and Price's interval for paired shares."""
    low, high = proportion_interval(won, lost, count, 0.95)
    value = Interval(value=points, low=100 * low, high=100 * high)
    return Figure(title=title, value=value, unit="points")


def _share(right: int, count: int) -> Interval:
    """Per cent of right answers with Wilson's interval."""
    from scipy.stats import binomtest

    ends = binomtest(right, count).proportion_ci(method="wilson")
    return Interval(value=100 * right / count, low=100 * ends.low, high=100 * ends.high)
