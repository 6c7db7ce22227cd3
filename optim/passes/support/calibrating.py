"""Ranges of activations over calibration samples, by ONNX Runtime's calibrators.

`quantize_static` could call them itself, but then keeps the activations of all samples in memory,
and its entropy search has as many bins as integers, so that it never cuts anything off. Here the
samples pass one by one: once for the extremes, and for a cut once more for histograms over them.
"""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from optim.arrays import Feeds
from optim.passes.support.workings import worked_out

_BINS = 512  # of a histogram; the entropy search takes time with the square of it
_QUANTIZED_BINS = 128  # as the library has it: a cut keeps at least a quarter of the range


class Calibrator(StrEnum):
    """How the range of an activation is taken from the calibration samples."""

    MINMAX = "minmax"
    ENTROPY = "entropy"
    PERCENTILE = "percentile"


def method_of(kind: Calibrator) -> Any:
    """ONNX Runtime's name for it."""
    from onnxruntime.quantization import CalibrationMethod

    return {
        Calibrator.MINMAX: CalibrationMethod.MinMax,
        Calibrator.ENTROPY: CalibrationMethod.Entropy,
        Calibrator.PERCENTILE: CalibrationMethod.Percentile,
    }[kind]


def measured_ranges(
    model: Path,
    op_types: Sequence[str],
    feeds: Sequence[Feeds],
    kind: Calibrator,
    percentile: float,
) -> bytes:
    """The ranges at the inputs and outputs of these op types, in the quantizer's own JSON.

    Args:
        percentile: share of the values kept in range, in percent, both tails together.
    """
    how = repr((op_types, kind, percentile))
    depends = ("ranges", version("onnxruntime"), how, model.read_bytes(), *_contents(feeds))
    return worked_out(depends, lambda: _measured(model, op_types, feeds, kind, percentile))


def _contents(feeds: Sequence[Feeds]) -> Iterator[bytes | str]:
    for sample in feeds:
        for name, array in sample.items():
            yield from (name, str((array.dtype, array.shape)), array.tobytes())


def _measured(
    model: Path,
    op_types: Sequence[str],
    feeds: Sequence[Feeds],
    kind: Calibrator,
    percentile: float,
) -> bytes:
    from onnxruntime.quantization.calibrate import save_tensors_data

    ranges = _collected(_calibrator(model, op_types, Calibrator.MINMAX), feeds)
    if kind != Calibrator.MINMAX:
        calibrator = _calibrator(model, op_types, kind)
        calibrator.collector = _empty_histograms(ranges, kind, percentile)
        ranges = _collected(calibrator, feeds)
    save_tensors_data(ranges, out := model.with_name("ranges.json"))
    return out.read_bytes()


def _calibrator(model: Path, op_types: Sequence[str], kind: Calibrator) -> Any:
    from onnxruntime.quantization.calibrate import create_calibrator

    augmented = str(model.with_name("augmented.onnx"))
    return create_calibrator(model, op_types, augmented, method_of(kind))


def _collected(calibrator: Any, feeds: Sequence[Feeds]) -> Any:
    for sample in feeds:
        calibrator.collect_data(_Reader(sample))
    return calibrator.compute_data()


def _empty_histograms(ranges: Any, kind: Calibrator, percentile: float) -> Any:
    """A collector whose histograms span the extremes, so that no later sample widens them."""
    from onnxruntime.quantization.calibrate import HistogramCollector

    collector = HistogramCollector(kind.value, False, _BINS, _QUANTIZED_BINS, percentile, "same")
    for name, data in ranges.items():
        low, high = (np.asarray(value, np.float32).reshape(()) for value in data.range_value)
        limit = np.maximum(abs(low), abs(high))
        edges = np.linspace(-limit, limit, _BINS + 1, dtype=np.float32)
        collector.histogram_dict[name] = (np.zeros(_BINS, np.int64), edges, low, high, limit)
    return collector


class _Reader:
    """One sample in the form that a calibrator reads."""

    def __init__(self, sample: Feeds) -> None:
        self._samples = iter([sample])

    def get_next(self) -> Feeds | None:
        return next(self._samples, None)
