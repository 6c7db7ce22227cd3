"""Serving settings: one frozen value with one spelling, such as `grpc:sessions=2,most=8,wait_ms=2`.

A protocol and how requests are put together; what a recipe is to a model this is to a server.
"""

from typing import ClassVar, Literal

from pydantic import ConfigDict, Field

from optim.part import Part, parse_part
from optim.serving.batching import Batching


class Serving(Batching, Part):
    """How a bundle is served."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @property
    def words(self) -> str:
        """For people: protocol, sessions, batches."""
        threads = f" of {_counted(self.threads, 'thread')}" if self.threads else ""
        batches = "no batches"
        if self.most > 1:
            batches = f"batches of up to {self.most}, waiting at most {self.wait_ms:g} ms"
        return ", ".join((self.title, _counted(self.sessions, "session") + threads, batches))

    @property
    def short(self) -> str:
        """For where there is little room: the protocol and what is not as it comes."""
        return f"{self.title} {self.spelling.partition(':')[2]}".strip()


class Rest(Serving):
    """HTTP/1.1."""

    name: ClassVar[str] = "rest"
    title: ClassVar[str] = "REST"
    summary: ClassVar[str] = "One HTTP request for each inference; any language's client can ask."
    helps: ClassVar[str] = "Where clients are browsers, scripts or gateways that speak HTTP."
    hurts: ClassVar[str] = "As JSON, where inputs are large: every number is written out and read."

    encoding: Literal["binary", "json"] = Field(
        default="binary", description="Numbers as bytes behind the JSON, or written out in it."
    )

    @property
    def words(self) -> str:
        """Also that numbers are written out, where they are."""
        said = super().words
        return said.replace("REST", "REST as JSON", 1) if self.encoding == "json" else said


class Grpc(Serving):
    """gRPC over HTTP/2."""

    name: ClassVar[str] = "grpc"
    title: ClassVar[str] = "gRPC"
    summary: ClassVar[str] = "Binary messages over one open connection; clients are generated."
    helps: ClassVar[str] = "Where programs of one's own ask, many at once over few connections."
    hurts: ClassVar[str] = "Where its bookkeeping for each call outweighs a small message."


def _counted(number: int, of: str) -> str:
    return f"{number} {of}{'' if number == 1 else 's'}"


PROTOCOLS: dict[str, type[Serving]] = {"rest": Rest, "grpc": Grpc}


def parse_serving(text: str) -> Serving:
    """Read a spelling. Raises InputError that names the setting and what is allowed."""
    return parse_part(text, PROTOCOLS)
