"""Files of a bundle that follow from the rest of it: made again, and compared with what is there.

Whoever changes one of them also writes a new MANIFEST, so hashes alone say nothing of them.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from optim.build import PassReport
from optim.bundles import derived, manifest
from optim.bundles.bundle import write_compiled
from optim.bundles.check import Check, other_versions
from optim.bundles.claims import Claims
from optim.bundles.deployment import Deployed, all_deployments, write_deployments
from optim.bundles.report import Findings, report_html
from optim.errors import InputError, OptimError, first_line
from optim.home.files import hash_files
from optim.home.scratch import scratch
from optim.model import Model
from optim.recipe import Recipe
from optim.runtimes.base import Runtime

_MODEL_KEYS = ("digest", "inputs", "outputs", "opset", "size_bytes")
_DERIVE = ("optim", "numpy")
_DRAW = (*_DERIVE, "plotly")
_CLOSE = 1e-6
_SERVES = (manifest.HOST, manifest.HOST_REQUIREMENTS)


def same_script(folder: Path, claims: Claims, findings: Findings) -> Check:
    """Whether what people run, and read first, is what this program writes; always a verdict."""
    try:
        expected = derived.to_run(findings, claims.about.libraries)
    except InputError as error:
        return Check(name="script", ok=False, text=error.what)
    except (ValueError, TypeError, LookupError, ArithmeticError) as error:
        text = f"none can be made of this evidence ({first_line(error)})."
        return Check(name="script", ok=False, text=text)
    expected = {name: content for name, content in expected.items() if _is_due(folder, name)}
    wrong = _other_bytes(folder, expected)
    wrong += sorted(_served(folder) - expected.keys())
    if not wrong:
        told = (name for name in expected if not name.startswith(manifest.SERVER))
        text = f"{', '.join(told)} are what the recipe gives."
        return Check(name="script", ok=True, text=text)
    why = other_versions(claims.about, _DERIVE)
    perhaps = f" Another version may have written it ({'; '.join(why)})." if why else ""
    text = f"{wrong[0]} is not what the recipe gives. Do not use it.{perhaps}"
    return Check(name="script", ok=False, text=text)


def _is_due(folder: Path, name: str) -> bool:
    """Whether a bundle must hold a file: those of earlier versions have no README, no server."""
    if name in _SERVES or name.startswith(manifest.SERVER):
        return bool(_served(folder))
    return name != manifest.README or (folder / name).exists()


def _served(folder: Path) -> set[str]:
    """Names of the files of the bundle's own server that are there."""
    return _within(folder, manifest.SERVER) | {n for n in _SERVES if (folder / n).exists()}


def _within(folder: Path, inner: str) -> set[str]:
    """Names of the files below a folder of the bundle."""
    found = (path for path in (folder / inner).rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix() for path in found}


def _hashes(folder: Path, inner: str) -> dict[str, str]:
    """The hashes of the files below a folder of the bundle, by name."""
    return {name: hash_files(folder / name) for name in _within(folder, inner)}


def _unlike(ours: dict[str, str], theirs: dict[str, str]) -> list[str]:
    """Names of files that only one of them has, or that differ."""
    return sorted(name for name in {*ours, *theirs} if ours.get(name) != theirs.get(name))


def same_deployments(folder: Path, findings: Findings) -> Check | None:
    """Whether the files for other servers are what this program writes; None without any."""
    theirs = _hashes(folder, manifest.DEPLOY)
    if not theirs:
        return None
    names = sorted({name.split("/")[1] for name in theirs} & all_deployments().keys())
    with scratch("deploy") as made:
        try:
            write_deployments(names, Deployed.of(findings, folder), made / manifest.DEPLOY)
        except (OptimError, ValueError, TypeError, LookupError) as error:
            text = f"none can be made of this evidence ({first_line(error)})."
            return Check(name="deployments", ok=False, text=text)
        wrong = _unlike(_hashes(made, manifest.DEPLOY), theirs)
    if wrong:
        text = f"{wrong[0]} is not what the recipe gives. Do not use it."
        return Check(name="deployments", ok=False, text=text)
    return Check(name="deployments", ok=True, text=f"{', '.join(names)}: what the recipe gives.")


def same_compiled(
    folder: Path, engine: Runtime, model: Model, versions: Sequence[str] = ()
) -> Check | None:
    """Whether an engine compiles the model to the files that are there; None without any.

    Only engines that declare it write the same bytes each time (`Runtime.compiles_alike`). Files of
    others are not comparable, and that is said, since `run.py` runs them.

    Args:
        versions: in what the engine's libraries differ from those of the bundle, as sentences.
    """
    theirs = _hashes(folder, manifest.COMPILED)
    if not theirs and not engine.keeps_compiled:
        return None
    with scratch("compiled") as made:
        try:
            write_compiled(engine, model, made)
        except OptimError as error:
            return Check(name="compiled", ok=None, text=f"not compared: {error.what}")
        ours = _hashes(made, manifest.COMPILED)
    wrong = _unlike(ours, theirs)
    if not wrong:
        return Check(name="compiled", ok=True, text="it is what the engine compiles.")
    may_differ = versions or not engine.compiles_alike
    if (
        may_differ
        and theirs.keys() == ours.keys()
        and not any(name.endswith(".json") for name in wrong)
    ):
        why = "; ".join(versions) or f"{engine.title} gives other bytes each time"
        text = (
            f"not compared: {wrong[0]} is not as compiled here ({why}). It is code that run.py "
            "runs: export the recipe here unless you trust its author."
        )
        return Check(name="compiled", ok=None, text=text)
    text = f"{wrong[0]} is not what the engine gives. Do not use it."
    return Check(name="compiled", ok=False, text=text)


def same_evidence(
    folder: Path, claims: Claims, findings: Findings, again: Sequence[PassReport]
) -> Check:
    """Whether the recipe's files and the evidence say what follows from recipe and samples.

    Args:
        again: what the passes said when they were applied again; empty where they gave another
            model.
    """
    if why := other_versions(claims.about, _DERIVE):
        return Check(name="evidence", ok=None, text=f"not compared: {'; '.join(why)}.")
    texts = derived.from_recipe(claims.recipe)
    same = claims.recipe.digest == claims.about.recipe_digest  # else its parts are others here
    wrong = [*(_other_bytes(folder, texts) if same else ()), *_other_values(claims, findings)]
    told = not again or not same or _notes(again) == _notes(claims.reports)
    if not told or not _are_of(claims.recipe, claims.reports):
        wrong.append(manifest.PASSES)
    if wrong:
        text = f"{', '.join(wrong)}: not what the recipe and the samples give."
        return Check(name="evidence", ok=False, text=text)
    if not same:
        text = "recipe and notes not compared: the recipe's parts have other settings here."
        return Check(name="evidence", ok=None, text=text)
    return Check(name="evidence", ok=True, text="it says what follows from recipe and samples.")


def same_report(folder: Path, claims: Claims, findings: Findings) -> Check:
    """Whether the report is the one that this evidence gives."""
    if why := other_versions(claims.about, _DRAW):
        text = f"not compared: {'; '.join(why)}. Figures that count are those of the evidence."
        return Check(name="report", ok=None, text=text)
    if claims.points is None:
        text = (
            "not compared: the evidence lacks its chart's points, as that of earlier versions did."
        )
        return Check(name="report", ok=None, text=text)
    try:
        expected = report_html(findings).encode()
    except (ValueError, TypeError, LookupError, ArithmeticError) as error:
        text = f"no report can be made of this evidence ({first_line(error)})."
        return Check(name="report", ok=False, text=text)
    if (folder / manifest.REPORT).read_bytes() != expected:
        text = f"{manifest.REPORT} is not what the evidence gives. Do not believe it."
        return Check(name="report", ok=False, text=text)
    return Check(name="report", ok=True, text="it is what the evidence gives.")


def _other_bytes(folder: Path, expected: Mapping[str, bytes]) -> list[str]:
    """Names of the files that hold anything else."""
    return [name for name, content in expected.items() if not _holds(folder / name, content)]


def _holds(path: Path, content: bytes) -> bool:
    return path.is_file() and path.read_bytes() == content


def _other_values(claims: Claims, findings: Findings) -> list[str]:
    """Names of the files whose values differ from those that follow from the findings."""
    made = {name: json.loads(content) for name, content in derived.evidence(findings).items()}
    whole = (manifest.SUMMARY, manifest.ENVIRONMENT, manifest.EVALSET_VALUE)
    pairs = {name: (made[name], claims.values[name]) for name in whole}
    for name in (manifest.ORIGINAL_VALUE, manifest.MODEL_VALUE):
        pairs[name] = _of_files(made[name]), _of_files(claims.values[name])
    return [name for name, pair in pairs.items() if not _close(*pair)]


def _of_files(model: Any) -> Any:
    """What of a stored Model follows from its files; the rest tells how it was brought here."""
    return [model.get(key) for key in _MODEL_KEYS] if isinstance(model, dict) else None


def _notes(reports: Iterable[PassReport]) -> list[tuple[str, bool, tuple[str, ...]]]:
    return [(report.name, report.modified, report.said) for report in reports]


def _are_of(recipe: Recipe, reports: Iterable[PassReport]) -> bool:
    """Whether the passes that ran are the recipe's; reports of earlier versions do not say."""
    spelled = {one.spelling for one in recipe.passes}
    return all(report.spelling in spelled for report in reports if report.spelling)


def _close(ours: Any, theirs: Any) -> bool:
    """Whether two plain values are the same, numbers as far as processors agree on them."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        same = ours.keys() == theirs.keys()
        return same and all(_close(ours[key], theirs[key]) for key in ours)
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(_close, ours, theirs))
    if isinstance(ours, float) and isinstance(theirs, int | float):
        both_nan = math.isnan(ours) and math.isnan(theirs)
        return both_nan or math.isclose(ours, theirs, rel_tol=_CLOSE)
    return bool(ours == theirs) and type(ours) is type(theirs)
