"""Bad files: each gives one clear sentence and what to do next."""

import io
import os
import pickle
import platform
import re
import stat
import struct
import tarfile
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies
from onnx import TensorProto, helper
from support import onnx_models
from support.onnx_models import INT64, linear, model, relu, value

from optim.errors import InputError, OptimError, StepError
from optim.ingest import child, ingest
from optim.ingest.operators import check_operators
from optim.sandbox import directory
from optim.sandbox.archive import extract, open_zip
from optim.sandbox.directory import MAX_ENTRIES
from optim.settings import settings as optim_settings

WEIGHTS = linear().SerializeToString()


class _Evil:
    def __reduce__(self):
        return (os.system, ("touch unpickled",))


def zipped(files: dict[str, bytes], method=zipfile.ZIP_DEFLATED) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return sink.getvalue()


def tarred(name: str) -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as archive:
        info = tarfile.TarInfo(name)
        archive.addfile(info, io.BytesIO(b""))
    return sink.getvalue()


def array_bytes() -> bytes:
    sink = io.BytesIO()
    np.save(sink, np.zeros(3))
    return sink.getvalue()


NOT_MODELS = {
    "empty": ("a.onnx", b"", "empty", "again"),
    "truncated": ("a.onnx", WEIGHTS[:-100], "incomplete or damaged", "again"),
    "truncated, no suffix": ("a", WEIGHTS[:2000], "incomplete or damaged", "again"),
    "text": ("a.txt", b"hello, this is not a model at all\n", "text file, not a model", ".onnx"),
    "renamed text": ("a.onnx", "größer\n".encode() * 999, "text file, not a model", ".onnx"),
    "renamed photo": ("a.onnx", b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(99), "picture", ".onnx"),
    "random": ("a.bin", bytes(range(255, 0, -1)) * 9, "not a model", ".onnx"),
    "no graph": ("a.onnx", WEIGHTS[:2], "no nodes", ".onnx"),
    "web page": ("a.onnx", b"<!DOCTYPE html><html>404</html>", "web page", "Download"),
    "git lfs": ("a.onnx", b"version https://git-lfs.github.com/spec/v1\n", "LFS", "git lfs pull"),
    "pickle": ("a.pkl", pickle.dumps(_Evil()), "unpickling runs code", "torch.onnx.export"),
    "pickle as onnx": ("a.onnx", pickle.dumps({"w": 1}), "unpickling runs code", "torch.export"),
    "pickle protocol 0": ("a.pkl", pickle.dumps([1], 0), "unpickling runs code", "torch.jit"),
    "torch zip": (
        "a.pt", zipped({"a/data.pkl": b"\x80\x02}.", "a/data/0": b"0"}), "pickle", "torch.export",
    ),
    "keras h5": ("a.h5", b"\x89HDF\r\n\x1a\n" + bytes(99), "Keras", "tf2onnx"),
    "tflite": ("a.tflite", b"\x1c\0\0\0TFL3" + bytes(99), "TensorFlow Lite", "tf2onnx"),
    "frozen graph": ("a.pb", b"\x0a\x9f\x01\x0a\x05input\xff\xff", "TensorFlow", "tf2onnx"),
    "SavedModel zip": ("a.zip", zipped({"m/saved_model.pb": b"1"}), "TensorFlow", "tf2onnx"),
    "keras zip": ("a.keras", zipped({"model.weights.h5": b"1"}), "Keras", "tf2onnx"),
    "safetensors": (
        "a.safetensors", struct.pack("<Q", 9) + b'{"w":{}} ', "weights without", "torch.onnx",
    ),
    "gguf": ("a.gguf", b"GGUF" + bytes(40), "llama.cpp", "ONNX"),
    "ort format": ("a.ort", b"\x10\0\0\0ORTM" + bytes(40), ".ort", ".onnx"),
    "openvino": ("a.xml", b'<?xml version="1.0"?>\n<net name="a">', "OpenVINO", "made from"),
    "tar": ("a.tar", tarred("a.onnx"), "archive other than zip", "zip"),
    "gzip": ("a.onnx.gz", b"\x1f\x8b\x08" + bytes(40), "archive other than zip", "zip"),
    "npy": ("a.npy", array_bytes(), "NumPy", ".onnx"),
    "npz": ("a.npz", zipped({"x.npy": array_bytes()}), "arrays", "EvalSet"),
    "zip of nothing": ("a.zip", zipped({}), "no .onnx", ".onnx"),
    "zip of other things": ("a.zip", zipped({"readme.md": b"x"}), "no .onnx", ".onnx"),
    "zip of two": (
        "a.zip", zipped({"a.onnx": WEIGHTS, "b.onnx": WEIGHTS}), "2 .onnx files", "one model",
    ),
    "zip cut off": ("a.zip", zipped({"a.onnx": WEIGHTS})[:-30], "damaged", "again"),
    "zip with a bad entry": (
        "a.zip", zipped({"a.onnx": WEIGHTS}).replace(WEIGHTS[:0] or b"\xed", b"\xee"),
        "damaged|unpacked|incomplete", "again|zip",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", NOT_MODELS)
def test_what_is_no_model_is_refused_with_what_to_do(bring, save, case):
    name, data, what, next_step = NOT_MODELS[case]
    with pytest.raises(InputError) as caught:
        bring(save(data, name))
    assert re.search(what, caught.value.what)
    assert re.search(next_step, caught.value.next_step)


def test_a_torch_save_of_weights_and_of_a_module_is_refused(bring, tmp_path):
    import torch

    module = torch.nn.Linear(2, 2)
    for number, (content, new_format) in enumerate(
        [(module.state_dict(), True), (module, True), (module.state_dict(), False)]
    ):
        for suffix in (".pt", ".pth"):
            path = tmp_path / f"{number}{suffix}"
            torch.save(content, path, _use_new_zipfile_serialization=new_format)
            with pytest.raises(InputError, match="unpickling runs code"):
                bring(path)


def test_a_folder_and_a_missing_file_are_refused(bring, tmp_path):
    with pytest.raises(InputError, match="folder"):
        bring(tmp_path)
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "saved_model.pb").write_bytes(b"1")
    with pytest.raises(InputError, match="tf2onnx"):
        bring(tmp_path / "saved")
    for missing in (tmp_path / "none.onnx", "x" * 5000, "nul\0l"):
        with pytest.raises(InputError):
            ingest(missing)


def test_a_file_over_the_limit_is_refused_unread(save, monkeypatch):
    monkeypatch.setenv("OPTIM_MAX_MODEL_MB", "1")
    optim_settings.cache_clear()
    with pytest.raises(InputError, match="3 MB; the limit is 1 MB.*OPTIM_MAX_MODEL_MB"):
        ingest(save(WEIGHTS + bytes(3_000_000)))


@pytest.mark.parametrize("dtype", ["float64", "int64", "float16", "bool"])
def test_another_dtype_of_the_evalset_is_no_fault_of_the_model(bring, save, tmp_path, dtype):
    np.savez(tmp_path / "e.npz", x=np.ones((5, 9, 4), dtype))
    brought = bring(save(linear((1, "length"))), evalset=tmp_path / "e.npz")
    assert brought.inputs[0].shape == (1, 9, 4)


# ---- zips ----


def zip_entry(name: str, data=b"x", mode=stat.S_IFREG | 0o644) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        info = zipfile.ZipInfo(name)
        info.external_attr = mode << 16
        archive.writestr(info, data)
        archive.writestr("net.onnx", WEIGHTS)
    return sink.getvalue()


@pytest.mark.parametrize(
    "name", ["/etc/x", "../x", "a/../../x", "..\\x", "C:\\x", "C:x", "\\\\host\\share\\x"]
)
def test_a_zip_entry_that_points_outside_is_refused(bring, save, name, tmp_path):
    before = set(tmp_path.parent.iterdir())
    with pytest.raises(InputError, match="points outside"):
        bring(save(zip_entry(name), "a.zip"))
    assert set(tmp_path.parent.iterdir()) == before


def test_a_link_in_a_zip_is_refused(bring, save):
    data = zip_entry("weights.bin", b"/etc/passwd", stat.S_IFLNK | 0o777)
    with pytest.raises(InputError, match="link or a device"):
        bring(save(data, "a.zip"))


def test_a_zip_that_unpacks_to_too_much_is_refused(bring, save):
    data = zipped({"net.onnx": WEIGHTS, "weights.bin": bytes(60_000_000)})
    assert len(data) < 100_000
    with pytest.raises(InputError, match="60 MB; the limit is 50 MB"):
        bring(save(data, "a.zip"))


def test_a_zip_that_shrinks_as_bombs_do_is_refused(bring, save):
    data = zipped({"net.onnx": WEIGHTS, "weights.bin": bytes(40_000_000)})
    with pytest.raises(InputError, match="times its size"):
        bring(save(data, "a.zip"))


def directory_of(entries: int, extra: bytes = b"") -> bytes:
    """A zip whose directory names one empty file this often."""
    entry = zipped({"a.bin": b""}, zipfile.ZIP_STORED)
    start, end = entry.index(b"PK\1\2"), entry.index(b"PK\5\6")
    head = bytearray(entry[start:end])
    head[30:32] = len(extra).to_bytes(2, "little")
    listed = (bytes(head) + extra) * entries
    size = len(listed).to_bytes(4, "little")
    return entry[:start] + listed + entry[end : end + 12] + size + entry[end + 16 :]


def zip64_of(entries: int) -> bytes:
    """As above, but its length is in the record of long zips alone."""
    data = directory_of(entries)
    end = data.index(b"PK\5\6")
    start = data.index(b"PK\1\2")
    record = struct.pack("<4sQHHLLQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, end - start, start)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, end, 1)
    return data[:end] + record + locator + data[end : end + 12] + b"\xff" * 8 + b"\0\0"


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (zipped({f"{i}": b"" for i in range(MAX_ENTRIES + 1)}, zipfile.ZIP_STORED), "over 10,000"),
        (directory_of(300_000), "over 10,000"),
        (zip64_of(300_000), "over 10,000"),
        (directory_of(200, b"\x99\x99\0\0" * 16_000), "64,000 bytes of notes"),
    ],
    ids=["counted", "said to be one", "zip64", "long fields"],
)
def test_a_zip_of_too_many_files_is_refused_before_they_are_read(save, data, what, monkeypatch):
    read = []
    monkeypatch.setattr(zipfile.ZipInfo, "_decodeExtra", lambda info: read.append(info))
    with pytest.raises(InputError, match=what):
        open_zip(save(data, "a.zip"), 10**9)
    assert not read


def test_a_zip64_is_walked_where_it_is_read(save):
    with open_zip(save(zip64_of(3), "a.zip"), 10**9) as archive:
        assert len(archive.infolist()) == 3
    with pytest.raises(InputError, match="over 2 files"):
        directory.opened(save(zip64_of(3), "a.zip"), most=2)


def test_what_comes_out_is_counted_whatever_the_zip_declares(save, tmp_path):
    path = save(zipped({"a.bin": bytes(3_000_000), "b.bin": bytes(3_000_000)}), "a.zip")
    (tmp_path / "out").mkdir()
    with (
        open_zip(path, 10_000_000) as archive,
        pytest.raises(InputError, match="more than it declares"),
    ):
        extract(archive, tmp_path / "out", 4_000_000)
    assert sum(f.stat().st_size for f in (tmp_path / "out").iterdir()) <= 4_000_000


def test_a_zip_entry_twice_is_refused(bring, save):
    with pytest.warns(UserWarning, match="Duplicate"):
        sink = io.BytesIO()
        with zipfile.ZipFile(sink, "w") as archive:
            archive.writestr("net.onnx", WEIGHTS)
            archive.writestr("net.onnx", WEIGHTS)
    with pytest.raises(InputError, match="twice"):
        bring(save(sink.getvalue(), "a.zip"))


@pytest.mark.parametrize("name", ["n" * 300, "m/" * 3000 + "a.bin", "a/\0b"])
def test_a_name_that_no_file_system_takes_is_refused(name, tmp_path, save):
    path = save(zipped({"x" * len(name): b"a"}).replace(b"x" * len(name), name.encode()), "a.zip")
    with open_zip(path, 10_000_000) as archive, pytest.raises(InputError) as caught:
        for info in archive.infolist():
            info.filename = info.orig_filename  # Python's own reader cuts it; others do not
        extract(archive, tmp_path / "out", 4_000_000)
    assert "cannot be" in caught.value.what and str(tmp_path) not in str(caught.value)


def test_an_encrypted_zip_is_refused(bring, save):
    data = bytearray(zipped({"net.onnx": WEIGHTS}))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(InputError, match="encrypted"):
        bring(save(bytes(data), "a.zip"))


# ---- operators and interfaces ----


@pytest.mark.parametrize(
    ("proto", "message"),
    [
        (relu(op="Frobnicate"), "'relu' uses the operator 'Frobnicate', which ONNX opset 17"),
        (relu(op="Relu", domain="com.acme"), "'relu'.*'Relu'.*custom domain 'com.acme'"),
        (
            relu(op="Gelu", opset=17),
            "'Gelu', which ONNX opset 17 does not have. ONNX has it since opset 20",
        ),
        (relu(opset=99), "opset 99; the newest known here is"),
        (relu(op="Nothing", domain="com.microsoft"), "Nothing"),
        (relu(dtype=TensorProto.INT8, op="Sin"), "Sin"),
        (relu(dtype=TensorProto.STRING, op="Identity"), "'x' is of type string"),
        (relu(dtype=TensorProto.COMPLEX64, op="Identity"), "'x' is of type complex64"),
    ],
)
def test_what_cannot_run_is_named(bring, save, proto, message):
    with pytest.raises(InputError, match=message):
        bring(save(proto))


def test_what_the_engine_says_comes_without_its_source_code(bring, save):
    proto = relu()
    proto.ir_version = 99
    with pytest.raises(InputError, match="failed:Unsupported model IR version: 99, max") as caught:
        bring(save(proto))
    assert "onnxruntime::" not in str(caught.value)


def test_a_missing_kernel_is_named_with_its_node(bring, save):
    proto = relu(op="Acosh", name="the node", dtype=TensorProto.DOUBLE)
    with pytest.raises(InputError, match="cannot run the operator 'Acosh'.*'the node'"):
        bring(save(proto))


def test_sequences_maps_and_nothing_are_refused(bring, save):
    sequence = helper.make_tensor_sequence_value_info("y", onnx_models.FLOAT, [1])
    node = helper.make_node("SequenceConstruct", ["x"], ["y"], name="s")
    with pytest.raises(InputError, match="'y' is of type sequence.*zipmap"):
        bring(save(model([node], [value("x", [1])], [sequence])))
    constant = helper.make_node("Constant", [], ["y"], value_float=1.0)
    with pytest.raises(InputError, match="no inputs"):
        bring(save(model([constant], [], [value("y", [])])))


def test_a_type_that_does_not_exist_is_refused(bring, save):
    proto = relu()
    data = proto.SerializeToString().replace(b"\x0a\x0c\x08\x01", b"\x0a\x0c\x08\x6e", 1)
    assert data != proto.SerializeToString()
    with pytest.raises(InputError, match="'x' is of type 110"):
        bring(save(data))


def test_an_undefined_tensor_and_a_cycle_are_refused(bring, save):
    lost = helper.make_node("Add", ["x", "nowhere"], ["y"], name="lost")
    with pytest.raises(InputError, match="nowhere"):
        bring(save(model([lost], [value("x", [1])], [value("y", [1])])))
    ring = [
        helper.make_node("Add", ["x", "b"], ["a"], name="one"),
        helper.make_node("Relu", ["a"], ["b"], name="two"),
    ]
    with pytest.raises(InputError, match="failed"):
        bring(save(model(ring, [value("x", [1])], [value("b", [1])])))


def test_hostile_names_are_shown_safely_in_errors(bring, save):
    name = "<img src=x onerror=alert(1)>\x1b[2J\u202e" + "A" * 100_000
    for proto in (relu(op="Nope", name=name), relu(op=name), relu(op="Relu", domain=name)):
        with pytest.raises(InputError) as caught:
            bring(save(proto))
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) < 600


# ---- what ends the child: the parent lives, and says what was going on ----


def test_a_constant_of_a_trillion_elements_is_refused(save):
    with pytest.raises(InputError, match="more memory.*'ConstantOfShape' of node 'huge'"):
        ingest(save(onnx_models.huge_constant()))


def test_a_model_that_takes_too_much_memory_is_stopped(save):
    with pytest.raises(StepError, match="trial run of the model.*2048 MB"):
        ingest(save(onnx_models.greedy()))


@pytest.mark.slow
def test_a_model_that_hangs_is_stopped(save, monkeypatch):
    monkeypatch.setenv("OPTIM_STEP_SECONDS", "6")
    optim_settings.cache_clear()
    with pytest.raises(StepError, match="trial run of the model.*6 s.*OPTIM_STEP_SECONDS"):
        ingest(save(onnx_models.endless_loop()))


@pytest.mark.skipif(platform.machine() != "x86_64", reason="other processors do not trap")
def test_a_model_that_crashes_native_code_is_survived(save):
    with pytest.raises(StepError, match=r"model: While doing a trial run.*native code \(SIGFPE\)"):
        ingest(save(onnx_models.trap()))


def test_a_function_that_calls_itself_is_refused(save):
    with pytest.raises(InputError, match="calls itself"):
        ingest(save(onnx_models.endless_recursion()))


def test_functions_that_stand_for_a_billion_nodes_are_refused_at_once(bring, save):
    with pytest.raises(InputError, match="1,073,741,824 nodes"):
        bring(save(onnx_models.doubling_functions(31)))


def test_an_error_of_the_child_names_the_step(save):
    with pytest.raises(InputError, match="^model: The ONNX file is incomplete"):
        ingest(save(WEIGHTS[:-100]))


# ---- any bytes ----


_FUZZ = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
_SEEDS = strategies.sampled_from(
    [relu(), linear(), relu(shape=("batch", "seq")), relu(dtype=INT64)]
).map(lambda proto: proto.SerializeToString())


@strategies.composite
def mutated(draw):
    data = bytearray(draw(_SEEDS))
    for _ in range(draw(strategies.integers(1, 6))):
        at = draw(strategies.integers(0, len(data) - 1))
        if draw(strategies.booleans()):
            data[at] = draw(strategies.integers(0, 255))
        else:
            data[at : at + draw(strategies.integers(1, 9))] = draw(strategies.binary(max_size=9))
        data = data or bytearray(b"\0")
    return bytes(data)


def only_optim_errors(data: bytes, folder, name: str) -> None:
    path = folder / name
    path.write_bytes(data)
    try:
        kind = child.kind_of(path, 10**6)
        proto, _ = child._read(path, kind, folder, 10**6)
        child.check_interface(proto.graph)
        child.bind(proto.graph, {}, {})
        check_operators(proto)
    except OptimError as error:
        assert error.what and error.next_step


@_FUZZ
@given(data=mutated())
def test_a_mutated_model_is_read_or_refused(data, tmp_path_factory):
    only_optim_errors(data, tmp_path_factory.mktemp("fuzz"), "a.onnx")


@_FUZZ
@given(data=strategies.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data, tmp_path_factory):
    only_optim_errors(data, tmp_path_factory.mktemp("fuzz"), "a.bin")


@settings(
    max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=mutated())
def test_a_mutated_model_never_takes_the_parent_with_it(data, tmp_path):
    path = tmp_path / "mutated.onnx"
    path.write_bytes(data)
    try:
        assert ingest(path).path.exists()
    except OptimError as error:
        assert error.what and error.next_step


def test_more_axes_than_arrays_have_are_refused(bring, save):
    many = [1] * 1000
    with pytest.raises(InputError, match="input 'x' has 1,000 axes; the limit is 32"):
        relu_of_many = helper.make_node("Relu", ["x"], ["y"])
        bring(save(model([relu_of_many], [value("x", many)], [value("y", many)])))
    weight = helper.make_tensor("w", TensorProto.FLOAT, [4] + [1] * 99, [1.0] * 4)
    proto = linear()
    proto.graph.initializer.append(weight)
    with pytest.raises(InputError, match="tensor 'w' has 100 axes; the limit is 32"):
        bring(save(proto))
