"""Trial runs that end: a Loop whose inputs are made up may never find its end.

Where a run's inputs are a person's own, the limit of the step holds alone.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from optim.errors import InputError
from optim.names import legible

if TYPE_CHECKING:
    import onnx

MOST_SECONDS = 60.0
_NAMED = 3


@contextmanager
def loops_ended(
    nodes: Callable[[], Iterable["onnx.NodeProto"]], seconds: float | None = None
) -> Iterator[Any]:
    """ONNX Runtime's options for runs that are stopped, all together, if the model has a Loop.

    Args:
        nodes: those of the model, subgraphs included; asked for when the time is over.
        seconds: how long the runs may take; `MOST_SECONDS` by default.

    Raises: InputError that names the loops, where runs were stopped.
    """
    import onnxruntime as ort

    options, loops = ort.RunOptions(), list[str]()

    def stop() -> None:
        loops.extend(node.name or node.output[0] for node in nodes() if node.op_type == "Loop")
        options.terminate = bool(loops)  # seen before the next node runs, in loops too

    limit = MOST_SECONDS if seconds is None else seconds
    timer = threading.Timer(limit, stop)
    timer.daemon = True
    timer.start()
    try:
        yield options
    except Exception:
        if options.terminate:
            raise _endless(loops, limit) from None
        raise
    finally:
        timer.cancel()


def _endless(loops: list[str], seconds: float) -> InputError:
    named = ", ".join(repr(legible(name, 60)) for name in loops[:_NAMED])
    more = f" and {len(loops) - _NAMED} more" if len(loops) > _NAMED else ""
    which = f"the Loop {named}" if len(loops) == 1 else f"one of the Loops {named}{more}"
    return InputError(
        f"A trial run on made-up inputs had not ended after {seconds:.0f} s; perhaps {which} "
        "never ends on them.",
        "Give an EvalSet, whose samples have the step's whole time, or export the model with a "
        "bound on how often the loop runs.",
    )
