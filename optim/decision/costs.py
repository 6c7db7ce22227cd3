"""What decisions cost: a false alarm, a miss, one that is late; and what a request brings."""

from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from optim import reading
from optim.errors import InputError, first_line
from optim.ingest.samples import list_samples

_WHERE = "decide"
_MOST_BYTES = 100_000
Numbers = NDArray[np.float64]


class Costs(BaseModel):
    """Money by what was decided of a request of class 0 (good) or 1 (bad: fraud, default).

    | | accepted | refused |
    |---|---|---|
    | good | `value` | `-false_alarm` |
    | bad | `-miss` | 0 |

    A decision that takes longer than `deadline_ms` falls back to `late`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    false_alarm: float = Field(ge=0, allow_inf_nan=False)
    miss: float = Field(gt=0, allow_inf_nan=False)
    value: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    late: Literal["accept", "refuse"] = "refuse"
    deadline_ms: float = Field(default=50.0, gt=0, allow_inf_nan=False)
    currency: str = Field(default="$", max_length=8)
    source: str = Field(default="", max_length=2000)

    @property
    def threshold(self) -> float:
        """The probability of bad from which refusing brings more than accepting.

        Elkan, "The foundations of cost-sensitive learning", 2001. No sample is looked at.
        """
        gain = self.value + self.false_alarm
        return gain / (gain + self.miss)

    def money(self, refused: NDArray[np.bool_], bad: NDArray[np.bool_]) -> Numbers:
        """Of each request, [n]."""
        good = np.where(refused, -self.false_alarm, self.value)
        found: Numbers = np.where(bad, np.where(refused, 0.0, -self.miss), good)
        return found

    def fallen_back(self, bad: NDArray[np.bool_]) -> Numbers:
        """Of each request, were its decision too late, [n]."""
        return self.money(np.full(len(bad), self.late == "refuse"), bad)


def example_for(*names: str) -> Costs | None:
    """The example that a sample's card has; the sample's title or name is among these."""
    for sample in list_samples():
        if {sample.title, sample.name} & set(names) and "decision" in sample.card:
            return Costs.model_validate(sample.card["decision"])
    return None


def costs_of(path: Path) -> Costs:
    """Those in a YAML file. Raises InputError."""
    if not path.is_file() or path.stat().st_size > _MOST_BYTES:
        raise InputError(
            f"There is no file of costs {path}.", "Write miss, false_alarm ...", _WHERE
        )
    try:
        return Costs.model_validate(reading.from_yaml(path.read_text(encoding="utf-8")))
    except (InputError, ValidationError, ValueError) as error:
        why = error.what.rstrip(".") if isinstance(error, InputError) else first_line(error)
        raise InputError(
            f"{path} holds no costs ({why}).", f"It has: {', '.join(Costs.model_fields)}.", _WHERE
        ) from None
