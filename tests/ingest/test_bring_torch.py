"""TorchScript and torch.export files, good and hostile."""

import io
import os
import zipfile

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from support.torch_files import rewritten
from torch import nn

from optim.errors import InputError, StepError
from optim.ingest import child, ingest
from optim.ingest.first_run import check_same

SPECS = ["image:float32[1,3,8,8]", "scale:float32[1,1]"]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.drop = nn.Dropout(0.5)

    def forward(self, image, scale):
        return self.drop(self.norm(self.conv(image)).relu().mean((2, 3))) * scale


class Branching(nn.Module):
    def forward(self, image, scale):
        if bool(image.sum() > 0):
            return image * 2, scale
        return image - 1, scale


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    return Net()


@pytest.fixture(scope="module")
def example():
    torch.manual_seed(1)
    return torch.randn(2, 3, 8, 8), torch.randn(2, 1)


@pytest.fixture(scope="module")
def pt2(net, example, tmp_path_factory):
    batch = torch.export.Dim("batch")
    shapes = {"image": {0: batch}, "scale": {0: batch}}
    path = tmp_path_factory.mktemp("pt2") / "net.pt2"
    torch.export.save(torch.export.export(net.eval(), example, dynamic_shapes=shapes), path)
    return path


@pytest.fixture(autouse=True)
def keep_environment(monkeypatch):
    monkeypatch.setenv("TORCH_FORCE_WEIGHTS_ONLY_LOAD", "1")


def outputs(model, *arrays):
    names = [spec.name for spec in model.inputs]
    return ort.InferenceSession(str(model.path)).run(None, dict(zip(names, arrays, strict=True)))


def same_as_torch(module, model):
    rng = np.random.default_rng(5)
    arrays = [rng.standard_normal(spec.shape).astype(spec.dtype) for spec in model.inputs]
    with torch.no_grad():
        expected = module.eval()(*map(torch.from_numpy, arrays))
    np.testing.assert_allclose(outputs(model, *arrays)[0], expected, rtol=1e-4, atol=1e-5)


# ---- TorchScript ----


def test_a_script_with_given_inputs(bring, net, tmp_path):
    torch.jit.script(net.train()).save(tmp_path / "net.pt")
    model = bring(tmp_path / "net.pt", specs=SPECS)
    assert (model.source, model.opset) == ("torchscript", 18)
    assert [spec.name for spec in model.inputs] == ["image", "scale"]
    same_as_torch(net, model)
    assert bring(tmp_path / "net.pt", specs=SPECS[::-1]).digest == model.digest


def test_memory_that_no_machine_has_is_told_in_gigabytes(bring, tmp_path):
    class Huge(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + torch.zeros(1000000000, 1000000)

    torch.jit.script(Huge()).save(tmp_path / "huge.pt")
    with pytest.raises(InputError, match=r"\(it asks for 4,000,000.0 GB of memory at once\)"):
        bring(tmp_path / "huge.pt", specs=["x:float32[1,4]"])


def test_a_script_asks_for_its_inputs(bring, net, tmp_path):
    path = tmp_path / "net.pt"
    torch.jit.script(net).save(path)
    assert child.inspect(str(path), str(tmp_path), 10**7)["inputs"] == ["image", "scale"]
    with pytest.raises(InputError, match="image, scale.*--input image:float32"):
        bring(path)
    with pytest.raises(InputError, match="1 inputs are described"):
        bring(path, specs=SPECS[:1])
    with pytest.raises(InputError, match="fails on image:float32"):
        bring(path, specs=["image:float32[7]", SPECS[1]])


def test_a_trace_knows_its_inputs(bring, net, example, tmp_path):
    torch.jit.trace(net.eval(), example).save(tmp_path / "net.pt")
    model = bring(tmp_path / "net.pt")
    assert [spec.shape for spec in model.inputs] == [(2, 3, 8, 8), (2, 1)]
    same_as_torch(net, model)


@pytest.mark.parametrize("batch_axis", [(), (1,)])
def test_an_evalset_gives_a_script_its_inputs(bring, net, tmp_path, batch_axis):
    torch.jit.script(net).save(tmp_path / "net.pt")
    image = np.zeros((5, *batch_axis, 3, 8, 8), np.float32)
    scale = np.ones((5, *batch_axis, 1), np.float32)
    np.savez(tmp_path / "e.npz", scale=scale, image=image, labels=np.zeros(5))
    model = bring(tmp_path / "net.pt", evalset=tmp_path / "e.npz")
    assert [spec.shape for spec in model.inputs] == [(1, 3, 8, 8), (1, 1)]


def test_control_flow_survives(bring, tmp_path):
    torch.jit.script(Branching()).save(tmp_path / "net.pt")
    model = bring(tmp_path / "net.pt", specs=SPECS)
    image, scale = np.full((1, 3, 8, 8), -1, np.float32), np.ones((1, 1), np.float32)
    np.testing.assert_array_equal(outputs(model, image, scale)[0], image - 1)
    np.testing.assert_array_equal(outputs(model, -image, scale)[0], -image * 2)


def test_outputs_other_than_tensors_are_refused(bring, tmp_path):
    class Named(nn.Module):
        def forward(self, x):
            return {"y": x}

    torch.jit.script(Named()).save(tmp_path / "net.pt")
    with pytest.raises(InputError, match=r"returns Dict\[str, Tensor\].*tuple"):
        bring(tmp_path / "net.pt", specs=["x:float32[1]"])


def test_a_script_that_reads_files_is_refused(bring, tmp_path):
    class Thief(nn.Module):
        def forward(self, x):
            return x + torch.from_file("/etc/hostname", False, 1)

    torch.jit.script(Thief()).save(tmp_path / "net.pt")
    with pytest.raises(InputError, match="operator aten::from_file, which ONNX does not know"):
        bring(tmp_path / "net.pt", specs=["x:float32[1]"])


def test_an_argument_that_is_no_tensor_is_named(bring, tmp_path):
    class Counted(nn.Module):
        def forward(self, x, count: int):
            return x * count

    torch.jit.script(Counted()).save(tmp_path / "net.pt")
    with pytest.raises(InputError, match="'count' of forward is a int"):
        bring(tmp_path / "net.pt", specs=["x:float32[1]"])


def test_a_damaged_torchscript_file_is_refused(bring, net, tmp_path):
    torch.jit.script(net).save(tmp_path / "whole.pt")
    with (
        zipfile.ZipFile(tmp_path / "whole.pt") as whole,
        zipfile.ZipFile(tmp_path / "net.pt", "w") as damaged,
    ):
        for info in whole.infolist():
            data = whole.read(info)
            damaged.writestr(info, data[:10] if info.filename.endswith("data.pkl") else data)
    with pytest.raises(InputError, match="TorchScript file is damaged"):
        bring(tmp_path / "net.pt", specs=SPECS)


def test_random_outputs_are_not_taken_for_the_models(bring, tmp_path):
    class Noisy(nn.Module):
        def forward(self, x):
            return x + torch.rand_like(x)

    torch.jit.script(Noisy()).save(tmp_path / "net.pt")
    with pytest.raises(StepError, match="differs from PyTorch"):
        bring(tmp_path / "net.pt", specs=["x:float32[4]"])


# ---- torch.export ----


@pytest.mark.slow
def test_an_exported_program_keeps_its_dynamic_batch(bring, net, pt2, tmp_path):
    assert child.inspect(str(pt2), str(tmp_path), 10**7)["dims"] == {"batch": 1}
    model = bring(pt2, {"batch": 3})
    assert (model.source, model.dims) == ("torch.export", {"batch": 3})
    assert [spec.shape for spec in model.inputs] == [(3, 3, 8, 8), (3, 1)]
    same_as_torch(net, model)
    assert b"stack_trace" not in model.path.read_bytes()
    assert str(tmp_path).encode() not in model.path.read_bytes()


@pytest.mark.deep
def test_the_same_program_in_another_process_is_the_same_model(bring, pt2):
    first = ingest(pt2)
    assert bring(pt2) == first
    assert first.inputs[0].shape == (1, 3, 8, 8)
    assert onnx.load(first.path).opset_import[0].version >= 17


def nodes_of(program):
    return program["graph_module"]["graph"]["nodes"]


def _set_target(text):
    return lambda program: nodes_of(program)[0].update(target=text)


def _set_size(text):
    def change(program):
        values = program["graph_module"]["graph"]["tensor_values"]
        values["image"]["sizes"][0] = {"as_expr": {"expr_str": text, "hint": {"as_int": 2}}}

    return change


def _set_name(text):
    return lambda program: nodes_of(program)[0].update(name=text)


def _set_spec(text):
    def change(program):
        program["graph_module"]["module_call_graph"][0]["signature"]["in_spec"] = text

    return change


@pytest.mark.parametrize(
    "change",
    [
        _set_target("torch.load"),
        _set_target("torch.ops.aten.from_file.default"),
        _set_target("torch.hub.load"),
        _set_target("_operator.attrgetter"),
        _set_target("torch.ops.aten.add.__class__"),
        _set_size("__import__('os').system('touch evil')"),
        _set_size("exec(chr(112))"),
        _set_size("Symbol('s0').__class__"),
        _set_name("x); import os; os.system('touch evil')#"),
        _set_name("x\nimport os"),
        _set_spec('[1, {"type": "builtins.dict", "context": "{\\"__enum__\\": true}"}]'),
        _set_spec('[1, {"type": "collections.defaultdict", "context": "[\\"os\\"]"}]'),
    ],
)
def test_a_program_that_would_run_code_is_refused(bring, pt2, tmp_path, change):
    with pytest.raises(InputError, match="could run code"):
        bring(rewritten(pt2, tmp_path / "evil.pt2", change))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("net/data/aotinductor/model/a.so", "compiled code"),
        ("net/data/constants/opaque_obj_0", "pickled objects"),
        ("net/data/constants/custom_obj_0", "pickled objects"),
        ("net/models/other.json", "2 programs"),
    ],
)
def test_an_archive_with_code_is_refused(bring, pt2, tmp_path, name, message):
    path = rewritten(pt2, tmp_path / "evil.pt2", lambda program: None)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, b"{}")
    with pytest.raises(InputError, match=message):
        bring(path)


@pytest.mark.slow
def test_pickled_sample_inputs_do_not_run(pt2, tmp_path):
    """The place where torch.export.load itself would unpickle whatever is there."""
    flag = tmp_path / "evil"

    class Evil:
        def __reduce__(self):
            return (os.mkdir, (str(flag),))

    path, evil = tmp_path / "evil.pt2", io.BytesIO()
    torch.save(Evil(), evil)
    with zipfile.ZipFile(pt2) as old, zipfile.ZipFile(path, "w") as new:
        for info in old.infolist():
            hit = info.filename.endswith("sample_inputs/model.pt")
            new.writestr(info.filename, evil.getvalue() if hit else old.read(info))
    with pytest.raises(InputError, match="Loading the torch.export file failed"):
        ingest(path)
    assert not flag.exists()


# ---- the comparison itself ----


def test_the_comparison_finds_differences():
    reference = [np.array([1.0, 2.0], np.float32)]
    check_same(reference, [np.array([1.0, 2.0005], np.float32)])
    check_same([np.array([np.nan, np.inf])], [np.array([np.nan, np.inf])])
    for wrong in ([1.0, 2.01], [1.0, np.nan], [1.0, np.inf]):
        with pytest.raises(StepError, match="differs"):
            check_same(reference, [np.array(wrong, np.float32)])
    with pytest.raises(StepError, match="shape"):
        check_same(reference, [np.zeros((1, 2), np.float32)])
    with pytest.raises(StepError, match="outputs"):
        check_same(reference, [])


class Nested(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 2)

    def forward(self, batch, *, scale):
        return {"logits": self.layer(batch["x"]) * scale, "sum": batch["y"][0].sum(1)}


def test_inputs_nested_in_dicts_and_lists_are_told_apart(bring, tmp_path):
    given = ({"x": torch.randn(2, 4), "y": [torch.randn(2, 3)]},)
    program = torch.export.export(Nested().eval(), given, {"scale": torch.randn(1)})
    torch.export.save(program, tmp_path / "nested.pt2")
    model = bring(tmp_path / "nested.pt2")
    assert [spec.shape for spec in model.inputs] == [(2, 4), (2, 3), (1,)]


def test_a_trace_in_training_mode_is_refused_with_that_reason(bring, tmp_path):
    net = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Dropout(0.5))
    path = tmp_path / "net.pt"
    torch.jit.trace(net.train(), torch.randn(5, 4), check_trace=False).save(path)
    with pytest.raises(InputError, match=r"in training mode .dropout, batch_norm.") as error:
        bring(path)
    assert "model.eval()" in error.value.next_step
    torch.jit.trace(net.eval(), torch.randn(5, 4)).save(path)
    assert bring(path).inputs[0].shape == (5, 4)
    torch.jit.script(net.train()).save(path)
    assert bring(path, specs=["input:float32[5,4]"]).outputs[0].shape == (5, 3)
