"""The fourth set: written and committed before anything was found in any of its models.

Labels were checked by the engines' own profiles and times, without a look at findings. In its
first run 31 of 32 causes were named, and nothing was said of all 8 models without one. Missed were
two classes that have each other's labels.
"""

import torch
from torch import nn

from bench.findings.case import Case, net
from bench.findings.fourth_graphs import (
    changes,
    filled_with_ones,
    labelled,
    one_broken,
    picked,
    prototypes,
    scanned,
    shares_of_one,
    sixteen,
    thermostat,
    two_swapped,
    watched,
    whispered,
)
from bench.findings.fourth_models import (
    Alone,
    Bag,
    Bumps,
    Bytes,
    Causal,
    Cubes,
    Deepened,
    Dense,
    Heads,
    Recognizing,
    Rounded,
    Step,
    Twins,
    Unbiased,
    Windowed,
    excited,
    inception,
    mixer,
)
from bench.findings.torch_nets import Recurrent, conv, head, mlp

LINE = (1, 1, 24, 96)
WORDS = torch.ones(1, 64, dtype=torch.long)
STATE = (1, 1, 1024)

POSITIVE = (
    Case("filters of three sizes, dynamic int8 on Conv", net(inception, (1, 3, 44, 44)),
         "dynamic_convolutions", "dynamic_int8:op_types=Conv|MatMul"),
    Case("weighted channels, signed activations", net(excited, (1, 3, 38, 38), opset=16),
         "signed_activations", "static_int8:activations=s8"),
    Case("mixer, 8-bit weights", net(mixer, (1, 49, 128)), "saturation",
         "dynamic_int8:reduce_range=off", "reduce_range"),
    Case("brought quantized, a difference between convolutions", changes, "pairs_not_fused"),
    Case("brought quantized, a result read in float as well", watched, "fell_back_to_float"),
    Case("lines of text, static int8", net(Recognizing, LINE, opset=15), "kept_in_float",
         "static_int8", "GRU"),
    Case("rounded to half after each layer", net(Rounded, (512, 32)), "conversions"),
    Case("attention within windows", net(Windowed, (1, 28, 28, 96), opset=18),
         "attention_not_fused"),
    Case("mixer, unbiased variances", net(lambda: mixer(norm=Unbiased), (1, 49, 128)),
         "normalization_not_fused"),
    Case("volume filtered channel by channel", net(Cubes, (1, 1, 12, 24, 24)), "slow_kernel"),
    Case("leaky sums as a Scan", scanned, "one_operator_dominates", names="Scan"),
    Case("thermostat", thermostat, "below_dispatch"),
    Case("one step of a large LSTM", net(Step, STATE, STATE, STATE), "memory_bound"),
    Case("bumps too narrow", net(Bumps, (8, 12), opset=13), "denormals"),
    Case("small recurrent network, two threads", net(lambda: Recurrent(nn.GRU, 8, 16), (1, 30, 8)),
         "threads", "onnxruntime:threads=2"),
    Case("thirty layers that see all before, on OpenVINO", net(lambda: Dense(30, 4), (1, 8, 5, 5)),
         "slow_start", "openvino"),
    Case("ids filled up with ones", net(Bag, WORDS, opset=12), "padding", arrays=filled_with_ones),
    Case("causal network in fp16", net(Causal, (1, 64, 300)), "only_looks_kept", "fp16"),
    Case("next word drawn", picked, "draws_at_random", names="Multinomial"),
    Case("calibrated on whispers", net(lambda: Causal(32, 3), (1, 32, 120)), "calibration_unlike",
         "static_int8", arrays=whispered),
    Case("two classes swapped", net(lambda: mlp(30, 48, 6), (1, 30)), "labels_do_not_fit",
         arrays=two_swapped),
    Case("numbers to one where bytes are meant", net(Bytes, (1, 3, 9, 9)),
         "inputs_prepared_otherwise", names="255", arrays=shares_of_one),
    Case("probabilities of one class", net(Alone, (1, 16)), "constant_output"),
    Case("tiny numbers sought where none are", net(inception, (1, 3, 60, 60), opset=16),
         "changed_nothing", "zero_tiny", "zero_tiny"),
    Case("mixer, nine of ten weights zero", net(mixer, (1, 49, 128)), "zeros_not_skipped",
         "magnitude_prune:sparsity=0.9"),
    Case("brought with activations of 16 bits", sixteen, "wide_activations"),
    Case("distances in 64 bits", prototypes, "doubles"),
    Case("many heads on long rows, dynamic int8", net(Heads, (64, 1024)), "ranges_on_every_run",
         "dynamic_int8"),
    Case("one broken sample among those to calibrate with", net(lambda: mlp(60, 90, 10), (1, 60)),
         "quality_lost", "static_int8", arrays=one_broken),
    Case("mixer, weights of 4 bits", net(lambda: mixer(64, 256), (1, 64, 256)),
         "unpacked_on_every_run", "weight_only"),
    Case("weighted channels, basic fusions", net(lambda: excited(48), (1, 3, 50, 50)),
         "graph_level", "onnxruntime:graph=basic"),
    Case("thin convolutions in int8", net(lambda: nn.Sequential(*(conv(4, 4) for _ in range(8))),
         (1, 4, 20, 20)), "lower_precision_is_slower", "static_int8"),
)  # fmt: skip
CLEAN = (
    Case("filters of three sizes", net(lambda: inception(48), (1, 3, 90, 90), opset=14)),
    Case("mixer, normalized by one operator", net(lambda: mixer(128, 256), (1, 128, 256))),
    Case("causal network on OpenVINO", net(lambda: Causal(128), (1, 128, 800)),
         recipe="openvino"),
    Case("weighted channels, wider", net(lambda: excited(96), (1, 3, 88, 88), opset=16)),
    Case("wide autoencoder in int8", net(lambda: mlp(768, 512, 256, 512, 768), (64, 768)),
         recipe="static_int8"),
    Case("two recurrent layers", net(Deepened, (1, 70, 48))),
    Case("two pictures compared", net(Twins, (1, 3, 72, 72), (1, 3, 72, 72), opset=15)),
    Case("layers that see all before, simplified", net(lambda: nn.Sequential(conv(3, 64, stride=2),
         Dense(4, 32, 64), *head(192, 10)), (1, 3, 96, 96)), recipe="simplify", arrays=labelled),
)  # fmt: skip
