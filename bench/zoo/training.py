"""Training in a minute or two on one core, and the export to ONNX."""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from bench.zoo.base import model_file

OPSET = 17
Batch = tuple[tuple[Tensor, ...], Tensor]
"""Inputs and what is to be answered."""


def fit(
    net: nn.Module,
    batch: Callable[[int], Batch],
    steps: int,
    loss: Callable[[Tensor, Tensor], Tensor],
    rate: float = 1e-3,
) -> None:
    """AdamW with a one-cycle rate over `batch(0)`, `batch(1)`, ...; leaves `net` in eval mode."""
    optimizer = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, steps)
    net.train()
    for step in range(steps):
        inputs, wanted = batch(step)
        found = loss(net(*inputs), wanted)
        optimizer.zero_grad()
        found.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if not (step + 1) % max(1, steps // 5):
            print(f"  step {step + 1} of {steps}: loss {found.item():.3f}", flush=True)
    net.eval()


def export(net: nn.Module, inputs: dict[str, Tensor], outputs: Sequence[str], folder: Path) -> None:
    """Write ONNX with a symbolic `batch` axis by the older exporter, as the sample models do: ONNX
    Runtime's transformer fusions know its patterns.

    Args:
        inputs: an example by the input's name, [1, ...].
    """
    torch.onnx.export(
        net.eval(),
        tuple(inputs.values()),
        str(model_file(folder)),
        dynamo=False,
        opset_version=OPSET,
        input_names=list(inputs),
        output_names=list(outputs),
        dynamic_axes={name: {0: "batch"} for name in (*inputs, *outputs)},
    )
