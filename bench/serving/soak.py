"""Many requests from mixed senders over both protocols: each answer checked against its input.

`python -m bench soak`: 100,000 of them (`--requests` for others), or as many as there is time for
(half of `--seconds`, the rest to check them), at one server that batches and has two sessions. The
claim: every one is answered, with its own answer.
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

_SAMPLE, _SENDERS, _MOST_ROWS = "fashion", 16, 4
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

    def send(number: int) -> list[tuple[Rows, int, Rows]]:
        rng, ask = np.random.default_rng(number), (_rest, _grpc)[number % 2](where)
        found = []
        for _ in shares[number]:
            if time.monotonic() > end:
                break
            rows = rng.normal(size=(rng.integers(1, _MOST_ROWS + 1), *where.inner))
            given = rows.astype(np.float32)
            found.append((given, *ask(given)))
        return found

    with ThreadPoolExecutor(senders) as pool:
        answers = [one for sent in pool.map(send, range(senders)) for one in sent]
    return _counted(answers, answer)


def _counted(answers: list[tuple[Rows, int, Rows]], answer: Callable[[Rows], Rows]) -> Counter[str]:
    found: Counter[str] = Counter()
    wanted = answer(np.concatenate([given for given, _, _ in answers]))
    at = 0
    for given, status, got in answers:
        mine = wanted[at : at + len(given)]
        at += len(given)
        if status != 200:
            found[str(status)] += 1
        else:
            same = got.shape == mine.shape and np.allclose(got, mine, atol=1e-4)
            found["right" if same else "wrong"] += 1
    return found


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
        if answer.status != 200:
            return answer.status, rows[:0]
        end = int(answer.headers["Inference-Header-Content-Length"])
        (output,) = json.loads(body[:end])["outputs"]
        return 200, np.frombuffer(body[end:], np.float32).reshape(output["shape"])

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
        return 200, raw.reshape(found.outputs[0].shape)

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
        found = soaked(where, options.requests, answer, seconds=options.seconds / 2)
    lines = "\n".join(f"| {name} | {number:,} |" for name, number in sorted(found.items()))
    sent = found.total()
    title = f"## {sent:,} requests of {_SENDERS} senders over both protocols"
    fine = found == {"right": sent} and sent > 0
    return f"{title}\n\n| answer | requests |\n|---|---|\n{lines}", fine
