"""The fifth set: written before anything was found in any of its models.

Missed at first were labels of the row before, a transposed convolution channel by channel, and a
product over several sequences at once, on which nothing could be said. Wrongly labelled were a
fusion that a graph level forbids and the operator that dominates a normalization over channels.
"""

import torch
from torch import nn

from bench.findings.case import Case, net
from bench.findings.fifth_graphs import (
    around_zero,
    at_night,
    nearly_full,
    of_the_row_before,
    scaler,
    squashed,
    summed,
    two_lengths,
    with_margins,
)
from bench.findings.fifth_models import (
    IMAGE,
    Drowned,
    Einsums,
    Facts,
    Fading,
    Grouped,
    Learned,
    MultiQuery,
    Noisy,
    Patches,
    RootMean,
    Token,
    Widened,
    Words,
    convnext,
    responses,
)
from bench.findings.fourth_graphs import labelled
from bench.findings.torch_nets import Block, Reader, Residual, conv, convnet, head, mlp, resnet

LONG = torch.zeros(1, 96, dtype=torch.long)
IDS = torch.zeros(1, 48, dtype=torch.long)
MANY = torch.zeros(1, 3000, dtype=torch.long)

POSITIVE = (
    Case("dilated filters, dynamic int8 on Conv", net(Widened, IMAGE, opset=16),
         "dynamic_convolutions", "dynamic_int8:op_types=Conv"),
    Case("patches of a picture, signed activations", net(Patches, IMAGE),
         "signed_activations", "static_int8:activations=s8"),
    Case("patches of a picture, 8-bit weights", net(Patches, IMAGE, opset=18), "saturation",
         "dynamic_int8:reduce_range=off", "reduce_range"),
    Case("brought quantized, a tangent between convolutions", squashed, "pairs_not_fused"),
    Case("brought quantized, a product as Einsum", summed, "fell_back_to_float"),
    Case("products as Einsum, static int8", net(Einsums, (1, 60, 96)), "kept_in_float",
         "static_int8", "Einsum"),
    Case("torch's own transformer layers", net(Patches, (1, 3, 64, 64)), "attention_not_fused"),
    Case("one head of keys for many of queries", net(MultiQuery, (1, 80, 96)),
         "attention_not_fused"),
    Case("root of the mean square, basic fusions", net(RootMean, (64, 192)), "graph_level",
         "onnxruntime:graph=basic"),
    Case("enlarged channel by channel", net(Learned, (1, 3, 64, 64)), "slow_kernel"),
    Case("thousands of ids looked up", net(Words, MANY), "one_operator_dominates",
         also=("constant_output",)),  # so many ids hold every word, and the largest are the same
    Case("responses normalized over channels", net(responses, (1, 3, 48, 48)),
         "one_operator_dominates"),
    Case("facts brought to one scale", scaler, "below_dispatch"),
    Case("one token of a large transformer", net(Token, (1, 1024)), "memory_bound"),
    Case("a memory that has decayed", net(Fading, (1, 50, 24)), "denormals"),
    Case("four perceptron layers, four threads", net(lambda: mlp(24, 40, 40, 40, 4), (1, 24)),
         "threads", "onnxruntime:threads=4"),
    Case("fifty thin residual blocks on OpenVINO", net(lambda: nn.Sequential(*(Residual(4)
         for _ in range(50))), (1, 4, 6, 6)), "slow_start", "openvino"),
    Case("short sentences among long ones", net(Reader, LONG), "padding", arrays=two_lengths),
    Case("patches of a picture, fp16", net(Patches, IMAGE, opset=16), "only_looks_kept", "fp16"),
    Case("noise added to features", net(Noisy, (1, 30)), "draws_at_random", names="Random"),
    Case("calibrated by day, judged at night", net(lambda: resnet(32), IMAGE),
         "calibration_unlike", "static_int8", arrays=at_night),
    Case("labels of the row before", net(lambda: mlp(40, 64, 7), (1, 40)), "labels_do_not_fit",
         arrays=of_the_row_before),
    Case("from -1 to 1 where 0 to 1 is meant", net(lambda: nn.Sequential(nn.Flatten(),
         mlp(192, 64, 9, act=nn.Tanh)), (1, 3, 8, 8)), "inputs_prepared_otherwise",
         arrays=around_zero),
    Case("a bias that drowns all", net(Drowned, (1, 18)), "constant_output"),
)  # fmt: skip
CLEAN = (
    Case("channels last and first in turn", net(lambda: convnext(64), (1, 3, 128, 128))),
    Case("normalized in groups", net(Grouped, (1, 3, 80, 80))),
    Case("dilated filters", net(lambda: Widened(64), (1, 3, 96, 96), opset=18)),
    Case("numbers and categories", net(Facts, (64, 20), torch.ones(64, 5, dtype=torch.long))),
    Case("sentences of nearly one length", net(lambda: nn.Sequential(
         nn.Embedding(200, 128), nn.Linear(128, 256), nn.ReLU(), nn.Linear(256, 128)), IDS),
         arrays=nearly_full),
    Case("pictures with dark margins", net(convnet, (1, 3, 48, 48)),
         arrays=with_margins),
    Case("residual network in int8 on OpenVINO, labelled", net(lambda: resnet(64), (1, 3, 72, 72)),
         recipe="static_int8 + openvino", arrays=labelled),
    Case("wide perceptron, two threads", net(lambda: mlp(512, 1024, 512), (64, 512)),
         recipe="onnxruntime:threads=2"),
    Case("attention by the newest exporter on OpenVINO", net(lambda: Block(256, 4), (1, 96, 256),
         opset=18), recipe="openvino"),
    Case("wide first filters on OpenVINO", net(lambda: nn.Sequential(conv(3, 64, 7, stride=2),
         conv(64, 96), *head(96, 10)), (1, 3, 96, 96)), recipe="openvino", arrays=labelled),
)  # fmt: skip
