"""The recipe builder: targets, toggles, the engine, and the recipe that they come to.

A recipe is loaded into the builder by writing its widgets' keys in a callback, before they are
drawn.
"""

from collections.abc import Sequence

import streamlit as st

from optim import probing
from optim.errors import OptimError
from optim.graph import Analysis
from optim.machine.environment import cpu_name, environment
from optim.part import Part, build_part
from optim.passes.base import all_passes
from optim.recipe import Recipe
from optim.runtimes.base import BASELINE_RUNTIME, Runtime, all_runtimes
from optim.search.advice import advise
from optim.showing import text
from optim.showing.figures import SPEEDUP, figures
from optim.studies.study import Study
from optim.studies.trial import Trial
from optim.targets import CUDA, LOCAL, all_targets
from optim.targets.estimate import estimate
from optim.targets.placing import placed, stands_under
from ui.cached import analysis_of_digest
from ui.errors import errors_shown, show
from ui.explore.toggles import KEY, part_form, passes_chosen, unfold
from ui.parts import came_from, target_label
from ui.state import PARTS, PARTS_TAB, RUNTIMES_TAB, TARGETS_TAB, choose_trial, page, submit
from ui.text import as_code, plain

_RUNTIME, _TARGET, _TYPED = f"{KEY}:runtime", f"{KEY}:target", f"{KEY}:typed"


def load(recipe: Recipe) -> None:
    """Set the builder's widgets to a recipe. Only in a callback, before they are drawn.

    What stands as it should is left alone: a widget that is written is drawn anew, and takes back
    a click that came meanwhile.
    """
    used: dict[str, Part] = {part.name: part for part in (*recipe.passes, recipe.runtime)}
    wanted: dict[str, object] = {f"{KEY}.{name}": name in used for name in all_passes()}
    for name, part in used.items():
        for field, value in part.model_dump(mode="json").items():
            wanted[f"{KEY}.{name}.{field}"] = value
    wanted[_RUNTIME] = recipe.runtime.name
    unfold(used)
    for key, value in wanted.items():
        if key not in st.session_state or st.session_state[key] != value:
            st.session_state[key] = value


@st.fragment
def builder(study: Study) -> None:
    """Everything of the builder, and the button that adds the recipe to the study."""
    button = st.container()
    targets = st.multiselect(
        "Target hardware",
        list(all_targets()),
        default=[LOCAL],
        format_func=lambda name: target_label(all_targets()[name]),
        key=_TARGET,
        placeholder="Choose one or more",
        bind="query-params",
    )
    _about_targets(targets)
    top = st.container()
    with errors_shown():
        analysis = analysis_of_digest(study.model.digest)
        passes = passes_chosen(analysis)
        runtime = _runtime(analysis)
        recipe = Recipe.of([*sorted(passes, key=lambda part: part.stage), runtime])
        with button:
            _add(study, recipe, targets)
        with top:
            _known(study, recipe, targets, analysis)
    _typed()


def _add(study: Study, recipe: Recipe, targets: Sequence[str]) -> None:
    """The button that adds the recipe to the study.

    It comes first: below texts that grow with the recipe, or the field of targets, which is a line
    lower once it is left, it would move away while it is being pressed, and a press that ends
    elsewhere is none.
    """
    label, none = "Add to the chart", not targets
    if st.button(label, type="primary", key="add", width="stretch", disabled=none):
        numbers = [submit(study, [recipe], target, "user")[0] for target in targets]
        choose_trial(study, numbers[0])
        st.rerun()


def _known(study: Study, recipe: Recipe, targets: Sequence[str], analysis: Analysis) -> None:
    """The recipe as it stands, and what is known of it."""
    st.html(as_code(recipe.spelling))
    trials = study.trials()
    for target in targets:
        _forecast(study, placed(recipe, target), stands_under(target), trials)
    if LOCAL in targets and not _shown_to_be_faster(recipe, trials):
        _advice(recipe, analysis)


def _shown_to_be_faster(recipe: Recipe, trials: Sequence[Trial]) -> bool:
    """Whether it was measured to be: then nothing says that it may not be."""
    measured = [t.summary for t in trials if t.recipe == recipe and t.target == LOCAL and t.summary]
    return bool(measured) and measured[-1].speedup.low > 1


def _about_targets(names: Sequence[str]) -> None:
    if any(all_targets()[name].modelled for name in names):
        st.caption("Latencies on other hardware are estimates from a datasheet, drawn hollow.")
    if CUDA in names:
        st.caption("On the GPU, ONNX Runtime runs as `cuda`: the same engine, its CUDA provider.")
    if LOCAL not in names:
        return
    sets = " ".join(all_targets()[LOCAL].instruction_sets) or "none of those that matter here"
    st.caption(f"{plain(cpu_name())} with {plain(sets)}")
    if probing.known() is None:
        st.page_link(
            page(PARTS),
            label="Not probed yet: probe it",
            icon=":material/speed:",
            query_params={PARTS_TAB: TARGETS_TAB},
        )


def _advice(recipe: Recipe, analysis: Analysis) -> None:
    """What is known to hurt with this model on this machine."""
    here = environment()
    flags, cores = here["flags"].split(), int(here["cores"])
    for found in advise(recipe, analysis.op_histogram, flags, cores, probing.known()):
        st.warning(plain(found.text))


def _runtime(analysis: Analysis) -> Runtime:
    st.markdown("**Engine**")
    available = {name: part for name, part in all_runtimes().items() if not part.missing()}
    name = st.selectbox(
        "Runtime",
        sorted(available, key=lambda name: name != BASELINE_RUNTIME),
        format_func=lambda name: available[name].title,
        key=_RUNTIME,
        help="  \n".join(
            f"**{part.title}** {part.summary} {came_from(part)}".rstrip()
            for part in available.values()
        ),
    )
    if others := [part for part in all_runtimes().values() if part.name not in available]:
        with st.expander(f"{len(others)} more engines, not installed"):
            st.caption(", ".join(part.title for part in others))
            st.page_link(
                page(PARTS),
                label="What each needs",
                icon=":material/download:",
                query_params={PARTS_TAB: RUNTIMES_TAB},
            )
    return build_part(available[name], part_form(available[name], analysis))


def _forecast(study: Study, recipe: Recipe, target: str, trials: Sequence[Trial]) -> None:
    """What is known of the recipe before it is added: its measurement, or an estimate."""
    same = [t for t in trials if t.recipe == recipe and t.target == target]
    if target != LOCAL:
        _estimate(study, recipe, target, trials)
    elif not same:
        st.caption("Not measured yet: a first point takes a few seconds.")
    elif same[-1].summary is None:
        st.caption(f"In the study already, as #{same[-1].number}.")  # its state is soon another
    else:
        speedup = figures(study.evalset.metric)[SPEEDUP].text(same[-1])
        st.caption(f"Measured already: speed-up {speedup}.")


def _estimate(study: Study, recipe: Recipe, target: str, trials: Sequence[Trial]) -> None:
    digest = optimized_digest(study, recipe, trials)
    if digest is None:
        st.caption("The estimate needs the optimized graph: add the recipe to build it.")
        return
    found = estimate(analysis_of_digest(digest), all_targets()[target], recipe)
    if found.interval is None:
        st.warning(plain(found.refused))
        return
    between = text.ends(found.interval, text.milliseconds)
    on = plain(all_targets()[target].title.partition(",")[0])
    st.caption(f"{on}, estimate: **{text.milliseconds(found.value)}** ({between}), not measured.")


def optimized_digest(study: Study, recipe: Recipe, trials: Sequence[Trial]) -> str | None:
    """The optimized model of a recipe, if one with the same passes has been built."""
    if not recipe.passes:
        return study.model.digest
    same = (t for t in trials if t.recipe.passes_digest == recipe.passes_digest)
    return next((t.model_digest for t in same if t.model_digest), None)


def _typed() -> None:
    with st.expander("Type a recipe instead"):
        st.text_input(
            "Spelling, as on the command line",
            key=_TYPED,
            on_change=_load_typed,
            placeholder="static_int8 + openvino:threads=2",
            help="Parts joined by +, the runtime last. Enter sets the toggles above.",
        )
        problem = st.session_state.pop(f"{KEY}:problem", None)
        if problem:
            show(problem)


def _load_typed() -> None:
    try:
        load(Recipe.parse(st.session_state[_TYPED]))
    except OptimError as error:
        st.session_state[f"{KEY}:problem"] = error
