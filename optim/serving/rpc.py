"""The protocol over gRPC."""

from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from optim.errors import OptimError
from optim.serving import parts, tensors
from optim.serving.errors import BadRequest, Refused
from optim.serving.hosting import Hosting
from optim.serving.messages import METHODS, PACKAGE, SERVICE, message
from optim.serving.parts import Stopwatch
from optim.serving.served import Served, check_outputs

_CONTENTS = {
    "BOOL": "bool_contents",
    **dict.fromkeys(("INT8", "INT16", "INT32"), "int_contents"),
    "INT64": "int64_contents",
    **dict.fromkeys(("UINT8", "UINT16", "UINT32"), "uint_contents"),
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
}
Handler = Callable[[Any, Any], Awaitable[Any]]
_ASKED, _ANSWER = message("ModelInferRequest"), message("ModelInferResponse")


async def rpc_server(hosting: Hosting, address: str) -> grpc.aio.Server:
    """A server that listens. Raises RuntimeError where the address is taken."""
    limits = [
        ("grpc.max_receive_message_length", hosting.most_bytes),
        ("grpc.max_send_message_length", -1),
        ("grpc.so_reuseport", 0),
    ]
    server = grpc.aio.server(options=limits)
    server.add_generic_rpc_handlers((_service(hosting),))
    server.add_insecure_port(address)
    await server.start()
    return server


def _service(hosting: Hosting) -> grpc.GenericRpcHandler:
    rpc = _Rpc(hosting)
    handlers = {
        name: grpc.unary_unary_rpc_method_handler(_answered(rpc.model_infer))
        if name == "ModelInfer"  # it reads and writes its messages itself, so as to time them
        else grpc.unary_unary_rpc_method_handler(
            _answered(getattr(rpc, method)),
            request_deserializer=message(f"{name}Request").FromString,
            response_serializer=message(f"{name}Response").SerializeToString,
        )
        for name, method in METHODS.items()
    }
    return grpc.method_handlers_generic_handler(f"{PACKAGE}.{SERVICE}", handlers)


def _answered(handler: Handler) -> Callable[[Any, Any], Awaitable[Any]]:
    """The same with what is refused as the protocol's error."""

    async def answer(request: Any, context: Any) -> Any:
        try:
            return await handler(request, context)
        except Refused as refused:
            await context.abort(getattr(grpc.StatusCode, refused.code), str(refused))
        except OptimError as error:
            await context.abort(grpc.StatusCode.INTERNAL, str(error))

    return answer


class _Rpc:
    """The methods, each named as the protocol's in snake case."""

    def __init__(self, hosting: Hosting) -> None:
        self._hosting = hosting

    async def server_live(self, _: Any, __: Any) -> Any:
        return message("ServerLiveResponse")(live=True)

    async def server_ready(self, _: Any, __: Any) -> Any:
        return message("ServerReadyResponse")(ready=self._hosting.ready)

    async def server_metadata(self, _: Any, __: Any) -> Any:
        return message("ServerMetadataResponse")(**self._hosting.about())

    async def model_ready(self, request: Any, _: Any) -> Any:
        return message("ModelReadyResponse")(ready=self._hosting.find(request.name).ready)

    async def model_metadata(self, request: Any, _: Any) -> Any:
        found = self._hosting.metadata(self._hosting.find(request.name))
        return message("ModelMetadataResponse")(**found)

    async def model_infer(self, sent: bytes, context: Any) -> bytes:
        watch = Stopwatch()
        request = _read(sent)
        served = self._hosting.find(request.model_name)
        feeds = _feeds(served, request)
        watch.is_decoded()
        outputs, timing = await self._hosting.infer(served, feeds, "grpc")
        names = [one.name for one in request.outputs] or list(outputs)
        check_outputs(names, outputs)
        response = _ANSWER(model_name=served.name, model_version="1", id=request.id)
        for name in names:
            response.outputs.add(**tensors.described(name, outputs[name]))
            response.raw_output_contents.append(tensors.raw(outputs[name]))
        answer: bytes = response.SerializeToString()
        context.set_trailing_metadata(((parts.HEADER, watch.told(timing)),))
        return answer


def _read(sent: bytes) -> Any:
    """Raises BadRequest."""
    try:
        return _ASKED.FromString(sent)
    except DecodeError:
        raise BadRequest("The request is no message of the protocol.") from None


def _feeds(served: Served, request: Any) -> dict[str, tensors.Array]:
    """The arrays of a request by input. Raises BadRequest."""
    raw = request.raw_input_contents
    if raw and len(raw) != len(request.inputs):
        raise BadRequest(f"There are {len(request.inputs)} inputs and {len(raw)} raw contents.")
    feeds = {}
    for index, given in enumerate(request.inputs):
        spec = served.opened.input_named(given.name)
        shape = tensors.checked(spec, given.datatype, given.shape, served.batching.most)
        if raw:
            feeds[spec.name] = tensors.from_raw(spec, raw[index], shape)
        else:
            data = getattr(given.contents, _CONTENTS.get(given.datatype, "bytes_contents"))
            feeds[spec.name] = tensors.from_json(spec, list(data), shape)
    served.opened.check_whole(feeds)
    return feeds
