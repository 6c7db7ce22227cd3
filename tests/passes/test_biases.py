"""Bias correction: the mean of each channel is as it was, and what has no bias gets one."""

import numpy as np
import pytest
from support.pass_models import context, feeds, load, outputs

from optim.passes.static_int8 import StaticInt8


def mean_error(settings: StaticInt8, name: str) -> float:
    made = settings.run(load(name), context(name)).model
    samples = feeds(name)[:16]
    return float(
        np.abs((outputs(made, samples) - outputs(load(name), samples)).mean(axis=0)).mean()
    )


@pytest.mark.parametrize("name", ["cnn", "mlp"])
def test_the_mean_of_the_outputs_is_nearer_to_the_originals(name: str) -> None:
    """Coarse ranges, so that there is an error to correct."""
    coarse = StaticInt8(per_channel=False, weights="u8", symmetric=True, chain=False)
    shifted = coarse.model_copy(update={"bias_correction": True})
    assert mean_error(shifted, name) < mean_error(coarse, name)


def test_it_is_off_by_default_and_says_so_where_it_is_on() -> None:
    usual = StaticInt8().run(load("cnn"), context("cnn"))
    shifted = StaticInt8(bias_correction=True).run(load("cnn"), context("cnn"))
    assert not any("Biases" in note for note in usual.notes)
    assert any("Biases were shifted" in note for note in shifted.notes)
    assert usual.model != shifted.model
