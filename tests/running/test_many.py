"""What a thousand queued trials cost is counted here; `python -m bench scale` times it."""

from collections import Counter
from collections.abc import Iterator

import pytest
from support.study_tools import brought, study

from optim.recipe import Recipe
from optim.running.items import Item
from optim.running.queue import Queue
from optim.studies.study import Study

__all__ = ["brought", "study"]  # fixtures


@pytest.fixture
def queue(study: Study, monkeypatch: pytest.MonkeyPatch) -> Iterator[Queue]:
    """One that sends nothing to the machine, so that all wait."""
    monkeypatch.setattr(Queue, "_send", lambda self, item: None)
    with Queue.open() as opened:
        opened._pace.took("first", 2.0)
        opened._pace.took("slice", 1.0)
        yield opened


def queued(study: Study, queue: Queue, count: int) -> list[int]:
    spelling = "magnitude_prune:sparsity=0.{}"
    numbers = study.add_all(Recipe.parse(spelling.format(100 + i)) for i in range(count))
    queue.submit(study, *numbers)
    return numbers


def test_many_are_queued_once_each_in_order(study: Study, queue: Queue) -> None:
    numbers = queued(study, queue, 30)
    queue.submit(study, *numbers)
    pending = queue.pending()
    assert [item.number for item in pending] == numbers
    assert [item.seconds_left for item in pending[:3]] == [2.0, 4.0, 6.0]
    assert queue.busy and queue.changes == 0


def test_the_time_left_looks_at_each_a_few_times_however_many(
    study: Study, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: Counter[int] = Counter()

    def kind(item: Item) -> str:
        looks[item.trial.number] += 1
        return "first" if item.trial.number % 2 else "slice"

    queued(study, queue, 40)
    monkeypatch.setattr(Item, "kind", property(kind, lambda item, value: None), raising=False)
    queue.pending()
    assert len(looks) == 40 and max(looks.values()) <= 6


def test_what_tightens_waits_for_all_that_do(
    study: Study, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    queued(study, queue, 3)
    monkeypatch.setattr(Item, "slices_left", lambda item, rule: 4)
    for number, item in enumerate(queue._items.values()):
        item.kind = "slice" if number else "first"
    assert [item.seconds_left for item in queue.pending()] == [2.0, 10.0, 10.0]
