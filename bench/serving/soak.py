"""Many requests from mixed senders over both protocols: each answer checked against its input.

`python -m bench soak`: 100,000 of them (`--requests` for others), or as many as there is time for
in `--seconds`, at one server that batches and has two sessions. Inputs are random, so that no two
have the same answer; a sender checks each when it comes. The claim: every one is answered, with its
own answer.
"""

import http.client
import json
import time
from argparse import Namespace
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import grpc
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from bench.serving.hosting import hosted, made
from optim.serving.messages import PACKAGE, SERVICE, message

_SAMPLE, _SENDERS, _MOST_ROWS, _OK = "weather", 16, 4, 200
Rows = NDArray[np.float32]
Ask = Callable[[Rows], tuple[int, Rows]]


@dataclass(frozen=True)
class Where:
    """A server, and the model's input of float32 [rows, *inner]."""

    rest: int
    grpc: int
    model: str
    input: str
    inner: tuple[int, ...]


def soaked(
    where: Where,
    count: int,
    answer: Callable[[Rows], Rows],
    senders: int = _SENDERS,
    seconds: float = float("inf"),
) -> Counter[str]:
    """How many were right, wrong, or refused with which code.

    Args:
        answer: what the model answers to rows, each by itself.
        seconds: after which no more are sent.
    """
    end = time.monotonic() + seconds
    shares = np.array_split(np.arange(count), senders)

    def send(number: int) -> Counter[str]:
        rng, ask = np.random.default_rng(number), (_rest, _grpc)[number % 2](where)
        found: Counter[str] = Counter()
        for _ in shares[number]:
            if time.monotonic() > end:
                break
            rows = rng.normal(size=(rng.integers(1, _MOST_ROWS + 1), *where.inner))
            given = rows.astype(np.float32)
            status, got = ask(given)
            found[str(status) if status != _OK else _judged(got, answer(given))] += 1
        return found

    with ThreadPoolExecutor(senders) as pool:
        return sum(pool.map(send, range(senders)), Counter[str]())


def _judged(got: Rows, wanted: Rows) -> str:
    same = got.shape == wanted.shape and np.allclose(got, wanted, atol=1e-4)
    return "right" if same else "wrong"


def _rest(where: Where) -> Ask:
    connection = http.client.HTTPConnection("localhost", where.rest, timeout=60)

    def ask(rows: Rows) -> tuple[int, Rows]:
        tensor = {
            "name": where.input,
            "datatype": "FP32",
            "shape": list(rows.shape),
            "parameters": {"binary_data_size": rows.nbytes},
        }
        asked = {"inputs": [tensor], "parameters": {"binary_data_output": True}}
        head = json.dumps(asked).encode()
        headers = {"Inference-Header-Content-Length": str(len(head))}
        path = f"/v2/models/{where.model}/infer"
        connection.request("POST", path, head + rows.tobytes(), headers)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != _OK:
            return answer.status, rows[:0]
        end = int(answer.headers["Inference-Header-Content-Length"])
        (output,) = json.loads(body[:end])["outputs"]
        return _OK, np.frombuffer(body[end:], np.float32).reshape(output["shape"])

    return ask


def _grpc(where: Where) -> Ask:
    channel = grpc.insecure_channel(f"localhost:{where.grpc}")
    call = channel.unary_unary(
        f"/{PACKAGE}.{SERVICE}/ModelInfer",
        request_serializer=message("ModelInferRequest").SerializeToString,
        response_deserializer=message("ModelInferResponse").FromString,
    )

    def ask(rows: Rows) -> tuple[int, Rows]:
        request = message("ModelInferRequest")(model_name=where.model)
        request.inputs.add(name=where.input, datatype="FP32", shape=rows.shape)
        request.raw_input_contents.append(rows.tobytes())
        try:
            found = call(request, timeout=60)
        except grpc.RpcError as error:
            return int(error.code().value[0]), rows[:0]
        raw = np.frombuffer(found.raw_output_contents[0], np.float32)
        return _OK, raw.reshape(found.outputs[0].shape)

    return ask


def run(options: Namespace) -> tuple[str, bool]:
    """Report in Markdown and whether the claim holds."""
    bundle = made(_SAMPLE)
    session = onnxruntime.InferenceSession(bundle / "model.onnx")
    (given,), (output,) = session.get_inputs(), session.get_outputs()

    def answer(rows: Rows) -> Rows:
        each = (session.run([output.name], {given.name: row[None]})[0] for row in rows)
        return np.concatenate(list(each))

    with hosted(bundle, "--batch", "8", "--wait", "1ms", "--sessions", "2") as (rest, rpc):
        where = Where(rest, rpc, _SAMPLE, given.name, tuple(given.shape[1:]))
        found = soaked(where, options.requests, answer, seconds=options.seconds)
    lines = "\n".join(f"| {name} | {number:,} |" for name, number in sorted(found.items()))
    sent = found.total()
    title = f"## {sent:,} requests of {_SENDERS} senders over both protocols"
    fine = found == {"right": sent} and sent > 0
    return f"{title}\n\n| answer | requests |\n|---|---|\n{lines}", fine
