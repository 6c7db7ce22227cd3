"""What the steps of a search cost, as it learns that while it takes them."""

import pytest

from optim.recipe import Recipe
from optim.search.plan import _heats
from optim.search.steps import Costs, apart


def test_an_engine_that_compiles_for_long_makes_no_other_heat_dearer() -> None:
    costs = Costs()
    before = costs.heat(4)
    costs.learn_heat(40.0, 1, "iree")
    assert costs.heat(4) == before
    assert costs.heat(1, "iree") == pytest.approx(40.0)
    assert costs.heat(1, "litert") < 10
    costs.learn_heat(20.0, 4)
    assert costs.heat(4) > before


def test_engines_with_a_child_of_their_own_have_heats_of_their_own() -> None:
    spellings = ["onnxruntime", "litert", "openvino", "iree", "onnxruntime:threads=2"]
    recipes = [Recipe.parse(text) for text in spellings]
    assert [apart(one) for one in recipes] == ["", "litert", "", "iree", ""]
    heats = [[str(recipe) for _, recipe in heat] for heat in _heats([(1.0, r) for r in recipes])]
    assert heats == [["onnxruntime", "openvino"], ["iree"], ["litert"], ["onnxruntime:threads=2"]]
