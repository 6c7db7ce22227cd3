"""Bringing a model and its EvalSet: what must be asked, what is read."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from html import escape
from pathlib import Path
from typing import Any

import streamlit as st

from optim.errors import InputError, OptimError
from optim.evalset import (
    EvalSet,
    Preprocessing,
    judged_by,
    load_evalset,
    load_image_folder,
    synthesize,
)
from optim.evalset.preprocessing import of_one_image
from optim.evalset.preview import Preview, Surveyed, previews, surveyed
from optim.ingest import Questions, ingest, questions
from optim.metrics.base import all_metrics
from optim.model import Model
from optim.settings import settings
from optim.studies.study import Study, create_study
from ui.files import TABLE_TYPES, Upload
from ui.forms import settings_form
from ui.text import key_of, plain

_SEEN = 160  # pixels: without a width, a picture takes that of the words below it
_RUNS = "A trial run with these sizes succeeded."
_NOT_TRIED = "No sizes are known to run: give those that the model was made for."


def ask(model: Upload) -> Questions:
    """What must be asked about a model; looked up once per file and session, errors too."""
    known = st.session_state.setdefault("questions", {})
    if model.identity not in known:
        known.clear()  # one file at a time
        reading = st.spinner("Reading the model in a separate process ...")
        with reading, model.on_disk() as path, _interruptible("reading") as cancelled:
            try:
                known[model.identity] = questions(path, cancelled=cancelled)
            except OptimError as error:
                known[model.identity] = error
    found: Questions | OptimError = known[model.identity]
    if isinstance(found, OptimError):
        raise found
    return found


def answers(
    asked: Questions, has_evalset: bool, table: bool = False
) -> tuple[dict[str, int], list[str]]:
    """Ask for symbolic dimensions and for inputs that the file does not describe.

    Args:
        has_evalset: one is given, which may be a table: it says sizes and no types.
    """
    dims, specs = _sizes(asked, has_evalset) if asked.dims else {}, []
    if has_evalset:  # its shapes win over what was only suggested
        dims = {name: size for name, size in dims.items() if size != asked.dims[name]}
    if asked.inputs and (table or not has_evalset):
        st.markdown("**Inputs** (the file does not say their types and shapes)")
        for name in asked.inputs:
            example = f"{name}:float32[1,3,224,224]"
            text = st.text_input(plain(name), key=key_of("input", name), placeholder=example)
            specs += [text] if text else []
    return dims, specs


def _sizes(asked: Questions, has_evalset: bool) -> dict[str, int]:
    """The sizes left open; folded away where those that are given run."""
    known = ", ".join(f"{plain(name)} = {size}" for name, size in asked.dims.items())
    known += ", or what the EvalSet says" * has_evalset
    title = f"Sizes left open in this model (symbolic dimensions): {known}"
    with st.expander(title, expanded=not asked.seen_to_run, key="dims"):
        st.caption(
            "Every engine gets fixed shapes. An EvalSet's own win over those suggested here. "
            + (_RUNS if asked.seen_to_run else _NOT_TRIED)
        )
        places = st.columns(max(4, len(asked.dims)))
        return {
            name: int(place.number_input(plain(name), 1, value=size, key=key_of("dim", name)))
            for (name, size), place in zip(asked.dims.items(), places, strict=False)
        }


def bring(
    model: Upload,
    evalset: Upload | None,
    dims: dict[str, int],
    specs: list[str],
    label: str = "",
    metric: str = "",
) -> tuple[Model, EvalSet | None]:
    """Read the files; `label` is a table's column of labels, `metric` what quality is judged by.

    The EvalSet is None where its preprocessing must be asked for first.
    """
    with (
        model.on_disk() as path,
        _samples(evalset) as samples,
        _interruptible("bringing") as cancelled,
    ):
        arrays = None if evalset and is_images(evalset) else samples
        brought = ingest(
            path,
            dims=dims,
            name=Path(model.name).stem,
            evalset=arrays,
            input_specs=specs,
            cancelled=cancelled,
        )
        if samples is None:
            return brought, synthesize(brought)
        if not arrays:
            return brought, None
        evaluated = load_evalset(arrays, brought, label=label)
        return brought, judged_by(evaluated, metric, brought)


def _samples(evalset: Upload | None) -> AbstractContextManager[Path | None]:
    return evalset.on_disk() if evalset else nullcontext()


@contextmanager
def _interruptible(doing: str) -> Iterator[Callable[[], bool]]:
    """Show the time that a child takes and a way to stop it.

    What is yielded is called while the child runs. A click on anything makes Streamlit end this
    run at its next call to it, which is in here, and that ends the child.
    """
    started, place = time.monotonic(), st.empty()
    with place.container(horizontal=True, vertical_alignment="center"):
        text = st.empty()
        st.button("Stop", key=f"stop:{doing}", help=f"Give up {doing} this model.")

    def tick() -> bool:
        passed = int(time.monotonic() - started)
        text.caption(f"{passed} s, stopped after {settings().step_seconds} s")
        return False

    try:
        yield tick
    finally:
        place.empty()


def is_table(evalset: Upload) -> bool:
    """Whether this is a table as text, by its name."""
    return evalset.name.lower().endswith(tuple(f".{kind}" for kind in TABLE_TYPES))


def label_column() -> str:
    """Ask which column of a table is the label; empty: it is found."""
    return st.text_input(
        "Label column (optional)",
        key="label_column",
        placeholder="found by its name, such as label, target, y, class",
        help="The column of the table that holds the labels. Columns are taken for the model's "
        "inputs by their names or their order; the study's notes say which.",
    )


def metric_choice() -> str:
    """Ask what quality is judged by; empty: what the EvalSet says, or suits its labels."""
    known = all_metrics()
    return st.selectbox(
        "Metric",
        ["", *known],
        format_func=lambda name: known[name].title if name else "What suits the labels",
        key="metric",
        help="What quality is judged by. Each is explained on Parts.",
    )


def is_images(evalset: Upload) -> bool:
    """Whether this is a zip of folders of images rather than arrays."""
    return evalset.name.lower().endswith(".zip")


def preprocessing_form(model: Model) -> Preprocessing:
    """Show and adjust what is done to each image. Raises InputError where no image fits."""
    spec, _, _ = of_one_image(model.inputs, model.outputs)
    st.markdown(f"**Preprocessing** to {plain(spec.name)} {list(spec.shape)}")
    suggested = Preprocessing.suggested(model).model_dump(mode="json")
    values = settings_form(Preprocessing, "preprocessing", defaults=suggested, beside=2)
    try:
        return Preprocessing.model_validate(values)
    except ValueError as error:
        raise InputError(
            f"This preprocessing is not possible ({error}).", "Change its settings.", "EvalSet"
        ) from None


def survey(model: Model, evalset: Upload) -> None:
    """Check a set of images and say what is in it, before its settings are asked for."""
    found: Surveyed = _looked_up("survey", evalset, model, "", lambda p: surveyed(p, model))
    more = f" {found.left_out} other files are left out." if found.left_out else ""
    st.markdown(f"**{found.images:,} images {found.where}.**{more}")
    if found.said:
        st.caption(plain(found.said))


def preview(model: Model, evalset: Upload, preprocessing: Preprocessing) -> None:
    """Show what the model sees of the first images and how it scores on some."""
    found: Preview = _looked_up(
        "preview",
        evalset,
        model,
        preprocessing.model_dump_json(),
        lambda path: previews(path, model, preprocessing),
    )
    answered = any(seen.answer for seen in found.seen)
    st.markdown("**What the model sees**" + ", and what it answers" * answered)
    row = st.container(horizontal=True)
    for seen in found.seen:
        mark = f" {'✓' if seen.answer == seen.folder else '✗ answers ' + seen.answer}"
        row.image(
            seen.data, width=_SEEN, caption=plain(seen.folder + (mark if seen.answer else ""))
        )
    if found.legend:
        st.html(_legend(found.legend))
    if found.doubt:
        st.warning(plain(f"{found.said}. {found.doubt}"))
    elif found.said:
        st.info(plain(f"{found.said}: a quick look, to see whether scale and crop are right."))


def _legend(classes: Sequence[tuple[str, str]]) -> str:
    """The classes that are drawn in, each beside its colour."""
    return " &ensp; ".join(
        f'<span style="color:{colour}" aria-hidden="true">&#9632;</span> {escape(name[:40])}'
        for name, colour in classes
    )


def _looked_up(
    what: str, evalset: Upload, model: Model, settings_: str, look: Callable[[Path], Any]
) -> Any:
    """What a child found out about an upload; once for each file, model and settings."""
    known = st.session_state.setdefault(f"looked_up.{what}", {})
    key = f"{evalset.identity} {model.digest} {settings_}"
    if key not in known:
        known.clear()
        with evalset.on_disk() as path, st.spinner("Looking at the images ..."):
            known[key] = look(path)
    return known[key]


def image_study(
    model: Model, evalset: Upload, preprocessing: Preprocessing, metric: str = ""
) -> Study:
    """The study of a model on images."""
    with evalset.on_disk() as path:
        images = load_image_folder(path, model, preprocessing)
        return create_study(model, judged_by(images, metric, model))
