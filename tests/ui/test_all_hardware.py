"""The Hardware page on a small real study."""

import json

from streamlit.testing.v1 import AppTest
from support.explored import visited

from optim.evalset import synthesize
from optim.studies.listing import delete_study
from optim.studies.study import Study, create_study
from optim.targets import LOCAL, all_targets


def _charts(page: AppTest) -> list[dict[str, object]]:
    return [json.loads(chart.proto.spec) for chart in page.get("plotly_chart")]


def _figures(page: AppTest) -> dict[tuple[str, str], str]:
    rows = page.dataframe[0].value
    return {(row["hardware"], row["of"]): row["how"] for _, row in rows.iterrows()}


def test_every_target_has_both_bars_measured_or_estimated_or_refused(explored: Study) -> None:
    page = visited("hardware", explored, trial="1")
    found = _figures(page)
    assert len(found) == 2 * len(all_targets())
    here = all_targets()[LOCAL].title
    for (title, of), how in found.items():
        assert of in ("original", "#1")
        assert (how == "measured") == (title == here)
    assert found["Google Coral Edge TPU (USB 3.0)", "original"] == "refused"
    assert "does not compute in fp32" in " ".join(str(c.value) for c in page.caption)
    assert page.query_params["trial"] == "1"


def test_the_roofline_of_a_target_can_be_linked_and_chosen(explored: Study) -> None:
    page = visited("hardware", explored, trial="1", target="nvidia_t4")
    assert len(_charts(page)) == 2
    assert "NVIDIA T4" in " ".join(str(c.value) for c in page.caption)
    assert "datasheet" in json.dumps(_charts(page)[1]["data"])
    page.selectbox(key="target").select("genoa").run()
    assert page.query_params["target"] == "genoa" and not page.exception
    page.selectbox(key="target").select(LOCAL).run()
    assert "measured, not modelled" in page.info[0].value and len(_charts(page)) == 1


def test_the_original_alone_is_estimated_before_anything_was_built(explored: Study) -> None:
    fresh = create_study(explored.model, synthesize(explored.model, 10))
    page = visited("hardware", fresh)
    delete_study(fresh.name)
    assert "Only the original" in page.info[0].value
    assert {of for _, of in _figures(page)} == {"original"} and len(_charts(page)) == 2
