"""What can be exported: the trials, a box to choose one in, what a bundle holds."""

import zipfile
from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from optim.bundles import deployment
from optim.bundles.bundle import ZIP_SUFFIX, findings_of
from optim.bundles.deployment import Deployment, all_deployments
from optim.bundles.manifest import COMPILED, DEPLOY, HOLDS
from optim.home.files import file_path
from optim.model import load_model
from optim.model.proto import DATA_FILE
from optim.recipe import Recipe
from optim.showing.text import size
from optim.studies.goal import DEFAULT, Goal
from optim.studies.picking import picked
from optim.studies.study import Study
from optim.studies.trial import Trial
from optim.targets import LOCAL
from ui.server.routes import bundle_url
from ui.state import EXPLORE, choose_trial, goal_of, page, trials_in_address
from ui.text import key_of

_NAME_LETTERS = 12


def exportable(trials: Sequence[Trial]) -> list[Trial]:
    """The trials that a bundle can be made of: measured on a machine and judged."""
    return [t for t in trials if t.target == LOCAL and t.slices and t.quality and t.model_digest]


def default(
    trials: Sequence[Trial], looked_at: Sequence[Trial], goal: Goal = DEFAULT
) -> Trial | None:
    """Of a study's trials the one looked at, else the one that the goal picks of them all.

    Whatever it is, a bundle can be made of it.
    """
    fit = {trial.number: trial for trial in exportable(trials)}
    wanted = (*looked_at, *filter(None, [picked(trials, goal)]), *fit.values())
    return next((trial for trial in wanted if trial.number in fit), None)


def chosen(label: str, kind: str, study: Study) -> Trial | None:
    """A box of the exportable trials, at first the one looked at, else the pick; None if none are.

    Args:
        kind: tells the boxes of pages apart.
    """
    everything = study.trials()
    trials = {trial.number: trial for trial in exportable(everything)}
    start = default(everything, trials_in_address(study), goal_of(study))
    key = key_of(kind, study.name)
    if start:  # the pick may come after the page; what a person chooses is looked at from then on
        st.session_state[key] = start.number
    number = st.selectbox(
        label,
        list(trials),
        format_func=lambda number: f"#{number} {trials[number].recipe.spelling}",
        key=key,
        on_change=lambda: choose_trial(study, st.session_state[key]),
    )
    return None if number is None else trials[number]


def nothing_yet(study: Study, said: str) -> None:
    """What to say, and where to go, where `chosen` has nothing to offer."""
    st.info(said)
    st.page_link(page(EXPLORE), label="Go to Explore", query_params={"study": study.name})


def deployments(recipe: Recipe) -> tuple[dict[str, Deployment], list[str]]:
    """Those that run this recipe by name, and of the others why they do not."""
    known = all_deployments()
    fits = {name: one for name, one in known.items() if not one.refuses(recipe)}
    return fits, [one.refuses(recipe) for name, one in known.items() if name not in fits]


def starts(study: Study, trial: Trial, names: Sequence[str]) -> list[tuple[str, str]]:
    """Title and first command of each of these deployments."""
    return deployment.starts(names, findings_of(study, trial), Path()) if names else []


def contents(trial: Trial, deploy: Sequence[str], digest: str | None) -> dict[str, list[str]]:
    """What a trial's bundle will hold; with the digest of one that was made, what it does hold,
    with sizes.

    Args:
        deploy: names of the deployments that are chosen.
    """
    found = dict.fromkeys(_to_hold(trial, deploy), 0)
    if digest:
        with zipfile.ZipFile(file_path(digest, ZIP_SUFFIX)) as archive:
            for info in archive.infolist():
                top, slash, _ = info.filename.partition("/")
                found[top + slash] = found.get(top + slash, 0) + info.file_size
        found = {name: total for name, total in found.items() if total}
    table = {"file": list(found), "what it is": [HOLDS.get(name, "") for name in found]}
    return table | ({"size": [size(total) for total in found.values()]} if digest else {})


def _to_hold(trial: Trial, deploy: Sequence[str]) -> list[str]:
    assert trial.model_digest
    there = {
        DATA_FILE: load_model(trial.model_digest).path.with_name(DATA_FILE).exists(),
        COMPILED: trial.recipe.runtime.keeps_compiled,
        DEPLOY: bool(deploy),
    }
    return [name for name in HOLDS if there.get(name, True)]


def bundle_name(study: Study, digest: str) -> str:
    """Name of the download, without its suffix: the study's and the bundle's own digest."""
    return f"{study.name}-{digest[:_NAME_LETTERS]}"


def recipe_name(recipe: Recipe) -> str:
    """File name of a recipe on its own."""
    return f"recipe-{recipe.digest[:_NAME_LETTERS]}.yaml"


def download_link(study: Study, digest: str) -> str:
    """The link to a bundle that was made, as HTML."""
    return link(digest, bundle_name(study, digest), "Download the bundle")


def link(digest: str, name: str, label: str) -> str:
    """A link to a stored zip, as HTML. It is streamed, however large the model in it is."""
    total = size(file_path(digest, ZIP_SUFFIX).stat().st_size)
    return (
        f'<a href="{bundle_url(digest, name)}" download style="display: inline-block; '
        "padding: 0.55rem 0.9rem; font-size: 0.875rem; border-radius: 6px; background: #0b6e99; "
        f'color: #ffffff; text-decoration: none">{label} ({total})</a>'
    )
