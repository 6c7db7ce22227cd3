"""What hardware costs an hour and draws: `prices.yaml`, sourced and dated, to be edited."""

from datetime import date
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from optim import reading
from optim.errors import InputError, first_line
from optim.home.files import hash_files

SHIPPED = Path(__file__).parent / "prices.yaml"
_MOST_BYTES = 1_000_000


class Price(BaseModel):
    """A machine's price and power; a share of it is what a replica uses. None: not known."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    machine: str = ""
    usd_hour: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    cores: int | None = Field(default=None, ge=1)
    devices: int | None = Field(default=None, ge=1)
    watts: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    processor_cores: int | None = Field(default=None, ge=1)
    source: str = ""

    def usd(self, cores: int) -> float | None:
        """An hour of one replica that uses so many cores, or one device."""
        if self.usd_hour is None:
            return None
        return self.usd_hour * (1 / self.devices if self.devices else cores / (self.cores or 1))

    def drawn(self, cores: int) -> float | None:
        """Watts of one replica at full load, the host of a device left out."""
        if self.watts is None:
            return None
        share = 1.0 if self.devices else cores / (self.processor_cores or self.cores or 1)
        return self.watts * share


class Prices(BaseModel):
    """Prices by target, and the day that they were looked up."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    quoted: date
    targets: dict[str, Price]

    def of(self, target: str) -> Price:
        """Of a target; of one that is not listed nothing is known."""
        return self.targets.get(target, Price())


def prices(path: Path = SHIPPED) -> Prices:
    """Those of a file. Raises InputError where it is none."""
    if not path.is_file() or path.stat().st_size > _MOST_BYTES:
        raise InputError(f"There is no file of prices {path}.", "Name one as prices.yaml.", "twin")
    return _read(path, hash_files(path))


@cache
def _read(path: Path, _digest: str) -> Prices:
    try:
        return Prices.model_validate(reading.from_yaml(path.read_text(encoding="utf-8")))
    except (InputError, ValidationError, ValueError) as error:
        why = error.what.rstrip(".") if isinstance(error, InputError) else first_line(error)
        raise InputError(
            f"{path} holds no prices ({why}).", f"Write it as {SHIPPED.name}.", "twin"
        ) from None
