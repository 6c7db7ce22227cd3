"""Start: bring a model or pick a sample; one click leads to a chart."""

from typing import Literal

import streamlit as st

from optim.evalset import load_evalset
from optim.ingest import ingest
from optim.ingest.samples import Sample, list_samples
from optim.metrics.base import find_metric
from optim.model import Model
from optim.settings import settings
from optim.showing.text import size
from optim.studies.study import create_study
from ui import files, upload
from ui.errors import errors_shown
from ui.explore.live_chart import preload
from ui.navigation import HEADLINE
from ui.protecting import protected
from ui.server.guards import exposed
from ui.sharing.taking_in import study_file
from ui.state import begin, queue
from ui.studies import study_list
from ui.tour import tour

_PENDING = "images_pending"  # a brought model whose image EvalSet still needs its preprocessing


def _sample_card(sample: Sample) -> None:
    with st.container(border=True, height="stretch", gap="xsmall"):
        st.markdown(f"**{sample.title}**")
        st.markdown(sample.summary)
        st.space("stretch")
        metric = find_metric(sample.metric)
        st.caption(f"{metric.title} {metric.show(sample.value)}  \n{size(sample.size_bytes)}")
        if st.button(
            f"Open {sample.title}", key=f"sample:{sample.name}", type="primary", width="stretch"
        ):
            with errors_shown(), st.spinner(f"Opening {sample.title} ..."):
                model = ingest(f"sample:{sample.name}", evalset=sample.evalset_path)
                evalset = load_evalset(sample.evalset_path, model)
                begin(create_study(model, evalset, sample.title))


def _own_model() -> None:
    left, right = st.columns(2)
    by_path = settings().server_files and st.toggle(
        "Files are on the server already",
        key="by_path",
        help="Read them by their path there instead of uploading them.",
    )
    with left:
        model = files.given(
            "Model: .onnx, .pt, .pt2, or a .zip",
            files.MODEL_TYPES,
            "model",
            by_path,
            "ONNX (.onnx, with its external data if it has such: both at once, or as a .zip), "
            "TorchScript (.pt) or "
            f"torch.export (.pt2), up to {settings().max_model_mb} MB. It is parsed and run in a "
            "separate process only. Pickles are refused: they can run any code.",
            files.BESIDE_TYPES,
        )
    with right:
        evalset = files.given(
            "EvalSet, optional, to judge quality on: .npz, .csv, or a .zip of images",
            files.EVALSET_TYPES,
            "evalset",
            by_path,
            "An .npz with one array per model input, named after it, first axis = samples; "
            "optional `labels` and `metric`. Or a table (.csv, .tsv): columns for the inputs and "
            "one for the label. For image models also a .zip of folders named by class, or of "
            "pictures with masks (polygons too) or boxes (COCO, PASCAL VOC, labelme, YOLO).",
        )
    if model:
        _asked(model, evalset)
    protected()


def _asked(model: files.Upload, evalset: files.Upload | None) -> None:
    """What must be known about a model that was given, and the button that opens it."""
    table = evalset is not None and upload.is_table(evalset)
    with errors_shown():
        dims, specs = upload.answers(upload.ask(model), evalset is not None, table)
        label = upload.label_column() if table else ""
        metric = upload.metric_choice() if evalset else ""
        if evalset is None:
            st.caption(
                "Without an EvalSet, inputs are made up from the input types: quality is then "
                "only fidelity to the original, not accuracy."
            )
        pending = _pending(model, evalset) if evalset else None
        kind: Literal["primary", "secondary"] = "secondary" if pending else "primary"
        if st.button("Open this model", type=kind, key="open_model"):
            _open(model, evalset, dims, specs, label, metric)
        if evalset and pending:
            _images(pending, evalset, metric)


def _open(
    model: files.Upload,
    evalset: files.Upload | None,
    dims: dict[str, int],
    specs: list[str],
    label: str,
    metric: str,
) -> None:
    with st.spinner("Checking the model in a separate process ..."):
        brought, samples = upload.bring(model, evalset, dims, specs, label, metric)
        if samples is None and evalset is not None:
            st.session_state[_PENDING] = (model.identity, evalset.identity, brought)
            st.rerun()  # now another button is the one to press
        assert samples is not None
        begin(create_study(brought, samples))


def _pending(model: files.Upload, evalset: files.Upload) -> Model | None:
    for_model, for_evalset, brought = st.session_state.get(_PENDING, ("", "", None))
    same = (for_model, for_evalset) == (model.identity, evalset.identity)
    return brought if same else None


def _images(model: Model, evalset: files.Upload, metric: str) -> None:
    upload.survey(model, evalset)
    form, seen = st.columns([2, 3], gap="medium")
    with form:
        preprocessing = upload.preprocessing_form(model)
    with seen:
        upload.preview(model, evalset, preprocessing)
    if st.button("Start with these images", type="primary", key="open_images"):
        with st.spinner("Preparing the images in a separate process ..."):
            study = upload.image_study(model, evalset, preprocessing, metric)
        begin(study)


st.title(HEADLINE, anchor=False)
st.caption(
    "Bring a model, toggle optimizations, and watch measured latency against quality "
    "on this machine. Every figure comes with its interval."
)
tour()
if exposed():
    st.warning(exposed())
st.subheader("Start with a sample", anchor=False)
samples = list_samples()
for sample, column in zip(samples, st.columns(max(len(samples), 1)), strict=False):
    with column:
        _sample_card(sample)
st.subheader("Or bring your own model", anchor=False)
_own_model()
with st.expander("Open a study that somebody exported"):
    study_file()
st.subheader("Studies", anchor=False)
with errors_shown():
    study_list()
    preload()
    queue()  # started while people read, so that the first click does not wait for it
