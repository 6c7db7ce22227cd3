"""The eighth set: an ordinary little net of each kind, from the words of the kinds alone."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import nn

from bench.findings.case import Arrays, Case, exported, net
from bench.findings.eighth_graphs import as_trained, dynamic, iris, paired, static, weights_in_bytes
from bench.findings.eighth_models import (
    AnnotatedNorm,
    Catalogue,
    Encoder,
    Filter,
    Keywords,
    Segmenter,
    Tagger,
    Warp,
    bayes,
    coloured,
    convnext,
    decayed,
    digits,
    double_mlp,
    head,
    imbalanced,
    small_vgg,
    trained,
)

LENGTH = 64
IDS = (torch.ones(1, LENGTH, dtype=torch.long), torch.ones(1, LENGTH, dtype=torch.long))


def filed(make: Callable[[Path], Path]) -> Callable[[], onnx.ModelProto]:
    """A model that a tool writes as a file in a folder."""

    def made() -> onnx.ModelProto:
        with tempfile.TemporaryDirectory() as folder:
            return onnx.load(make(Path(folder)))

    return made


def written(net: nn.Module, *shapes: tuple[int, ...]) -> Callable[[Path], Path]:
    """The net as a file, for a tool that takes one."""

    def make(folder: Path) -> Path:
        onnx.save(exported(net, *shapes), folder / "float.onnx")
        return folder / "float.onnx"

    return make


def by_tool(
    source: Callable[[Path], Path], tool: Callable[..., Path], *more: object
) -> Callable[[], onnx.ModelProto]:
    """What a tool makes of a file."""
    return filed(lambda folder: tool(source(folder), folder / "made.onnx", *more))


def reader_of(size: int) -> nn.Module:
    """Reads digits from 0 to 1."""
    return trained(small_vgg(1, 16), *digits(size))


def judged(
    inputs: np.ndarray, classes: np.ndarray, **more: np.ndarray
) -> Callable[[onnx.ModelProto], Arrays]:
    """Samples that were not learnt from, with their classes."""

    def arrays(made: onnx.ModelProto) -> Arrays:
        return {made.graph.input[0].name: inputs[-300:], "labels": classes[-300:], **more}

    return arrays


def normalized() -> Callable[[onnx.ModelProto], Arrays]:
    pictures, classes = digits(16)
    return judged((pictures - 0.3) / 0.35, classes)


def calibrated_raw(made: onnx.ModelProto) -> Arrays:
    """Validated from 0 to 1, calibrated from 0 to 255."""
    pictures, classes = digits(16)
    raw = np.concatenate([255 * pictures[-400:-300], pictures[-300:]])
    return {
        made.graph.input[0].name: raw,
        "labels": classes[-400:],
        "calibration": np.arange(400) < 100,
    }


NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


def by_name(made: onnx.ModelProto) -> Arrays:
    """Classes numbered by the alphabet of their names, as a loader of folders does."""
    pictures, classes = digits(16)
    place = {name: number for number, name in enumerate(sorted(NAMES))}
    return judged(pictures, np.array([place[NAMES[one]] for one in classes]))(made)


def from_one(made: onnx.ModelProto) -> Arrays:
    """Classes 0 to 8 called 1 to 9, and the nines left out."""
    pictures, classes = digits(16)
    kept = classes < 9
    return judged(pictures[kept], classes[kept] + 1)(made)


def reshaped(made: onnx.ModelProto) -> Arrays:
    """Pictures as height, width, colour, reshaped where they had to be transposed."""
    pictures, classes = coloured(16)
    last = np.ascontiguousarray(pictures.transpose(0, 2, 3, 1))
    return judged(last.reshape(pictures.shape), classes)(made)


def bytes_given(made: onnx.ModelProto) -> Arrays:
    pictures, classes = digits(16)
    return judged(255 * pictures, classes)(made)


def short_words(made: onnx.ModelProto) -> Arrays:
    rng = np.random.default_rng(4)
    return {
        made.graph.input[0].name: rng.integers(1, 2000, (48, LENGTH)),
        made.graph.input[1].name: np.ones((48, LENGTH), np.int64),
    }


def short_sound(made: onnx.ModelProto) -> Arrays:
    """Words of a quarter of a second in a second of sound."""
    rng = np.random.default_rng(4)
    sound = rng.normal(size=(48, 1, 16000)).astype(np.float32)
    for row, length in enumerate(rng.integers(2500, 5500, 48)):
        sound[row, :, length:] = 0
    return {made.graph.input[0].name: sound}


def looped() -> onnx.ModelProto:
    scripted = torch.jit.script(Filter().eval())
    return exported(scripted, (1, 200, 16))


def halved() -> onnx.ModelProto:
    small = small_vgg(3).eval().half()
    return exported(small, torch.randn(1, 3, 32, 32).half())


def style() -> nn.Module:
    parts: list[nn.Module] = []
    for inner in (3, 32, 32, 32):
        parts += [nn.Conv2d(inner, 32, 3, padding=1), nn.InstanceNorm2d(32, affine=True), nn.ReLU()]
    return nn.Sequential(*parts, nn.Conv2d(32, 3, 3, padding=1))


def decoder() -> nn.Module:
    return nn.Sequential(
        nn.ConvTranspose2d(64, 48, 4, 2, 1),
        nn.ReLU(),
        nn.ConvTranspose2d(48, 32, 4, 2, 1),
        nn.ReLU(),
        nn.ConvTranspose2d(32, 3, 4, 2, 1),
    )


def quantized_reader() -> onnx.ModelProto:
    pictures, _ = digits(16)
    return by_tool(written(reader_of(16), (1, 1, 16, 16)), static, pictures[:64])()


STYLE = written(style(), (1, 3, 64, 64))
DECODER = written(decoder(), (1, 64, 12, 12))

POSITIVE = (
    Case(
        "convolutions, quantized by the tool for all types",
        by_tool(written(small_vgg(3), (1, 3, 32, 32)), dynamic),
        "dynamic_convolutions",
    ),
    Case(
        "reader with SiLU",
        net(lambda: trained(small_vgg(1, 32, nn.SiLU), *digits(16)), (1, 1, 16, 16)),
        "signed_activations",
        "static_int8:activations=s8",
        arrays=judged(*digits(16)),
    ),
    Case(
        "style transfer after fake quantization",
        by_tool(STYLE, paired, 0.05, ("Conv", "InstanceNormalization", "Relu")),
        "pairs_not_fused",
    ),
    Case(
        "decoder with weights in bytes",
        filed(
            lambda folder: weights_in_bytes(
                paired(DECODER(folder), folder / "a.onnx", 0.05, ("Relu",)),
                folder / "b.onnx",
                ("ConvTranspose",),
            )
        ),
        "fell_back_to_float",
    ),
    Case("normalized in float64", net(double_mlp, (32, 192)), "conversions"),
    Case("ConvNeXt", net(convnext, (1, 3, 64, 64), opset=18, dynamo=True), "conversions"),
    Case("exported in half", halved, "emulated_precision"),
    Case("fp16", net(lambda: small_vgg(3), (1, 3, 48, 48)), "only_looks_kept", "fp16"),
    Case(
        "T5's attention",
        net(lambda: Encoder(64, 3, nn.LayerNorm, t5=True), *IDS, opset=18, dynamo=True),
        "attention_not_fused",
        "fuse_transformer + onnxruntime",
        arrays=short_words,
    ),
    Case(
        "the Annotated Transformer's norm",
        net(lambda: Encoder(128, 4, AnnotatedNorm), *IDS),
        "normalization_not_fused",
        arrays=short_words,
    ),
    Case(
        "warped by the motion", net(Warp, (1, 3, 96, 96), (1, 3, 96, 96), opset=18), "slow_kernel"
    ),
    Case("a filter scripted", looped, "one_operator_dominates", names="Loop"),
    Case(
        "scores enlarged",
        net(Segmenter, (1, 3, 512, 512)),
        "one_operator_dominates",
        names="Resize",
    ),
    Case("iris", filed(lambda folder: iris(folder / "iris.onnx")), "below_dispatch"),
    Case("a VGG's classifier", net(head, (1, 6272)), "memory_bound"),
    Case("decayed channels", net(lambda: decayed(small_vgg(3), 0.5), (1, 3, 48, 48)), "denormals"),
    Case(
        "twelve threads",
        net(lambda: small_vgg(3), (1, 3, 48, 48)),
        "threads",
        "onnxruntime:threads=12",
    ),
    Case(
        "two threads for a recurrence",
        net(Tagger, (1, 300, 24)),
        "threads",
        "onnxruntime:threads=2",
    ),
    Case(
        "rows of a catalogue",
        net(Catalogue, torch.ones(1, 20, dtype=torch.long)),
        "slow_start",
        "openvino",
    ),
    Case("short words in a second", net(Keywords, (1, 1, 16000)), "padding", arrays=short_sound),
    Case(
        "exported while training",
        filed(lambda folder: as_trained(bayes(), (torch.randn(1, 40),), folder / "m.onnx", ["x"])),
        "draws_at_random",
    ),
    Case(
        "calibrated from 0 to 255",
        net(lambda: reader_of(16), (1, 1, 16, 16)),
        "calibration_unlike",
        "static_int8",
        arrays=calibrated_raw,
    ),
    Case(
        "classes by the alphabet",
        net(lambda: reader_of(16), (1, 1, 16, 16)),
        "labels_do_not_fit",
        names="order",
        arrays=by_name,
    ),
    Case(
        "classes from one",
        net(lambda: reader_of(16), (1, 1, 16, 16)),
        "labels_do_not_fit",
        arrays=from_one,
    ),
    Case(
        "reshaped colours",
        net(lambda: trained(small_vgg(3, 16), *coloured(16)), (1, 3, 16, 16)),
        "inputs_prepared_otherwise",
        arrays=reshaped,
    ),
    Case(
        "bytes for fractions",
        net(lambda: reader_of(16), (1, 1, 16, 16)),
        "inputs_prepared_otherwise",
        arrays=bytes_given,
    ),
    Case("never yes", net(imbalanced, (1, 30)), "constant_output"),
    Case(  # its sums fused with LayerNormalization take six times as long as apart
        "words, fused",
        net(lambda: Encoder(128, 3, nn.LayerNorm), *IDS, opset=18, dynamo=True),
        "slower_nodes",
        recipe="fuse_transformer + onnxruntime",
        arrays=short_words,
    ),
    Case(  # with its first convolution in float it is 1.07 times as fast (1.03 to 1.10)
        "reader in int8",
        net(lambda: trained(small_vgg(1, 32), *digits(24)), (1, 1, 24, 24)),
        "slower_nodes",
        "static_int8",
        "/0/Conv",
        arrays=judged(*digits(24)),
    ),
)
CLEAN = (
    Case(
        "reader, normalized by mean and deviation",
        net(
            lambda: trained(small_vgg(1, 32), (digits(16)[0] - 0.3) / 0.35, digits(16)[1]),
            (1, 1, 16, 16),
        ),
        arrays=normalized(),
    ),
    Case("brought in int8 by the tool", quantized_reader, arrays=judged(*digits(16))),
    Case(
        "colours in OpenVINO, two threads",
        net(lambda: trained(small_vgg(3, 32), *coloured(24)), (1, 3, 24, 24)),
        recipe="openvino:threads=2",
        arrays=judged(*coloured(24)),
    ),
    Case(
        "wide products, dynamic int8, 32 rows",
        net(
            lambda: nn.Sequential(
                nn.Linear(256, 1024), nn.ReLU(), nn.Linear(1024, 512), nn.ReLU(), nn.Linear(512, 10)
            ),
            (32, 256),
        ),
        recipe="dynamic_int8",
    ),
)
