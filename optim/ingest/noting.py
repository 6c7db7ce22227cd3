"""What is worth knowing of a model before anything is measured, in plain sentences.

Runs in a child. Each function looks for one thing and says what it means and what helps.
"""

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from optim.findings import percent
from optim.model.proto import all_nodes, opset_of, real_inputs
from optim.model.randomness import random_operators
from optim.model.subnormal import subnormal_weights
from optim.names import legible, notes_on
from optim.part import QUANTIZED_OPS

if TYPE_CHECKING:
    import onnx

_FEW_NAMES = 4


def notes_of(model: "onnx.ModelProto") -> list[str]:
    """All notes on a model as it was brought."""
    graph = model.graph
    found = [*_drawn(model), *_training(model), *_quantized(model), *_subnormal(model)]
    found += notes_on((node.name for node in all_nodes(model)), "node names")
    ends = [value.name for value in (*real_inputs(graph), *graph.output)]
    return found + notes_on(ends, "input or output names")


def _drawn(model: "onnx.ModelProto") -> Iterator[str]:
    random = random_operators(model)
    if not random:
        return
    yield (
        f"{', '.join(random)} draws at random: outputs differ between engines and runs whatever an "
        "optimization does, so read quality with care."
    )
    if any("mode" in what for what in random):
        yield (
            "Dropout is meant for training, and engines and passes that remove it change the "
            "outputs. Unless the randomness is wanted, export the model in inference mode "
            "(PyTorch: model.eval())."
        )


def _training(model: "onnx.ModelProto") -> Iterator[str]:
    """BatchNormalization by the batch's own statistics: since opset 14 an attribute says so."""
    if opset_of(model) < 14:
        return
    training = [
        node
        for node in all_nodes(model)
        if node.op_type == "BatchNormalization"
        and any(a.name == "training_mode" and a.i for a in node.attribute)
    ]
    if training:
        yield (
            f"{len(training)} BatchNormalization nodes are in training mode: they normalize by the "
            "batch at hand, so a sample's answer depends on the others. Export the model in "
            "inference mode (PyTorch: model.eval())."
        )


def _quantized(model: "onnx.ModelProto") -> Iterator[str]:
    found = Counter(node.op_type for node in all_nodes(model) if node.op_type in QUANTIZED_OPS)
    if not found:
        return
    pairs = {"QuantizeLinear", "DequantizeLinear"}
    form = "QDQ form" if set(found) <= pairs else "quantized operators"
    counts = ", ".join(f"{op} {count}" for op, count in found.most_common())
    yield (
        f"The model is quantized already ({form}: {counts}): passes that lower the precision of "
        "floats do not apply, and speed-ups are against the quantized model. To compare with the "
        "float one, bring that."
    )


def _subnormal(model: "onnx.ModelProto") -> Iterator[str]:
    shares = dict(subnormal_weights(model))
    if not shares:
        return
    worst = sorted(shares.items(), key=lambda item: -item[1])[:_FEW_NAMES]
    named = ", ".join(f"{legible(name)} {percent(share)}" for name, share in worst)
    more = f" and {len(shares) - len(worst)} more" if len(shares) > len(worst) else ""
    yield (
        f"Subnormal numbers (closer to 0 than 1.2e-38) are among the weights: {named}{more}. Many "
        "CPUs multiply them tens of times slower, and a recipe may seem fast only since it rounds "
        "them away. Set them to zero: they change no answer. Pruning by magnitude does that first."
    )
