"""What other servers and clusters need beside a bundle: each a kind of deployment, one file each.

Its files lie in `deploy/NAME/` of the bundle. They follow from the rest of it, so that a replay
makes them again and compares.
"""

import importlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from optim.arrays import TensorSpec
from optim.bundles import manifest
from optim.bundles.deployments import deployment_names
from optim.bundles.report import Findings
from optim.errors import InputError
from optim.recipe import Recipe

_WHERE = "export"
_KINDS = "optim.bundles.deployments"
_LONGEST = 40
_PYTHON = "3.11"
Files = Mapping[str, str]


@dataclass(frozen=True)
class Deployed:
    """What is deployed: an optimized model, its file, and a sample of its inputs beside it."""

    name: str
    recipe: Recipe
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    path: Path
    example: Path
    python: str
    """Version of Python that it was measured with, such as 3.11."""
    opset: int

    @classmethod
    def of(cls, findings: Findings, folder: Path) -> "Deployed":
        """What a bundle's folder holds; its model and its example are there already."""
        version = str(findings.measurement.slices[0].environment.get("python", ""))
        found = re.match(r"\d+\.\d+", version)
        return cls(
            findings.original.name,
            findings.recipe,
            findings.optimized.inputs,
            findings.optimized.outputs,
            folder / manifest.MODEL,
            folder / manifest.EXAMPLE,
            found[0] if found else _PYTHON,
            findings.optimized.opset,
        )

    @property
    def slug(self) -> str:
        """Its name as clusters, folders and image registries take it (RFC 1123)."""
        words = re.findall(r"[a-z0-9]+", self.name.lower())
        return "-".join(words)[:_LONGEST].strip("-") or "model"


@dataclass(frozen=True)
class Deployment:
    """One place where a bundle can be deployed.

    `engines` are those that it runs; empty: whatever the bundle was measured on. `needs` are the
    deployments that it rests on. `files` gives texts by their names below `deploy/NAME/`, a folder
    that it gets and may write models to. `start` is the command that one begins with, in the
    bundle's folder.
    """

    title: str
    about: str
    start: Callable[[Deployed], str]
    files: Callable[[Deployed, Path], Files]
    engines: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()

    def refuses(self, recipe: Recipe) -> str:
        """Why this recipe cannot be deployed there, as a sentence; empty if it can."""
        engine = recipe.runtime
        if not self.engines or engine.name in self.engines:
            return ""
        return f"{self.title} does not run {engine.title}, which the recipe was measured on."


@cache
def all_deployments() -> dict[str, Deployment]:
    """All of them by name."""
    names = deployment_names()
    return {name: importlib.import_module(f"{_KINDS}.{name}").DEPLOYMENT for name in names}


def chosen(names: Iterable[str], recipe: Recipe) -> list[str]:
    """These, and what they rest on, each once. Raises InputError for what cannot be."""
    known, found = all_deployments(), dict[str, None]()
    for name in names:
        if name not in known:
            raise InputError(
                f"There is no deployment {name[:40]!r}.", f"Known ones: {', '.join(known)}.", _WHERE
            )
        if why := known[name].refuses(recipe):
            raise InputError(why, "Choose docker or kserve, which run any engine.", _WHERE)
        found |= dict.fromkeys((*known[name].needs, name))
    return sorted(found)


def starts(names: Iterable[str], findings: Findings, folder: Path) -> list[tuple[str, str]]:
    """Title and first command, in the bundle's folder, of each of these deployments."""
    of, known = Deployed.of(findings, folder), all_deployments()
    return [(known[name].title, known[name].start(of)) for name in chosen(names, of.recipe)]


def write_deployments(names: Iterable[str], deployed: Deployed, folder: Path) -> None:
    """Write the files of these deployments to `folder`, each to a folder of its own there."""
    for name in names:
        own = folder / name
        own.mkdir(parents=True)
        for path, text in all_deployments()[name].files(deployed, own).items():
            (own / path).parent.mkdir(parents=True, exist_ok=True)
            (own / path).write_text(text, encoding="utf-8")
