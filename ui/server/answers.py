"""A browser's questions are answered although the page is drawn anew meanwhile.

Streamlit empties what waits to be sent when a script is run again (`ForwardMsgQueue.clear`), and
with it the answer to where a file may be uploaded: a file chosen while the page was drawn anew for
another one was never uploaded, without a word.
"""

from typing import Any

from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue

_ANSWERS = frozenset({"file_urls_response"})
_clear = ForwardMsgQueue.clear


def keep_answers() -> None:
    """From now on, answers stay in every session's queue until they are sent."""
    ForwardMsgQueue.clear = _clear_but_answers  # type: ignore[assignment]


def _clear_but_answers(
    queue: ForwardMsgQueue, retain_lifecycle_msgs: bool = False, *args: Any, **options: Any
) -> None:
    """What is sent is emptied whole: an answer that stayed would be sent again with all news."""
    answers = [one for one in queue._queue if retain_lifecycle_msgs and _is_answer(one)]
    _clear(queue, retain_lifecycle_msgs, *args, **options)
    kept = {id(message) for message in queue._queue}
    queue._queue.extend(message for message in answers if id(message) not in kept)


def _is_answer(message: ForwardMsg) -> bool:
    return message.WhichOneof("type") in _ANSWERS
