"""A changed model trained back towards its original, and what cannot be."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from support import kinds, pass_models

from optim.arrays import Feeds
from optim.build.readying import ready
from optim.errors import StepError
from optim.model.proto import copy_of, write_proto
from optim.passes.base import Calibration, Context
from optim.passes.magnitude_prune import MagnitudePrune
from optim.passes.recover import Recover
from optim.passes.static_int8 import StaticInt8
from optim.passes.structured_prune import StructuredPrune
from optim.passes.support.clock import Clock
from optim.passes.support.distilling import _batch_size
from optim.passes.support.samples import held_back, mixed, stacked
from optim.passes.support.torch_graph import TorchGraph

pytestmark = pytest.mark.slow

TRAINABLE = ("cnn", "old_cnn", "mlp", "badly_named", "credit", "fashion", "spam", "weather")
SHORT = Recover(steps=40, batch=16)


def _cosine(one: onnx.ModelProto, other: onnx.ModelProto, feeds: list[Feeds]) -> float:
    return pass_models.cosine(pass_models.outputs(one, feeds), pass_models.outputs(other, feeds))


@pytest.mark.parametrize("name", TRAINABLE)
def test_the_interpreter_answers_as_the_engine_alone_and_in_batches(name: str) -> None:
    import torch

    model, feeds = pass_models.load(name), pass_models.feeds(name)[:3]
    graph = TorchGraph(model)
    with torch.no_grad():
        alone = [
            graph.run({k: torch.from_numpy(v) for k, v in f.items()}, graph.outputs) for f in feeds
        ]
        graph.batch = 3
        batch = {k: torch.from_numpy(v) for k, v in stacked(feeds).items()}
        together = graph.run(batch, graph.outputs)
    expected = pass_models.outputs(model, feeds)
    got = np.array([np.concatenate([v.numpy().ravel() for v in run.values()]) for run in alone])
    np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-4)
    side = np.concatenate([v.numpy().reshape(3, -1) for v in together.values()], axis=1)
    np.testing.assert_allclose(side, expected, rtol=1e-3, atol=1e-4)


def test_samples_go_together_where_that_changes_no_answer() -> None:
    feeds = pass_models.feeds("lstm")[:3]
    assert _batch_size(TorchGraph(pass_models.load("lstm")), feeds, 3) == 1
    assert (
        _batch_size(TorchGraph(pass_models.load("weather")), pass_models.feeds("weather"), 3) == 3
    )


def test_a_recurrent_model_is_trained_too() -> None:
    model, context = pass_models.load("lstm"), pass_models.context("lstm")
    noisy = MagnitudePrune(sparsity=0.7).run(model, context).model
    outcome = SHORT.run(noisy, replace(context, original=model))
    assert outcome.modified
    held = pass_models.feeds("lstm")[pass_models.CALIBRATION_SAMPLES :]
    assert _cosine(outcome.model, model, held) > _cosine(noisy, model, held)


def test_a_pruned_model_comes_closer_to_its_original() -> None:
    model, context = pass_models.load("mlp"), pass_models.context("mlp")
    pruned = StructuredPrune(flops=0.6, multiple=8).run(model, context).model
    told: list[str] = []
    outcome = SHORT.run(pruned, replace(context, original=model, say=told.append))
    assert outcome.modified
    held = pass_models.feeds("mlp")[pass_models.CALIBRATION_SAMPLES :]
    assert _cosine(outcome.model, model, held) > _cosine(pruned, model, held)
    assert told[0].endswith("how many steps fit")
    assert told[-1].startswith("training, 100 %, held-back loss ") and "█" in told[-1]
    shapes = {t.name: tuple(t.dims) for t in outcome.model.graph.initializer}
    assert shapes == {t.name: tuple(t.dims) for t in pruned.graph.initializer}


def test_weights_that_were_nodes_are_trained_too(tmp_path: Path) -> None:
    made, path = kinds.constants(), tmp_path / "given.onnx"
    feeds = kinds.samples(made, 128)
    write_proto(made, path)
    model, notes = ready(path, (SHORT,), feeds[0])
    assert "6 weights that were nodes" in notes[0]
    assert TorchGraph(model).parameters.keys() == {"w1", "w2", "scale", "shift"}
    context = Context(calibration=Calibration(feeds), original=model)
    pruned = MagnitudePrune(sparsity=0.7).run(model, context).model
    outcome = SHORT.run(pruned, context)
    assert outcome.modified
    assert _cosine(outcome.model, model, feeds) > _cosine(pruned, model, feeds)


def test_the_last_batch_may_have_fewer_samples_in_a_graph_that_is_made_for_one() -> None:
    model, feeds = pass_models.load("spam"), pass_models.feeds("spam")[:20]
    context = Context(Calibration(feeds), original=model, following=(StaticInt8(),))
    notes = Recover(steps=1, batch=2).run(model, context).notes
    assert any("held-back calibration samples" in note for note in notes)


def test_labels_of_calibration_samples_are_learned_from_where_asked_for() -> None:
    """What the teacher gets wrong the student then gets right more often."""
    model, context = pass_models.load("mlp"), pass_models.context("mlp")
    feeds = [*context.calibration]
    answers = pass_models.outputs(model, feeds).reshape(len(feeds), -1)
    wanted = (answers.argmax(1) + 1) % answers.shape[1]
    pruned = StructuredPrune(flops=0.6, multiple=8).run(model, context).model
    context = replace(context, original=model, calibration=Calibration(feeds, wanted))

    def right(labels: bool) -> float:
        outcome = Recover(steps=150, batch=16, labels=labels).run(pruned, context)
        assert labels == any("by cross-entropy" in note for note in outcome.notes)
        found = pass_models.outputs(outcome.model, feeds).reshape(len(feeds), -1)
        return float(np.take_along_axis(found, wanted[:, None], 1).mean())

    assert right(True) > right(False)


def test_as_many_steps_again_give_the_same_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine is meanwhile: it is not ended early here."""
    monkeypatch.setattr("optim.passes.support.clock._LATE", 1e9)
    model, context = pass_models.load("cnn"), pass_models.context("cnn")
    pruned = StructuredPrune(flops=0.5, multiple=8).run(model, context).model
    context = replace(context, original=model)
    first = Recover(seconds=1, batch=8).run(pruned, context)
    assert first.ran and first.ran.spelling.startswith("recover:seconds=1,steps=")
    again = first.ran.run(pruned, context)
    assert again.model.SerializeToString() == first.model.SerializeToString()


def test_a_slow_first_step_takes_no_others_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Libraries load in it: a training of 30 s has as many steps of 0.1 s as fit behind it."""
    now = 0.0
    monkeypatch.setattr("optim.passes.support.clock.time.monotonic", lambda: now)
    clock, step = Clock(seconds=30, steps=0), 0
    now = 5.0  # before the first one
    while not clock.over(step):
        now += 7.0 if step == 0 else 0.1
        step += 1
    assert 170 <= step <= 190 and clock.planned(step) == step
    again, taken = Clock(seconds=30, steps=step), 0
    assert again.done(step // 10) == 0, "nothing depended on the steps until they were known"
    while not again.over(taken):
        taken += 1
    assert taken == step


def test_zeros_stay_zeros() -> None:
    model, context = pass_models.load("mlp"), pass_models.context("mlp")
    sparse = MagnitudePrune(sparsity=0.6).run(model, context).model
    outcome = SHORT.run(sparse, replace(context, original=model))
    assert outcome.modified
    for before, after in zip(
        sparse.graph.initializer, outcome.model.graph.initializer, strict=True
    ):
        zero = numpy_helper.to_array(before) == 0
        assert not numpy_helper.to_array(after)[zero].any()


def test_it_trains_for_the_rounding_that_follows() -> None:
    """With a pass to 8 bits behind it even an unchanged model is trained; without, it is left."""
    model, context = pass_models.load("mlp"), pass_models.context("mlp")
    context = replace(context, original=model)
    alone = SHORT.run(model, context)
    assert not alone.modified and "Nothing to recover" in alone.notes[0]
    before = SHORT.run(model, replace(context, following=(StaticInt8(),)))
    assert any("rounding of 8 bits" in note for note in before.notes)


def test_what_cannot_be_trained_is_refused_by_name() -> None:
    model, context = pass_models.load("branching"), pass_models.context("branching")
    changed = MagnitudePrune().run(model, context).model
    with pytest.raises(StepError, match="it has If"):
        SHORT.run(changed, replace(context, original=model))


def test_without_inputs_or_an_original_nothing_is_done() -> None:
    model = pass_models.load("mlp")
    pruned = MagnitudePrune().run(model, pass_models.context("mlp")).model
    without = Context(calibration=Calibration([]), original=model)
    assert not SHORT.run(pruned, without).modified
    assert not SHORT.run(
        pruned, Context(calibration=pass_models.context("mlp").calibration)
    ).modified


def test_samples_are_mixed_within_their_kind() -> None:
    random = np.random.default_rng(0)
    tokens = [
        {"ids": random.integers(0, 9, (1, 12)), "x": random.random((1, 1, 16, 16))}
        for _ in range(8)
    ]
    batch = stacked([{k: np.asarray(v) for k, v in one.items()} for one in tokens])
    for _ in range(20):
        found = mixed(batch, random)
        assert {k: (v.shape, v.dtype) for k, v in found.items()} == {
            k: (v.shape, v.dtype) for k, v in batch.items()
        }
        columns = [set(batch["ids"][:, at]) for at in range(12)]
        assert all(set(found["ids"][:, at]) <= columns[at] for at in range(12))
        assert found["x"].min() >= 0 and found["x"].max() <= 1


def test_held_back_samples_are_not_trained_on() -> None:
    samples = [{"x": np.array([[at]])} for at in range(40)]
    train, held = held_back(samples, 0.15, 128)
    assert len(train) + len(held) == 40 and len(held) == 6
    assert not {int(s["x"][0, 0]) for s in train} & {int(s["x"][0, 0]) for s in held}


def test_a_graph_made_for_one_sample_is_trained_one_by_one() -> None:
    """A reshape that mixes samples: batches would give other answers, and are not used."""
    made = copy_of(pass_models.load("mlp"))
    shape = numpy_helper.from_array(np.array([-1, 64], np.int64), "shape")
    made.graph.initializer.append(shape)
    first = made.graph.node[0]
    made.graph.node.insert(0, helper.make_node("Reshape", ["x", "shape"], ["flat"], name="flat"))
    made.graph.node[1].input[0] = "flat"
    assert first is not None
    sparse = MagnitudePrune(sparsity=0.5).run(made, pass_models.context("mlp")).model
    outcome = SHORT.run(sparse, replace(pass_models.context("mlp"), original=made))
    assert outcome.modified
