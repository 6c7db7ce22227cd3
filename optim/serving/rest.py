"""The protocol over REST: JSON, or JSON followed by the tensors' bytes.

The binary form is Triton's extension of the protocol: the header `Inference-Header-Content-Length`
says where the JSON ends, `binary_data_size` of an input how many bytes are its own.
"""

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import numpy as np
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from optim.errors import OptimError
from optim.serving import parts, tensors
from optim.serving.batching import Outputs
from optim.serving.errors import BadRequest, Refused, TooLarge
from optim.serving.hosting import Hosting
from optim.serving.parts import Stopwatch
from optim.serving.served import Served, check_outputs

_HEADER = "Inference-Header-Content-Length"
_BINARY = "application/octet-stream"
Handler = Callable[[Request], Awaitable[Response]]


def application(hosting: Hosting) -> Starlette:
    """The routes of the protocol, and `/metrics` for Prometheus."""
    rest = _Rest(hosting)
    routes = [
        ("/v2", rest.server, "GET"),
        ("/v2/health/live", rest.live, "GET"),
        ("/v2/health/ready", rest.ready, "GET"),
        ("/v2/models/{name}", rest.model, "GET"),
        ("/v2/models/{name}/ready", rest.model_ready, "GET"),
        ("/v2/models/{name}/infer", rest.infer, "POST"),
        ("/metrics", rest.metrics, "GET"),
    ]
    return Starlette(
        routes=[Route(path, _answered(act), methods=[method]) for path, act, method in routes]
    )


def _answered(handler: Handler) -> Handler:
    """The same with what is refused as the protocol's error."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except Refused as refused:
            return JSONResponse({"error": str(refused)}, refused.status)
        except ClientDisconnect:
            return Response(status_code=499)
        except OptimError as error:
            return JSONResponse({"error": str(error)}, 500)

    return answer


class _Rest:
    """The handlers."""

    def __init__(self, hosting: Hosting) -> None:
        self._hosting = hosting

    async def server(self, _: Request) -> Response:
        return JSONResponse(self._hosting.about())

    async def live(self, _: Request) -> Response:
        return JSONResponse({"live": True})

    async def ready(self, _: Request) -> Response:
        ready = self._hosting.ready
        return JSONResponse({"ready": ready}, 200 if ready else 503)

    async def model(self, request: Request) -> Response:
        return JSONResponse(self._hosting.metadata(self._served(request)))

    async def model_ready(self, request: Request) -> Response:
        ready = self._served(request).ready
        return JSONResponse({"ready": ready}, 200 if ready else 503)

    async def metrics(self, _: Request) -> Response:
        return Response(self._hosting.metrics(), media_type="text/plain; version=0.0.4")

    async def infer(self, request: Request) -> Response:
        served = self._served(request)
        body = await self._body(request)
        watch = Stopwatch()
        asked, rest = _split(body, request.headers.get(_HEADER))
        feeds = _feeds(served, asked, rest)
        watch.is_decoded()
        outputs, timing = await self._hosting.infer(served, feeds, "rest")
        response = _response(served, asked, outputs)
        response.headers[parts.HEADER] = watch.told(timing)
        return response

    def _served(self, request: Request) -> Served:
        return self._hosting.find(request.path_params["name"])

    async def _body(self, request: Request) -> bytes:
        """All of it, but no more than the server reads."""
        most, body = self._hosting.most_bytes, bytearray()
        async for piece in request.stream():
            body += piece
            if len(body) > most:
                raise TooLarge(f"A request may have {most:,} bytes.")
        return bytes(body)


def _split(body: bytes, header: str | None) -> tuple[dict[str, Any], bytes]:
    """The JSON of a request, and the bytes behind it."""
    end = len(body)
    if header is not None:
        if not header.isdecimal() or len(header) > 12 or int(header) > len(body):
            raise BadRequest(f"{_HEADER} is {header[:20]!r}, of {len(body):,} bytes.")
        end = int(header)
    try:
        asked = json.loads(body[:end])
    except (ValueError, RecursionError):
        raise BadRequest("The request is no JSON.") from None
    if not isinstance(asked, dict) or not isinstance(asked.get("inputs"), list):
        raise BadRequest('The request has no "inputs", a list of tensors.')
    return asked, body[end:]


def _feeds(served: Served, asked: dict[str, Any], rest: bytes) -> dict[str, tensors.Array]:
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


def _response(served: Served, asked: dict[str, Any], outputs: Outputs) -> Response:
    """The outputs that were asked for, each in the form that was asked for."""
    whole = bool(_parameters(asked).get("binary_data_output"))
    wanted = _wanted(asked, outputs, whole)
    described, behind = [], []
    for name, binary in wanted:
        value = outputs[name]
        one: dict[str, Any] = {
            "name": name,
            "datatype": tensors.datatype(value.dtype.name),
            "shape": list(value.shape),
        }
        if binary:
            behind.append(tensors.raw(value))
            one["parameters"] = {"binary_data_size": len(behind[-1])}
        else:
            one["data"] = _numbers(value)
        described.append(one)
    answer = {"model_name": served.name, "model_version": "1", "outputs": described}
    if isinstance(asked.get("id"), str):
        answer["id"] = asked["id"]
    head = json.dumps(answer).encode()
    if not behind:
        return Response(head, media_type="application/json")
    headers = {_HEADER: str(len(head))}
    return Response(b"".join([head, *behind]), headers=headers, media_type=_BINARY)


def _numbers(value: tensors.Array) -> list[Any]:
    """As JSON has them: what is no number there is null."""
    flat = value.ravel()
    if flat.dtype.kind == "f" and not np.isfinite(flat).all():
        return [float(x) if np.isfinite(x) else None for x in flat]
    found: list[Any] = flat.tolist()
    return found


def _wanted(asked: dict[str, Any], outputs: Outputs, whole: bool) -> Sequence[tuple[str, bool]]:
    """The names of the outputs to give, and whether as bytes."""
    named = asked.get("outputs")
    if not named:
        return [(name, whole) for name in outputs]
    if not isinstance(named, list) or not all(isinstance(one, dict) for one in named):
        raise BadRequest('"outputs" is a list of tensors with a name each.')
    check_outputs((one.get("name") for one in named), outputs)
    return [(one["name"], bool(_parameters(one).get("binary_data", whole))) for one in named]
