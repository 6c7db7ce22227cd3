"""Answers to a browser's questions outlive the emptying of what waits to be sent."""

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue

from ui.server.answers import keep_answers


def message(kind: str) -> ForwardMsg:
    made = ForwardMsg()
    getattr(made, kind).SetInParent()
    return made


@pytest.mark.parametrize("options", [{}, {"retain_lifecycle_msgs": True}])
def test_where_to_upload_is_told(monkeypatch: pytest.MonkeyPatch, options: dict[str, bool]) -> None:
    monkeypatch.setattr(ForwardMsgQueue, "clear", ForwardMsgQueue.clear)
    keep_answers()
    queue = ForwardMsgQueue()
    for kind in ("delta", "file_urls_response", "new_session"):
        queue.enqueue(message(kind))
    queue.clear(**options)
    kept = [one.WhichOneof("type") for one in queue.flush()]
    lifecycle = ["new_session"] if options else []
    assert kept == [*lifecycle, "file_urls_response"]
