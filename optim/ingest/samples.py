"""The sample models that ship with the program: `sample_models/NAME/` with a card each."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

from optim.errors import InputError
from optim.names import legible
from optim.shipped import SAMPLES

SAMPLE_PREFIX = "sample:"


class Sample(BaseModel):
    """One sample model: what its card says, and where its files are.

    `value` is its metric on the validation samples; fields of the card beyond these are kept as
    extra attributes.
    """

    model_config = ConfigDict(frozen=True, extra="allow", protected_namespaces=())

    name: str
    title: str
    summary: str
    metric: str
    value: float
    size_bytes: int
    model_path: Path
    evalset_path: Path

    @property
    def card(self) -> dict[str, Any]:
        """Every field of the card, for showing."""
        return self.model_dump(exclude={"model_path", "evalset_path"})


@cache
def list_samples() -> tuple[Sample, ...]:
    """All samples, by name."""
    cards = sorted(SAMPLES.glob("*/card.yaml"))
    return tuple(_read(card) for card in cards)


def find_sample(name: str) -> Sample:
    """The sample called `NAME` or `sample:NAME`. Raises InputError that lists the names."""
    wanted = name.removeprefix(SAMPLE_PREFIX)
    for sample in list_samples():
        if sample.name == wanted:
            return sample
    known = ", ".join(SAMPLE_PREFIX + sample.name for sample in list_samples()) or "none"
    raise InputError(f"There is no sample {legible(wanted)!r}.", f"Samples: {known}.", "model")


def _read(card: Path) -> Sample:
    fields = yaml.safe_load(card.read_text(encoding="utf-8"))
    paths = {"model_path": card.parent / "model.onnx", "evalset_path": card.parent / "evalset.npz"}
    return Sample.model_validate({**fields, **paths})
