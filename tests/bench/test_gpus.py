"""Which datasheet is the GPU that the driver shows."""

import pytest

from bench.gpus import sheet_of
from optim.machine.gpus import Gpu


@pytest.mark.parametrize(
    ("shown", "sheet"),
    [
        ("NVIDIA H100 80GB HBM3", "nvidia_h100"),
        ("NVIDIA H200", "nvidia_h200"),
        ("NVIDIA A100-SXM4-80GB", None),
        ("NVIDIA GeForce RTX 4090", None),
    ],
)
def test_a_gpu_is_held_against_its_own_datasheet_or_none(shown: str, sheet: str | None) -> None:
    found = sheet_of(Gpu(shown, 80_000, "580"))
    assert (found.name if found else None) == sheet
