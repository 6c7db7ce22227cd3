import pytest

from optim.recipe import Recipe
from optim.showing.brief import brief, named


@pytest.mark.parametrize(
    ("spelling", "said"),
    [
        ("onnxruntime", "original"),
        ("onnxruntime:threads=2", "original, 2 threads"),
        ("openvino", "original on OpenVINO"),
        ("static_int8 + openvino", "static int8 on OpenVINO"),
        ("simplify + fp16 + openvino:precision=bf16", "simplify + fp16 on OpenVINO bf16"),
        ("static_int8:exclude=a|b + onnxruntime", "static int8 but 2 nodes on ONNX Runtime"),
        ("dynamic_int8:exclude=a + openvino", "dynamic int8 but 1 node on OpenVINO"),
    ],
)
def test_a_recipe_in_a_few_words(spelling: str, said: str) -> None:
    assert brief(Recipe.parse(spelling)) == said


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        ("onnxruntime", "the original on ONNX Runtime"),
        ("static_int8 + openvino:threads=2", "static int8 on OpenVINO, 2 threads"),
        ("openvino:precision=bf16", "the original on OpenVINO with precision bf16"),
        ("simplify + dynamic_int8", "simplify, then dynamic int8 on ONNX Runtime"),
        (
            "static_int8:per_channel=false,exclude=a_long_name_of_a_node|another",
            "static int8 with per channel off and exclude set on ONNX Runtime",
        ),
    ],
)
def test_recipes_are_named_in_words(recipe: str, words: str) -> None:
    assert named(Recipe.parse(recipe)) == words
