"""The ninth set: other kinds and recipes than the eighth's, to see what is said of nothing."""

from collections.abc import Callable

import numpy as np
import onnx
import torch
from torch import nn

from bench.findings.case import Arrays, Case, exported, net
from bench.findings.eighth import by_tool, judged
from bench.findings.eighth import written as filed
from bench.findings.eighth_graphs import dynamic
from bench.findings.eighth_models import coloured, digits, trained
from bench.findings.ninth_models import (
    Best,
    BySlope,
    Detector,
    Drawn,
    Reader,
    Recurrent,
    Unet,
    Vit,
    Waves,
    forest,
    gated,
    perceptron,
    resnet,
)

WORDS = torch.ones(1, 256, dtype=torch.long)


def flat(width: int = 256) -> tuple[np.ndarray, np.ndarray]:
    """Digits as rows of a table."""
    pictures, classes = digits(16)
    return pictures.reshape(len(pictures), width), classes


def rolled(made: onnx.ModelProto) -> Arrays:
    """The labels of the picture before."""
    pictures, classes = digits(16)
    return judged(pictures, np.roll(classes, 1))(made)


def backwards(made: onnx.ModelProto) -> Arrays:
    """Blue, green, red."""
    pictures, classes = coloured(16)
    return judged(np.ascontiguousarray(pictures[:, ::-1]), classes)(made)


def sentences(lengths: tuple[int, int]) -> Callable[[onnx.ModelProto], Arrays]:
    def arrays(made: onnx.ModelProto) -> Arrays:
        rng = np.random.default_rng(6)
        ids = rng.integers(1, 3000, (64, 256))
        for row, length in enumerate(rng.integers(*lengths, 64)):
            ids[row, length:] = 0
        return {made.graph.input[0].name: ids}

    return arrays


def other_rows(made: onnx.ModelProto) -> Arrays:
    """Calibrated on rows that were standardized, validated on raw ones."""
    rows, classes = flat()
    standard = (rows[-400:-300] - rows.mean()) / rows.std()
    return {
        made.graph.input[0].name: np.concatenate([standard.astype(np.float32), rows[-300:]]),
        "labels": classes[-400:],
        "calibration": np.arange(400) < 100,
    }


def outlying() -> nn.Module:
    """One hidden unit a thousand times as loud as its fellows, and its reader as deaf."""
    made = trained(perceptron(256, 256, 256, 10), *flat())
    first, second = made[0], made[2]
    assert isinstance(first, nn.Linear) and isinstance(second, nn.Linear)
    with torch.no_grad():
        first.weight[0] = 0
        first.bias[0] = 3000
        second.weight[:, 0] = 0
    return made


def subnormal() -> nn.Module:
    made = perceptron(512, 512, 512, 16)
    for part in made:
        if isinstance(part, nn.Linear):
            part.weight.data[::2] = 3e-39
            part.bias.data[:] = 0
    return made


def dead() -> nn.Module:
    """None of its hidden units ever fires."""
    made = perceptron(40, 128, 1)
    first = made[0]
    assert isinstance(first, nn.Linear)
    first.bias.data[:] = -50
    return made


def small_reader() -> nn.Module:
    return trained(resnet(1, 10, 16), *digits(16), rounds=3)


POSITIVE = (
    Case(
        "sensors, quantized by the tool",
        by_tool(filed(Waves(), (1, 6, 512)), dynamic),
        "dynamic_convolutions",
    ),
    Case("attention by slopes", net(BySlope, (1, 96, 96)), "attention_not_fused"),
    Case("best of 60,000", net(Best, (1, 16)), "one_operator_dominates", names="TopK"),
    Case("sixteen threads", net(Unet, (1, 3, 64, 64)), "threads", "onnxruntime:threads=16"),
    Case("half of the rows subnormal", net(subnormal, (1, 512)), "denormals"),
    Case(
        "in float64",
        lambda: exported(perceptron(256, 512, 512, 8).double(), torch.randn(32, 256).double()),
        "doubles",
    ),
    Case(
        "32,000 words to choose from",
        net(lambda: perceptron(512, 32_000), (1, 512)),
        "memory_bound",
    ),
    Case(
        "pruned",
        net(lambda: perceptron(256, 1024, 1024, 10), (32, 256)),
        "zeros_not_skipped",
        "magnitude_prune + onnxruntime",
    ),
    Case("drawn", net(Drawn, (1, 64)), "draws_at_random"),
    Case("short sentences", net(Reader, WORDS), "padding", arrays=sentences((10, 40))),
    Case(
        "labels of the row before",
        net(small_reader, (1, 1, 16, 16)),
        "labels_do_not_fit",
        arrays=rolled,
    ),
    Case(
        "blue first",
        net(lambda: trained(resnet(3, 10, 16), *coloured(16), rounds=3), (1, 3, 16, 16)),
        "inputs_prepared_otherwise",
        arrays=backwards,
    ),
    Case(
        "calibrated on standardized rows",
        net(lambda: trained(perceptron(256, 256, 10), *flat()), (1, 256)),
        "calibration_unlike",
        "static_int8",
        arrays=other_rows,
    ),
    Case(
        "one loud unit",
        net(outlying, (1, 256)),
        "quality_lost",
        "static_int8",
        arrays=judged(*flat()),
    ),
    Case("a dead regressor", net(dead, (1, 40)), "constant_output"),
    Case(
        "vision transformer, fused",
        net(Vit, (1, 3, 64, 64)),
        code="slower_nodes",
        recipe="fuse_transformer + onnxruntime",
    ),
    Case(
        "detector in int8",
        net(Detector, (1, 3, 160, 160)),
        code="slow_kernel",
        recipe="static_int8",
        names="trunk.0.0",
    ),
)
CLEAN = (
    Case(
        "residual, as it comes",
        net(lambda: trained(resnet(), *coloured(32), rounds=2), (1, 3, 32, 32)),
        arrays=judged(*coloured(32)),
    ),
    Case("residual, two threads", net(resnet, (1, 3, 96, 96)), recipe="onnxruntime:threads=2"),
    Case("residual in OpenVINO", net(resnet, (1, 3, 64, 64)), recipe="openvino"),
    Case(
        "residual in OpenVINO, bf16", net(resnet, (1, 3, 64, 64)), recipe="openvino:precision=bf16"
    ),
    Case(
        "residual in int8",
        net(lambda: trained(resnet(), *coloured(32), rounds=2), (1, 3, 32, 32)),
        recipe="static_int8",
        arrays=judged(*coloured(32)),
    ),
    Case("detector", net(Detector, (1, 3, 160, 160))),
    Case("detector in OpenVINO", net(Detector, (1, 3, 160, 160)), recipe="openvino"),
    Case("U-net", net(Unet, (1, 3, 96, 96))),
    Case("GRU", net(lambda: Recurrent(nn.GRU), (1, 60, 32))),
    Case("LSTM in OpenVINO", net(lambda: Recurrent(nn.LSTM), (1, 60, 32)), recipe="openvino"),
    Case("vision transformer in OpenVINO", net(Vit, (1, 3, 64, 64)), recipe="openvino"),
    Case("vision transformer, dynamic int8", net(Vit, (1, 3, 64, 64)), recipe="dynamic_int8"),
    Case(
        "perceptron of 32 rows in int8",
        net(lambda: trained(perceptron(256, 512, 512, 10), *flat()), (32, 256)),
        recipe="static_int8",
    ),
    Case("sensors", net(Waves, (1, 6, 512))),
    Case("forest of 64 rows", forest),
    Case("full sentences", net(Reader, WORDS), arrays=sentences((250, 257))),
    Case("Llama's norm", net(gated, (64, 256))),
)
