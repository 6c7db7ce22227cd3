"""Bringing a model: what the page asks about it."""

import json

from streamlit.testing.v1 import AppTest


def _form() -> None:
    from optim.model import Model, TensorSpec
    from ui.upload import preprocessing_form

    image = TensorSpec(name="`input_1`", dtype="float32", shape=(1, 3, 32, 32))
    scores = TensorSpec(name="y", dtype="float32", shape=(1, 3))
    preprocessing_form(
        Model(
            digest="0" * 64, name="m", inputs=(image,), outputs=(scores,), opset=17, size_bytes=1,
            dims={}, source="onnx", node_count=1,
        )
    )  # fmt: skip


def test_the_preprocessing_names_its_input_as_it_is() -> None:
    page = AppTest.from_function(_form).run()
    assert not page.exception
    assert page.markdown[0].value == r"**Preprocessing** to \`input\_1\` [1, 3, 32, 32]"


def _answered(changed: bool) -> None:
    import streamlit as st

    from optim.ingest import Questions
    from ui.text import key_of
    from ui.upload import answers

    asked = Questions(kind="onnx", dims={"batch": 1, "length": 128}, inputs=(), seen_to_run=True)
    if changed:
        st.session_state[key_of("dim", "length")] = 64
    st.json({"with": answers(asked, True)[0]})


def test_sizes_that_were_only_suggested_do_not_contradict_an_evalset() -> None:
    for changed, kept in ((False, {}), (True, {"length": 64})):
        page = AppTest.from_function(_answered, kwargs={"changed": changed}).run()
        assert json.loads(page.json[0].value) == {"with": kept}
