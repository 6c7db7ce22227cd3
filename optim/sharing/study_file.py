"""A study as one file: a zip with the original, the EvalSet, every recipe and every measurement.

| entry | what |
|---|---|
| `study.json` | what it is of: names, digests, format |
| `original/model.onnx` (`model.data`) | the model |
| `evalset.npz` | the samples, split as they were |
| `trials/N.json` | trial N: recipe, state, quality, what its passes did, pin and note |
| `samples/N.json` | trial N's raw timings with the machine that each comes from |

The same study gives the same bytes. Optimized models are left out: recipes make them again.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from optim.build import PassReport
from optim.findings import Caution
from optim.judging.quality import Quality

ZIP_SUFFIX = ".zip"
ABOUT, EVALSET, ORIGINAL = "study.json", "evalset.npz", "original/"
TRIALS, SAMPLES = "trials/", "samples/"
IMPORTED = "imported"
"""Code of the caution, and origin, of a trial that was read from a study file."""

LONGEST = 4000
Short = Annotated[str, StringConstraints(max_length=200)]
Long = Annotated[str, StringConstraints(max_length=LONGEST)]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
_SHAPE = ConfigDict(frozen=True, extra="forbid")


class About(BaseModel):
    """What a study file says of itself, `study.json`."""

    model_config = _SHAPE

    format: Literal[1] = 1
    program: Short
    title: Short
    model_name: Short
    model_digest: Digest
    evalset_digest: Digest
    trials: int = Field(ge=0)


class Told(BaseModel):
    """One trial as a study file has it, without its samples."""

    model_config = _SHAPE

    number: int = Field(ge=0)
    recipe: dict[str, Any]
    """As `Recipe.stored` gives it."""
    target: Short
    state: Literal["done", "failed", "cancelled", "interrupted"]
    error: Long = ""
    origin: Short
    created: Short
    pinned: bool = False
    note: Long = ""
    size_bytes: int | None = Field(default=None, ge=0)
    reports: tuple[PassReport, ...] = Field(default=(), max_length=50)
    quality: Quality | None = None
    judged: bool = False
    cautions: tuple[Caution, ...] = Field(default=(), max_length=50)
