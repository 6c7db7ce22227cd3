"""What every runtime promises; a new one is picked up by itself.

Those that compile a model first take minutes: they are tried where ENGINES names them, with their
packages on PYTHONPATH, as `make test-engines` does it.
"""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnx.parser
import onnxruntime
import pytest
from onnx import numpy_helper

from optim.errors import InputError, StepError
from optim.part import Group, parse_part
from optim.recipe import Recipe
from optim.runtimes.base import NodeTime, Runtime, all_runtimes
from optim.runtimes.support.fusion import node_name
from optim.showing.recorded import recorded
from tests.support.forests import forest

ASKED = os.environ.get("ENGINES", "").split()
RUNTIMES = ASKED or [
    name for name, kind in all_runtimes().items() if not (kind.keeps_compiled or kind.missing())
]
HEADER = '<ir_version: 8, opset_import: ["" : 17]>'
HEADER_OF_TREES = '<ir_version: 8, opset_import: ["" : 17, "ai.onnx.ml" : 3]>'

# Convolutions that fuse with what follows, and a node without a name.
CNN = (
    HEADER
    + """ cnn (float[1,3,16,16] image) => (float[1,10] logits) {
  [conv1] c1 = Conv<pads=[1,1,1,1]>(image, w1)
  [relu1] r1 = Relu(c1)
  [conv2] c2 = Conv<pads=[1,1,1,1]>(r1, w2)
  [add] a2 = Add(c2, r1)
  [relu2] r2 = Relu(a2)
  [pool] p = GlobalAveragePool(r2)
  f = Flatten(p)
  [fc] logits = MatMul(f, w3)
}"""
)
# Two inputs of two dtypes, two outputs of which one is an integer.
TABULAR = (
    HEADER
    + """ tabular (float[1,4] amounts, int64[1,2] codes) => (float[1,2] score, int64[1] best) {
  [look] e = Gather(table, codes)
  [flat] g = Flatten(e)
  [join] j = Concat<axis=1>(amounts, g)
  [mix] m = MatMul(j, w)
  [soft] score = Softmax(m)
  [arg] best = ArgMax<axis=1, keepdims=0>(m)
}"""
)
# The same with trees, for engines that run nothing else.
TREES = {
    CNN: HEADER_OF_TREES
    + """ cnn (float[1,3,16,16] image) => (float[1,10] logits) {
  [flat] f = Flatten(image)
  [fc] logits = ai.onnx.ml.TreeEnsembleRegressor(f)
}""",
    TABULAR: HEADER_OF_TREES
    + """ tabular (float[1,4] amounts, int64[1,2] codes) => (float[1,2] score, int64[1] best) {
  [cast] c = Cast<to=1>(codes)
  [join] j = Concat<axis=1>(amounts, c)
  [mix] best, score = ai.onnx.ml.TreeEnsembleClassifier(j)
}""",
}
FORESTS = {
    "TreeEnsembleRegressor": forest(768, "target", range(10), trees=30, n_targets=10),
    "TreeEnsembleClassifier": forest(
        6, "class", [0], classlabels_int64s=[4, 2], post_transform="LOGISTIC"
    ),
}
WEIGHTS = {
    "w1": (16, 3, 3, 3),
    "w2": (16, 16, 3, 3),
    "w3": (16, 10),
    "table": (5, 3),
    "w": (10, 2),
}


def save(text: str, path: Path) -> Path:
    model = onnx.parser.parse_model(text)
    rng = np.random.default_rng(0)
    used = {name for node in model.graph.node for name in node.input}
    for name, shape in WEIGHTS.items():
        if name in used:
            values = rng.normal(0, 0.3, shape).astype(np.float32)
            model.graph.initializer.append(numpy_helper.from_array(values, name))
    for node in model.graph.node:
        for key, value in FORESTS.get(node.op_type, {}).items():
            node.attribute.append(onnx.helper.make_attribute(key, value))
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def fitting(name: str, text: str) -> str:
    """What the engine of this name is given in place of a model of layers."""
    return TREES.get(text, text) if getattr(all_runtimes()[name], "trees_alone", False) else text


@pytest.fixture
def cnn(name, tmp_path_factory):
    return save(fitting(name, CNN), tmp_path_factory.mktemp("cnn") / "model.onnx")


@pytest.fixture
def tabular(name, tmp_path_factory):
    return save(fitting(name, TABULAR), tmp_path_factory.mktemp("tabular") / "model.onnx")


IMAGE = {"image": np.random.default_rng(1).normal(size=(1, 3, 16, 16)).astype(np.float32)}
LOAN = {
    "amounts": np.array([[1, -2, 0.5, 3]], np.float32),
    "codes": np.array([[4, 0]], np.int64),
}


def reference(path, feeds):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, feeds), strict=True))


def runtime(name: str, **settings) -> Runtime:
    return all_runtimes()[name](**settings)


def refuses_integers(name: str) -> bool:
    return getattr(all_runtimes()[name], "float_inputs", False)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", RUNTIMES)
def test_outputs_are_those_of_the_reference(name, threads, cnn, tabular):
    if refuses_integers(name):
        with pytest.raises(StepError, match="its inputs are floats, and codes is none"):
            runtime(name, threads=threads).open(tabular)
    for path, feeds in ((cnn, IMAGE), (tabular, LOAN))[: 1 if refuses_integers(name) else 2]:
        session = runtime(name, threads=threads).open(path)
        expected, got = reference(path, feeds), session.run(feeds)
        assert list(got) == list(expected)
        for output, values in expected.items():
            assert got[output].dtype == values.dtype
            assert got[output].shape == values.shape
            np.testing.assert_allclose(got[output], values, rtol=1e-4, atol=1e-4)
        session.close()


@pytest.mark.parametrize("name", RUNTIMES)
def test_outputs_are_the_callers_to_keep(name, cnn):
    session = runtime(name).open(cnn)
    first = session.run(IMAGE)
    kept = first["logits"].copy()
    session.run({"image": np.zeros_like(IMAGE["image"])})
    np.testing.assert_array_equal(first["logits"], kept)


@pytest.mark.parametrize("name", RUNTIMES)
def test_bound_call_runs_the_model_each_time(name, cnn):
    session = runtime(name).open(cnn)
    call = session.bind(IMAGE)
    for _ in range(3):
        call()
    bad = session.bind({"image": np.zeros((1, 3, 9, 9), np.float32)})
    with pytest.raises(Exception, match=r"(?i)dim|shape|size|types differ"):
        bad()  # so the call does reach the engine


@pytest.mark.parametrize("name", RUNTIMES)
def test_facts_name_the_engine_and_its_threads(name, cnn):
    facts = runtime(name, threads=2).open(cnn).facts()
    assert not set(dict(recorded(facts))) & set(facts), "each has a name for people"
    assert facts["engine"] and facts["threads"] in {"1", "2"}
    assert all(isinstance(value, str) for value in facts.values())


def profile(name, path, feeds, runs):
    try:
        return runtime(name).profile(path, feeds, runs=runs)
    except StepError as error:
        assert "does not tell" in str(error)
        pytest.skip("this engine does not tell the times of nodes")


@pytest.mark.parametrize("name", RUNTIMES)
def test_profile_covers_the_model(name, cnn, tabular):
    for path, feeds in ((cnn, IMAGE), (tabular, LOAN)):
        rows = profile(name, path, feeds, runs=30)
        graph = onnx.load(path).graph
        assert all(isinstance(row, NodeTime) and row.op and row.precision for row in rows)
        assert all(row.microseconds >= 0 for row in rows)
        assert sum(row.microseconds for row in rows) > 0
        names = [row.name for row in rows]
        assert len(names) == len(set(names))
        claimed = [node for row in rows for node in row.nodes]
        assert len(claimed) == len(set(claimed))
        assert set(claimed) <= {node_name(node) for node in graph.node}
    heavy = {"conv1", "relu1", "conv2", "relu2", "fc"}
    image_rows = profile(name, cnn, IMAGE, runs=3)
    assert heavy <= {node for row in image_rows for node in row.nodes}


@pytest.mark.parametrize("name", RUNTIMES)
def test_the_engines_own_graph_is_wired_and_mapped_to_the_models(name, cnn, tabular):
    for path in (cnn, tabular):
        nodes = runtime(name).engine_graph(path)
        if not nodes:
            pytest.skip("this engine does not tell its graph")
        graph = onnx.load(path).graph
        names = [node.name for node in nodes]
        assert all(names) and len(names) == len(set(names))
        claimed = [one for node in nodes for one in node.nodes]
        assert len(claimed) == len(set(claimed))
        assert set(claimed) <= {node_name(node) for node in graph.node}
        made: set[str] = set()
        ours = {tensor for node in nodes for tensor in node.writes}
        for node in nodes:  # in order of execution
            assert ours.intersection(node.reads) <= made
            made.update(node.writes)
        assert any(made.intersection(node.reads) for node in nodes)
    heavy = {"conv1", "relu1", "conv2", "relu2", "fc"}
    assert heavy <= {one for node in runtime(name).engine_graph(cnn) for one in node.nodes}


@pytest.mark.parametrize("name", RUNTIMES)
def test_the_engines_own_graph_has_what_its_profile_names(name, cnn):
    nodes = {node.name: node for node in runtime(name).engine_graph(cnn)}
    if not nodes:
        pytest.skip("this engine does not tell its graph")
    for row in runtime(name).profile(cnn, IMAGE, runs=3):
        assert row.name in nodes and nodes[row.name].op == row.op


BAD = {
    "unknown operator": HEADER + " g (float[1] x) => (float[1] y) { [n] y = Teleport(x) }",
    "unknown domain": '<ir_version: 8, opset_import: ["" : 17, "no.such" : 1]> '
    "g (float[1] x) => (float[1] y) { [n] y = no.such.Teleport(x) }",
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("name", RUNTIMES)
def test_unsupported_operator_is_named(name, case, tmp_path):
    path = tmp_path / "model.onnx"
    onnx.save(onnx.parser.parse_model(BAD[case]), path)
    with pytest.raises(StepError, match="Teleport") as caught:
        runtime(name).open(path)
    assert caught.value.where == name
    assert str(path) not in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("name", RUNTIMES)
def test_what_is_no_model_is_refused(name, tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"\x00\x01 no model" * 40)
    with pytest.raises(StepError, match="cannot open this model"):
        runtime(name).open(path)


def settings_of(cls: type[Runtime]) -> list[dict[str, object]]:
    """Every setting at another value than its default, one at a time."""
    found: list[dict[str, object]] = []
    for field, info in cls.model_fields.items():
        choices = getattr(info.annotation, "__args__", ())
        if info.annotation is bool:
            choices = (True, False)
        elif info.annotation is int:
            choices = (2,)
        found += [{field: choice} for choice in choices if choice != info.default]
    return found


CHANGED = [(name, change) for name in RUNTIMES for change in settings_of(all_runtimes()[name])]


@pytest.mark.parametrize(("name", "change"), CHANGED, ids=[f"{n}:{c}" for n, c in CHANGED])
def test_every_setting_round_trips_and_runs(name, change, cnn):
    value = runtime(name, **change)
    assert parse_part(value.spelling, all_runtimes()) == value
    assert Recipe.parse(value.spelling).runtime == value
    got, expected = value.open(cnn).run(IMAGE)["logits"], reference(cnn, IMAGE)["logits"]
    np.testing.assert_allclose(got, expected, atol=0.05)


# An output that is another name of an inner tensor, earlier in the alphabet.
ALIAS = (
    HEADER
    + " g (float[1,4] x) => (float[1,4] z, float[1,4] y) { a = Relu(x) z = Identity(a) y = Neg(z) }"
)

TREES[ALIAS] = (
    HEADER_OF_TREES
    + " g (float[1,4] x) => (float[1,10] z, float[1,10] y) { f = Concat<axis=1>("
    + ", ".join(["x"] * 192)
    + ") [t] a = ai.onnx.ml.TreeEnsembleRegressor(f) z = Identity(a) y = Mul(z, z) }"
)

SCRIPT = """
import json, sys
from pathlib import Path
import numpy as np
MODEL = Path("model.onnx")
exec(Path("lines.py").read_text())
feeds = dict(np.load("feeds.npz"))
np.savez("outputs.npz", **run(feeds))
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


@pytest.mark.parametrize("text", [CNN, TABULAR, ALIAS], ids=["cnn", "tabular", "alias"])
@pytest.mark.parametrize("name", RUNTIMES)
def test_exported_lines_do_the_same_without_this_program(name, text, tmp_path):
    if text == TABULAR and refuses_integers(name):
        pytest.skip("it takes float inputs alone")
    path = save(fitting(name, text), tmp_path / "model.onnx")
    feeds = {CNN: IMAGE, TABULAR: LOAN}.get(text, {"x": np.array([[-1, 0, 1, 2]], np.float32)})
    np.savez(tmp_path / "feeds.npz", **feeds)
    (tmp_path / "lines.py").write_text(runtime(name).script())
    runtime(name).export(path, tmp_path)
    home = tmp_path / "home"
    home.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=tmp_path,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "optim" not in json.loads(done.stdout)
    expected = runtime(name).open(path).run(feeds)
    with np.load(tmp_path / "outputs.npz") as got:
        assert sorted(got.files) == sorted(expected) == sorted(reference(path, feeds))
        for output, values in expected.items():
            np.testing.assert_array_equal(got[output], values)
    assert [file for file in home.rglob("*") if file.is_file()] == []  # nothing reports its use


@pytest.mark.parametrize("name", RUNTIMES)
def test_texts_say_what_it_is_and_when_it_hurts(name):
    cls = all_runtimes()[name]
    assert cls.group is Group.ENGINE
    assert cls.packages and all(map(importlib.util.find_spec, cls.packages))
    for text in (cls.title, cls.summary, cls.helps, cls.hurts):
        assert text.strip()
    for field, info in cls.model_fields.items():
        assert info.description, f"{name}.{field} has no description"
    assert cls().spelling == name


@pytest.mark.parametrize("name", RUNTIMES)
def test_bad_settings_are_refused(name):
    for spelling in (f"{name}:threads=0", f"{name}:threads=many", f"{name}:nonsense=1"):
        with pytest.raises(InputError, match=name):
            parse_part(spelling, all_runtimes())
