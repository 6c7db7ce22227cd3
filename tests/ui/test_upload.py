"""Bringing a model: what the page asks about it."""

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
