"""Residual blocks left out: which are found, that the least missed goes first, what stays."""

from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from support import pass_models

from optim.model.proto import copy_of
from optim.passes.drop_layers import DropLayers, without
from optim.passes.support.blocks import residual_blocks
from optim.passes.support.tools import count_ops
from optim.recipe import Recipe


@pytest.mark.parametrize(
    ("name", "count"), [("cnn", 1), ("fashion", 7), ("spam", 8), ("mlp", 0), ("lstm", 0)]
)
def test_blocks_are_found_where_their_shape_stays(name: str, count: int) -> None:
    """fashion: nine blocks, two of which change the shape; spam: four of attention, four behind."""
    blocks = residual_blocks(pass_models.load(name))
    assert len(blocks) == count


@pytest.mark.parametrize(
    "recipe", ["drop_layers:share=0.9", "structured_prune:flops=0.5,multiple=1"]
)
def test_training_is_asked_for_unless_it_follows(recipe: str) -> None:
    (thinning, recover) = Recipe.parse(f"{recipe} + recover").passes
    context, model = pass_models.context("cnn"), pass_models.load("cnn")
    wish = "Such a network needs training: add recover behind this pass."
    assert wish in thinning.run(model, context).notes
    assert wish not in thinning.run(model, replace(context, following=(recover,))).notes


def test_the_block_that_adds_nothing_goes_first() -> None:
    model = copy_of(pass_models.load("fashion"))
    blocks = residual_blocks(model)
    last = next(n for n in model.graph.node if n.name == blocks[3].node)
    norm = next(n for n in model.graph.node if last.input[0] in n.output)
    assert norm.op_type == "BatchNormalization"
    for tensor in model.graph.initializer:
        if tensor.name in norm.input[1:3]:
            zeros = np.zeros(tensor.dims, np.float32)
            tensor.CopyFrom(numpy_helper.from_array(zeros, tensor.name))
    outcome = DropLayers(share=0.15).run(model, pass_models.context("fashion"))
    assert blocks[3].node in outcome.notes[0]
    feeds = pass_models.feeds("fashion")[-3:]
    np.testing.assert_allclose(
        pass_models.outputs(outcome.model, feeds), pass_models.outputs(model, feeds), atol=1e-4
    )
    fewer = count_ops(model) - count_ops(outcome.model)
    assert fewer["Conv"] == 2 and fewer["Add"] == 1
    read = {name for node in outcome.model.graph.node for name in node.input}
    assert all(tensor.name in read for tensor in outcome.model.graph.initializer)


def test_all_blocks_can_go_at_once() -> None:
    model = pass_models.load("spam")
    result = without(model, residual_blocks(model))
    onnx.checker.check_model(result, full_check=True)
    assert np.isfinite(pass_models.outputs(result, pass_models.feeds("spam")[:1])).all()


def test_excluded_blocks_stay() -> None:
    model = pass_models.load("cnn")
    outcome = DropLayers(share=0.9, exclude=("residual",)).run(model, pass_models.context("cnn"))
    assert not outcome.modified


def test_a_sum_of_two_branches_is_no_block() -> None:
    model = copy_of(pass_models.load("mlp"))
    model.graph.node.insert(1, helper.make_node("Relu", ["m1"], ["left"], name="left"))
    model.graph.node.insert(2, helper.make_node("Tanh", ["m1"], ["right"], name="right"))
    model.graph.node.insert(3, helper.make_node("Add", ["left", "right"], ["both"], name="both"))
    model.graph.node[4].input[0] = "both"
    assert not residual_blocks(model)
