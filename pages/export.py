"""Export: take a trial away as a bundle that anyone can replay, or share the whole study."""

from collections.abc import Sequence

import streamlit as st

from optim.bundles.bundle import export_zip
from optim.studies.study import Study
from optim.studies.trial import Trial
from ui import decision, export
from ui.errors import errors_shown
from ui.headline import headline
from ui.sharing.whole import share_the_study
from ui.state import choose_trial, require_study
from ui.text import key_of, plain


def _decision(study: Study, trial: Trial) -> None:
    """What is being taken away, in a few figures."""
    assert trial.quality
    numbers, words = st.columns(2)
    with numbers:
        headline(trial, study.evalset.metric)
    with words:
        st.markdown(plain(trial.quality.verdict))
        if not trial.finished:
            st.caption("It is still being measured; the bundle holds what is known by now.")


def _make(study: Study, trial: Trial, deploy: Sequence[str]) -> str | None:
    """Digest of the bundle of this trial as it stands, once it has been asked for."""
    key = key_of("bundle", study.name, trial.number, len(trial.slices), *deploy)
    if st.button("Make the bundle", type="primary", key="make"):
        with errors_shown(), st.spinner("Writing the model, the evidence and the report ..."):
            st.session_state[key] = export_zip(study, trial, deploy)
    digest: str | None = st.session_state.get(key)
    return digest


def _deployments(study: Study, trial: Trial) -> list[str]:
    """Names of those that are chosen; what does not run this recipe says why."""
    fits, why_not = export.deployments(trial.recipe)
    chosen = st.pills(
        "Deploy it, too",
        list(fits),
        selection_mode="multi",
        format_func=lambda name: fits[name].title,
        help="\n\n".join(f"{one.title}: {one.about}" for one in fits.values()),
        key=key_of("deploy", study.name, trial.number),
    )
    for sentence in why_not:
        st.caption(sentence)
    return list(chosen)


def _take_away(study: Study, trial: Trial) -> None:
    """Where it is to run, the buttons. Then what the bundle holds, and how it is checked."""
    deploy = _deployments(study, trial)
    with st.container(horizontal=True, vertical_alignment="center"):
        digest = _make(study, trial, deploy)
        if digest:
            st.html(export.download_link(study, digest), width="content")
        st.download_button(
            "Download recipe.yaml alone",
            trial.recipe.to_yaml(),
            export.recipe_name(trial.recipe),
            mime="application/yaml",
            on_click="ignore",
            key="recipe",
        )
    st.markdown("**Run it**, in the unpacked folder")
    st.code("python run.py", language="bash")
    st.markdown("**Serve it** over REST and gRPC, in the same folder")
    st.code("pip install -r requirements-host.txt\npython host.py", language=None)
    for title, command in export.starts(study, trial, deploy):
        st.markdown(f"**{title}**")
        st.code(command, language="bash")
    st.markdown("**What it holds**")
    st.table(export.contents(trial, deploy, digest), border="horizontal")
    _how_to_check(f"{export.bundle_name(study, digest) if digest else 'BUNDLE'}.zip", trial)


def _how_to_check(file: str, trial: Trial) -> None:
    st.markdown("**How to check it**, on this machine or another")
    st.code(f"python -m optim replay {file}", language="bash")
    st.caption(
        "It checks the hashes, applies the recipe to the original again, compares the model bit "
        "for bit, measures, judges, and exits with 0 if everything holds. The recipe alone:"
    )
    st.code(
        f'python -m optim measure MODEL.onnx --recipe "{trial.recipe.spelling}"', language="bash"
    )


def _one_trial(study: Study) -> None:
    trial = export.chosen("Trial", "export", study)
    if trial is None:
        export.nothing_yet(
            study, "Nothing has been measured on this machine yet. A bundle is made of what was."
        )
        return
    st.query_params["trial"] = str(trial.number)
    choose_trial(study, trial.number)
    st.code(trial.recipe.spelling, language=None, wrap_lines=True)
    with errors_shown():
        _decision(study, trial)
        _take_away(study, trial)


def _page(study: Study) -> None:
    st.title(f"Export from {plain(study.title)}", anchor=False)
    names = ("One trial, as a bundle", "Share the whole study", "The decision in money")
    one, whole, money = st.tabs(names)
    with one:
        _one_trial(study)
    with whole, errors_shown():
        share_the_study(study)
    with money, errors_shown():
        decision.show(study)


_page(require_study())
