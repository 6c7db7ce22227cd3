"""What every part is, and what those that a recipe is made of have in common."""

import importlib.util
from enum import StrEnum
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from optim.environments import Environment
from optim.errors import StepError
from optim.machine.environment import version_of
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
    requirements: ClassVar[tuple[str, ...]] = ()
    """Packages of an environment of its own: each with its version, and all that they need beyond
    the program's own. Empty: it runs with the program's."""
    requirements_mb: ClassVar[float] = 0.0
    """What those take on disk, as measured when they were pinned."""
    origin: ClassVar[str] = BUILT_IN
    """Where it comes from: built-in, or the distribution with its version. Discovery sets it."""

    @classmethod
    def missing(cls) -> tuple[str, ...]:
        """The packages that are needed and not installed."""
        if environment := cls.environment():
            return () if environment.made else cls.requirements
        return tuple(p for p in cls.packages if importlib.util.find_spec(p) is None)

    @classmethod
    def hindrance(cls) -> str:
        """What this machine lacks that no installing brings, a sentence; empty if nothing."""
        return ""

    @classmethod
    def environment(cls) -> Environment | None:
        """The environment of its own; None where the program's own packages do."""
        if not cls.requirements:
            return None
        return Environment(cls.name, cls.requirements, cls.packages, cls.requirements_mb)

    @classmethod
    def versions(cls) -> tuple[str, ...]:
        """Of the packages that it works with: what comes out may depend on them."""
        return cls.requirements or tuple(version_of(package) for package in cls.packages)

    @classmethod
    def site(cls) -> Path | None:
        """The folder of its packages for `sandbox.call`; None where the program's own do.

        Raises StepError that says how to install what is missing.
        """
        if hint := cls.install_hint():
            raise StepError(f"{cls.title} is not installed here.", hint, cls.name)
        return environment.folder if (environment := cls.environment()) else None

    @classmethod
    def install_hint(cls) -> str:
        """How to get what it needs, a sentence; empty if nothing is missing."""
        if hindrance := cls.hindrance():
            return hindrance
        if not (missing := cls.missing()):
            return ""
        if environment := cls.environment():
            cost = f"about {environment.megabytes:,.0f} MB, {environment.seconds:,.0f} s"
            return f"To install it: `python -m optim install {cls.name}` ({cost})."
        return f"To use it: `pip install {' '.join(missing)}`."

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

    @property
    def probed_as(self) -> str:
        """What a probe calls its arithmetic; see `optim.probing.Probe.gain`."""
        return self.lowers_to

    def takes(self, here: Circumstances) -> bool:
        """Whether it can do anything with such a model; nothing is tried with what cannot."""
        return True
