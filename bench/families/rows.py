"""Rows of the table as they are kept: what one recipe brought to one model on this machine."""

from collections.abc import Sequence
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict

from optim.findings import Interval

FOLDER = Path(__file__).parent
_DISTURBED = 0.05  # share of the time that others had its cores: as a trial's own caution
_BESIDE = 1.5  # load beyond the cores: what measures keeps about one busy itself


class Row(BaseModel):
    """One recipe on one model.

    `speedup` is the paired ratio to the original on one thread of ONNX Runtime, `loss` what of its
    quality is lost, as a share or a relative error (as a goal's limit is); both None where `error`
    says why not. `contention`: share of the time that other work had its cores; `load`: the
    machine's load average meanwhile, at its highest, `cores`: all that it has. `same`: its passes
    changed nothing. `sound`: its answers neither collapsed nor drifted.
    """

    model_config = ConfigDict(frozen=True)

    model: str
    recipe: str
    speedup: Interval | None = None
    loss: Interval | None = None
    p50_ms: float = 0.0
    processes: int = 0
    contention: float = 0.0
    load: float = 0.0
    cores: int = 1
    same: bool = False
    sound: bool = True
    error: str = ""
    seconds: float = 0.0
    measured: str = ""

    @property
    def quiet(self) -> bool:
        """Whether its figures may stand for the machine."""
        return self.contention <= _DISTURBED and self.load <= self.cores + _BESIDE

    def pays(self, limit: float) -> bool:
        """Whether it is shown to be faster, and loses no more than this."""
        fast, lost = self.speedup, self.loss
        if self.same or not self.sound:
            return False
        return bool(fast and lost and fast.low > 1 and lost.value <= limit)


class Kept(BaseModel):
    """Rows of a machine. `about`: its CPU and the engines' versions."""

    model_config = ConfigDict(frozen=True)

    about: dict[str, str]
    rows: tuple[Row, ...] = ()

    def of(self, recipe: str) -> Row | None:
        """The recipe's first row, where it is known."""
        return next((row for row in self.rows if row.recipe == recipe), None)

    def plus(self, row: Row) -> "Kept":
        """With a row that takes the place of the same measured before."""
        others = (r for r in self.rows if (r.model, r.recipe) != (row.model, row.recipe))
        return self.model_copy(update={"rows": (*others, row)})

    @classmethod
    def read(cls, path: Path, about: dict[str, str]) -> Self:
        """Those of a file; none where there is no such file."""
        return cls.model_validate_json(path.read_text()) if path.exists() else cls(about=about)

    @classmethod
    def together(cls, parts: Sequence["Kept"]) -> "Kept":
        """What several files of one machine tell."""
        return cls(about=parts[0].about, rows=tuple(row for one in parts for row in one.rows))

    def write(self, path: Path) -> None:
        """As JSON, a row a line."""
        rows = ",\n".join(row.model_dump_json(exclude_defaults=True) for row in self.rows)
        about = self.model_dump_json(include={"about"})[:-1]
        path.write_text(f'{about},"rows":[\n{rows}\n]}}\n')
