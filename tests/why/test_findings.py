"""Each finding on a case made to show it: built, run, judged and profiled for real."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from support.study_tools import use_home
from support.why_cases import CASES, Case, cnn, gru, recurrent, small
from support.why_evidence import Witness

from optim.findings import Caution
from optim.recipe import Recipe
from optim.why.evidence import Evidence
from optim.why.finding import Finding
from optim.why.findings import finders, found

pytestmark = pytest.mark.slow
Seen = Callable[[Case], Evidence]
ELSEWHERE = {"emulated_precision", "saturation", "slow_start", "slower_nodes"}
ELSEWHERE |= {"lower_precision_is_slower"}
"""Those with a test of their own below."""


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    """What is known of a case."""
    folder = tmp_path_factory.mktemp("why")
    with pytest.MonkeyPatch.context() as patch:
        use_home(folder / "home", patch)
        yield Witness(folder)


def by_code(evidence: Evidence) -> dict[str, Finding]:
    return {one.code: one for one in found(evidence)}


@pytest.mark.parametrize("code", sorted(CASES))
def test_it_is_found_and_says_where(code: str, seen: Seen) -> None:
    case = CASES[code]
    one = by_code(seen(case))[code]
    said = " ".join((one.text, one.advice, *one.nodes))
    assert case.names in said
    assert one.text.endswith((".", ".)")) or one.text[-1] in "?'"
    assert one.advice
    if one.recipe:
        assert Recipe.parse(one.recipe).spelling == one.recipe


def test_every_finding_has_a_case() -> None:
    assert set(finders()) == CASES.keys() | ELSEWHERE


def test_little_is_found_where_nothing_is_wrong(seen: Seen) -> None:
    plain = found(seen(Case(cnn)))
    assert [one.code for one in plain if one.concerns == "quality"] == []
    quiet = {"signed_activations", "dynamic_convolutions", "denormals", "draws_at_random"}
    quiet |= {"pairs_not_fused", "only_looks_kept", "padding", "labels_do_not_fit", "doubles"}
    assert not quiet & {one.code for one in plain}


def test_what_depends_on_the_machine_follows_what_it_said(seen: Seen) -> None:
    """Emulation and saturation are seen by the engine's own words, on machines that have them."""
    here = seen(Case(cnn, "static_int8:reduce_range=off"))
    assert by_code(here)["saturation"].concerns in ("trust", "quality")
    said = {
        "precision not available": "bf16 was asked for, but the engine computed in fp32.",
        "saturation": "conv_0 (40 % of its pairs) may overflow.",
    }
    warnings = tuple(Caution(code=code, text=text) for code, text in said.items())
    told = by_code(replace(here, trial=here.trial.model_copy(update={"warnings": warnings})))
    assert told["emulated_precision"].text.startswith("bf16 was asked for")
    assert told["saturation"].concerns == "quality"
    assert "reduce_range=on" in told["saturation"].recipe


def test_a_start_that_dwarfs_the_run(seen: Seen) -> None:
    here = seen(Case(cnn))
    assert "slow_start" not in by_code(here)
    slow = here.trial.summary.model_copy(update={"load_ms": 9_000.0, "first_run_ms": 1_000.0})
    late = replace(here, trial=here.trial.model_copy(update={"summary": slow}))
    assert "later runs" in by_code(late)["slow_start"].text


def test_slower_nodes_are_named_where_nothing_says_why(seen: Seen) -> None:
    here = seen(Case(cnn, "simplify"))
    assert "slower_nodes" not in by_code(here)
    profile = tuple(
        node.model_copy(update={"microseconds": 3 * node.microseconds})
        if node.op == "Conv"
        else node
        for node in here.after.profile
    )
    run_us = sum(node.microseconds for node in profile)
    after = here.after.model_copy(update={"profile": profile, "p50_us": run_us})
    told = by_code(replace(here, afters=(after,)))["slower_nodes"]
    assert "conv_4" in told.nodes and "got slower" in told.text


@pytest.mark.parametrize(
    ("case", "mended"),
    [
        (Case(cnn, "static_int8:exclude=conv_2|conv_4"), "static_int8 + onnxruntime"),
        (Case(cnn, "dynamic_int8"), "static_int8 + onnxruntime"),
        (Case(recurrent, "static_int8 + onnxruntime:threads=2"), "dynamic_int8 + onnxruntime"),
        (Case(recurrent, "static_int8 + openvino"), "dynamic_int8 + onnxruntime"),
        (Case(gru, "dynamic_int8"), "unroll_gru + dynamic_int8 + onnxruntime"),
        (Case(gru, "static_int8"), ""),
    ],
)
def test_what_stays_in_float_is_lowered_by_what_takes_it(
    case: Case, mended: str, seen: Seen
) -> None:
    """Each engine has its own lack: OpenVINO of dynamic products, ONNX Runtime of static steps."""
    told = by_code(seen(case))["kept_in_float"].recipe
    assert told == mended + ":threads=2" * ("threads" in case.recipe)


def test_products_that_take_longer_in_int8(seen: Seen) -> None:
    here = seen(Case(small, "static_int8"))
    slow = tuple(
        node.model_copy(update={"microseconds": 5 + 5 * node.microseconds})
        for node in here.after.profile
    )
    after = here.after.model_copy(
        update={"profile": slow, "p50_us": sum(n.microseconds for n in slow)}
    )
    told = by_code(replace(here, afters=(after,)))["lower_precision_is_slower"]
    assert told.recipe == "onnxruntime" and "They are small" in told.text
    assert "matmul" in told.text
