"""What torch.export knows of sizes is kept: which a program takes, and that 8*s6 is one of them."""

from pathlib import Path

import onnx
import pytest
import torch

from optim.errors import InputError
from optim.ingest import child
from optim.ingest.torch_sizes import Sizes

MAX_BYTES = 10**7


class Pooled(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.reshape(x.shape[0], 4, -1, 8).mean(-1)


@pytest.fixture(scope="module")
def pooled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """x[batch of 2 to 64, 4, 8 to 128 in steps of 8]."""
    path = tmp_path_factory.mktemp("sizes") / "pooled.pt2"
    sizes = (
        {0: torch.export.Dim("b", min=2, max=64), 2: 8 * torch.export.Dim("s", min=1, max=16)},
    )
    torch.export.save(
        torch.export.export(Pooled(), (torch.ones(2, 4, 32),), dynamic_shapes=sizes), path
    )
    return path


def brought(path: Path, folder: Path, **dims: int) -> tuple[list[int], list[str]]:
    """The shape that the input is bound to, and notes."""
    found = child.bring(str(path), str(folder), MAX_BYTES, dims, [], "")
    graph = onnx.load(folder / "model.onnx").graph
    return [d.dim_value for d in graph.input[0].type.tensor_type.shape.dim], found["notes"]


@pytest.mark.slow
def test_sizes_are_asked_as_declared(pooled: Path, tmp_path: Path) -> None:
    asked = child.inspect(str(pooled), str(tmp_path), MAX_BYTES)["dims"]
    assert asked == {"batch": 2, "x_2": 128}


@pytest.mark.deep
def test_they_are_taken_as_declared(pooled: Path, tmp_path: Path) -> None:
    shape, notes = brought(pooled, tmp_path)
    assert shape[0] == 2 and shape[2] % 8 == 0
    assert any("exported for 2 to 64 as batch" in note or "batch = 2" in note for note in notes)
    assert brought(pooled, tmp_path, batch=5, x_2=64)[0] == [5, 4, 64]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("dims", "said"),
    [
        ({"x_2": 30}, "exported for 8 to 128 in steps of 8 as x_2; 30 is no such size"),
        ({"batch": 65}, "exported for 2 to 64 as batch; 65 is no such size"),
    ],
)
def test_other_sizes_are_refused(
    dims: dict[str, int], said: str, pooled: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=said):
        brought(pooled, tmp_path, **dims)


def test_the_nearest_size_is_one_of_those_declared() -> None:
    eights = Sizes(8, 128, 8)
    assert [eights.nearest(n) for n in (1, 8, 30, 128, 500)] == [8, 8, 24, 128, 128]
