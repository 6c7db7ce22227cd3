"""Shares of a recipe's gain and loss: which sub-recipes they need, and what becomes of them."""

from collections.abc import Callable
from itertools import combinations
from math import exp, log

import pytest
from support.trials import around, quality, summary, trial

from optim.errors import InputError
from optim.findings import Interval
from optim.recipe import Recipe
from optim.running.queue import QueueItem
from optim.why.shares import Reading, Shares, missing, shares_of
from optim.why.toggles import short, sub_recipe, toggles_of
from optim.why.whose import (
    cost_told,
    left_to_measure,
    loss_shown,
    readings,
    seconds_for,
    shares_among,
    spent,
    told,
)

parse = Recipe.parse
WHOLE = parse("simplify + static_int8 + openvino:precision=bf16,threads=2")


def reading(gain: float, loss: float = 0.0, share: float = 0.005) -> Reading:
    low, high = loss - 0.001, loss + 0.001
    return Reading.of(around(gain, share), Interval(value=loss, low=low, high=high))


def measured(
    recipe: Recipe, worth: Callable[[frozenset[str]], tuple[float, float]]
) -> dict[Recipe, Reading]:
    """Every sub-recipe of a recipe, by what its toggles' names are worth."""
    toggles = toggles_of(recipe)
    found = {}
    for size in range(1, len(toggles) + 1):
        for some in combinations(toggles, size):
            found[sub_recipe(recipe, some)] = reading(*worth(frozenset(t.name for t in some)))
    return found


def test_toggles_are_passes_the_engine_and_changed_options() -> None:
    names = [(one.kind, one.name) for one in toggles_of(WHOLE)]
    assert names == [
        ("pass", "simplify"),
        ("pass", "static_int8"),
        ("engine", "openvino"),
        ("option", "threads=2"),
        ("option", "precision=bf16"),
    ]
    assert toggles_of(Recipe.baseline()) == ()
    (option,) = toggles_of(parse("onnxruntime:spinning=false"))
    assert option.name == "spinning=false"


def test_every_part_of_a_recipe_is_a_recipe() -> None:
    toggles = {one.name: one for one in toggles_of(WHOLE)}

    def part(*names: str) -> str:
        return sub_recipe(WHOLE, [toggles[name] for name in names]).spelling

    assert sub_recipe(WHOLE, toggles.values()) == WHOLE
    assert part() == "onnxruntime"
    assert part("threads=2", "static_int8") == "static_int8 + onnxruntime:threads=2"
    assert part("openvino", "precision=bf16") == "openvino:precision=bf16"
    assert part("precision=bf16") == "onnxruntime"  # which has no such option
    assert part("simplify", "precision=bf16") == "simplify + onnxruntime"


def test_what_is_missing_is_what_is_not_measured_and_never_the_original() -> None:
    recipe = parse("simplify + static_int8 + openvino")
    wanted = missing(recipe, {})
    assert len(wanted) == 2**3 - 1 and Recipe.baseline() not in wanted
    assert len(missing(WHOLE, {})) == 2**5 - 2**3 - 1  # bf16 is nothing without its engine
    known = {one: reading(1.1) for one in wanted[:4]}
    assert missing(recipe, known) == wanted[4:]
    assert missing(recipe, dict.fromkeys(wanted, reading(1.1))) == ()


def test_independent_toggles_get_their_own_factors_and_losses() -> None:
    factors = {"simplify": 1.1, "static_int8": 2.0, "openvino": 1.5}

    def worth(on: frozenset[str]) -> tuple[float, float]:
        gain = exp(sum(log(factors[name]) for name in on))
        return gain, 0.02 * ("static_int8" in on)

    recipe = parse("simplify + static_int8 + openvino")
    found = shares_of(recipe, measured(recipe, worth))
    assert [one.toggles for one in found.shares] == [(name,) for name in factors]
    for share in found.shares:
        assert share.gain.value == pytest.approx(factors[share.name])
        assert share.gain.low < share.gain.value < share.gain.high
    assert [one.loss.value for one in found.shares] == pytest.approx([0, 0.02, 0])
    assert found.gain.value == pytest.approx(3.3) and found.measured == 8
    assert not found.interactions and not found.notes


def only_after_folding(on: frozenset[str]) -> tuple[float, float]:
    int8 = 1.9 if "simplify" in on else 1.0
    gain = (1.1 if "simplify" in on else 1.0) * (int8 if "static_int8" in on else 1.0)
    return gain, 0.01 * ("static_int8" in on)


def test_an_interaction_is_named() -> None:
    recipe = parse("simplify + static_int8")
    found = shares_of(recipe, measured(recipe, only_after_folding))
    (one,) = found.interactions
    assert (one.toggle, one.other, one.of) == ("static_int8", "simplify", "gain")
    assert one.with_it.value == pytest.approx(1.9) and one.without.value == pytest.approx(1.0)
    first, second = (share.gain.value for share in found.shares)
    assert first * second == pytest.approx(found.gain.value)
    said = told(found, "top1")
    assert "static_int8 brings 1.90× (1.89 to 1.91) only with simplify, 1.00×" in said
    assert "-0 points" not in said
    assert "together" in said and "2.09×" in said and "Shapley" in said and "points" in said


def test_what_cannot_run_alone_shares_a_bar_with_what_it_needs() -> None:
    recipe = parse("simplify + static_int8 + openvino")
    known = measured(recipe, lambda on: (1.2 ** len(on), 0.0))
    failed = {
        one: "No rule for this graph."
        for one in known
        if any(p.name == "static_int8" for p in one.passes)
        and not any(p.name == "simplify" for p in one.passes)
    }
    for one in failed:
        del known[one]
    assert missing(recipe, known) and missing(recipe, known, failed) == ()
    found = shares_of(recipe, known, failed)
    assert [one.toggles for one in found.shares] == [("simplify", "static_int8"), ("openvino",)]
    assert [one.gain.value for one in found.shares] == pytest.approx([1.44, 1.2])
    assert "static_int8 + onnxruntime cannot run: No rule for this graph." in found.notes[0]
    assert "share one bar" in told(found, "top1")


def test_a_recipe_that_failed_itself_has_no_shares() -> None:
    recipe = parse("simplify + static_int8")
    with pytest.raises(InputError, match="failed: It crashed"):
        missing(recipe, {}, {recipe: "It crashed."})


def test_beyond_five_toggles_orders_are_drawn() -> None:
    recipe = parse("simplify + static_int8 + openvino:precision=bf16,threads=2,streams=2")
    wanted = missing(recipe, {})
    assert wanted == missing(recipe, {}) and 10 < len(wanted) < 2**6 - 1
    known = {one: reading(1.1 ** len(toggles_of(one))) for one in wanted}
    found = shares_of(recipe, known)
    assert found.drawn == 8 and len(found.shares) == 6
    # What an engine's option brings, it brings only on that engine.
    assert {one.other for one in found.interactions} <= {"openvino"}
    product = exp(sum(log(share.gain.value) for share in found.shares))
    assert product == pytest.approx(found.gain.value)
    assert "8 orders drawn at random" in told(found, "top1")


def test_interactions_are_named_beyond_five_toggles_too() -> None:
    recipe = parse("simplify + static_int8 + openvino:precision=bf16,threads=2,streams=2")
    known = {}
    for one in missing(recipe, {}):
        names = {toggle.name for toggle in toggles_of(one)}
        together = {"simplify", "static_int8"} <= names
        known[one] = reading(1.1 ** len(names) * (1.9 if together else 1.0))
    found = shares_of(recipe, known).interactions
    (one,) = (one for one in found if one.other != "openvino")
    assert (one.toggle, one.other) == ("static_int8", "simplify")
    assert one.with_it.value / one.without.value == pytest.approx(1.9)


def test_the_original_has_no_gain_to_share_and_gaps_are_told() -> None:
    with pytest.raises(InputError, match="no gain to share"):
        shares_of(Recipe.baseline(), {})
    with pytest.raises(InputError, match="3 sub-recipes"):
        shares_of(parse("simplify + openvino"), {})


def test_trials_give_readings_and_reasons() -> None:
    fast = trial(1, summary(1.0, 2.0), quality(0.88), "openvino")
    fast = fast.model_copy(update={"recipe_digest": fast.recipe.digest})
    failed = trial(2, recipe="simplify").model_copy(
        update={"state": "failed", "error": "Too old.", "recipe_digest": parse("simplify").digest}
    )
    older = trial(3, summary(1.0, 9.0), quality(0.88), "fp16")  # of another version of the pass
    waiting = trial(4, recipe="dynamic_int8").model_copy(update={"state": "waiting"})
    known, why = readings([fast, failed, older, waiting])
    assert list(known) == [parse("openvino")] and why == {parse("simplify"): "Too old."}
    # on one thread in these trials: 2.0 against as many threads, 3.0 against one
    assert known[parse("openvino")].gain.value == pytest.approx(log(3.0))
    assert known[parse("openvino")].loss.value == pytest.approx(0.02)
    found: Shares = shares_among(fast, [fast])
    (share,) = found.shares
    assert share.gain.value == pytest.approx(3.0) and share.loss.value == pytest.approx(0.02)


def test_the_cost_is_told_by_what_alike_trials_took() -> None:
    slices = ("a", "b", "c")
    one = trial(1, summary(1.0, 2.0), quality(0.88), "openvino")
    slow = trial(2, summary(500.0, 2.0), quality(0.88), "simplify").model_copy(
        update={"slices": slices}
    )
    assert spent(slow) > spent(one) + 500  # a thousand samples of half a second each
    alike = [parse("fp16"), parse("static_int8")]
    assert seconds_for(alike, [one, slow]) == pytest.approx(2 * spent(slow))
    assert seconds_for(alike, []) > 0
    assert cost_told([], [one]) == ""
    assert cost_told(alike, [one, slow]).startswith("2 sub-recipes still to be measured: about 17")
    facts = {"study": "s", "recipe": "openvino", "position": 0, "phase": "timing"}
    queued = [QueueItem(**facts, number=n, seconds_left=20.0 * n) for n in (1, 2)]
    said = cost_told(alike, [one, slow], queued)
    assert said.endswith("Before that the queue has 2 trials to do: about 40 s.")
    assert len(left_to_measure(slow, [one])) == 1


def test_a_loss_that_no_sample_could_tell_reads_as_none() -> None:
    shown = loss_shown("top1")
    assert [shown(loss) for loss in (0.012, 0.00024, -3.4e-7)] == [
        "1.2 points",
        "0.024 points",
        "0 points",
    ]


def test_a_list_of_nodes_is_only_said_to_be_set() -> None:
    assert short("static_int8:weights=u8,exclude=/stages/6/Add|/stages/7/Add|/stages/7/Conv") == (
        "static_int8:weights=u8,exclude=…"
    )
    assert short("threads=2") == "threads=2" and short("simplify") == "simplify"
