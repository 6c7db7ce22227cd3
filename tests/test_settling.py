"""What a recipe leaves to the machine: settled in one place, in the key, in what is exported."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from support import evalset_models, pass_models
from support.paths import ROOT
from support.trials import measured

from optim.build import as_run, built, settling
from optim.build.child import PassReport
from optim.bundles import bundle
from optim.errors import InputError
from optim.evalset import EvalSet, load_evalset, synthesize
from optim.judging.saturation import suspects
from optim.machine.environment import cpu_flags
from optim.model import Model, store_model
from optim.model.proto import copy_of, read_proto, write_proto
from optim.passes.base import all_passes
from optim.passes.support.quantizing import ReduceRange
from optim.recipe import Recipe
from optim.runtimes.support.overflow import PRODUCTS

pytestmark = pytest.mark.slow

INT8 = ("static_int8", "dynamic_int8")
each_int8 = pytest.mark.parametrize("name", INT8)


@pytest.fixture(autouse=True)
def at_home(home: Path) -> Iterator[None]:
    yield


@pytest.fixture
def model(tmp_path: Path) -> Model:
    path = tmp_path / "mlp.onnx"
    write_proto(copy_of(pass_models.load("mlp")), path)
    return store_model(path, "mlp", "onnx", {})


@pytest.fixture
def evalset(model: Model) -> EvalSet:
    return synthesize(model, samples=8)


def machine(monkeypatch: pytest.MonkeyPatch, **overflowing: tuple[str, ...]) -> None:
    """A machine on which these products overflow, by runtime."""
    monkeypatch.setattr(
        settling, "overflows_here", lambda runtime: frozenset(overflowing.get(runtime, ()))
    )


def largest_weight(model: Model) -> int:
    weights = [
        onnx.numpy_helper.to_array(one)
        for one in read_proto(model.path).graph.initializer
        if one.data_type == onnx.TensorProto.INT8 and len(one.dims) > 1
    ]
    return max(int(np.abs(weight.astype(int)).max()) for weight in weights)


@each_int8
@pytest.mark.parametrize(
    ("given", "meant"),
    [("", "auto"), ("true", "on"), ("false", "off"), ("on", "on"), ("off", "off"),
     ("auto", "auto"), (True, "on"), (False, "off")],
)  # fmt: skip
def test_older_spellings_mean_what_they_did(name: str, given: str | bool, meant: str) -> None:
    part = all_passes()[name]
    made = part(**({"reduce_range": given} if given != "" else {}))
    assert made.reduce_range == ReduceRange(meant)
    text = f"{name}:reduce_range={str(given).lower()}" if given != "" else name
    assert Recipe.parse(text).passes == (made,)
    assert Recipe.parse(made.spelling).passes == (made,)


@each_int8
def test_a_recipe_file_of_before_means_the_same(name: str) -> None:
    stored = Recipe.parse(f"{name}:reduce_range=off").to_yaml()
    assert Recipe.from_yaml(stored.replace("reduce_range: 'off'", "reduce_range: false")) == (
        Recipe.parse(f"{name}:reduce_range=off")
    )


@each_int8
def test_nonsense_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="reduce_range"):
        Recipe.parse(f"{name}:reduce_range=perhaps")


@each_int8
def test_auto_gives_7_bits_where_this_runtimes_products_overflow(
    name: str, model: Model, evalset: EvalSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine(monkeypatch, onnxruntime=("u8s8",))
    recipe = Recipe.parse(f"{name} + onnxruntime")
    reduced = built(model, recipe, evalset)
    (report,) = reduced.reports
    assert report.spelling == f"{name}:reduce_range=on"
    assert "overflow" in report.settled and " ".join(report.said).count("7 bits") == 1
    assert largest_weight(reduced.model) <= 64
    assert suspects(str(reduced.model.path)) == [], "no default recipe saturates"
    elsewhere = built(model, Recipe.parse(f"{name} + openvino"), evalset)
    assert elsewhere.reports[0].spelling == f"{name}:reduce_range=off"
    other = elsewhere.reports[0]
    assert "exact" in other.settled and " ".join(other.said).count("8 bits") == 1
    assert largest_weight(elsewhere.model) > 64


@pytest.mark.deep
@each_int8
def test_what_was_decided_is_in_the_key_so_another_machine_builds_its_own(
    name: str, model: Model, evalset: EvalSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = Recipe.parse(f"{name} + onnxruntime")
    machine(monkeypatch)
    exact = built(model, recipe, evalset)
    machine(monkeypatch, onnxruntime=("u8s8",))
    overflowing = built(model, recipe, evalset)
    assert exact.model.digest != overflowing.model.digest
    spelled = built(model, Recipe.parse(f"{name}:reduce_range=on"), evalset)
    assert spelled.model.digest == overflowing.model.digest
    assert spelled.reports[0].settled == "", "nothing was left to the machine"
    assert [spelled.reports[0].notes] == [overflowing.reports[0].notes]


@each_int8
def test_products_that_do_not_overflow_keep_8_bits(name: str) -> None:
    unsigned, _ = all_passes()[name](weights="u8").settled(("u8s8",))
    assert unsigned.reduce_range is ReduceRange.OFF
    reduced, _ = all_passes()[name](weights="u8").settled(("u8u8",))
    assert reduced.reduce_range is ReduceRange.ON


def test_16_bit_activations_and_signed_ones_are_looked_up_as_what_they_are() -> None:
    static = all_passes()["static_int8"]
    assert static(activations="u16").settled(PRODUCTS)[0].reduce_range is ReduceRange.OFF
    assert static(activations="s8").settled(("u8s8",))[0].reduce_range is ReduceRange.OFF
    assert static(activations="s8").settled(("s8s8",))[0].reduce_range is ReduceRange.ON


@pytest.mark.parametrize("name", all_passes())
def test_a_settled_pass_is_settled(name: str) -> None:
    for overflowing in ((), PRODUCTS):
        one, _ = all_passes()[name]().settled(overflowing)
        assert one.settled(()) == one.settled(PRODUCTS) == (one, "")


def test_the_machine_is_asked_only_where_a_pass_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "overflows_here", lambda runtime: pytest.fail("it was asked"))
    for text in ("simplify + fp16", "static_int8:reduce_range=on", "openvino"):
        recipe = Recipe.parse(text)
        assert settling.settled(recipe) == (recipe, {})


def report(spelling: str) -> PassReport:
    name = spelling.partition(":")[0]
    why = {"settled": "Weights have 7 bits."} if "reduce" in spelling else {}
    return PassReport(
        name=name, modified=True, notes=("Done.",), seconds=1, spelling=spelling, **why
    )


def test_the_recipe_as_it_was_run() -> None:
    recipe = Recipe.parse("simplify + static_int8:samples=8 + openvino:threads=2")
    ran = "static_int8:samples=8,reduce_range=on"
    reports = (report("simplify"), report(ran))
    assert as_run(recipe, reports).spelling == f"simplify + {ran} + openvino:threads=2"
    unsaid = [one.model_copy(update={"spelling": ""}) for one in reports]
    assert as_run(recipe, unsaid) == recipe, "reports of earlier versions do not say"


def test_a_bundle_names_what_it_was_and_not_auto(model, evalset, monkeypatch) -> None:
    """So that on another machine it means the same model."""
    trial = measured(1, 1.0, 2.0).model_copy(
        update={
            "recipe": Recipe.parse("static_int8 + onnxruntime"),
            "reports": (report("static_int8:reduce_range=on"),),
            "model_digest": model.digest,
        }
    )

    class Study:
        def __init__(self):
            self.model, self.evalset = model, evalset

        def measurement(self, number):
            return None

        def trials(self):
            return [trial]

    monkeypatch.setattr(bundle.Points, "of", lambda *_: bundle.Points())
    found = bundle.findings_of(Study(), trial.model_copy(update={"slices": 1}))
    assert found.recipe.spelling == "static_int8:reduce_range=on + onnxruntime"
    assert [one.settled for one in found.reports] == [""]
    assert found.reports[0].notes == ("Done.",)


def test_auto_is_kept_in_what_is_stored_of_a_trial() -> None:
    recipe = Recipe.parse("static_int8 + onnxruntime")
    assert Recipe.from_yaml(recipe.to_yaml()) == recipe
    assert json.dumps("auto") in json.dumps(recipe.passes[0].model_dump(mode="json"))


RUN = """
import sys
import numpy as np
from pathlib import Path
from optim.runtimes.base import all_runtimes
session = all_runtimes()["openvino"]().open(Path(sys.argv[1]))
print(*next(iter(session.run({"x": np.ones((1, 64), np.float32)}).values())).ravel())
"""


@pytest.mark.deep
@each_int8
def test_where_an_engine_really_overflows_the_default_is_right(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """oneDNN, told to compute as on a CPU with AVX2 alone: products of 8 bits come out wrong."""
    if "avx2" not in cpu_flags():
        pytest.skip("an x86 CPU with AVX2")
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    weight = np.random.default_rng(0).uniform(0.7, 1, (64, 32)).astype(np.float32)
    model = evalset_models.keep(
        tmp_path,
        [onnx.helper.make_node("MatMul", ["x", "w"], ["y"], name="product")],
        [("x", onnx.TensorProto.FLOAT, [1, 64])],
        [("y", onnx.TensorProto.FLOAT, [1, 32])],
        {"w": weight},
    )
    inputs = np.random.default_rng(1).random((64, 64), np.float32)
    inputs[:, 0] = 1
    np.savez(tmp_path / "e.npz", x=inputs)
    evalset = load_evalset(tmp_path / "e.npz", model)
    exact = weight.sum(axis=0)

    def far_off(recipe: str) -> float:
        made = built(model, Recipe.parse(recipe), evalset).model
        command = [sys.executable, "-c", RUN, str(made.path)]
        got = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
        return float(np.abs(np.array(got.split(), float) - exact).max() / exact.max())

    assert far_off(f"{name} + openvino") < 0.03
    if name == "static_int8":  # this engine computes the other one's products in floats
        assert far_off(f"{name}:reduce_range=off + openvino") > 0.2
