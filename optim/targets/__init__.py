"""The catalogue of hardware: one datasheet (`*.yaml`) per modelled target, and this machine.

A datasheet holds vendor figures, each with its source, and `assumptions`, which no vendor
publishes and which only shape the estimate. Nothing here is measured on the target unless its
source says so. An NVIDIA GPU of this machine is a target beside it, where NVML shows one.
"""

from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from optim.errors import InputError
from optim.machine.environment import cpu_name, environment
from optim.machine.gpus import gpus

LOCAL = "local"
CUDA = "cuda"
"""This machine's first NVIDIA GPU. What is measured on it stands as a trial of this machine."""
EVIDENCE = Path(__file__).parent / "evidence"
"""Measured latencies (`*.yaml`) and the graphs they are of (`graphs/`)."""
Dtype = Literal["fp32", "fp16", "bf16", "int8", "int4"]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Figure(_Value):
    """A number and where it comes from: a document, the arithmetic on it, or an assumption."""

    value: Positive
    source: str = Field(min_length=12)


class Substitute(_Value):
    """How a dtype that the hardware lacks runs all the same."""

    runs_as: Dtype
    source: str = Field(min_length=12)


class Operators(_Value):
    """The only operators that the target runs; views and QDQ pairs apart."""

    names: frozenset[str]
    source: str = Field(min_length=12)


class Assumptions(_Value):
    """What an estimate needs and no datasheet says. Every `source` says on what it rests."""

    matrix_efficiency: Figure
    """Share of the peak that large matrix products and convolutions reach."""
    vector_efficiency: Figure
    """Share of the fp32 peak that other arithmetic reaches."""
    memory_efficiency: Figure
    """Share of the memory bandwidth that is reached."""
    cache_bandwidth: Figure
    """Bytes/s from on-chip memory: of one core for a CPU, of the device otherwise."""
    operand_reuse: Figure
    """A product of m x n outputs costs as much as one with this many more rows or columns."""
    reduction_setup: Figure
    """A product over k costs as much as one over k plus this: the cost of starting it."""
    parallel_outputs: Figure
    """Output elements below which a product does not fill the device (a CPU: one core)."""
    dispatch_us: Figure
    """Time to start one operator, after fusion."""
    step_us: Figure
    """Time to start one step of a recurrent operator."""
    run_us: Figure
    """Time that each run costs whatever the model is."""
    core_bandwidth: Figure | None = None
    """CPU: bytes/s that one core draws from memory."""
    serial_share: Figure | None = None
    """CPU: share of the work that more threads do not speed up (Amdahl's law)."""


class Band(_Value):
    """How far the truth may be off: the estimate divided and multiplied by `factor`."""

    factor: Annotated[float, Field(gt=1)]
    coverage: Annotated[float, Field(gt=0, lt=1)]
    """Share of models whose measured latency is meant to lie inside."""
    source: str = Field(min_length=12)
    evidence: str = ""
    """Name of the file under `evidence/` that it rests on; empty if it is an assumption."""


class Target(_Value):
    """Hardware that a recipe is measured on (`local`) or whose latency is estimated."""

    name: str
    title: str
    vendor: str = ""
    kind: Literal["cpu", "gpu", "asic", "fpga"] = "cpu"
    modelled: bool = True
    cores: Figure | None = None
    """CPU: a recipe's threads use that many of them."""
    peaks: dict[Dtype, Figure] = {}
    """Operations/s of the whole device, dense, a multiply-accumulate counting two."""
    memory_bandwidth: Figure | None = None
    memory_bytes: Figure | None = None
    cache_bytes: Figure | None = None
    """On-chip memory that holds weights and activations between runs; a CPU: within one core's
    reach."""
    substitutes: dict[Dtype, Substitute] = {}
    operators: Operators | None = None
    assumptions: Assumptions | None = None
    interval: Band | None = None
    notes: tuple[str, ...] = ()
    instruction_sets: tuple[str, ...] = ()

    @property
    def supports(self) -> tuple[Dtype, ...]:
        """Dtypes that it computes in natively."""
        return tuple(self.peaks)

    @property
    def figures(self) -> dict[str, Figure]:
        """Every figure of the datasheet by its name, for a table of sources."""
        found: dict[str, Figure | None] = {
            **{f"peak {dtype}": peak for dtype, peak in self.peaks.items()},
            "cores": self.cores,
            "memory_bandwidth": self.memory_bandwidth,
            "memory_bytes": self.memory_bytes,
            "cache_bytes": self.cache_bytes,
        }
        if self.assumptions:
            found |= {
                f"assumption {name}": getattr(self.assumptions, name)
                for name in Assumptions.model_fields
            }
        return {name: figure for name, figure in found.items() if figure}


@cache
def all_targets() -> dict[str, Target]:
    """This machine first, its GPU if it has one, then every modelled target, by name."""
    sheets = sorted(Path(__file__).parent.glob("*.yaml"))
    modelled = [Target.model_validate(yaml.safe_load(sheet.read_text())) for sheet in sheets]
    found = [local_target(), *gpu_targets(), *modelled]
    return {target.name: target for target in found}


def find_target(name: str) -> Target:
    """The target of this name. Raises InputError."""
    if name == CUDA and CUDA not in all_targets():
        others = [one.name for one in all_targets().values() if one.kind == "gpu"]
        raise InputError(
            "The driver of this machine shows no NVIDIA GPU (asked through NVML), so nothing can "
            "be measured on one.",
            f"Estimates need none: {', '.join(others)}.",
            "target",
        )
    if name not in all_targets():
        raise InputError(
            f"There is no target named {name!r}.", f"Known ones: {', '.join(all_targets())}."
        )
    return all_targets()[name]


@cache
def local_target() -> Target:
    """This machine: measured, never modelled; CPU and GPUs named, instruction sets listed."""
    return Target(
        name=LOCAL,
        title=f"This machine ({', '.join([cpu_name(), *(gpu.name for gpu in gpus())])})",
        modelled=False,
        instruction_sets=tuple(environment()["flags"].split()),
    )


def gpu_targets() -> tuple[Target, ...]:
    """The GPU that engines of this machine use, the first one; none where NVML shows none."""
    source = "NVIDIA's driver on this machine, by NVML"
    return tuple(
        Target(
            name=CUDA,
            title=f"This machine's GPU ({gpu.name})",
            vendor="NVIDIA",
            kind="gpu",
            modelled=False,
            memory_bytes=Figure(value=gpu.memory_mb * 1e6, source=source),
            notes=(f"Driver {gpu.driver}. Measured, with the copies to the device and back.",),
        )
        for gpu in gpus()[:1]
    )
