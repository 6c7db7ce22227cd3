"""The third set: written after the mends of the second, before what is said of it was seen.

In that first run 28 of 32 causes were named, and nothing was said of 7 of 8 models without one.
Missed was padding along the last axis. By their profiles the other four were labelled wrongly:
OpenVINO fused the attention, the engine rounded inside its products, the pass did find a product,
and a convolution to two channels is slow. These cases are changed since: run whole again, 31 of 32
were named and nothing was said of the 8. Left was what measuring ranges takes where it is just a
tenth of a run; from a twentieth it is told now.
"""

import torch
from torch import nn

from bench.findings.case import Case, exported, net
from bench.findings.third_models import (
    IMAGE,
    ChannelNorm,
    Joined,
    Looking,
    Shaped,
    Softened,
    Spiked,
    Unrolled,
    Warp,
    Watching,
    choices,
    coins,
    decayed,
    enlarging,
    flat,
    gated_rows,
    hearing,
    inverted,
    island,
    labelled,
    long_filters,
    next_class,
    normed,
    one_pixel,
    price,
    quiet_ends,
    signed_convolutions,
    turned,
    unscaled,
    wide,
)
from bench.findings.torch_nets import Block, Reader, Recurrent, convnet, mlp, resnet, separable
from optim.machine.environment import usable_cores

SENTENCE = torch.zeros(1, 40, dtype=torch.long)
BOTH = ((1, 3, 24, 24), (1, 12))
NAMED = {"input_names": ["picture", "facts"]}

POSITIVE = (
    Case("shaped like a U, dynamic int8 on Conv", net(Shaped, IMAGE, opset=16),
         "dynamic_convolutions", "dynamic_int8:op_types=Conv"),
    Case("brought as QLinearConv, signed", signed_convolutions, "signed_activations"),
    Case("transformer block, 8-bit weights", net(lambda: Block(96, 6), (1, 32, 96), opset=18,
         dynamo=True), "saturation", "static_int8:reduce_range=off", "reduce_range"),
    Case("brought quantized, Softplus between products", gated_rows, "pairs_not_fused"),
    Case("brought quantized, enlarging over time", enlarging, "fell_back_to_float"),
    Case("plain recurrent network, static int8", net(lambda: Recurrent(nn.RNN), (1, 64, 32)),
         "kept_in_float", "static_int8", "RNN"),
    Case("convolutions and sines", net(Softened, (1, 64, 40, 40), opset=13), "conversions"),
    Case("cross attention with a bias",
         net(Looking, (1, 40, 64), (1, 60, 64), opset=16), "attention_not_fused"),
    Case("channels normalized at each pixel", net(ChannelNorm, (1, 3, 96, 96)),
         "normalization_not_fused"),
    Case("long depthwise filters over time", net(long_filters, (1, 256, 300)), "slow_kernel"),
    Case("picture moved along a flow", net(Warp, (1, 3, 64, 64), opset=16),
         "one_operator_dominates", names="GridSample"),
    Case("probabilities of 60,000 words", choices, "one_operator_dominates", names="Softmax"),
    Case("price of five facts, on OpenVINO", price, "below_dispatch", "openvino"),
    Case("convolutions on one pixel", net(one_pixel, (1, 1536, 1, 1)), "memory_bound"),
    Case("decayed layer of a perceptron", net(decayed, (4, 256), opset=9), "denormals"),
    Case("twice as many threads as cores, OpenVINO", net(lambda: convnet(nn.ELU), IMAGE), "threads",
         f"openvino:threads={2 * usable_cores()}"),
    Case("sixty steps written out, on OpenVINO", net(Unrolled, (1, 60, 16)), "slow_start",
         "openvino"),
    Case("recordings with silent ends", net(hearing, (1, 8, 100)), "padding", arrays=quiet_ends),
    Case("exported in half precision",
         lambda: exported(mlp(64, 256, 16).half(), torch.zeros(4, 64).half()), "only_looks_kept"),
    Case("coins tossed inside", coins, "draws_at_random", names="Bernoulli"),
    Case("calibrated on unscaled facts", net(Joined, *BOTH, **NAMED), "calibration_unlike",
         "static_int8", "facts", arrays=unscaled),
    Case("each label the next class", net(lambda: flat(27, 4), (1, 3, 3, 3)), "labels_do_not_fit",
         arrays=next_class),
    Case("pictures turned", net(lambda: flat(192, 6), (1, 3, 8, 8), opset=12),
         "inputs_prepared_otherwise", names="height", arrays=turned),
    Case("an alarm that never rings", net(Watching, (1, 20), output_names=["scores", "alarm"]),
         "constant_output", names="alarm"),
    Case("weights only, of convolutions", net(hearing, (1, 8, 100)), "changed_nothing",
         "weight_only", "weight_only"),
    Case("pruned separable network on OpenVINO", net(separable, (1, 3, 48, 48)),
         "zeros_not_skipped", "magnitude_prune:sparsity=0.5 + openvino"),
    Case("perceptron with 16-bit activations", net(lambda: mlp(128, 256, 64), (16, 128)),
         "wide_activations", "static_int8:activations=u16"),
    Case("an island of 64 bits", island, "doubles"),
    Case("thin layers of the same rows, dynamic int8", net(Looking, (1, 40, 64), (1, 60, 64)),
         "ranges_on_every_run", "dynamic_int8"),
    Case("one channel of thousands", net(Spiked, (1, 48)), "quality_lost",
         "static_int8:per_channel=false", arrays=labelled),
    Case("reader with weights of 4 bits", net(lambda: Reader(width=128), SENTENCE),
         "unpacked_on_every_run", "weight_only"),
    Case("residual network, fusions off", net(lambda: resnet(32), IMAGE, opset=14), "graph_level",
         "onnxruntime:graph=off"),
)  # fmt: skip
CLEAN = (
    Case("inverted residuals, the newer exporter",
         net(inverted, (1, 3, 96, 96), opset=18, dynamo=True)),
    Case("normalized rows", net(normed, (128, 256), opset=17)),
    Case("wide perceptron in bf16", net(lambda: mlp(512, 1024, 512), (64, 512)),
         recipe="openvino:precision=bf16"),
    Case("shaped like a U", net(lambda: Shaped(48), (1, 3, 64, 64), opset=14),
         also=("slow_kernel",)),  # its last layer, to two channels, has none in either engine
    Case("hearing", net(hearing, (1, 8, 4000), opset=15)),
    Case("gated recurrent network, wider", net(lambda: Recurrent(nn.GRU, 64, 128), (1, 60, 64))),
    Case("wide residual network in int8", net(wide, (1, 3, 80, 80)), recipe="static_int8"),
    Case("picture and facts", net(Joined, (1, 3, 96, 96), (1, 12), **NAMED, opset=16)),
)  # fmt: skip
