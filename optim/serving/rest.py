"""The protocol over REST: JSON, or JSON followed by the tensors' bytes.

The binary form is Triton's extension of the protocol: the header `Inference-Header-Content-Length`
says where the JSON ends, `binary_data_size` of an input how many bytes are its own.
"""

from collections.abc import Callable, Sequence
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

from pydantic_core import from_json

from optim.serving import parts, tensors
from optim.serving.batching import Outputs
from optim.serving.errors import BadRequest, NotThere, Refused
from optim.serving.exchange import Answer, Handler, Later, Request, as_json, json_of
from optim.serving.hosting import Hosting
from optim.serving.parts import Stopwatch
from optim.serving.served import Served, check_outputs

_BINARY = "application/octet-stream"
_MODELS = "/v2/models/"
_GET = ("GET", "HEAD")
_Route = tuple[tuple[str, ...], Callable[[Request, str], Answer | Later]]
"""The methods of a path, and what is done there."""


class NotAllowed(Refused):
    """This path is asked by another method."""

    status = HTTPStatus.METHOD_NOT_ALLOWED


def handler(hosting: Hosting) -> Handler:
    """Answers the protocol's requests, and `/metrics` for Prometheus."""
    rest = _Rest(hosting)
    routes: dict[str, _Route] = {
        "/v2": (_GET, rest.server),
        "/v2/health/live": (_GET, rest.live),
        "/v2/health/ready": (_GET, rest.ready),
        "/metrics": (_GET, rest.metrics),
    }
    of_model: dict[str, _Route] = {
        "": (_GET, rest.model),
        "/ready": (_GET, rest.model_ready),
        "/infer": (("POST",), rest.infer),
    }

    def answer(request: Request) -> Answer | Later:
        path = request.target.partition(b"?")[0].decode("latin-1")
        name, found = "", routes.get(path)
        if path.startswith(_MODELS):
            name, slash, act = path.removeprefix(_MODELS).partition("/")
            found = of_model.get(slash + act)
        if not found:
            raise NotThere(f"There is nothing at {path[:100]!r}.")
        methods, act_on = found
        if request.method not in methods:
            raise NotAllowed(f"{path[:100]!r} takes {methods[0]}.")
        return act_on(request, unquote(name))

    return answer


class _Rest:
    """What is done at each path; `name` is the model's, where the path has one."""

    def __init__(self, hosting: Hosting) -> None:
        self._hosting = hosting

    def server(self, _: Request, __: str) -> Answer:
        return as_json(self._hosting.about())

    def live(self, _: Request, __: str) -> Answer:
        return as_json({"live": True})

    def ready(self, _: Request, __: str) -> Answer:
        return _readiness(self._hosting.ready)

    def model(self, _: Request, name: str) -> Answer:
        return as_json(self._hosting.metadata(self._hosting.find(name)))

    def model_ready(self, _: Request, name: str) -> Answer:
        return _readiness(self._hosting.find(name).ready)

    def metrics(self, _: Request, __: str) -> Answer:
        return Answer(self._hosting.metrics(), kind="text/plain; version=0.0.4; charset=utf-8")

    def infer(self, request: Request, name: str) -> Later:
        served = self._hosting.find(name)
        watch = Stopwatch()
        asked, rest = _split(memoryview(request.body), request.header(tensors.JSON_LENGTH))
        feeds = _feeds(served, asked, rest)
        watch.is_decoded()
        coming = self._hosting.infer(served, feeds, "rest")

        def made() -> Answer:
            outputs, timing = coming.result()
            return _response(served, asked, outputs, partial(watch.told, timing))

        return Later(coming, made)


def _readiness(ready: bool) -> Answer:
    return as_json({"ready": ready}, 200 if ready else 503)


def _split(body: memoryview, header: str | None) -> tuple[dict[str, Any], memoryview]:
    """The JSON of a request, and the bytes behind it."""
    end = len(body)
    if header is not None:
        if not header.isdecimal() or len(header) > 12 or int(header) > len(body):
            raise BadRequest(f"{tensors.JSON_LENGTH} is {header[:20]!r}, of {len(body):,} bytes.")
        end = int(header)
    try:
        asked = from_json(bytes(body[:end]))
    except ValueError:
        raise BadRequest("The request is no JSON.") from None
    if not isinstance(asked, dict) or not isinstance(asked.get("inputs"), list):
        raise BadRequest('The request has no "inputs", a list of tensors.')
    return asked, body[end:]


def _feeds(served: Served, asked: dict[str, Any], rest: memoryview) -> dict[str, tensors.Array]:
    """The arrays of a request by input. Raises BadRequest."""
    feeds: dict[str, tensors.Array] = {}
    for given in asked["inputs"]:
        if not isinstance(given, dict) or not isinstance(given.get("shape"), list):
            raise BadRequest("An input has a name, a datatype, a shape and data.")
        if not all(type(size) is int for size in given["shape"]):
            raise BadRequest("A shape is a list of whole numbers.")
        spec = served.opened.input_named(str(given.get("name")))
        wanted = str(given.get("datatype"))
        shape = tensors.checked(spec, wanted, given["shape"], served.batching.most)
        size = _parameters(given).get("binary_data_size")
        if size is None:
            feeds[spec.name] = tensors.from_json(spec, given.get("data"), shape)
            continue
        if type(size) is not int or not 0 <= size <= len(rest):
            raise BadRequest(f"The input {spec.name!r} names {size} bytes; {len(rest):,} are left.")
        feeds[spec.name], rest = tensors.from_raw(spec, rest[:size], shape), rest[size:]
    served.opened.check_whole(feeds)
    return feeds


def _parameters(of: dict[str, Any]) -> dict[str, Any]:
    found = of.get("parameters")
    return found if isinstance(found, dict) else {}


def _response(
    served: Served, asked: dict[str, Any], outputs: Outputs, told: Callable[[], str]
) -> Answer:
    """The outputs that were asked for, each in the form that was asked for."""
    whole = bool(_parameters(asked).get("binary_data_output"))
    described, behind = [], []
    for name, binary in _wanted(asked, outputs, whole):
        one = tensors.described(name, outputs[name])
        if binary:
            behind.append(tensors.raw(outputs[name]))
            one["parameters"] = {"binary_data_size": len(behind[-1])}
        else:
            one["data"] = outputs[name].ravel().tolist()
        described.append(one)
    answer = {"model_name": served.name, "model_version": "1", "outputs": described}
    if isinstance(asked.get("id"), str):
        answer["id"] = asked["id"]
    head = json_of(answer)
    if not behind:
        return Answer(head, headers={parts.HEADER: told()})
    headers = {tensors.JSON_LENGTH: str(len(head)), parts.HEADER: told()}
    return Answer(b"".join([head, *behind]), kind=_BINARY, headers=headers)


def _wanted(asked: dict[str, Any], outputs: Outputs, whole: bool) -> Sequence[tuple[str, bool]]:
    """The names of the outputs to give, and whether as bytes."""
    named = asked.get("outputs")
    if not named:
        return [(name, whole) for name in outputs]
    if not isinstance(named, list) or not all(isinstance(one, dict) for one in named):
        raise BadRequest('"outputs" is a list of tensors with a name each.')
    check_outputs((one.get("name") for one in named), outputs)
    return [(one["name"], bool(_parameters(one).get("binary_data", whole))) for one in named]
