"""Few values per layer: how many, how near, and what becomes of the compressed file."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from onnx import numpy_helper
from support import pass_models

from optim.build.child import compressed
from optim.passes.cluster_weights import ClusterWeights, clustered
from optim.passes.magnitude_prune import MagnitudePrune


@given(
    arrays.arrays(np.float32, st.integers(1, 60), elements=st.floats(-9, 9, width=32)),
    st.integers(2, 8),
)
def test_few_values_within_the_range_and_zeros_stay(weight: np.ndarray, count: int) -> None:
    found = clustered(weight, count)
    assert len(np.unique(found[weight != 0])) <= count
    assert np.array_equal(found == 0, weight == 0) or not (found[weight == 0]).any()
    if weight.any():
        assert found.min() >= weight.min() - 1e-4 and found.max() <= weight.max() + 1e-4


def test_the_file_compresses_to_a_fraction_and_more_values_are_nearer() -> None:
    model, context = pass_models.load("spam"), pass_models.context("spam")
    few = ClusterWeights(values=8).run(model, context).model
    many = ClusterWeights(values=64).run(model, context).model
    assert compressed(few) < compressed(many) < 0.5 * compressed(model)
    weight = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer if len(t.dims) == 2}

    def error(made: object) -> float:
        return sum(
            float(np.square(numpy_helper.to_array(t) - weight[t.name]).sum())
            for t in made.graph.initializer
            if t.name in weight
        )

    assert error(many) < error(few)


def test_blocks_go_whole() -> None:
    model, context = pass_models.load("mlp"), pass_models.context("mlp")
    outcome = MagnitudePrune(pattern="block", sparsity=0.5).run(model, context)
    weight = next(
        numpy_helper.to_array(t) for t in outcome.model.graph.initializer if t.name == "w1"
    )
    blocks = (weight.reshape(16, 4, 32, 4) != 0).mean(axis=(1, 3))
    assert set(np.unique(blocks)) == {0.0, 1.0}
    assert blocks.mean() == 0.5
