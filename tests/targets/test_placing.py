"""This machine's GPU as a target: there where NVML shows one, refused in a sentence where not."""

from collections.abc import Iterator

import pytest

from optim import targets
from optim.errors import InputError
from optim.machine.gpus import Gpu
from optim.recipe import Recipe
from optim.targets import CUDA, LOCAL, all_targets, find_target
from optim.targets.placing import placed, stands_under

SHOWN = Gpu("NVIDIA H100 80GB HBM3", 81559, "580.159.04")


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    yield from _showing(monkeypatch, (SHOWN,))


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    yield from _showing(monkeypatch, ())


def _showing(monkeypatch: pytest.MonkeyPatch, shown: tuple[Gpu, ...]) -> Iterator[None]:
    monkeypatch.setattr(targets, "gpus", lambda: shown)
    for known in (targets.local_target, all_targets):
        known.cache_clear()
    yield
    for known in (targets.local_target, all_targets):
        known.cache_clear()


def test_a_gpu_is_a_target_beside_this_machine_with_what_nvml_says(gpu: None) -> None:
    assert list(all_targets())[:2] == [LOCAL, CUDA]
    found = find_target(CUDA)
    assert SHOWN.name in found.title and not found.modelled
    assert found.memory_bytes and found.memory_bytes.value == SHOWN.memory_mb * 1e6
    assert any(SHOWN.driver in note for note in found.notes)


def test_without_a_gpu_it_is_refused_and_estimates_are_named(no_gpu: None) -> None:
    assert CUDA not in all_targets()
    with pytest.raises(InputError, match=r"no NVIDIA GPU .*nvidia_h100"):
        placed(Recipe.baseline(), CUDA)


@pytest.mark.parametrize(
    ("given", "runs"),
    [
        ("onnxruntime", "cuda"),
        ("fp16 + onnxruntime:threads=2", "fp16 + cuda"),
        ("cuda:tf32=true", "cuda:tf32=true"),
        ("torch_cuda:how=inductor", "torch_cuda:how=inductor"),
    ],
)
def test_recipes_run_by_an_engine_of_the_gpu_and_stand_as_this_machines(
    gpu: None, given: str, runs: str
) -> None:
    assert placed(Recipe.parse(given), CUDA) == Recipe.parse(runs)
    assert stands_under(CUDA) == LOCAL


def test_an_engine_of_the_cpu_is_refused_and_those_of_the_gpu_are_named(gpu: None) -> None:
    with pytest.raises(InputError, match=r"OpenVINO computes on the CPU.*torch_cuda"):
        placed(Recipe.parse("openvino"), CUDA)


def test_other_targets_take_recipes_as_they_are() -> None:
    for target in (LOCAL, "nvidia_h100"):
        assert placed(Recipe.parse("openvino"), target) == Recipe.parse("openvino")
        assert stands_under(target) == target
