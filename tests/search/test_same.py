"""Recipes of the same model on the same runtime are found out, and no others."""

from pathlib import Path

from optim.model import Model
from optim.recipe import Recipe
from optim.search.same import Made, first_like

INT8, ENTROPY = "static_int8 + openvino", "static_int8:calibration=entropy + openvino"
TWIN = "simplify + static_int8 + openvino"


def model(digest: str) -> Model:
    return Model.model_construct(digest=digest, path=Path(digest))


def first(spelling: str, made: dict[str, tuple[str, bool]]) -> str | None:
    built = {
        Recipe.parse(name): Made(model(digest), cheap) for name, (digest, cheap) in made.items()
    }
    found = first_like(Recipe.parse(spelling), built, model("original"))
    return found and found.spelling


def test_the_later_of_two_alike_is_told_of_the_first() -> None:
    made = {INT8: ("a", False), TWIN: ("a", False)}
    assert first(TWIN, made) == INT8 and first(INT8, made) is None


def test_passes_that_change_nothing_leave_the_runtime() -> None:
    assert first("simplify + openvino", {"simplify + openvino": ("original", False)}) == "openvino"


def test_another_runtime_or_model_is_another() -> None:
    made = {INT8: ("a", False), "static_int8 + onnxruntime": ("a", False), TWIN: ("b", False)}
    assert first("static_int8 + onnxruntime", made) is None and first(TWIN, made) is None


def test_cheap_builds_hide_settings_that_a_full_one_shows() -> None:
    cheap = {INT8: ("a", True), ENTROPY: ("a", True), TWIN: ("a", True)}
    assert first(ENTROPY, cheap) is None  # other ranges, another loss
    assert first(TWIN, cheap) == INT8


def test_what_was_not_made_is_like_nothing() -> None:
    assert first(INT8, {}) is None
