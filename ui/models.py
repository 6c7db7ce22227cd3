"""The models of a study, and the engines that its trials run them on."""

from optim.errors import InputError
from optim.model import load_model
from optim.recipe import Recipe
from optim.runtimes.base import all_runtimes
from optim.studies.study import Study
from ui.state import trials_in_address


def known_models(study: Study) -> dict[str, str]:
    """Digests of the original and of what passes made of it, with a label each."""
    found = {study.model.digest: "original"}
    for trial in study.trials():
        if trial.model_digest and trial.model_digest not in found and _stored(trial.model_digest):
            found[trial.model_digest] = f"#{trial.number} {_passes(trial.recipe)}"
    return found


def runtimes_of(study: Study, digest: str) -> list[str]:
    """Spellings of the runtimes that trials of this model use, the baseline, then the others.

    Those of trials that the page's address names come first.
    """
    trials = (*trials_in_address(study), *study.trials())
    used = [trial.recipe.runtime for trial in trials if trial.model_digest == digest]
    known = [part() for part in all_runtimes().values() if not part.missing()]
    return list(
        dict.fromkeys(runtime.spelling for runtime in (*used, Recipe.baseline().runtime, *known))
    )


def _passes(recipe: Recipe) -> str:
    return " + ".join(part.spelling for part in recipe.passes) or "without passes"


def _stored(digest: str) -> bool:
    try:
        return load_model(digest).path.exists()
    except InputError:
        return False
