"""What tests of bundles share: the recipe, the study's trials, how a bundle is changed."""

from optim.bundles import manifest
from optim.bundles.bundle import About
from optim.recipe import Recipe
from support import trials

RECIPE = Recipe.parse("static_int8:reduce_range=off + onnxruntime")
HOSTILE = "</script><img src=x onerror=alert(1)>"


def study_trials():
    """The baseline, the chosen trial, an estimate, and one for hardware with a hostile name."""
    baseline = trials.trial(0, trials.summary(2.0, 1.0), trials.quality(trials.ORIGINAL))
    estimates = trials.estimated(2, 0.1), trials.estimated(3, 0.2, HOSTILE)
    return baseline, trials.measured(1, 1.0, 2.0), *estimates


def check_of(result, name):
    (check,) = [check for check in result.checks if check.name == name]
    return check


def rehash(bundle):
    (bundle / manifest.MANIFEST).unlink()
    manifest.write_manifest(bundle)


def change_about(bundle, **values):
    about = About.model_validate_json((bundle / manifest.ABOUT).read_bytes())
    (bundle / manifest.ABOUT).write_text(about.model_copy(update=values).model_dump_json())
