"""The tenth set: kinds of networks that no earlier set has; answers written before it ran."""

import numpy as np
import onnx
import torch
from torch import nn

from bench.findings.case import Arrays, Case, exported, net
from bench.findings.eighth import by_tool, judged, written
from bench.findings.eighth_graphs import dynamic
from bench.findings.eighth_models import coloured, digits, trained
from bench.findings.ninth import WORDS, sentences
from bench.findings.tenth_models import (
    Clicks,
    Columns,
    Denoiser,
    Forecast,
    Joint,
    Messages,
    Mixer,
    Noisy,
    Points,
    Retention,
    SuperResolution,
    Temporal,
    WaveNet,
    by_moments,
    mobile,
)

CLICK = ((1, 13), torch.ones(1, 6, dtype=torch.long))
EDGES = torch.ones(1, 600, dtype=torch.long)


def counted_from_one(made: onnx.ModelProto) -> Arrays:
    pictures, classes = digits(16)
    return judged(pictures, (classes + 1) % 10)(made)


def in_bytes(made: onnx.ModelProto) -> Arrays:
    """From 0 to 255, where 0 to 1 was learnt."""
    pictures, classes = coloured(16)
    return judged(255 * pictures, classes)(made)


def darker(made: onnx.ModelProto) -> Arrays:
    """Calibrated on pictures of a tenth of the brightness."""
    pictures, classes = coloured(16)
    return {
        made.graph.input[0].name: np.concatenate([pictures[-400:-300] / 10, pictures[-300:]]),
        "labels": classes[-400:],
        "calibration": np.arange(400) < 100,
    }


def edges(made: onnx.ModelProto) -> Arrays:
    chance = np.random.default_rng(4)
    first, *rest = (given.name for given in made.graph.input)
    nodes = chance.standard_normal((48, 1, 200, 64)).astype(np.float32)
    return {first: nodes, **{name: chance.integers(0, 200, (48, 1, 600)) for name in rest}}


def mixer() -> nn.Module:
    return trained(Mixer(), *digits(16))


def small_mobile() -> nn.Module:
    return trained(mobile(), *coloured(16), rounds=4)


def one_loud_channel() -> nn.Module:
    """The first patch channel is a thousand times as loud, and read as softly."""
    made = Mixer()
    with torch.no_grad():
        made.cut.bias[0] = 4000
    return trained(made, *digits(16))


def tiny_weights() -> nn.Module:
    made = Forecast()
    for block in made.blocks:
        block[2].weight.data[::2] = 2e-39
        block[2].bias.data[::2] = 1e-39
    return made


POSITIVE = (
    Case(
        "WaveNet, quantized by the tool",
        by_tool(written(WaveNet(), (1, 1, 512)), dynamic),
        "dynamic_convolutions",
    ),
    Case(
        "super resolution, twelve threads",
        net(SuperResolution, (1, 3, 48, 48)),
        "threads",
        "onnxruntime:threads=12",
    ),
    Case(
        "columns in float64",
        lambda: exported(Columns().double(), torch.randn(8, 96).double()),
        "doubles",
    ),
    Case("joint network of 16,000 words", net(lambda: Joint(16_000), (1, 1, 256), (1, 1, 256)),
         "memory_bound"),
    Case("forecast with subnormal weights", net(tiny_weights, (1, 96)), "denormals"),
    Case(
        "forecast, pruned",
        net(Forecast, (16, 96)),
        "zeros_not_skipped",
        "magnitude_prune:sparsity=0.6 + onnxruntime",
    ),
    Case("jittered experts", net(Noisy, (1, 64)), "draws_at_random"),
    Case("mixer, counted from one", net(mixer, (1, 1, 16, 16)), "labels_do_not_fit",
         arrays=counted_from_one),
    Case("squeezed, given bytes", net(small_mobile, (1, 3, 16, 16)), "inputs_prepared_otherwise",
         arrays=in_bytes),
    Case("squeezed, calibrated in the dark", net(small_mobile, (1, 3, 16, 16)),
         "calibration_unlike", "static_int8", arrays=darker),
    Case("clicks that are always yes", net(lambda: Clicks(bias=30), *CLICK), "constant_output"),
    Case("cubic enlargement", net(lambda: SuperResolution(True), (1, 3, 64, 64)),
         "one_operator_dominates", names="Resize"),
    Case("columns by einsum", net(Columns, (1, 96)), "attention_not_fused"),
    Case("normalized by moments", net(by_moments, (64, 256)), "normalization_not_fused"),
    Case("padded words in a TCN", net(Temporal, WORDS), "padding", arrays=sentences((10, 40))),
    Case("denoiser without graph optimizations", net(Denoiser, (1, 3, 32, 32), (1, 16)),
         "graph_level", "onnxruntime:graph=off"),
    Case("clicks, tiny", net(lambda: Clicks(4), *CLICK), "below_dispatch"),
    Case("points in half", net(Points, (1, 3, 256)), "only_looks_kept", "fp16"),
    Case("points in 16-bit integers", net(Points, (1, 3, 256)), "wide_activations",
         "static_int8:activations=u16"),
    Case("squeezed, signed", net(small_mobile, (1, 3, 16, 16)), "signed_activations",
         "static_int8:activations=s8", arrays=judged(*coloured(16))),
    Case("WaveNet, transformer pass", net(WaveNet, (1, 1, 512)), "changed_nothing",
         "fuse_transformer + onnxruntime"),
    Case("forecast of 4 bits, 64 rows", net(lambda: Forecast(1024), (64, 96)),
         "unpacked_on_every_run", "weight_only:compute=float32"),
    Case("mixer, one loud channel", net(one_loud_channel, (1, 1, 16, 16)), "quality_lost",
         "static_int8", arrays=judged(*digits(16))),
)  # fmt: skip
CLEAN = (
    Case("WaveNet", net(WaveNet, (1, 1, 512))),
    Case("super resolution", net(SuperResolution, (1, 3, 48, 48))),
    Case("super resolution in OpenVINO", net(SuperResolution, (1, 3, 48, 48)), recipe="openvino"),
    Case("joint network", net(lambda: Joint(64), (1, 20, 256), (1, 8, 256))),
    Case("graph network", net(Messages, (1, 200, 64), EDGES, EDGES), arrays=edges),
    Case("clicks of 256 people", net(Clicks, (256, 13), torch.ones(256, 6, dtype=torch.long))),
    Case("retention", net(lambda: nn.Sequential(Retention(), Retention()), (1, 96, 128))),
    Case("mixer", net(mixer, (1, 1, 16, 16)), arrays=judged(*digits(16))),
    Case("squeezed", net(small_mobile, (1, 3, 16, 16)), arrays=judged(*coloured(16))),
    Case("denoiser", net(Denoiser, (1, 3, 32, 32), (1, 16))),
    Case("forecast of 64 rows", net(Forecast, (64, 96))),
)
