"""Whether an optimized model's file grew out of proportion, and what to do about it."""

from optim.findings import Caution
from optim.recipe import Recipe

_TIMES, _BYTES = 1.5, 500_000
"""A file grew that is both so many times larger and so many bytes."""


def growth(before: int, after: int, recipe: Recipe) -> Caution | None:
    """A caution for a file that went from `before` to `after` bytes; None where it hardly grew."""
    if after < _TIMES * before or after - before < _BYTES:
        return None
    helps = " ".join(one.if_grown for one in recipe.passes if one.if_grown)
    text = (
        f"The file grew from {_mb(before)} to {_mb(after)} MB. Most often the results of small "
        "formulas (a range, an expansion, a tile) were computed ahead and are stored as constants "
        f"now. {helps}"
    )
    return Caution(code="file_grew", text=text.strip())


def _mb(size: int) -> str:
    return f"{size / 1e6:.3g}"
