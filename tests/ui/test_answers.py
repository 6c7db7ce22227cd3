"""Answers to a browser's questions outlive the emptying of what waits to be sent."""

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue

from ui.server.answers import keep_answers


def message(kind: str) -> ForwardMsg:
    made = ForwardMsg()
    getattr(made, kind).SetInParent()
    return made


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> ForwardMsgQueue:
    """With a question's answer and more in it, as the application's server has them."""
    monkeypatch.setattr(ForwardMsgQueue, "clear", ForwardMsgQueue.clear)
    keep_answers()
    queue = ForwardMsgQueue()
    for kind in ("delta", "file_urls_response", "new_session"):
        queue.enqueue(message(kind))
    return queue


def kinds(messages: list[ForwardMsg]) -> list[str | None]:
    return [one.WhichOneof("type") for one in messages]


def test_where_to_upload_is_told_though_the_script_runs_again(queue: ForwardMsgQueue) -> None:
    queue.clear(retain_lifecycle_msgs=True)
    assert kinds(queue.flush()) == ["new_session", "file_urls_response"]


def test_it_is_told_once(queue: ForwardMsgQueue) -> None:
    assert "file_urls_response" in kinds(queue.flush())
    queue.enqueue(message("delta"))
    assert kinds(queue.flush()) == ["delta"]
