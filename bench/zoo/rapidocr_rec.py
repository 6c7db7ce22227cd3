"""PP-OCRv4's text-line recognizer (CNN and attention), as PyPI's rapidocr-onnxruntime ships it."""

import shutil
from pathlib import Path

import numpy as np

from bench.zoo import data
from bench.zoo.base import SEED, Entry, model_file, write_evalset
from bench.zoo.prose import sentences
from bench.zoo.rendering import line

PACKAGE = "rapidocr-onnxruntime==1.4.4"
_HEIGHT, _WIDTH = 48, 320
_CALIBRATION, _VALIDATION = 64, 200


def _make(cache: Path, folder: Path) -> None:
    models = data.wheel(cache, PACKAGE) / "rapidocr_onnxruntime" / "models"
    rng = np.random.default_rng(SEED)
    texts = [text[:22] for text in sentences(_CALIBRATION + _VALIDATION, rng)]
    lines = np.stack([line(text, _WIDTH, _HEIGHT, rng) for text in texts])
    write_evalset(folder, {"x": lines}, _CALIBRATION)
    shutil.copy(models / "ch_PP-OCRv4_rec_infer.onnx", model_file(folder))


ENTRY = Entry(
    "rapidocr_rec",
    "PP-OCRv4 text-line recognizer, real weights, 3 x 48 x 320; 200 rendered lines, unlabelled: "
    "likeness to the original.",
    _make,
)
