"""The seventh set: other forms, batches and data of the causes, written before any was tried.

Of 20, 4 were named at first: a loop, a function's dropout, a table read at both ends, spectra.
Three cases were no cause: words as outputs are refused, Llama's normalization is fused (now among
those without a cause), and recordings in 16 bits had labels of one class only.
"""

import torch
from torch import nn

from bench.findings.case import Case, net
from bench.findings.seventh_graphs import (
    by_day_and_night,
    cut_recordings,
    developed,
    forgotten,
    full_range,
    heard,
    in_blue,
    louder,
    nearly_right,
    places,
    prices,
    regularized,
    rooted,
    several_filled,
    sparse,
    turned_weights,
)
from bench.findings.seventh_models import (
    Attending,
    ByLength,
    ByRoot,
    Experts,
    Listening,
    LogPrice,
    Tied,
    normed,
    sums,
)
from bench.findings.torch_nets import Reader, convnet, mlp, resnet

FOUR = torch.zeros(4, 48, dtype=torch.long)
WORD = torch.zeros(1, 1, dtype=torch.long)

POSITIVE = (
    Case("attention whose scores are capped", net(lambda: nn.Sequential(
         Attending(True), Attending(True)), (1, 80, 96)), "attention_not_fused"),
    Case("attention by powers times a reciprocal", net(lambda: nn.Sequential(
         Attending(False), Attending(False)), (1, 80, 96)), "attention_not_fused"),
    Case("normalized by length", net(lambda: normed(ByLength), (64, 256)),
         "normalization_not_fused"),
    Case("brought quantized, two nodes between pairs", rooted, "pairs_not_fused"),
    Case("brought quantized, weights turned behind their pair", turned_weights,
         "fell_back_to_float"),
    Case("brought quantized, weights of all 8 bits", full_range, "saturation"),
    Case("one word, its table read at both ends", net(Tied, WORD), "memory_bound"),
    Case("brightness of many points", developed, "memory_bound"),
    Case("a state that decays in a loop", forgotten, "denormals"),
    Case("four sentences in one run", net(Reader, FOUR), "padding", arrays=several_filled),
    Case("recordings as rows of numbers", net(Listening, (1, 6000)), "padding",
         arrays=cut_recordings),
    Case("calibrated on louder recordings", net(Listening, (1, 3000)), "calibration_unlike",
         "static_int8", arrays=louder),
    Case("calibrated in blue, green, red", net(convnet, (1, 3, 40, 40)), "calibration_unlike",
         "static_int8", arrays=in_blue),
    Case("prices where logarithms are answered", net(LogPrice, (1, 16)), "labels_do_not_fit",
         arrays=prices),
    Case("latitude for longitude", net(lambda: mlp(16, 64, 2), (1, 16)), "labels_do_not_fit",
         arrays=places),
    Case("dropout in a function of the model's own", regularized, "draws_at_random"),
    Case("spectra taken inside", heard, "one_operator_dominates", names="STFT"),
)  # fmt: skip
CLEAN = (
    Case("counts of words", net(lambda: mlp(400, 512, 512, 10), (32, 400)), arrays=sparse),
    Case("pictures of all brightnesses in int8", net(lambda: resnet(64), (1, 3, 72, 72)),
         recipe="static_int8", arrays=by_day_and_night),
    Case("two numbers of a picture, labelled", net(sums, (1, 3, 80, 80)), arrays=nearly_right),
    Case("mixture of experts", net(Experts, (64, 256))),
    Case("root of the mean square, which the engine fuses", net(lambda: normed(ByRoot), (64, 256))),
)  # fmt: skip
