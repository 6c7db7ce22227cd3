"""What a channel is worth by gradients: how far the answers would move without it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from optim.arrays import Array, Feeds
from optim.passes.support.channels import Axis, Channels, Ids, Product
from optim.passes.support.families import Scores, is_depthwise
from optim.passes.support.torch_graph import TorchGraph

_SEED = 0


def by_gradient(channels: Channels, labels: Mapping[Axis, Ids], feeds: Sequence[Feeds]) -> Scores:
    """The mean square by which the outputs move, to first order, where a channel is left out.

    Outputs are summed with random signs, so that one gradient for a sample estimates the square of
    all of their movements (Hutchinson). A channel's movement is the sum, over all weights that read
    it, of weight times gradient.

    Source: Molchanov et al., "Importance Estimation for Neural Network Pruning", 2019.

    Raises: StepError where the model cannot be run by PyTorch here.
    """
    graph, signs = TorchGraph(channels.model), torch.Generator().manual_seed(_SEED)
    readers = [p for p in channels.products if p.weight in graph.parameters]
    weights = [graph.values[p.weight] for p in readers]
    scores: Scores = defaultdict(float)
    for sample in feeds:
        gradients = torch.autograd.grad(_summed(graph, sample, signs), weights, allow_unused=True)
        moved: Scores = defaultdict(float)
        for product, weight, gradient in zip(readers, weights, gradients, strict=True):
            if gradient is not None:
                _add(moved, product, labels, (weight * gradient).detach().numpy())
        for label, value in moved.items():
            scores[label] += value**2
    return scores


def _summed(graph: TorchGraph, sample: Feeds, signs: torch.Generator) -> Any:
    given = {name: torch.from_numpy(value) for name, value in sample.items()}
    outputs = graph.run(given, graph.outputs).values()
    floats = [value for value in outputs if value.requires_grad]
    return torch.stack([(one * _signs_like(one, signs)).sum() for one in floats]).sum()


def _signs_like(value: Any, signs: torch.Generator) -> Any:
    return torch.randint(0, 2, value.shape, generator=signs) * 2.0 - 1.0


def _add(moved: Scores, product: Product, labels: Mapping[Axis, Ids], terms: Array) -> None:
    """A weight's terms, to the channels that it reads."""
    axis, found = product.summed, labels[product.weight, product.summed]
    if is_depthwise(product, labels):
        read, axis = labels[product.input], product.out
        found = np.repeat(read, terms.shape[axis] // len(read))
    others = tuple(at for at in range(terms.ndim) if at != axis)
    for label, value in zip(found, terms.sum(axis=others), strict=True):
        moved[int(label)] += float(value)
