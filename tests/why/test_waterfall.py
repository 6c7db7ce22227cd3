"""The bars of a waterfall add up to what was measured, whatever the profiles say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.profiles import side

from optim.why.picture import waterfall_chart
from optim.why.waterfall import OUTSIDE, waterfall

TIMES = st.dictionaries(
    st.sampled_from(["Conv", "Add", "Softmax"]), st.floats(0.1, 5000), min_size=1
)


@given(
    st.lists(TIMES, min_size=1, max_size=3),
    st.lists(TIMES, min_size=1, max_size=3),
    st.floats(0.01, 10),
    st.floats(0.01, 10),
)
def test_bars_sum_to_the_measured_difference(before, after, before_ms, after_ms) -> None:
    found = waterfall([*map(side, before)], [*map(side, after)], before_ms, after_ms)
    total = sum(bar.change_ms.value for bar in found.bars)
    assert abs(total - found.change_ms) < 1e-9 * max(1, before_ms, after_ms)
    for bar in found.bars:
        assert bar.change_ms.low <= bar.change_ms.value <= bar.change_ms.high
        assert bar.before_ms >= 0 and bar.after_ms >= 0
    assert waterfall_chart(found).data


def test_what_no_node_has_is_outside() -> None:
    found = waterfall([side({"Conv": 600.0})], [side({"Conv": 200.0})], 1.0, 0.5)
    bars = {bar.op: bar for bar in found.bars}
    assert bars[OUTSIDE].before_ms == 0.4 and bars[OUTSIDE].after_ms == 0.3


def test_nodes_that_add_up_to_more_than_the_run_are_scaled() -> None:
    found = waterfall([side({"Conv": 3000.0, "Add": 1000.0})], [side({"Conv": 1.0})], 2.0, 0.001)
    assert {bar.op: bar.before_ms for bar in found.bars} == {"Conv": 1.5, "Add": 0.5, OUTSIDE: 0.0}


@pytest.mark.parametrize(("before_ms", "after_ms", "unit"), [(2, 10, "ms"), (0.002, 0.01, "µs")])
def test_the_picture_reaches_as_far_as_its_bars(before_ms, after_ms, unit) -> None:
    before, after = (side({"Conv": 1e3 * ms}) for ms in (before_ms, after_ms))
    picture = waterfall_chart(waterfall([before], [after], before_ms, after_ms))
    _, end = picture.layout.xaxis.range
    assert 10 < end < 13
    assert picture.data[0].x[-1] == pytest.approx(10)
    assert picture.layout.xaxis.title.text == f"{unit} a run"
