"""Arithmetic that metrics share: rows of kept numbers and their weighted aggregates."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from optim.arrays import Array

Rows = NDArray[Any]
"""One row per sample, float64 [n, k]; or weights [b, n]; or values [b]."""


def numbers(values: Array) -> Array:
    """Flat float64; what is not finite counts as 0 (and shows as a collapse of the output)."""
    flat = np.ravel(values).astype(np.float64)
    return np.where(np.isfinite(flat), flat, 0.0)


def error_of(output: Array, label: Array) -> Array:
    """Output minus label, number by number."""
    return numbers(output) - numbers(label)


def mean(rows: Rows, weights: Rows) -> Rows:
    """The weighted mean of the first number of each row."""
    values: Rows = weights @ rows[:, 0] / weights.sum(axis=1)
    return values


def ratio(above: Rows, below: Rows, otherwise: Rows) -> Rows:
    """`above / below`, and `otherwise` where `below` is 0."""
    values: Rows = np.where(below > 0, above / np.where(below > 0, below, 1.0), otherwise)
    return values
