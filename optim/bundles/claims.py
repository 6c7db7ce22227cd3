"""What a bundle claims, read in a child and within bounds: nothing in it is believed yet."""

import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from optim import reading, sandbox
from optim.build import PassReport
from optim.bundles import manifest
from optim.bundles.bundle import About
from optim.bundles.derived import CAUTIONS, POINTS
from optim.bundles.report import Points
from optim.errors import InputError, first_line
from optim.findings import Caution
from optim.judging.quality import Quality
from optim.metrics.base import find_metric
from optim.recipe import Recipe
from optim.timing.claimed import MAX_BYTES, claimed
from optim.timing.measurement import Measurement
from optim.why.shares import Shares

_REPORTS = TypeAdapter(tuple[PassReport, ...])
_READ = (
    *(manifest.ABOUT, manifest.RECIPE, manifest.SESSION, manifest.QUALITY, manifest.SUMMARY),
    *(manifest.ENVIRONMENT, manifest.PASSES, manifest.POINTS, manifest.CAUTIONS),
    manifest.SHARES,
    *(manifest.ORIGINAL_VALUE, manifest.MODEL_VALUE, manifest.EVALSET_VALUE),
)
_SHARES: TypeAdapter[Shares | None] = TypeAdapter(Shares | None)
T = TypeVar("T")


@dataclass(frozen=True)
class Claims:
    """What the files of a bundle say. `values` are their plain values by the files' names.

    `points` is None in a bundle of the first version, which did not keep them; `cautions` are empty
    there. `shares` are None where not all that they rest on was measured.
    """

    about: About
    recipe: Recipe
    measurement: Measurement
    quality: Quality
    reports: tuple[PassReport, ...]
    points: Points | None
    cautions: tuple[Caution, ...]
    shares: Shares | None
    values: dict[str, Any]


def read_claims(folder: Path) -> Claims:
    """Read the files of a bundle whose hashes hold. Raises InputError or StepError."""
    paths = {name: str(folder / name) for name in _READ if (folder / name).is_file()}
    values = sandbox.call(
        reading.files_within_bounds,
        {"paths": paths},
        where="replay",
        files=sandbox.Files(readable=(folder,)),
    )
    quality = _valid(TypeAdapter(Quality), manifest.QUALITY, values)
    find_metric(quality.metric)
    return Claims(
        about=_valid(TypeAdapter(About), manifest.ABOUT, values),
        recipe=Recipe.from_stored(values[manifest.RECIPE]),
        measurement=_measurement(folder / manifest.MEASUREMENT),
        quality=quality,
        reports=_valid(_REPORTS, manifest.PASSES, values),
        points=_valid(POINTS, manifest.POINTS, values) if manifest.POINTS in values else None,
        cautions=_valid(CAUTIONS, manifest.CAUTIONS, {manifest.CAUTIONS: [], **values}),
        shares=_valid(_SHARES, manifest.SHARES, {manifest.SHARES: None, **values}),
        values=values,
    )


def _valid(kind: TypeAdapter[T], name: str, values: dict[str, Any]) -> T:
    try:
        return kind.validate_python(values[name])
    except ValidationError as error:
        raise InputError(
            f"The bundle's {name} cannot be read ({first_line(error)}).",
            "Export it again.",
            "replay",
        ) from None


def _measurement(path: Path) -> Measurement:
    """The claimed samples; bounded before they are unpacked, and every slice with both arms."""
    unreadable = InputError("The bundle's timings cannot be read.", "Export it again.", "replay")
    try:
        with gzip.open(path) as source:
            data = source.read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error):
        raise unreadable from None
    try:
        return claimed(data)
    except InputError:
        raise unreadable from None
