"""Files that are given: a model with its external data at once, and what is refused."""

from dataclasses import dataclass
from pathlib import Path

import onnx
import pytest
from support.study_tools import write_classifier

from optim.errors import InputError
from optim.ingest import ingest
from ui.files import MODEL_TYPES, together


@dataclass
class _File:
    """As Streamlit hands over what a browser has uploaded."""

    name: str
    content: bytes = b""

    @property
    def file_id(self) -> str:
        return f"id of {self.name}"

    def getbuffer(self) -> memoryview:
        return memoryview(self.content)


def test_a_model_comes_with_the_external_data_beside_it(tmp_path: Path, home: Path) -> None:
    model, _ = write_classifier(tmp_path)
    proto = onnx.load(model)
    onnx.save(proto, model, save_as_external_data=True, location="m.onnx.data", size_threshold=0)
    files = [_File(f.name, f.read_bytes()) for f in (tmp_path / "m.onnx.data", model)]
    given = together(files, MODEL_TYPES)
    assert given and given.name == model.name
    with given.on_disk() as path:
        assert ingest(path).inputs
    alone = together(files[1:], MODEL_TYPES)
    assert alone and alone.identity != given.identity
    with alone.on_disk() as path, pytest.raises(InputError, match="both at once"):
        ingest(path)


@pytest.mark.parametrize(
    ("names", "said"),
    [(["a.onnx", "b.onnx"], "a.onnx, b.onnx were given"), (["a.onnx.data"], "not the model")],
)
def test_two_models_or_none_are_refused(names: list[str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        together([_File(name) for name in names], MODEL_TYPES)
    assert together([], MODEL_TYPES) is None


@pytest.mark.parametrize("name", ["thing.pkl", "weights.safetensors", "notes"])
def test_a_file_of_another_type_is_read_so_that_its_content_says_what_to_do(name: str) -> None:
    given = together([_File(name)], MODEL_TYPES)
    assert given and given.name == name
    beside = together([_File("fc1.weight"), _File("a.onnx")], MODEL_TYPES)
    assert beside and beside.name == "a.onnx" and beside.beside[0].name == "fc1.weight"
