"""What holds for every target of the catalogue; a new datasheet is picked up by itself."""

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optim.errors import InputError
from optim.graph.values import Analysis, NodeRow
from optim.recipe import Recipe
from optim.targets import Dtype, Target, all_targets
from optim.targets.estimate import Estimate, estimate

MODELLED = [target for target in all_targets().values() if target.modelled]
PRECISION = {"fp32": 4, "fp16": 2, "bf16": 2, "int8": 1}
sizes = st.integers(1, 2000)
each_target = pytest.mark.parametrize("target", MODELLED, ids=lambda target: target.name)


@dataclass(frozen=True)
class Product:
    """A graph of one matrix product by a weight."""

    m: int
    n: int
    k: int
    dtype: Dtype = "fp32"

    def analysis(self) -> Analysis:
        width = PRECISION[self.dtype]
        size = {
            "x": self.m * self.k * width,
            "w": self.k * self.n * width,
            "y": self.m * self.n * width,
        }
        row = NodeRow(
            name="product",
            op="MatMul",
            flops=2 * self.m * self.n * self.k,
            bytes=sum(size.values()),
            precision=self.dtype,
            gemm=(1, self.m, self.n, self.k),
            reads=("x", "w"),
            writes=("y",),
        )
        return Analysis(
            **{"parameters": self.k * self.n, "flops": row.flops, "bytes": row.bytes},
            **{"weight_bytes": size["w"], "weight_bytes_by_dtype": {}, "opset": 17, "opsets": {}},
            peak_activation_bytes=size["x"] + size["y"],
            op_histogram={"MatMul": 1},
            node_count=1,
            inputs=("x: ",),
            outputs=("y: ",),
            nodes=(row,),
            tensor_bytes=size,
            weights=("w",),
        )


def of(target: Target, product: Product, threads: int = 1) -> Estimate:
    return estimate(product.analysis(), target, Recipe.baseline(threads))


def runnable(target: Target) -> Target:
    """The target without its list of operators, so that one product stands for any work."""
    return target.model_copy(update={"operators": None})


def test_the_catalogue_covers_the_field() -> None:
    assert len(MODELLED) >= 8
    assert {target.kind for target in MODELLED} == {"cpu", "gpu", "asic", "fpga"}
    assert {"AMD", "Intel", "AWS"} <= {t.vendor for t in MODELLED if t.kind == "cpu"}


@each_target
def test_every_figure_has_a_source(target: Target) -> None:
    assert target.peaks and target.memory_bandwidth and target.memory_bytes and target.cache_bytes
    assert target.assumptions and target.interval
    for name, figure in target.figures.items():
        assert len(figure.source) > 12, name
    assert any("https://" in figure.source for figure in target.figures.values())


@each_target
def test_units_are_sane(target: Target) -> None:
    """Operations/s, bytes/s and bytes, not tera, giga or mega of them."""
    assert all(1e11 <= peak.value <= 1e16 for peak in target.peaks.values())
    assert target.memory_bandwidth and 1e8 <= target.memory_bandwidth.value <= 1e13
    assert target.memory_bytes and 1e9 <= target.memory_bytes.value <= 1e13
    assert target.cache_bytes and 1e6 <= target.cache_bytes.value <= 1e9
    assert target.assumptions
    for share in ("matrix_efficiency", "vector_efficiency", "memory_efficiency"):
        assert getattr(target.assumptions, share).value <= 1
    if target.kind == "cpu":
        assert (
            target.cores and target.assumptions.core_bandwidth and target.assumptions.serial_share
        )
    for dtype, stand_in in target.substitutes.items():
        assert dtype not in target.peaks
        assert stand_in.runs_as in target.peaks


@each_target
@settings(max_examples=20, deadline=None)
@given(m=sizes, n=sizes, k=sizes, extra=st.integers(1, 2000), at=st.integers(0, 2))
def test_an_estimate_is_positive_and_more_work_is_never_faster(
    target: Target, m: int, n: int, k: int, extra: int, at: int
) -> None:
    dtype: Dtype = "fp32" if "fp32" in target.peaks else "int8"
    small = Product(m, n, k, dtype)
    more = [m, n, k]
    more[at] += extra
    first, second = (of(runnable(target), p) for p in (small, Product(*more, dtype)))
    assert 0 < first.low < first.value < first.high
    assert first.value <= second.value * (1 + 1e-9)
    assert sum(first.bound_by.values()) == pytest.approx(1)


@each_target
@settings(max_examples=20, deadline=None)
@given(m=sizes, n=sizes, k=sizes, factor=st.floats(1, 100))
@pytest.mark.parametrize("figure", ["memory_bandwidth", "cache_bytes", "peaks"])
def test_better_hardware_is_never_slower(
    target: Target, figure: str, m: int, n: int, k: int, factor: float
) -> None:
    product = Product(m, n, k, "fp32" if "fp32" in target.peaks else "int8")
    stored = target.model_dump()
    better = stored[figure].values() if figure == "peaks" else [stored[figure]]
    for value in better:
        value["value"] *= factor
    faster = of(runnable(Target.model_validate(stored)), product)
    assert faster.value <= of(runnable(target), product).value * (1 + 1e-9)


@each_target
def test_more_threads_are_never_slower_and_matter_on_cpus_alone(target: Target) -> None:
    product = Product(512, 512, 512, "fp32" if "fp32" in target.peaks else "int8")
    one, four = (of(runnable(target), product, threads) for threads in (1, 4))
    if target.kind == "cpu":
        assert one.value / 4 < four.value < one.value
        assert any("thread" in note for note in four.notes)
    else:
        assert one.value == four.value


@each_target
@pytest.mark.parametrize("dtype", PRECISION)
def test_what_it_cannot_run_is_refused_in_a_sentence(target: Target, dtype: Dtype) -> None:
    found = of(runnable(target), Product(64, 64, 64, dtype))
    if dtype in target.peaks or dtype in target.substitutes:
        assert not found.refused
        assert found.value > 0
    else:
        assert target.title in found.refused and dtype in found.refused
        assert found.refused.endswith(".")
        assert (found.value, found.low, found.high) == (0, 0, 0)


@each_target
def test_a_model_larger_than_its_memory_is_refused(target: Target) -> None:
    dtype: Dtype = "fp32" if "fp32" in target.peaks else "int8"
    found = of(runnable(target), Product(1, 2_000_000, 4_000_000, dtype))
    assert "GB" in found.refused


@each_target
def test_it_is_named_an_estimate(target: Target) -> None:
    assert "estimate" in of(target, Product(1, 1, 1)).method.lower()


def test_this_machine_is_measured_and_not_estimated() -> None:
    local = all_targets()["local"]
    assert not local.modelled and not local.peaks
    with pytest.raises(InputError, match="not modelled"):
        of(local, Product(1, 1, 1))
