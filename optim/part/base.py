"""What every part is, and what those that a recipe is made of have in common."""

import importlib.util
from enum import StrEnum
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from optim.part.knowledge import Circumstances, Hazard, Searched, Start
from optim.part.spelling import spelled

BUILT_IN = "built-in"

Precision = Literal["", "fp16", "bf16", "int8"]


class Group(StrEnum):
    """How the field groups optimizations; the page groups its toggles the same way."""

    MODEL = "model"
    GRAPH = "graph and operators"
    STEPS = "graph, step by step"
    ENGINE = "engine"


class Part(BaseModel):
    """A pass, a runtime or a metric with its settings; class variables say what it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str]
    version: ClassVar[int] = 1
    """Raised whenever the same settings start to give another result."""
    title: ClassVar[str]
    """Plain words, with the field's term beside them."""
    summary: ClassVar[str]
    helps: ClassVar[str]
    hurts: ClassVar[str]
    packages: ClassVar[tuple[str, ...]] = ()
    """Importable packages it needs beyond the core ones."""
    origin: ClassVar[str] = BUILT_IN
    """Where it comes from: built-in, or the distribution with its version. Discovery sets it."""

    @classmethod
    def missing(cls) -> tuple[str, ...]:
        """The packages that are needed and not installed."""
        return tuple(p for p in cls.packages if importlib.util.find_spec(p) is None)

    @property
    def spelling(self) -> str:
        """The canonical text form; `parse_part` reads it back to an equal value."""
        given = self.model_dump(mode="json", exclude_defaults=True)
        return spelled(self.name, given)

    def __str__(self) -> str:
        return self.spelling


class Ingredient(Part):
    """What a recipe is made of, a pass or a runtime, and what is known of it beforehand."""

    group: ClassVar[Group]
    hazards: ClassVar[tuple[Hazard, ...]] = ()
    searched: ClassVar[tuple[Searched, ...]] = ()
    starts: ClassVar[tuple[Start, ...]] = ()

    @property
    def lowers_to(self) -> Precision:
        """The precision that it makes matrix operators compute in; empty: it leaves it alone."""
        return ""

    def takes(self, here: Circumstances) -> bool:
        """Whether it can do anything with such a model; nothing is tried with what cannot."""
        return True
