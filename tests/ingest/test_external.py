"""External data: what exporters write is read; no other file becomes weights."""

import os

import onnx
import pytest
from support.onnx_models import linear, relocated, with_external_data

from optim.errors import InputError
from optim.ingest import external, ingest, questions
from optim.sandbox import protections


@pytest.fixture
def apart(tmp_path):
    folder = tmp_path / "apart"
    folder.mkdir()
    return with_external_data(linear(), folder)


@pytest.mark.parametrize(
    "location",
    [
        *("/etc/hostname", "../weights.bin", "a/../../weights.bin", "..\\weights.bin"),
        *("C:\\weights.bin", "\\\\server\\share", "", "/", "..", "a\0b"),
    ],
)
def test_external_data_outside_of_the_folder_is_refused(bring, apart, location):
    (apart.parent.parent / "weights.bin").write_bytes(bytes(9000))
    relocated(apart, lambda key, v: location if key == "location" else v)
    with pytest.raises(InputError, match="points outside|is missing|regular file|no name"):
        bring(apart)


def test_external_data_that_is_a_link_to_outside_is_refused(bring, apart):
    weights = apart.with_name("weights.bin")
    weights.rename(apart.parent.parent / "elsewhere.bin")
    weights.symlink_to(apart.parent.parent / "elsewhere.bin")
    with pytest.raises(InputError, match="link to outside"):
        bring(apart)


@pytest.fixture
def cached(apart):
    """The model as Hugging Face's client keeps it: files by their digests, links to them."""
    cache = apart.parent.parent / ".cache" / "models--we--net"
    revision = cache / "snapshots" / "0f1e" / "onnx"
    (cache / "blobs").mkdir(parents=True)
    revision.mkdir(parents=True)
    for number, file in enumerate((apart, apart.with_name("weights.bin"))):
        file.rename(cache / "blobs" / f"d1{number}")
        (revision / file.name).symlink_to(f"../../../blobs/d1{number}")
    return revision / apart.name


def test_a_model_in_a_cache_of_links_is_read(cached, home):
    assert ingest(cached).node_count == 1
    assert questions(cached).kind == "onnx"


def test_a_link_out_of_its_cache_is_refused(bring, cached):
    link = cached.with_name("weights.bin")
    others = cached.parents[3].with_name("models--other") / "blobs"
    others.mkdir(parents=True)
    link.resolve().rename(others / "d11")
    link.unlink()
    link.symlink_to(others / "d11")
    with pytest.raises(InputError, match="link to outside"):
        bring(cached)


def test_external_data_that_is_a_hard_link_is_refused_without_a_path(bring, apart):
    os.link(apart.with_name("weights.bin"), apart.parent.parent / "second.bin")
    with pytest.raises(InputError, match="hard link") as told:
        bring(apart)
    assert str(apart.parent) not in str(told.value)


def test_missing_external_data_is_named(bring, apart):
    apart.with_name("weights.bin").unlink()
    with pytest.raises(InputError, match=r"'weights.bin' is missing.*zip"):
        bring(apart)


def test_short_external_data_is_refused(bring, apart):
    apart.with_name("weights.bin").write_bytes(bytes(100))
    with pytest.raises(InputError, match="4096 bytes are needed, the file has 100"):
        bring(apart)


@pytest.mark.parametrize(
    ("key", "wrong"),
    [("length", "many"), ("length", "-5"), ("offset", "-1"), ("offset", "9" * 30)],
)
def test_impossible_offsets_are_refused(bring, apart, key, wrong):
    relocated(apart, lambda k, v: wrong if k == key else v)
    with pytest.raises(InputError, match="'w'"):
        bring(apart)


def test_one_region_used_many_times_is_counted_each_time(bring, apart):
    proto = onnx.load(apart, load_external_data=False)
    for number in range(300):
        proto.graph.initializer.add().CopyFrom(proto.graph.initializer[0])
        proto.graph.initializer[-1].name = f"w{number}"
    apart.write_bytes(proto.SerializeToString())
    with pytest.raises(InputError, match="larger than the limit"):
        bring(apart, max_bytes=500_000)


def test_a_named_pipe_is_no_external_data(bring, apart):
    weights = apart.with_name("weights.bin")
    weights.unlink()
    os.mkfifo(weights)
    with pytest.raises(InputError, match="regular file"):
        bring(apart)


def moved(apart, name: str, content: bytes | None = None):
    """The model, its weights kept under this name; content in their place."""
    data = apart.with_name("weights.bin")
    there = apart.parent / name
    there.parent.mkdir(parents=True, exist_ok=True)
    there.write_bytes(data.read_bytes() if content is None else content)
    data.unlink()
    relocated(apart, lambda key, v: name if key == "location" else v)
    return apart


@pytest.mark.parametrize(
    "name",
    [
        *("net.onnx.data", "net.onnx_data_1", "model.encoder.0.weight", "onnx__MatMul_12"),
        *("data/weights", "größe 模型.bin"),
    ],
)
def test_names_that_exporters_write_are_read(bring, apart, name):
    assert bring(moved(apart, name)).node_count == 1


@pytest.mark.parametrize("name", [".env", ".git/config", "data/.cache/weights"])
def test_hidden_files_are_no_weights(bring, apart, name):
    with pytest.raises(InputError, match="hidden file"):
        bring(moved(apart, name))


def test_text_is_no_weights(bring, apart):
    text = b"password = hunter2 # of the database\n" * 200
    with pytest.raises(InputError, match="'secrets.toml' is a text file"):
        bring(moved(apart, "secrets.toml", text))


@pytest.mark.parametrize("length", ["4092", "4000", "0"])
def test_data_of_another_length_is_refused(bring, apart, length):
    apart.with_name("weights.bin").write_bytes(bytes(9000))
    relocated(apart, lambda key, v: length if key == "length" else v)
    with pytest.raises(InputError, match="its shape needs 4096"):
        bring(apart)


@pytest.mark.parametrize(
    ("kind", "size"),
    [("INT4", 8), ("UINT4", 8), ("BFLOAT16", 30), ("FLOAT8E4M3FN", 15), ("DOUBLE", 120)],
)
def test_bytes_that_a_shape_needs(kind, size):
    made = onnx.TensorProto(data_type=getattr(onnx.TensorProto, kind), dims=(3, 5))
    assert external._needed(made) == size


@pytest.mark.skipif(bool(protections()["needed files"]), reason="no walls here")
def test_a_child_may_read_what_was_looked_at_alone(apart, home):
    """The whole way: the child is refused, says what it wants, and gets that."""
    moved(apart, "sub/net.data")
    assert ingest(apart).node_count == 1
    assert questions(apart).kind == "onnx"
    (apart.parent / "sub" / "net.data").unlink()
    with pytest.raises(InputError, match="^model: .*'sub/net.data' is missing"):
        ingest(apart)


@pytest.mark.parametrize("kind", [0, 99])
def test_an_unknown_type_is_refused(kind):
    with pytest.raises(InputError, match=f"of the type {kind}, which ONNX does not have"):
        external._needed(onnx.TensorProto(data_type=kind, dims=(3, 5)))
