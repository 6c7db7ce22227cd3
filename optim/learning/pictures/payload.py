"""One real sample on its way: how large it is and how long it takes to write and read, by form."""

import json
import time
from collections.abc import Callable
from statistics import median
from typing import ClassVar

import numpy as np

from optim.learning.drawing import bars
from optim.learning.picture import Panel, Picture, timed_in_child
from optim.learning.sample import opened
from optim.learning.together import batched
from optim.showing.text import milliseconds, size

_REPEATS = 15


class Payload(Picture):
    """JSON as REST APIs have it, protobuf as gRPC has it (ONNX's own tensor), bytes as they are."""

    title: ClassVar[str] = "A sample in three forms"

    sample: str

    def draw(self) -> tuple[Panel, ...]:
        of = opened(self.sample)
        seen = timed_in_child(encode, {"evalset": of.evalset.digest}, of.files)
        sizes = [one["bytes"] for one in seen.values()]
        times = [one["ms"] for one in seen.values()]
        return (
            Panel(
                "Size",
                bars(list(seen), sizes, "bytes", said=[size(one) for one in sizes]),
                f"The first validation sample of {self.sample}. Written as decimals it is "
                f"{sizes[0] / sizes[-1]:.1f} times as large as its bytes.",
            ),
            Panel(
                "Writing and reading",
                bars(list(seen), times, "ms", said=[milliseconds(one) for one in times]),
                "Measured now, in Python: the time to write it and to read it again, without any "
                "network. It is paid in every request.",
            ),
        )


def encode(evalset: str) -> dict[str, dict[str, float]]:
    """The child's side: bytes of each form, and the median ms to write and read it."""
    from onnx import TensorProto, numpy_helper

    values = list(batched(evalset, 1, 1)[0].values())

    def protobuf() -> bytes:
        text = b"".join(numpy_helper.from_array(value).SerializeToString() for value in values)
        TensorProto.FromString(numpy_helper.from_array(values[0]).SerializeToString())
        return text

    def as_json() -> bytes:
        text = json.dumps([value.tolist() for value in values]).encode()
        json.loads(text)
        return text

    def raw() -> bytes:
        text = b"".join(value.tobytes() for value in values)
        np.frombuffer(text, np.uint8)
        return text

    forms = {"JSON": as_json, "protobuf": protobuf, "raw bytes": raw}
    return {name: {"bytes": len(form()), "ms": _ms(form)} for name, form in forms.items()}


def _ms(work: Callable[[], object]) -> float:
    times = []
    for _ in range(_REPEATS):
        start = time.perf_counter()
        work()
        times.append((time.perf_counter() - start) * 1e3)
    return median(times)
