"""Every setting of every part can be set in a form, and a form left alone gives the defaults."""

from collections.abc import Callable

import pytest
from pydantic import BaseModel
from streamlit.testing.v1 import AppTest

from optim.evalset import Preprocessing
from optim.part import Part, build_part
from optim.passes.base import all_passes
from optim.runtimes.base import all_runtimes
from ui.forms import label

pytestmark = pytest.mark.slow

PARTS: dict[str, type[Part]] = {**all_passes(), **all_runtimes()}


def _page(name: str) -> None:
    import streamlit as st

    from optim.passes.base import all_passes
    from optim.runtimes.base import all_runtimes
    from ui.forms import settings_form

    part = {**all_passes(), **all_runtimes()}[name]
    st.session_state["values"] = settings_form(part, "form", {"op_types": ["Conv", "Relu"]})


def _opened(page: Callable[..., None], *args: object) -> AppTest:
    opened = AppTest.from_function(page, args=args).run()
    assert not opened.exception
    return opened


@pytest.mark.parametrize("name", PARTS)
def test_every_setting_has_a_widget_with_its_description_and_default(name: str) -> None:
    opened = _opened(_page, name)
    kinds = ("toggle", "selectbox", "slider", "number_input", "multiselect", "text_input")
    widgets = {widget.key: widget for kind in kinds for widget in opened.get(kind)}
    for field, info in PARTS[name].model_fields.items():
        widget = widgets[f"form.{field}"]
        assert widget.label == label(field)
        assert widget.help == info.description
    assert build_part(PARTS[name], opened.session_state["values"]) == PARTS[name]()


def test_a_changed_setting_reaches_the_part() -> None:
    opened = _opened(_page, "static_int8")
    opened.selectbox(key="form.calibration").select("entropy")
    opened.toggle(key="form.per_channel").set_value(False)
    opened.multiselect(key="form.op_types").set_value(["Conv"])
    opened.run()
    part = build_part(PARTS["static_int8"], opened.session_state["values"])
    assert part.spelling == "static_int8:calibration=entropy,per_channel=false,op_types=Conv"


def test_a_value_set_before_the_form_is_drawn_stays() -> None:
    opened = AppTest.from_function(_page, args=("onnxruntime",))
    opened.session_state["form.threads"] = 2
    opened.session_state["form.graph"] = "basic"
    opened.run()
    assert not opened.exception
    part = build_part(PARTS["onnxruntime"], opened.session_state["values"])
    assert part.spelling == "onnxruntime:threads=2,graph=basic"


def _preprocessing() -> None:
    import streamlit as st

    from optim.errors import InputError
    from optim.evalset import Preprocessing
    from ui.forms import settings_form

    try:
        st.session_state["values"] = settings_form(
            Preprocessing, "form", defaults={"mean": (0.5, 0.25, 0.125)}
        )
    except InputError as error:
        st.error(str(error))


def test_lists_of_numbers_are_read_from_text() -> None:
    opened = _opened(_preprocessing)
    model: type[BaseModel] = Preprocessing
    assert model.model_validate(opened.session_state["values"]).model_dump()["mean"] == (
        0.5,
        0.25,
        0.125,
    )
    opened.text_input(key="form.mean").set_value("0.5, half").run()
    assert "'0.5, half' is no list of numbers" in opened.error[0].value
