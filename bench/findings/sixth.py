"""The sixth set: kinds that the five before cover thinly, written before any was looked at."""

import torch
from torch import nn

from bench.findings.case import Case, net
from bench.findings.fourth_graphs import labelled
from bench.findings.sixth_graphs import (
    channels_last,
    chosen,
    gated_by_hand,
    hour_of_another_year,
    in_other_units,
    inverted,
    of_many_scales,
    priced,
    quietly_ended,
    sampled_in_a_loop,
    standardized,
    unscaled,
    volumes,
)
from bench.findings.sixth_models import (
    ByPower,
    Cell,
    Drawing,
    Hearing,
    Pointing,
    TwoAnswers,
    by_hand,
)
from bench.findings.torch_nets import Recurrent, convnet, mlp

IDS = torch.zeros(1, 40, dtype=torch.long)

POSITIVE = (
    Case("attention whose softmax is spelled out", net(by_hand, (1, 80, 96)),
         "attention_not_fused"),
    Case("normalization by a power of minus a half", net(ByPower, (64, 256)),
         "normalization_not_fused"),
    Case("facts in tiny units", net(lambda: mlp(200, 256, 8), (8, 200)), "denormals",
         arrays=unscaled),
    Case("recordings filled up with the sound of silence", net(Hearing, (1, 40, 200)), "padding",
         arrays=quietly_ended),
    Case("one fact of another year", net(lambda: mlp(12, 64, 4), (1, 12)), "calibration_unlike",
         "static_int8", arrays=hour_of_another_year),
    Case("labels in other units", net(lambda: mlp(16, 64, 1), (1, 16)), "labels_do_not_fit",
         arrays=in_other_units),
    Case("yes for no", net(lambda: nn.Sequential(mlp(16, 64, 1), nn.Sigmoid()), (1, 16)),
         "labels_do_not_fit", arrays=inverted),
    Case("facts not standardized", net(lambda: mlp(20, 64, 5), (1, 20)),
         "inputs_prepared_otherwise", arrays=standardized),
    Case("brought channels last, with sines between", channels_last, "conversions"),
    Case("one step of wide gated cells", net(Cell, (1, 1, 1024)), "memory_bound"),
    Case("drawn on each trip of a loop", sampled_in_a_loop, "draws_at_random"),
    Case("picture read along a grid", net(Pointing, (1, 3, 64, 64), opset=16),
         "one_operator_dominates", names="GridSample"),
    Case("brought quantized, gated by hand", gated_by_hand, "pairs_not_fused"),
    Case("brought quantized, a volume", volumes, "fell_back_to_float"),
    Case("recurrent on eight threads", net(Recurrent, (1, 40, 32)), "threads",
         "onnxruntime:threads=8"),
    Case("one of two answers never changes", net(TwoAnswers, (1, 24)), "constant_output"),
    Case("pictures drawn in half precision", net(Drawing, (1, 64), opset=16), "only_looks_kept",
         "fp16"),
)  # fmt: skip
CLEAN = (
    Case("facts of many scales, calibrated at random", net(lambda: mlp(12, 256, 256, 4), (64, 12)),
         recipe="static_int8", arrays=of_many_scales),
    Case("a price, labelled", net(lambda: convnet(classes=1), (1, 3, 80, 80)), arrays=priced),
    Case("two classes by one number, labelled", net(lambda: nn.Sequential(
         convnet(classes=1), nn.Sigmoid()), (1, 3, 80, 80)), arrays=chosen,
         also=("constant_output",)),  # untrained, it answers alike to any noise
    Case("network of leaky units on OpenVINO, labelled",
         net(lambda: convnet(nn.LeakyReLU), (1, 3, 80, 80)), recipe="openvino", arrays=labelled),
)  # fmt: skip
