"""A recipe: an ordered list of passes, then a runtime with its session options."""

import hashlib
import json
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, SerializeAsAny, model_validator

from optim import reading
from optim.errors import InputError, first_line
from optim.part import ByName, Ingredient, build_part, parse_part
from optim.passes.base import Pass, all_passes
from optim.runtimes.base import BASELINE_RUNTIME, Runtime, all_runtimes


class Recipe(BaseModel):
    """Passes in order and the runtime that executes the result."""

    model_config = ConfigDict(frozen=True)

    passes: tuple[SerializeAsAny[Pass], ...] = ()
    runtime: SerializeAsAny[Runtime]

    @model_validator(mode="after")
    def _in_checked_order(self) -> Self:
        for before, after in zip(self.passes, self.passes[1:], strict=False):
            check_order(before, after)
        return self

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a spelling such as `simplify + static_int8:per_channel=true + openvino:threads=2`.

        The runtime comes last; where it is left out it is ONNX Runtime as it comes.
        Raises InputError for unknown parts, bad settings, a bad order.
        """
        known = ingredients()
        parts = [parse_part(item, known) for item in text.split("+") if item.strip()]
        return cls.of(parts)

    @classmethod
    def of(cls, parts: list[Ingredient]) -> Self:
        """Make a recipe of parts in order. Raises InputError."""
        runtimes = [part for part in parts if isinstance(part, Runtime)]
        if len(runtimes) > 1 or (runtimes and parts[-1] is not runtimes[0]):
            raise InputError(
                f"A recipe has one runtime, and it comes last; got {_join(parts)}.",
                "Put the passes first and keep one runtime.",
                "recipe",
            )
        runtime = runtimes[0] if runtimes else all_runtimes()[BASELINE_RUNTIME]()
        return cls(passes=tuple(p for p in parts if isinstance(p, Pass)), runtime=runtime)

    @classmethod
    def baseline(cls, threads: int = 1) -> Self:
        """The original model on ONNX Runtime as it comes: what every speed-up is against."""
        return cls(runtime=all_runtimes()[BASELINE_RUNTIME](threads=threads))

    @property
    def parts(self) -> tuple[Ingredient, ...]:
        """The passes in order, then the runtime."""
        return (*self.passes, self.runtime)

    def cheaply(self) -> "Recipe":
        """A recipe that makes a model as fast, sooner; recipes that share it are equally fast."""
        return Recipe(passes=tuple(one.cheaply() for one in self.passes), runtime=self.runtime)

    @property
    def most_seconds(self) -> float:
        """How much longer than others its passes may take to build, in s: some of them train."""
        return sum(one.most_seconds for one in self.passes)

    @cached_property
    def is_baseline(self) -> bool:
        """Whether this is the baseline at its own thread count."""
        return self == Recipe.baseline(self.runtime.threads)

    @cached_property
    def spelling(self) -> str:
        """The canonical text; `parse` reads it back to an equal recipe."""
        return _join(self.parts)

    def __str__(self) -> str:
        return self.spelling

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the full settings and versions of all parts."""
        return _digest(self.parts)

    @cached_property
    def passes_digest(self) -> str:
        """SHA-256 over the passes alone: recipes that share it share the optimized model."""
        return _digest(self.passes)

    @property
    def stored(self) -> dict[str, Any]:
        """The stored form: every part with its version and all settings, and the spelling."""
        return {
            "recipe": self.spelling,
            "digest": self.digest,
            "passes": [ByName.of(part).model_dump() for part in self.passes],
            "runtime": ByName.of(self.runtime).model_dump(),
        }

    def to_yaml(self) -> str:
        """The stored form as a file."""
        return yaml.safe_dump(self.stored, sort_keys=False)

    @classmethod
    def from_yaml(cls, text: str) -> Self:
        """Read `to_yaml`'s form. Raises InputError where it is not one."""
        try:
            return cls.from_stored(reading.from_yaml(text))
        except InputError as error:
            raise InputError(error.what, error.next_step, "recipe") from None

    @classmethod
    def from_stored(cls, stored: Any) -> Self:
        """The recipe that the value of a recipe file stands for. Raises InputError."""
        try:
            passes = [ByName.model_validate(item) for item in stored["passes"]]
            runtime = ByName.model_validate(stored["runtime"])
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"Not a recipe file ({first_line(error)}).", "Export it again.", "recipe"
            ) from None
        known = ingredients()
        return cls.of([_revive(item, known) for item in (*passes, runtime)])


def excluding(recipe: Recipe, nodes: Sequence[str]) -> Recipe:
    """The recipe with these nodes left in float by its last pass, besides those already left."""
    kept = (*recipe.passes[-1].model_dump()["exclude"], *nodes)
    return with_last(recipe, "exclude", tuple(sorted(set(kept))))


def with_last(recipe: Recipe, setting: str, value: object) -> Recipe:
    """The recipe with one setting of its last pass changed. Raises InputError for a bad value."""
    last = recipe.passes[-1]
    changed = build_part(type(last), {**last.model_dump(), setting: value})
    return Recipe.of([*recipe.passes[:-1], changed, recipe.runtime])


def without_last(recipe: Recipe) -> Recipe:
    """The recipe without its last pass."""
    return Recipe.of([*recipe.passes[:-1], recipe.runtime])


def ingredients() -> dict[str, type[Ingredient]]:
    """Every pass and every runtime by name."""
    return {**all_passes(), **all_runtimes()}


def check_order(before: Pass, after: Pass) -> None:
    """Raise InputError unless `after` may directly follow `before`."""
    if before.stage == after.stage:
        raise InputError(
            f"{before.name} and {after.name} both change the {before.stage.name.lower()} stage.",
            "Keep one of them.",
            "recipe",
        )
    if before.stage > after.stage:
        raise InputError(
            f"{after.name} cannot come after {before.name}.",
            f"Write {after.name} + {before.name}.",
            "recipe",
        )


def _revive(item: ByName, known: dict[str, type[Ingredient]]) -> Ingredient:
    if item.name not in known:
        raise InputError(
            f"There is no part named {item.name!r}.", "Install the version it came from."
        )
    return build_part(known[item.name], item.settings)


def _join(parts: Sequence[Ingredient]) -> str:
    return " + ".join(part.spelling for part in parts)


def _digest(parts: Sequence[Ingredient]) -> str:
    stored = [ByName.of(part).model_dump() for part in parts]
    return hashlib.sha256(json.dumps(stored, sort_keys=True).encode()).hexdigest()
