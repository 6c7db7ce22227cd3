"""ONNX graphs as modules of torch answer as ONNX Runtime does, or refuse by name."""

from pathlib import Path

import numpy as np
import onnx
import onnx.parser
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch.export.passes import move_to_device_pass

from optim.cli import main
from optim.errors import StepError
from optim.runtimes.base import COMPILE_SECONDS, all_runtimes
from optim.runtimes.support.torch_graph import Net, exported

HEADER = '<ir_version: 8, opset_import: ["" : %d]>'
GRAPHS = {
    "arithmetic": (17, "float[2,3,4,4] x) => (float[2,3,4,4] y) { a = Mul(x, x) b = Sigmoid(a) "
        "c = Sub(b, x) d = Div(c, b) e = Max(d, x) f = Abs(e) y = Sqrt(f) }"),
    "one number": (17, "float[2,3] x) => (float[2,3] y) { k = Constant<value_float=0.5>() "
        "a = Mul(k, x) b = Add(a, k) c = Sub(k, b) y = Div(c, k) }"),
    "shapes": (17, "float[2,3,4] x) => (float[6,4] y, int64[2] s) { h = Shape(x) "
        "t = Transpose<perm=[1,0,2]>(x) w = Constant<value_ints=[6,-1]>() y = Reshape(t, w) "
        "s = Shape(y) }"),
    "slices": (17, "float[4,6] x) => (float[2,6] y) { b = Constant<value_ints=[0]>() "
        "e = Constant<value_ints=[100]>() a = Constant<value_ints=[0]>() "
        "p = Constant<value_ints=[2]>() y = Slice(x, b, e, a, p) }"),
    "backwards": (17, "float[4,6] x) => (float[4,6] y) { b = Constant<value_ints=[-1]>() "
        "e = Constant<value_ints=[-100]>() a = Constant<value_ints=[1]>() "
        "p = Constant<value_ints=[-1]>() y = Slice(x, b, e, a, p) }"),
    "reductions": (17, "float[2,3,4] x) => (float[2,1,4] y, float z, int64[2,4] i) { "
        "y = ReduceMean<axes=[1]>(x) z = ReduceSum<keepdims=0>(x) "
        "i = ArgMax<axis=1, keepdims=0>(x) }"),
    "old softmax": (11, "float[2,3,4] x) => (float[2,3,4] y) { y = Softmax<axis=1>(x) }"),
    "softmax": (17, "float[2,3,4] x) => (float[2,3,4] y) { y = Softmax<axis=1>(x) }"),
    "pools": (17, "float[1,2,7,7] x) => (float[1,2,4,4] y, float[1,2,3,3] z) { "
        "y = MaxPool<kernel_shape=[3,3], strides=[2,2], pads=[1,1,1,1]>(x) "
        "z = AveragePool<kernel_shape=[3,3], strides=[2,2]>(x) }"),
    "same pads": (17, "float[1,2,7,7] x) => (float[1,2,4,4] y) { "
        'y = MaxPool<kernel_shape=[2,2], strides=[2,2], auto_pad="SAME_UPPER">(x) }'),
    "splits": (17, "float[2,6] x) => (float[2,3] y) { a, b = Split<axis=1>(x) y = Mul(a, b) }"),
    "clips": (17, "float[2,6] x) => (float[2,6] y) { k = Constant<value_float=0.2>() "
        "a = Clip(x, k) y = LeakyRelu(a) }"),
    "triangle": (17, "float[4,4] x) => (float[4,4] y) { y = Trilu<upper=0>(x) }"),
    "depth": (17, "float[1,8,2,2] x) => (float[1,2,4,4] y) { y = DepthToSpace<blocksize=2>(x) }"),
    "an input given back": (17, "float[2,3] x) => (float[2,3] x2, float[2,3] y) { "
        "x2 = Identity(x) y = Relu(x) }"),
}  # fmt: skip


def graph(case: str) -> onnx.ModelProto:
    opset, body = GRAPHS[case]
    return onnx.parser.parse_model(f"{HEADER % opset} g ({body}")


def feeds_of(proto: onnx.ModelProto) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    shapes = {
        one.name: [dim.dim_value for dim in one.type.tensor_type.shape.dim]
        for one in proto.graph.input
    }
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def check(proto: onnx.ModelProto) -> None:
    feeds = feeds_of(proto)
    session = onnxruntime.InferenceSession(proto.SerializeToString())
    expected = session.run(None, feeds)
    found = Net(proto, bf16=False)(*map(torch.from_numpy, feeds.values()))
    assert len(found) == len(expected)
    for one, wanted in zip(found, expected, strict=True):
        assert one.numpy().dtype == wanted.dtype and tuple(one.shape) == wanted.shape
        np.testing.assert_allclose(one.numpy(), wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("case", GRAPHS)
def test_answers_are_onnx_runtimes(case):
    check(graph(case))


def weighted(op: str, shapes: list[tuple[int, ...]], x: tuple[int, ...], **more) -> onnx.ModelProto:
    rng = np.random.default_rng(1)
    names = [f"w{number}" for number in range(len(shapes))]
    tensors = [
        numpy_helper.from_array(rng.normal(0, 0.3, shape).astype(np.float32), name)
        for name, shape in zip(names, shapes, strict=True)
    ]
    outputs = ["y", "", ""][: more.pop("outputs", 1)]
    node = helper.make_node(op, ["x", *names], outputs, **more)
    value = helper.make_tensor_value_info
    made = helper.make_graph(
        [node], "g", [value("x", TensorProto.FLOAT, x)],
        [value("y", TensorProto.FLOAT, None)], tensors,
    )  # fmt: skip
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


WEIGHTED = {
    "conv, groups": ("Conv", [(4, 1, 3, 3), (4,)], (1, 4, 8, 8), {"group": 4, "pads": [1] * 4}),
    "conv, one side": ("Conv", [(4, 2, 3, 3)], (1, 2, 8, 8), {"pads": [0, 0, 1, 1]}),
    "conv, 1d": ("Conv", [(4, 2, 3)], (1, 2, 9), {"dilations": [2]}),
    "transposed": ("ConvTranspose", [(2, 3, 2, 2)], (1, 2, 4, 4), {"strides": [2, 2]}),
    "gemm": ("Gemm", [(5, 3), (5,)], (2, 3), {"transB": 1, "alpha": 0.5, "beta": 2.0}),
    "layer norm": ("LayerNormalization", [(4,), (4,)], (2, 3, 4), {}),
    "lstm": ("LSTM", [(1, 16, 3), (1, 16, 4), (1, 32)], (5, 2, 3), {"hidden_size": 4}),
    "lstm, both ways": (
        "LSTM", [(2, 16, 3), (2, 16, 4), (2, 32)], (5, 2, 3),
        {"hidden_size": 4, "direction": "bidirectional"},
    ),
    "gru": (
        "GRU", [(1, 12, 3), (1, 12, 4), (1, 24)], (5, 2, 3),
        {"hidden_size": 4, "linear_before_reset": 1},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WEIGHTED)
def test_layers_answer_as_onnx_runtimes(case):
    op, shapes, x, more = WEIGHTED[case]
    check(weighted(op, shapes, x, **more))


def test_bf16_is_really_computed():
    proto = weighted("Gemm", [(64, 64)], (4, 64))
    (given,) = map(torch.from_numpy, feeds_of(proto).values())
    (exact,), (low,) = Net(proto, bf16=False)(given), Net(proto, bf16=True)(given)
    error = float((exact - low).abs().max())
    assert low.dtype == torch.float32 and 1e-4 < error < 0.2


def test_what_it_has_not_is_refused_by_name(tmp_path):
    text = f"{HEADER % 17} g (float[1] x) => (float[1] y) {{ [n] y = Teleport(x) }}"
    onnx.save(onnx.parser.parse_model(text), tmp_path / "model.onnx")
    for name in ("torch", "inductor"):
        with pytest.raises(StepError, match="Teleport") as caught:
            exported(tmp_path / "model.onnx", all_runtimes()[name]())
        assert caught.value.where == name


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("of MaxPool the first of its outputs", "float[1,2,4,4] x) => (float[1,2,2,2] y, "
         "int64[1,2,2,2] z) { y, z = MaxPool<kernel_shape=[3,3]>(x) }"),
        ("hardly computes with uint32", "uint32[2] x) => (uint32[2] y) { y = Add(x, x) }"),
        ("depends on what the model is given", "float[1,1,2,2] x, float[4] s) => "
         "(float[1,1,N,M] y) { y = Resize<mode=\"nearest\">(x, , s) }"),
    ],
)  # fmt: skip
def test_what_it_takes_in_part_is_refused_in_words(said, text, tmp_path):
    onnx.save(onnx.parser.parse_model(f"{HEADER % 17} g ({text}"), tmp_path / "model.onnx")
    with pytest.raises(StepError, match=said) as caught:
        all_runtimes()["torch"]().open(tmp_path / "model.onnx")
    assert caught.value.what.startswith("PyTorch eager cannot open this model: ")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (KeyError("/x/y.py: Softmax"), "fails at Softmax in a way that is not known here"),
        (RuntimeError("CUDA out of memory. Tried to allocate"), "more memory than there is"),
    ],
)
def test_a_librarys_own_failure_is_no_sentence(error, said, tmp_path, monkeypatch, caplog):
    def fail(*_):
        raise error

    onnx.save(graph("softmax"), tmp_path / "model.onnx")
    monkeypatch.setattr(all_runtimes()["torch"], "load", fail)
    with pytest.raises(StepError, match=said) as caught:
        all_runtimes()["torch"]().open(tmp_path / "model.onnx")
    assert "/x/" not in str(caught.value) and str(error) in caplog.text


def test_a_single_number_stays_one(tmp_path: Path):
    text = f"{HEADER % 17} g (float[3] x, float s) => (float[3] y) {{ y = Mul(x, s) }}"
    onnx.save(onnx.parser.parse_model(text), tmp_path / "model.onnx")
    session = all_runtimes()["torch"]().open(tmp_path / "model.onnx")
    found = session.run({"x": np.ones(3, np.float32), "s": np.array(2, np.float32)})
    assert found["y"].tolist() == [2, 2, 2]


def test_torch_runs_what_was_written_down(tmp_path: Path):
    onnx.save(graph("shapes"), tmp_path / "model.onnx")
    session = all_runtimes()["torch"]().open(tmp_path / "model.onnx")
    found = session.run(feeds_of(graph("shapes")))
    assert list(found) == ["y", "s"] and found["s"].tolist() == [6, 4]
    assert float(session.facts()[COMPILE_SECONDS]) > 0


def test_without_a_compiler_inductor_says_what_it_needs(tmp_path, monkeypatch):
    onnx.save(graph("softmax"), tmp_path / "model.onnx")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StepError, match=r"needs the program g\+\+"):
        all_runtimes()["inductor"]().open(tmp_path / "model.onnx")


def test_a_program_moves_to_a_device_with_its_constants_and_asserts_none(tmp_path: Path) -> None:
    """`meta` stands for a GPU: `module.to` would leave constants behind, assertions would fail."""
    onnx.save(graph("clips"), tmp_path / "model.onnx")
    program = exported(tmp_path / "model.onnx", all_runtimes()["torch_cuda"]())  # type: ignore[arg-type]
    asserted = torch.ops.aten._assert_tensor_metadata.default
    assert all(node.target is not asserted for node in program.graph.nodes)
    moved = move_to_device_pass(program, "meta")
    assert {value.device.type for value in moved.constants.values()} <= {"meta"}
    (found,) = moved.module()(torch.zeros(2, 6, device="meta"))
    assert found.device.type == "meta" and found.shape == (2, 6)


ON_GPU = ["cuda", "tensorrt", "torch_cuda"]


@pytest.mark.parametrize("name", ON_GPU)
def test_without_a_gpu_nothing_is_installed(name, home, monkeypatch, capsys):
    monkeypatch.setattr("optim.runtimes.support.on_gpu.gpus", lambda: ())
    made = []
    monkeypatch.setattr("optim.cli.parts.make", lambda *how: made.append(how))
    assert main(["install", name]) == 1 and not made
    said = capsys.readouterr().err
    assert "needs an NVIDIA GPU" in said and "Nothing was installed." in said


@pytest.mark.parametrize("name", ON_GPU)
def test_without_a_gpu_its_engines_say_so(name, tmp_path, monkeypatch):
    monkeypatch.setattr("optim.runtimes.support.on_gpu.gpus", lambda: ())
    onnx.save(graph("softmax"), tmp_path / "model.onnx")
    with pytest.raises(StepError, match="needs an NVIDIA GPU"):
        all_runtimes()[name]().open(tmp_path / "model.onnx")
