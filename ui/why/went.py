"""Where the quality went, layer by layer: the chart in order, the jump, and a node left out."""

from collections.abc import Sequence

import streamlit as st

from optim.errors import StepError
from optim.names import legible
from optim.recipe import Recipe
from optim.studies.study import Study
from optim.studies.trial import Trial
from optim.targets import LOCAL
from optim.why.helped import helped
from optim.why.layers import (
    CLEAR_DB,
    Layers,
    TensorError,
    decibels,
    first_jump,
    jump_told,
    leading_to,
    outputs_among,
    worst_of,
)
from optim.why.leaving_out import Rounded, leaving_out
from ui.cached import layers_of_digests, rounded_of_digest
from ui.errors import errors_shown
from ui.state import COMPARE, page, submit
from ui.text import key_of, plain
from ui.why import charts

_ORIGIN = "why"


def layer_by_layer(study: Study, trial: Trial) -> None:
    """The chart of one output's tensors, and what is known of the one chosen."""
    given = (study.model.digest, trial.model_digest, trial.recipe.runtime.spelling)
    found = layers_of_digests(*given, study.evalset.digest)
    errors = _of_output(found, trial)
    if not errors:
        st.caption("No tensor of the optimized graph has a counterpart in the original.")
        return
    jump, rounded = first_jump(errors), _rounded(study, trial)
    key = key_of("tensor", study.name, trial.number, errors[-1].tensor)
    known = [error.tensor for error in errors]
    if st.session_state.get(key) not in known:
        st.session_state[key] = (jump or _worst(errors, rounded)).tensor
    left, right = st.columns([5, 3], gap="medium")
    with left:
        figure = charts.error_by_layer(errors, jump, st.session_state[key])
        st.plotly_chart(
            figure,
            key=f"{key}:chart",
            alt=jump_told(errors, jump),
            on_select=lambda: _pick(key),
            selection_mode="points",
        )
    with right:
        st.markdown(plain(jump_told(errors, jump)))
        names = {error.tensor: f"{legible(error.node)} ({error.op})" for error in errors}
        st.selectbox("Node", known, format_func=lambda name: names[name], key=key)
        chosen = next(error for error in errors if error.tensor == st.session_state[key])
        st.markdown(plain(f"{names[chosen.tensor]}: {decibels(chosen)}."))
        _leave_out(study, trial, chosen, rounded)
    notes = " ".join(found.notes)
    st.caption(
        plain(
            f"Each tensor of the original against the same one of this trial, on {found.samples} "
            f"validation samples. Above the dotted line, at {CLEAR_DB:g} dB, the error is what 8 "
            f"bits may have without a loss. {notes}"
        )
    )


def _rounded(study: Study, trial: Trial) -> Rounded:
    """What rounds each tensor; nothing, and why, where that cannot be found out."""
    with errors_shown():
        return rounded_of_digest(study.model.digest, trial.recipe.spelling, study.evalset.digest)
    return Rounded()


def _worst(errors: Sequence[TensorError], rounded: Rounded) -> TensorError:
    """The tensor to begin with: where something can be done about it, if there is such a one."""
    mendable = [error for error in errors if error.tensor in rounded.by]
    return worst_of(mendable) or worst_of(errors) or errors[-1]


def _pick(key: str) -> None:
    points = st.session_state[f"{key}:chart"].selection.points
    if points and points[0].get("customdata"):
        st.session_state[key] = points[0]["customdata"][0]


def _of_output(found: Layers, trial: Trial) -> tuple[TensorError, ...]:
    """The tensors behind the output that is asked for."""
    outputs = outputs_among(found.errors)
    if len(outputs) < 2:
        return found.errors
    names = {one.tensor: f"{legible(one.tensor)}: {decibels(one)}" for one in outputs}
    key = key_of("output", trial.number, *names)
    asked = st.segmented_control(
        "Output", list(names), default=outputs[0].tensor, format_func=names.__getitem__, key=key
    )
    return leading_to(found.errors, asked or outputs[0].tensor)


def _leave_out(study: Study, trial: Trial, chosen: TensorError, rounded: Rounded) -> None:
    recipe = leaving_out(trial.recipe, chosen.tensor, rounded)
    if recipe is None or recipe == trial.recipe:
        st.caption("This recipe rounds nothing here that can be left in float by itself.")
        return
    nodes = rounded.by[chosen.tensor]
    shown = ", ".join(map(legible, nodes[:3])) + (" …" if len(nodes) > 3 else "")
    st.button(
        plain(f"Leave {shown} in float"),
        key=key_of("leave", study.name, trial.number),
        on_click=_queue,
        args=(study, trial, recipe),
        help="Queues this recipe with what rounds this tensor left out of quantization.",
        icon=":material/playlist_add:",
    )
    live = _under_way(study, recipe)
    st.fragment(_mended, run_every="1s" if live else None)(study, trial, recipe, live)


def _queue(study: Study, trial: Trial, recipe: Recipe) -> None:
    with errors_shown():
        submit(study, [recipe], LOCAL, _ORIGIN)


def _trial_of(study: Study, recipe: Recipe) -> Trial | None:
    """The newest measured, or to be measured, here."""
    found = [t for t in study.trials() if t.recipe == recipe and t.target == LOCAL]
    return found[-1] if found else None


def _under_way(study: Study, recipe: Recipe) -> bool:
    found = _trial_of(study, recipe)
    return found is not None and not found.finished


def _mended(study: Study, trial: Trial, recipe: Recipe, live: bool) -> None:
    """The fragment. Where what it was drawn for has ended or begun, the page is drawn anew."""
    if live != _under_way(study, recipe):
        st.rerun()
    with errors_shown():
        _queued(study, trial, _trial_of(study, recipe))


def _queued(study: Study, trial: Trial, mended: Trial | None) -> None:
    """Where the mended trial stands, and the way to compare it."""
    if mended is None:
        return
    if mended.state == "failed":
        raise StepError(f"Trial {mended.number} failed: {mended.error}", "Try another node.")
    came = helped("quality", trial, mended)
    st.caption(plain(f"That is trial {mended.number}. {came}"))
    if mended.model_digest:
        st.page_link(
            page(COMPARE),
            label=f"Compare #{trial.number} with #{mended.number}",
            query_params={"study": study.name, "trials": f"{trial.number},{mended.number}"},
            icon=":material/compare_arrows:",
        )
