"""Serving settings have one spelling, and batches the sizes that these say."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from serving.test_batching import Engine, played, rows_of

from optim.errors import InputError
from optim.serving.batcher import Batcher
from optim.serving.batching import Batching, Timing
from optim.serving.parts import Stopwatch, read_parts
from optim.serving.settings import Grpc, Rest, parse_serving


@given(
    sessions=st.integers(1, 4),
    most=st.integers(1, 32),
    preferred=st.lists(st.integers(1, 64), max_size=4),
    padding=st.booleans(),
)
def test_a_spelling_is_read_back(
    sessions: int, most: int, preferred: list[int], padding: bool
) -> None:
    for kind in (Rest, Grpc):
        one = kind(sessions=sessions, most=most, preferred=tuple(preferred), padding=padding)
        assert parse_serving(str(one)) == one
        assert one.sizes[0] == 1 and one.sizes[-1] == most and sorted(one.sizes) == [*one.sizes]


def test_bad_settings_are_sentences() -> None:
    for text in ("rest:most=0", "http", "grpc:encoding=json", "rest:preferred=a"):
        with pytest.raises(InputError):
            parse_serving(text)


def test_without_padding_only_sizes_run() -> None:
    async def ask(batcher: Batcher, engine: Engine) -> None:
        engine.open.clear()
        first = asyncio.create_task(batcher.infer(rows_of(0)))
        await asyncio.sleep(0.05)  # it runs now
        others = [asyncio.create_task(batcher.infer(rows_of(n))) for n in range(1, 8)]
        await asyncio.sleep(0.05)
        engine.open.set()
        answers = await asyncio.gather(first, *others)
        assert [outputs["y"][0, 0] for outputs, _ in answers] == [2.0 * n for n in range(8)]

    _, engine = played(Batching(most=6, preferred=(4,), padding=False), ask)
    assert engine.sizes == [1, 6, 1]
    _, engine = played(Batching(most=9, preferred=(4,), padding=False), ask)
    assert engine.sizes == [1, 4, 1, 1, 1]


def test_a_server_tells_where_the_time_went() -> None:
    watch = Stopwatch()
    watch.is_decoded()
    told = watch.told(Timing(queued_ms=1.5, batched_ms=2, run_ms=3, rows=4))
    decode, *parts, total, rows = read_parts(told)
    assert parts == [1.5, 2, 3] and rows == 4 and total >= decode >= 0
    assert read_parts("nonsense") == (0, 0, 0, 0, 0, 0)


def test_settings_have_words() -> None:
    words = {text: parse_serving(text).words for text in ("rest", "rest:encoding=json,threads=2")}
    assert words["rest"] == "REST, 1 session, no batches"
    assert words["rest:encoding=json,threads=2"].startswith("REST as JSON, 1 session of 2 threads")
    assert "up to 8, waiting at most 2 ms" in parse_serving("grpc:most=8,wait_ms=2").words
    assert [parse_serving(text).short for text in ("rest", "grpc:most=8")] == [
        "REST",
        "gRPC most=8",
    ]
