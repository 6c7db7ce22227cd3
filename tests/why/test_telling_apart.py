"""Findings that fresh cases showed to be missing or wrong, each on evidence made by hand."""

from collections.abc import Sequence
from types import SimpleNamespace

import pytest
from support.trials import around

from optim.build.child import PassReport
from optim.explaining.executed import Executed, Side, executed, wanted_precision
from optim.explaining.profile import ProfiledNode
from optim.findings import Interval
from optim.graph.values import Analysis, NodeRow
from optim.recipe import Recipe
from optim.why import findings
from optim.why.alternatives import Alternative
from optim.why.evidence import Evidence
from optim.why.finding import Finding
from optim.why.findings import (
    below_dispatch,
    constant_output,
    conversions,
    denormals,
    inputs_prepared_otherwise,
    lower_precision_is_slower,
    one_operator_dominates,
    padding,
    quality_lost,
    slow_kernel,
    slow_start,
    slower_nodes,
    threads,
)
from optim.why.input_seen import InputSeen
from optim.why.observing import Observed


def evidence(**facts: object) -> Evidence:
    """As far as one finding looks at it."""
    known = {
        "recipe": Recipe.parse("onnxruntime"),
        "engine": "onnxruntime",
        "p50_ms": 1.0,
        "labels_doubted": (),
        "trial": SimpleNamespace(summary=None),
        "here": SimpleNamespace(cited=lambda *kinds, runtime="": ""),
        "evalset": SimpleNamespace(synthetic=False, metric="top1"),
        "ms": lambda works: sum(work.microseconds for work in works) / 1e3,
        "share": lambda works: sum(work.microseconds for work in works) / 1e3,
    }
    return SimpleNamespace(**known | facts)  # type: ignore[return-value]


ORIGINAL = SimpleNamespace(inputs=(SimpleNamespace(name="x"),))
PARTS = {"scores": "MatMul", "softmax": "Softmax", "values": "MatMul"}


def work(op: str, us: float, precision: str = "", **facts: bool) -> Executed:
    known = {"multiplies": op in ("MatMul", "Gemm"), **facts}
    return Executed(name=op, op=op, executed_op=op, precision=precision, microseconds=us, **known)


def padded(recipe: str, *reports: PassReport, **dims: int) -> list[Finding]:
    """On a network of which 70 % is padding, half of it for every sample."""
    seen = InputSeen(apart=0, outside=0, padded=0.7, least_padded=0.5, places=80, least=0, most=1)
    here = evidence(
        recipe=Recipe.parse(recipe),
        observed=Observed(inputs={"x": seen}),
        after=SimpleNamespace(nodes_us=1000.0),
        p50_ms=2.0,
        trial=SimpleNamespace(reports=reports),
        original=SimpleNamespace(dims=dims),
    )
    return list(padding.find(here))


def test_padding_leads_to_the_pass_that_cuts_it_and_says_what_one_length_saves() -> None:
    (found,) = padded("static_int8 + onnxruntime", batch=1)
    assert "40 of the 80" in found.text and found.cost_ms == pytest.approx(0.7)
    assert Recipe.parse(found.recipe).passes[0].name == "true_length"
    assert "exported to fit the longest, saves about 0.5 ms" in found.advice
    (free,) = padded("onnxruntime", steps=80)
    assert "bound (--dim steps=40)" in free.advice


def test_padding_that_a_pass_has_cut_costs_nothing() -> None:
    recipe, report = (
        "true_length + onnxruntime",
        PassReport(name="true_length", notes=(), seconds=1.0, modified=True),
    )
    assert not padded(recipe, report)
    (refused,) = padded(recipe, report.model_copy(update={"modified": False}))
    assert not refused.recipe


def test_labels_that_are_not_the_models_say_nothing_of_how_inputs_are_prepared() -> None:
    better = Alternative(what="inverted", input="x", value=0.22, as_given=0.0, n=200)
    observed = Observed(alternatives=(better,))
    assert list(inputs_prepared_otherwise.find(evidence(observed=observed)))
    doubted = evidence(observed=observed, labels_doubted=("In another order they fit.",))
    assert not list(inputs_prepared_otherwise.find(doubted))
    scattered = better.model_copy(update={"chance": 0.2})
    by_chance = evidence(observed=Observed(alternatives=(scattered,)))
    assert not list(inputs_prepared_otherwise.find(by_chance)), "a few samples of a rare class"


@pytest.mark.parametrize(("judged", "told"), [("", 2), ("class", 1), ("scores", 1), ("other", 0)])
def test_of_constant_outputs_those_matter_that_are_judged(judged: str, told: int) -> None:
    observed = Observed(spread={"class": 0.0, "scores": 0.0, "other": 0.5})
    found = list(constant_output.find(evidence(observed=observed, judged=judged)))
    assert len(found) == told


def test_tiny_numbers_that_nothing_computes_with_cost_nothing() -> None:
    rows = (NodeRow(name="softmax", op="Softmax", reads=("scores",), writes=("y",)),)
    before = SimpleNamespace(analysis=SimpleNamespace(nodes=rows))
    for value, count in (("y", 0), ("scores", 1)):
        here = evidence(observed=Observed(values={value: 0.3}), before=before, original=ORIGINAL)
        assert len(list(denormals.find(here))) == count


def test_tiny_inputs_are_scaled_before_the_model_where_no_weights_are_to_blame() -> None:
    rows = (NodeRow(name="first", op="Gemm", reads=("x",), writes=("h",)),)
    before = SimpleNamespace(analysis=SimpleNamespace(nodes=rows))
    here = evidence(observed=Observed(values={"x": 0.9}), before=before, original=ORIGINAL)
    (found,) = denormals.find(here)
    assert found.nodes == ("first",) and "Scale x" in found.advice and not found.recipe


def test_what_enters_and_leaves_may_change_its_layout_once() -> None:
    original = SimpleNamespace(inputs=("x",), outputs=("y",))
    reorder = work("ReorderOutput", 100.0, converts=True)
    for many, count in ((2, 0), (3, 1)):
        here = evidence(executed=[reorder] * many, executed_before=[], original=original, rows={})
        assert len(list(conversions.find(here))) == count


def test_conversions_of_the_engine_lead_to_the_nodes_that_they_are_for() -> None:
    original = SimpleNamespace(inputs=("x",), outputs=("y",))
    cast = work("Cast", 9.0, converts=True)
    own = [cast.model_copy(update={"name": f"reorder_{i}"}) for i in range(3)]
    ran = [own[0], work("Conv", 10.0), work("Relu", 1.0), own[1], own[2], work("Gemm", 5.0)]
    rows = dict.fromkeys(("Conv", "Relu", "Gemm"))
    here = evidence(executed=ran, executed_before=[], original=original, rows=rows, p50_ms=0.1)
    (found,) = conversions.find(here)
    assert found.nodes == ("reorder_0", "reorder_1", "reorder_2", "Conv", "Gemm")
    assert "before Conv, Gemm." in found.text


def test_both_sides_are_on_the_scale_of_their_runs() -> None:
    """A profiler that makes the original three times slower hides nothing."""
    empty = Analysis.model_construct(nodes=(), weights=())
    node = ProfiledNode(name="a", op="Gemm", microseconds=90.0, share=1.0)
    side = Side(analysis=empty, profile=(node,), p50_us=30.0)
    assert [one.microseconds for one in executed(side)] == [pytest.approx(30.0)]
    assert side.nodes_us == pytest.approx(30.0) and side.total_us == 90.0
    slow = side.model_copy(update={"p50_us": 300.0})
    assert [one.microseconds for one in executed(slow)] == [90.0]


def products(us: Sequence[float], op: str = "MatMul") -> list[Side]:
    """Profiles of one product that takes so long."""
    rows = (NodeRow(name="product", op="MatMul", flops=9),)
    graph = Analysis.model_construct(nodes=rows, weights=())
    node = ProfiledNode(name="product", op=op, microseconds=0, share=1, rows=rows)
    ran = [node.model_copy(update={"microseconds": one}) for one in us]
    wanted = "" if op == "MatMul" else "int8"
    return [Side(analysis=graph, profile=(one,), wanted=wanted) for one in ran]


def in_int8(was: Sequence[float], now: Sequence[float], **facts: object) -> Evidence:
    """What a lower precision's finding looks at: us of a product in each profile."""
    befores, afters = products(was), products(now, "QLinearMatMul")
    ran = {"executed": executed(afters[0]), "executed_before": executed(befores[0])}
    return between(befores, afters, recipe=Recipe.parse("static_int8"), **ran, **facts)


def test_a_lower_precision_that_the_profiler_is_too_coarse_for_is_seen_by_the_run() -> None:
    for speedup, engine, count in (
        (0.7, "onnxruntime", 1),
        (1.3, "onnxruntime", 0),
        (0.7, "openvino", 0),
    ):
        trial = SimpleNamespace(summary=SimpleNamespace(speedup=around(speedup)))
        here = in_int8((3.0,), (3.0,), trial=trial, engine=engine, p50_ms=0.009)
        here.before = here.before.model_copy(update={"p50_us": 6.5})  # type: ignore[misc]
        found = list(lower_precision_is_slower.find(here))
        assert len(found) == count
        assert all(one.recipe == "onnxruntime" and "product" in one.nodes for one in found)


def test_products_are_slower_beyond_chance_or_that_is_said_to_be_open() -> None:
    """Profiles that differ among themselves by more than the change decide nothing."""
    for now, speedup, said in (
        ((130, 131, 129), 1.0, "do not gain"),
        ((90, 130, 170), 1.0, "cannot be told"),
        ((90, 130, 170), 1.4, ""),  # the run is faster: that is measured
        ((80, 81, 79), 1.0, ""),
    ):
        trial = SimpleNamespace(summary=SimpleNamespace(speedup=around(speedup)))
        here = in_int8((100, 101, 99), now, trial=trial, p50_ms=0.2)
        texts = [one.text for one in lower_precision_is_slower.find(here)]
        assert len(texts) == bool(said) and all(said in text for text in texts)


def test_products_that_no_node_of_before_is_known_for_are_held_against_nothing() -> None:
    facts = {"trial": SimpleNamespace(summary=None), "p50_ms": 0.02}
    here = in_int8((30.0, 31.0), (20.0, 20.2), **facts)
    other = here.before.profile[0].model_copy(update={"name": "other", "rows": ()})
    here.befores = [here.before.model_copy(update={"profile": (other,)})]  # type: ignore[misc]
    (here.before,) = here.befores  # type: ignore[misc]
    assert not list(lower_precision_is_slower.find(here))


def test_a_product_that_kept_its_precision_does_not_count() -> None:
    """Another engine may be slower at it: that is not the lower precision's doing."""
    trial = SimpleNamespace(summary=SimpleNamespace(speedup=around(0.9)))
    here = in_int8((100, 101, 99), (80, 81, 79), trial=trial, p50_ms=0.5, engine="openvino")
    row = NodeRow(name="kept", op="MatMul", flops=9)
    (other,) = products((300.0,))[0].profile
    other = other.model_copy(update={"name": "kept", "rows": (row,)})
    slower = [side.model_copy(update={"profile": (*side.profile, other)}) for side in here.afters]
    here.afters = slower  # type: ignore[misc]
    here.executed = executed(slower[0])  # type: ignore[misc]
    assert not list(lower_precision_is_slower.find(here))


def test_a_symptom_gives_way_to_its_cause_only(monkeypatch: pytest.MonkeyPatch) -> None:
    every = {
        "cause": Finding(text="Conv.", nodes=("conv",), recipe="static_int8"),
        "shows_there": Finding(text="Slow.", nodes=("conv", "x"), symptom=True, recipe="simplify"),
        "shows_elsewhere": Finding(text="Slow.", nodes=("y",), symptom=True, recipe="simplify"),
        "no_recipe": Finding(text="Slower.", nodes=("z",), symptom=True),
    }
    finders = {code: lambda seen, one=one: [one] for code, one in every.items()}
    monkeypatch.setattr(findings, "finders", lambda: finders)
    assert {one.code for one in findings.found(evidence())} == {"cause", "shows_elsewhere"}


def between(befores: Sequence[Side], afters: Sequence[Side], **facts: object) -> Evidence:
    names = {row.name for row in befores[0].analysis.nodes}
    sides = {"befores": befores, "afters": afters, "before": befores[0], "after": afters[0]}
    return evidence(**sides, names_before=names, **facts)


def test_a_node_got_slower_only_where_all_profiles_say_so() -> None:
    """And by little only where the run did, too."""
    row = NodeRow(name="up", op="ConvTranspose", flops=9)
    graph = Analysis.model_construct(nodes=(row,), weights=())

    def sides(*times: float) -> list[Side]:
        node = ProfiledNode(name="up", op="ConvTranspose", microseconds=0, share=1, rows=(row,))
        ran = (node.model_copy(update={"microseconds": us}) for us in times)
        return [Side(analysis=graph, profile=(one,)) for one in ran]

    recipe = Recipe.parse("openvino:threads=2")
    was = sides(50, 49, 51)
    for after, speedup, count in (
        ((90, 30, 160), 0.6, 0),
        ((90, 80, 85), 0.6, 1),
        ((60, 59, 61), 0.83, 1),
        ((60, 59, 61), 1.2, 0),
    ):
        trial = SimpleNamespace(summary=SimpleNamespace(speedup=around(speedup)))
        here = between(was, sides(*after), recipe=recipe, engine="openvino", trial=trial)
        told = list(slower_nodes.find(here))
        assert [one.recipe for one in told] == ["onnxruntime:threads=2"] * count


def running(row: NodeRow, us: float, op: str, precision: str, wanted: str = "") -> Side:
    """A graph of this one node, and how it ran."""
    node = ProfiledNode(
        name=row.name, op=op, microseconds=us, share=1, precision=precision, rows=(row,)
    )
    graph = Analysis.model_construct(nodes=(row,), weights=())
    return Side(analysis=graph, wanted=wanted, profile=(node,))


@pytest.mark.parametrize(
    ("recipe", "ran", "precision", "mended"),
    [
        ("static_int8", "QLinearConv", "uint8", "static_int8:exclude=up + onnxruntime"),
        ("fuse_transformer", "SkipLayerNormalization", "", "residual=false + onnxruntime"),
        ("simplify", "Conv", "float", "onnxruntime"),
    ],
)
def test_what_made_a_node_slower_is_taken_back(
    recipe: str, ran: str, precision: str, mended: str
) -> None:
    row = NodeRow(name="up", op="Conv", flops=9)
    wanted = wanted_precision(Recipe.parse(recipe))
    before, after = running(row, 10, "Conv", "float"), running(row, 90, ran, precision, wanted)
    here = between((before,), (after,), recipe=Recipe.parse(recipe), engine="onnxruntime")
    (told,) = slower_nodes.find(here)
    assert told.recipe.endswith(mended)


def test_what_runs_fused_is_held_against_all_that_it_stands_for() -> None:
    """Attention as one node takes longer than its product alone did."""
    rows = tuple(NodeRow(name=name, op=op, flops=9) for name, op in PARTS.items())
    graph = Analysis.model_construct(nodes=rows, weights=())
    apart = tuple(
        ProfiledNode(name=row.name, op=row.op, microseconds=8, share=1, rows=(row,)) for row in rows
    )
    fused = ProfiledNode(name="all", op="Subgraph", microseconds=20, share=1, rows=rows)
    before, after = (Side(analysis=graph, profile=some) for some in (apart, (fused,)))
    recipe = Recipe.parse("openvino")
    assert not list(slower_nodes.find(between((before,), (after,), recipe=recipe)))
    alone = Side(analysis=graph, profile=apart[-1:])
    assert list(slower_nodes.find(between((alone,), (after,), recipe=recipe)))


def test_groups_of_several_channels_are_held_against_a_plain_kernel() -> None:
    """Of any rank; one channel in each is another matter: no kernel for that is near the best."""
    rate = SimpleNamespace(unit="GFLOP/s", precision="fp32", threads=1, quartiles=(110, 113, 115))
    for channels, groups, count in ((8, 16, 1), (1, 128, 0), (128, 1, 0)):
        gemm = (groups, 1997, channels, channels * 9)
        row = NodeRow(name="c", op="Conv", flops=37_000_000, bytes=2_000_000, gemm=gemm)
        node = ProfiledNode(
            name="c", op="Conv", microseconds=835, share=1, precision="float", rows=(row,)
        )
        graph = Analysis.model_construct(nodes=(row,), weights=())
        side = Side(analysis=graph, profile=(node,))
        probe = SimpleNamespace(rows=[rate])
        here = evidence(after=side, probe=probe, p50_ms=1.0, executed=executed(side))
        assert len(list(slow_kernel.find(here))) == count


def test_names_from_a_hostile_file_are_shortened() -> None:
    name = "evil\n\u202e" + "x" * 5000
    row = NodeRow(name=name, op="MatMul", flops=9)
    graph = Analysis.model_construct(nodes=(row,), weights=())
    sides = (
        Side(
            analysis=graph,
            profile=(ProfiledNode(name=name, op="MatMul", microseconds=us, share=1, rows=(row,)),),
        )
        for us in (10.0, 90.0)
    )
    before, after = sides
    recipe = Recipe.parse("simplify")
    (told,) = slower_nodes.find(between((before,), (after,), recipe=recipe))
    assert len(told.text) < 300 and "\n" not in told.text and "\u202e" not in told.text


def test_a_long_wait_outside_of_nodes_is_no_call_of_the_engine() -> None:
    for ms, within, count in ((0.2, 0.1, 1), (0.2, 0.55, 0), (19.0, 0.1, 0)):
        after = SimpleNamespace(nodes_us=1e3 * within * ms, profile=(), scale=1.0)
        here = evidence(p50_ms=ms, after=after, probe=None)
        assert len(list(below_dispatch.find(here))) == count


@pytest.mark.parametrize(
    ("us", "flops", "unknown", "count"),
    [(0.5, 64, "", 1), (0.5, 9000, "", 0), (9.0, 64, "", 0), (0.5, 64, "the shape is not", 0)],
)
def test_many_nodes_with_next_to_nothing_to_do_are_mostly_started(
    us: float, flops: int, unknown: str, count: int
) -> None:
    known = {"op": "Tanh", "flops": flops, "bytes": 64, "unknown": unknown}
    rows = [NodeRow(name=f"n{n}", **known) for n in range(50)]
    profile = tuple(
        ProfiledNode(name=row.name, op=row.op, microseconds=us, share=0.02, rows=(row,))
        for row in rows
    )
    side = Side(analysis=Analysis.model_construct(nodes=tuple(rows), weights=()), profile=profile)
    here = evidence(p50_ms=50 * us / 1e3, after=side, probe=None)
    assert len(list(below_dispatch.find(here))) == count


def test_a_run_is_not_said_to_take_less_than_nothing() -> None:
    """A probe that was disturbed gives a run with nothing in it more time than one of the model."""
    for empty, said in ((10.0, "no less"), (5.0, "takes 5 µs")):
        probe = SimpleNamespace(dispatch_us=lambda engine, empty=empty: empty)
        here = evidence(p50_ms=0.007, after=SimpleNamespace(nodes_us=1.0), probe=probe)
        (told,) = below_dispatch.find(here)
        assert said in told.text


def test_loading_dwarfs_runs_by_hundreds_and_takes_longer_than_a_process_to_start() -> None:
    for p50, load, count in ((1.0, 300.0, 0), (0.05, 300.0, 1), (0.05, 120.0, 0)):
        summary = SimpleNamespace(load_ms=load, first_run_ms=20.0)
        here = evidence(p50_ms=p50, trial=SimpleNamespace(summary=summary))
        assert len(list(slow_start.find(here))) == count


def test_threads_are_blamed_only_where_they_bring_little_beyond_doubt() -> None:
    """Not where it cannot be told, nor where other work had the cores."""
    recipe = Recipe.parse("onnxruntime:threads=2")
    little, unknown = Interval(value=1.05, low=1.0, high=1.1), Interval(value=1.1, low=0.6, high=2)
    for gain, contention, count in ((little, 0.0, 1), (little, 0.4, 0), (unknown, 0.0, 0)):
        summary = SimpleNamespace(thread_gain=gain, contention=contention)
        here = evidence(
            recipe=recipe, trial=SimpleNamespace(summary=summary), here=SimpleNamespace(cores=2)
        )
        assert len(list(threads.find(here))) == count


def test_what_threads_bring_is_said_only_where_it_is_known() -> None:
    recipe = Recipe.parse("onnxruntime:threads=8")
    for share, said in ((0.1, True), (0.9, False)):
        trial = SimpleNamespace(summary=SimpleNamespace(thread_gain=around(0.5, share)))
        here = SimpleNamespace(cores=2)
        (told,) = threads.find(evidence(recipe=recipe, trial=trial, here=here))
        assert ("They bring" in told.text) is said


def test_a_kernel_is_slow_against_what_was_probed_not_against_an_odd_node() -> None:
    """A profile that gave one node another's work made the other seem slow."""
    rows = [
        NodeRow(name=name, op="Conv", flops=4_500_000, bytes=100_000) for name in ("odd", "plain")
    ]
    profile = tuple(
        ProfiledNode(
            name=row.name, op="Conv", microseconds=us, share=0.5, precision="float", rows=(row,)
        )
        for row, us in zip(rows, (10.0, 100.0), strict=True)
    )
    graph = Analysis.model_construct(nodes=tuple(rows), weights=())
    side = Side(analysis=graph, profile=profile)
    rate = SimpleNamespace(unit="GFLOP/s", precision="fp32", threads=1, quartiles=(110, 113, 115))
    for probe, count in ((None, 1), (SimpleNamespace(rows=[rate]), 0)):
        here = evidence(after=side, probe=probe, p50_ms=0.11, executed=executed(side))
        assert len(list(slow_kernel.find(here))) == count


@pytest.mark.parametrize(("was", "mended"), [(300.0, "exclude=c"), (3000.0, "openvino")])
def test_a_slow_kernel_that_was_faster_in_float_is_left_in_float(was: float, mended: str) -> None:
    row = NodeRow(name="c", op="Conv", flops=37_000_000, bytes=200_000)
    before = running(row, was, "Conv", "float")
    after = running(row, 835.0, "QLinearConv", "uint8", "int8")
    rate = SimpleNamespace(unit="GFLOP/s", precision="int8", threads=1, quartiles=(410, 413, 415))
    here = between(
        (before,),
        (after,),
        recipe=Recipe.parse("static_int8"),
        probe=SimpleNamespace(rows=[rate]),
        executed=executed(after),
    )
    (told,) = slow_kernel.find(here)
    assert mended in told.recipe and ("less in float" in told.advice) == ("exclude" in mended)


def test_few_operations_for_each_byte_excuse_no_kernel_far_slower_than_memory() -> None:
    row = NodeRow(name="enlarge", op="ConvTranspose", flops=2_100_000, bytes=1_300_000)
    for us, count in ((1400.0, 1), (150.0, 0)):
        node = ProfiledNode(
            name="enlarge", op=row.op, microseconds=us, share=1, precision="float", rows=(row,)
        )
        side = Side(analysis=Analysis.model_construct(nodes=(row,), weights=()), profile=(node,))
        here = evidence(after=side, probe=None, p50_ms=us / 1e3, executed=executed(side))
        assert len(list(slow_kernel.find(here))) == count


@pytest.mark.parametrize(
    ("op", "said"), [("Loop", "a graph of its own"), ("CumSum", "no matrices")]
)
def test_a_loop_may_multiply_inside(op: str, said: str) -> None:
    (found,) = one_operator_dominates.find(evidence(executed=[work(op, 900.0)]))
    assert said in found.text and found.note == (op != "Loop"), "what is all there is, is no fault"
    more = evidence(executed=[work(op, 900.0), work("MatMul", 50.0)])
    assert not any(one.note for one in one_operator_dominates.find(more))


def test_the_answers_of_a_model_that_draws_are_not_called_lost() -> None:
    trial = SimpleNamespace(quality=SimpleNamespace())
    here = evidence(trial=trial, jump=None, original=SimpleNamespace(random=("RandomNormal",)))
    assert not list(quality_lost.find(here))
