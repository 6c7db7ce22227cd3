"""Nodes before and after: what both sides ran, what one alone has, and how sure that is."""

from support.profiles import side

from optim.why.nodes import node_changes


def test_each_node_has_both_times_and_how_sure_the_change_is() -> None:
    befores = [side({"Conv": 600.0 + n, "Add": 30.0}) for n in (-1, 0, 1)]
    afters = [side({"Conv": 200.0 + n, "Softmax": 10.0}) for n in (-1, 0, 1)]
    found = {one.op: one for one in node_changes(befores, afters)}
    assert list(found) == ["Conv", "Add", "Softmax"], "the largest change first"
    conv, add, added = found.values()
    assert (conv.before_us, conv.after_us, conv.runs_as) == (600.0, 200.0, "Conv")
    assert -404 < conv.change_us.low < conv.change_us.value == -400 < conv.change_us.high < -396
    assert (add.before_us, add.after_us, add.change_us.value) == (30.0, None, -30.0)
    assert (added.before_us, added.after_us, added.change_us.value) == (None, 10.0, 10.0)
