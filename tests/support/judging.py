"""Judging in this process: quicker than in a child, and the same function."""

from typing import Any

from optim.evalset import EvalSet
from optim.judging.judgement import judge
from optim.judging.quality import Quality
from optim.model import Model


def judged(
    built: Model,
    original: Model,
    evalset: EvalSet,
    limit: int | None = None,
    runtime: str = "onnxruntime",
    **extent: Any,
) -> Quality:
    """What the child finds; `extent` as `Extent` has it."""
    wanted = {"seconds": 60.0, "samples": limit, **extent}
    nowhere = (str(built.path / "none"), str(built.folder.parent))
    given = original.model_dump(mode="json")
    found = judge(str(built.path), given, runtime, evalset.digest, wanted, nowhere)
    return Quality.model_validate(found)
