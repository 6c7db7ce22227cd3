"""PP-OCRv4's text detector (a CNN), as PyPI's rapidocr-onnxruntime ships it."""

import shutil
from pathlib import Path

import numpy as np

from bench.zoo import data
from bench.zoo.base import SEED, Entry, model_file, write_evalset
from bench.zoo.prose import sentences
from bench.zoo.rapidocr_rec import PACKAGE
from bench.zoo.rendering import page

_SIDE, _LINES = 320, 6
_CALIBRATION, _VALIDATION = 32, 100


def _make(cache: Path, folder: Path) -> None:
    models = data.wheel(cache, PACKAGE) / "rapidocr_onnxruntime" / "models"
    rng, count = np.random.default_rng(SEED), _CALIBRATION + _VALIDATION
    texts = [text[:40] for text in sentences(count * _LINES, rng)]
    pages = [page(texts[i * _LINES : (i + 1) * _LINES], _SIDE, rng) for i in range(count)]
    write_evalset(folder, {"x": np.stack(pages)}, _CALIBRATION)
    shutil.copy(models / "ch_PP-OCRv4_det_infer.onnx", model_file(folder))


ENTRY = Entry(
    "rapidocr_det",
    "PP-OCRv4 text detector, real weights, 3 x 320 x 320; 100 rendered pages, unlabelled: "
    "likeness to the original.",
    _make,
)
