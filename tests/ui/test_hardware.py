"""This machine on the Parts page: the button where it was not probed, the picture where it was."""

import pytest
from streamlit.testing.v1 import AppTest
from support.explored import visited
from support.probes import made_up

from optim.errors import StepError

PROBE = made_up({("onnxruntime", "conv 3x3", "u8s8"): 4.0}, {"openvino": ("u8s8",)})


def captions(page: AppTest) -> str:
    return plainly("\n".join(str(one.value) for one in page.caption))


def plainly(markdown: str) -> str:
    """Without what keeps signs from meaning something."""
    return markdown.replace("\\", "")


def test_it_offers_to_probe_and_then_shows_what_was_found(home, monkeypatch) -> None:
    def probed(on_progress, cancelled):
        for share in (0.1, 0.1001, 0.5, 1.0):
            on_progress("ONNX Runtime, one core", share)
        return PROBE

    monkeypatch.setattr("optim.probing.run.probed", probed)
    page = visited("parts")
    assert page.button(key="probe").label == "Probe this machine"
    assert not page.get("plotly_chart")
    page.button(key="probe").click().run()
    assert not page.exception
    assert page.button(key="probe").label == "Probe again"
    assert len(page.get("plotly_chart")) == 1
    assert "Probed on 2026-11-25 12:00:00 UTC in 15 s" in captions(page)
    assert "overflow in OpenVINO" in captions(page)
    tables = [list(one.value.columns) for one in page.dataframe]
    assert [columns[1] for columns in tables] == ["speed against fp32", "operation"]


def test_a_probe_that_fails_says_why_and_can_be_tried_again(home, monkeypatch) -> None:
    def probed(on_progress, cancelled):
        raise StepError("The disk is full.", "Free some space.")

    monkeypatch.setattr("optim.probing.run.probed", probed)
    page = visited("parts")
    page.button(key="probe").click().run()
    assert "The disk is full." in plainly(page.error[0].value)
    assert page.button(key="probe").label == "Probe this machine"


@pytest.mark.parametrize("known", [None, PROBE])
def test_the_builder_says_where_it_is_found_out_until_it_was(explored, monkeypatch, known) -> None:
    monkeypatch.setattr("optim.probing.known", lambda: known)
    page = visited("explore", explored)
    said = [link.proto.label for link in page.sidebar.get("page_link")]
    assert any("Not probed yet" in label for label in said) == (known is None)
