"""The page's own charts."""

import pytest

from ui.charts import operator_bars, treemap


def test_treemap_gathers_what_is_small_and_escapes_names() -> None:
    names = [f"<i>{i}" for i in range(1000)]
    tree = treemap(
        names, ["Conv"] * 999 + ["Gemm"], [float(i + 1) for i in range(1000)], "µs"
    ).data[0]
    assert len(tree.ids) < 450
    assert sum(tree.values) == pytest.approx(1000 * 1001 / 2)
    assert not any("<" in label for label in tree.labels)
    assert any("smaller ones" in label for label in tree.labels)
    assert "g} µs" not in tree.hovertemplate, "1.445e+7 FLOPs were shown"


def test_operator_bars_are_ordered_by_the_longest() -> None:
    figure = operator_bars({"before": {"Conv": 5, "Relu": 1}, "after": {"Relu": 9}})
    assert list(figure.data[0].y) == ["Relu", "Conv"]
    assert list(figure.data[1].x) == [9, 0]
