"""What handlers of HTTP get and give: a request, and an answer that is there or still to come."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Any

from pydantic_core import to_json

from optim.serving.errors import Refused

_STATUS = {int(one): f"HTTP/1.1 {one} {one.phrase}\r\n" for one in HTTPStatus}


@dataclass(slots=True)
class Request:
    """One request, whole. Names of headers are in lower case."""

    method: str = ""
    target: bytes = b""
    headers: dict[bytes, bytes] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)
    kept_open: bool = True
    refused: Refused | None = None

    def header(self, name: str) -> str | None:
        """A header's value; None where there is no such header."""
        value = self.headers.get(name.lower().encode())
        return None if value is None else value.decode("latin-1")


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back."""

    body: bytes
    status: int = 200
    kind: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Later:
    """An answer that is made of what is still to come, by a function that raises what it holds."""

    coming: "asyncio.Future[Any]"
    made: Callable[[], Answer]


Handler = Callable[[Request], Answer | Later]


def as_json(value: object, status: int = 200) -> Answer:
    """An answer in JSON."""
    return Answer(json_of(value), status)


def json_of(value: object) -> bytes:
    """As JSON has it: what is no number there is null."""
    return to_json(value, inf_nan_mode="null")


def head_of(answer: Answer, kept_open: bool) -> bytes:
    """Its first lines; whether the connection stays open is said where it does not."""
    lines = [
        f"{_STATUS[answer.status]}date: {_date(int(time.time()))}",
        f"content-type: {answer.kind}",
        f"content-length: {len(answer.body)}",
        *(f"{name}: {value}" for name, value in answer.headers.items()),
    ]
    if not kept_open:
        lines.append("connection: close")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


@lru_cache(maxsize=1)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)
