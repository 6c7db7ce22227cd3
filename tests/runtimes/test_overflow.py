"""Products of bytes that overflow: held against exact arithmetic, on engines that do or do not."""

import numpy as np
import pytest

from optim.errors import StepError
from optim.machine.environment import cpu_flags
from optim.runtimes.base import all_runtimes
from optim.runtimes.support import overflow
from optim.runtimes.support.overflow import (
    PRODUCTS,
    Overflow,
    overflowing,
    overflows_here,
    saturates_here,
)

EXACT = {"avx512_vnni", "avx_vnni", "asimddp"}
"""Instructions that add products of bytes in 32 bits."""


@pytest.mark.parametrize("runtime", all_runtimes())
def test_the_try_agrees_with_what_the_cpu_has(runtime: str, tmp_path) -> None:
    if not EXACT & cpu_flags():
        pytest.skip("a CPU whose products may overflow")
    assert overflowing(runtime, str(tmp_path)) == []


def test_an_engine_kept_from_such_instructions_is_found_to_overflow(home, monkeypatch) -> None:
    """oneDNN, which OpenVINO computes with, does as on an older CPU when it is told to."""
    if "avx2" not in cpu_flags():
        pytest.skip("an x86 CPU with AVX2")
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    assert overflows_here("openvino") >= {"u8s8"}
    assert saturates_here("openvino")
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA")
    assert saturates_here("openvino") == (not EXACT & cpu_flags()), "it is kept under its own key"


class Engine:
    """Sums neighbouring products of signed and unsigned bytes in so many bits."""

    packages = ()

    def __init__(self, bits: int):
        self.most = 2 ** (bits - 1) - 1

    def __call__(self):
        return self

    def missing(self):
        return ()

    def open(self, path):
        if not path.stem.startswith("u8s8"):
            raise StepError("It has no such product.", "")
        return self

    def run(self, feeds):
        given = feeds["x"].astype(np.int64)
        weight = np.full(given.shape, 127)
        weight[:, ::2] = -128
        pairs = given[:, ::2, None] * weight[None, ::2] + given[:, 1::2, None] * weight[None, 1::2]
        summed = np.clip(pairs, -self.most - 1, self.most).sum(axis=1)
        return {"y": summed.astype(np.float32)}

    def close(self):
        pass


@pytest.mark.parametrize(("bits", "found"), [(16, ["u8s8"]), (32, [])])
def test_sums_are_held_against_exact_ones(bits: int, found: list, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(overflow, "all_runtimes", lambda: {"made_up": Engine(bits)})
    assert overflowing("made_up", str(tmp_path)) == found


def test_rounded_outputs_are_no_overflow(tmp_path) -> None:
    """bf16 keeps 8 bits of a sum, which is not exact, and not wrong either."""
    runtime = all_runtimes()["openvino"](precision="bf16")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(overflow, "all_runtimes", lambda: {"rounding": lambda: runtime})
        assert "u8s8" not in overflowing("rounding", str(tmp_path)) or not EXACT & cpu_flags()


def test_it_is_tried_once_per_machine(home, monkeypatch) -> None:
    tried = []

    def once(runtime: str) -> Overflow:
        tried.append(runtime)
        return Overflow(products=("u8s8",))

    monkeypatch.setattr(overflow, "_tried", once)
    assert saturates_here("onnxruntime") and saturates_here("onnxruntime")
    assert tried == ["onnxruntime"]
    monkeypatch.setattr("optim.part.base.version_of", lambda package: "another")
    assert saturates_here("onnxruntime") and len(tried) == 2


def test_what_is_not_installed_is_not_tried(home, monkeypatch) -> None:
    monkeypatch.setattr(
        all_runtimes()["openvino"], "missing", classmethod(lambda cls: ("openvino",))
    )
    monkeypatch.setattr(overflow, "_tried", lambda runtime: Overflow(products=PRODUCTS))
    assert overflows_here("openvino") == frozenset()
