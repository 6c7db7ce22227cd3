"""A real server of a real bundle, asked by real clients over both protocols."""

import http.client
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc as triton
from serving.conftest import Hosted
from support.paths import ROOT
from support.study_tools import wait_for
from tritonclient.grpc import service_pb2
from tritonclient.utils import InferenceServerException

from optim.serving.messages import MESSAGES, message

pytestmark = pytest.mark.slow
Expected = Callable[[np.ndarray], np.ndarray]
NAME = "classifier"


def post(
    server: Hosted, body: bytes, headers: dict[str, str] | None = None
) -> tuple[int, bytes, str | None]:
    connection = http.client.HTTPConnection("localhost", server.rest, timeout=30)
    connection.request("POST", f"/v2/models/{NAME}/infer", body, headers or {})
    answer = connection.getresponse()
    return answer.status, answer.read(), answer.headers.get("Inference-Header-Content-Length")


def get(server: Hosted, path: str) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("localhost", server.rest, timeout=30)
    connection.request("GET", f"/v2{path}")
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def request(rows: np.ndarray, **more: object) -> dict[str, Any]:
    tensor = {
        "name": "x", "datatype": "FP32", "shape": list(rows.shape), "data": rows.ravel().tolist()
    }  # fmt: skip
    return {"inputs": [{**tensor, **more}]}


def width(server: Hosted) -> int:
    return int(get(server, f"/models/{NAME}")[1]["inputs"][0]["shape"][1])


@pytest.fixture
def rows(server: Hosted) -> np.ndarray:
    return np.random.default_rng(3).normal(size=(3, width(server))).astype(np.float32)


def test_metadata_and_health(server: Hosted) -> None:
    assert get(server, "/health/live") == (200, {"live": True})
    assert get(server, "/health/ready") == (200, {"ready": True})
    assert get(server, f"/models/{NAME}/ready") == (200, {"ready": True})
    about = get(server, f"/models/{NAME}")[1]
    assert about["inputs"][0] | {"shape": 0} == {"name": "x", "datatype": "FP32", "shape": 0}
    assert about["inputs"][0]["shape"][0] == -1, "it takes batches"
    status, found = get(server, "/models/nothing")
    assert status == 404 and NAME in found["error"]


def test_json_and_bytes_give_the_models_answer(
    server: Hosted, rows: np.ndarray, expected: Expected
) -> None:
    status, body, _ = post(server, json.dumps(request(rows) | {"id": "7"}).encode())
    answer = json.loads(body)
    assert status == 200 and answer["id"] == "7" and answer["model_name"] == NAME
    (output,) = answer["outputs"]
    found = np.array(output["data"], np.float32).reshape(output["shape"])
    assert np.allclose(found, expected(rows), atol=1e-5)

    asked = request(rows, parameters={"binary_data_size": rows.nbytes})
    del asked["inputs"][0]["data"]
    head = json.dumps(asked | {"parameters": {"binary_data_output": True}}).encode()
    headers = {"Inference-Header-Content-Length": str(len(head))}
    status, body, end = post(server, head + rows.tobytes(), headers)
    assert status == 200 and end
    assert np.allclose(
        np.frombuffer(body[int(end) :], np.float32), expected(rows).ravel(), atol=1e-5
    )


def test_the_clients_of_others_are_answered(
    server: Hosted, rows: np.ndarray, expected: Expected
) -> None:
    with triton.InferenceServerClient(f"localhost:{server.grpc}") as client:
        assert client.is_server_live() and client.is_server_ready() and client.is_model_ready(NAME)
        assert client.get_model_metadata(NAME).inputs[0].datatype == "FP32"
        given = triton.InferInput("x", rows.shape, "FP32")
        given.set_data_from_numpy(rows)
        answer = client.infer(NAME, [given], request_id="9")
        (output,) = answer.get_response().outputs
        assert answer.get_response().id == "9"
        assert np.allclose(answer.as_numpy(output.name), expected(rows), atol=1e-5)
        with pytest.raises(InferenceServerException, match="no model 'other'"):
            client.infer("other", [given])
        wide = triton.InferInput("x", (1, rows.shape[1] + 1), "FP32")
        wide.set_data_from_numpy(np.zeros((1, rows.shape[1] + 1), np.float32))
        with pytest.raises(InferenceServerException, match="it takes"):
            client.infer(NAME, [wide])


def test_our_messages_are_the_protocols() -> None:
    theirs_of = {"InferTensor": ["ModelInferRequest.InferInputTensor"], "TensorMetadata": []}
    for name, fields in MESSAGES.items():
        for path in theirs_of.get(name, [name]):
            if name == "InferRequestedOutputTensor":
                path = f"ModelInferRequest.{path}"
            theirs = service_pb2
            for step in path.split("."):
                theirs = getattr(theirs, step)
            numbers = {field.name: field.number for field in theirs.DESCRIPTOR.fields}
            assert {
                field: number for field, (number, _) in fields.items()
            }.items() <= numbers.items()
            kinds = {field.name: field.type for field in theirs.DESCRIPTOR.fields}
            ours = {field.name: field.type for field in message(name).DESCRIPTOR.fields}
            assert ours.items() <= kinds.items()


def one_input(name: str, size: str) -> bytes:
    tensor = f'{{"name":"{name}","datatype":"FP32","shape":[{size}],"data":[1]}}'
    return f'{{"inputs":[{tensor}]}}'.encode()


BAD = {
    "no json": (b"{", "no JSON"),
    "a list": (b"[]", '"inputs"'),
    "deep": (b"[" * 100_000, "no JSON"),
    "no input": (b'{"inputs": []}', "missing"),
    "no tensor": (b'{"inputs": [3]}', "datatype"),
    "unknown": (one_input("z", "1,2"), "'z'"),
    "shape": (one_input("x", "1e400"), "whole"),
    "huge shape": (one_input("x", "9" * 20), "it takes"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_requests_are_a_sentence(server: Hosted, name: str) -> None:
    body, said = BAD[name]
    status, answer, _ = post(server, body)
    assert status == 400 and said in json.loads(answer)["error"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"datatype": "INT64"}, "datatype INT64"),
        ({"shape": [1, 2]}, "it takes"),
        ({"shape": [9, 0]}, "it takes"),
        ({"data": [[1], [2, 3]]}, "cannot be read"),
        ({"data": ["a"]}, "cannot be read"),
        ({"data": [1]}, "cannot be read"),
        ({"data": None}, "cannot be read"),
        ({"parameters": {"binary_data_size": 10**9}}, "names 1000000000 bytes"),
        ({"parameters": {"binary_data_size": -1}}, "names -1"),
    ],
)
def test_a_tensor_that_does_not_fit_is_refused(
    server: Hosted, rows: np.ndarray, change: dict[str, object], said: str
) -> None:
    status, body, _ = post(server, json.dumps(request(rows, **change)).encode())
    assert status == 400 and said in json.loads(body)["error"]


@pytest.mark.parametrize("name", ["z", ["y"], None])
def test_an_output_that_there_is_not_is_refused(
    server: Hosted, rows: np.ndarray, name: object
) -> None:
    asked = request(rows) | {"outputs": [{"name": name}]}
    status, body, _ = post(server, json.dumps(asked).encode())
    assert status == 400 and "no output" in json.loads(body)["error"]


def test_many_senders_at_once_get_their_own_answers(server: Hosted, expected: Expected) -> None:
    """Both protocols, one to four rows each, put together as they come."""
    rng, columns = np.random.default_rng(11), width(server)
    asked = [rng.normal(size=(1 + n % 4, columns)).astype(np.float32) for n in range(600)]
    wanted = [expected(one) for one in asked]

    def by_rest(one: np.ndarray) -> np.ndarray:
        status, body, _ = post(server, json.dumps(request(one)).encode())
        assert status == 200, body
        (output,) = json.loads(body)["outputs"]
        return np.array(output["data"], np.float32).reshape(output["shape"])

    with (
        triton.InferenceServerClient(f"localhost:{server.grpc}") as client,
        ThreadPoolExecutor(16) as pool,
    ):

        def by_grpc(one: np.ndarray) -> np.ndarray:
            given = triton.InferInput("x", one.shape, "FP32")
            given.set_data_from_numpy(one)
            answer = client.infer(NAME, [given])
            found: np.ndarray = answer.as_numpy(answer.get_response().outputs[0].name)
            return found

        answers = [pool.submit(by_grpc if n % 2 else by_rest, one) for n, one in enumerate(asked)]
        for found, want in zip(answers, wanted, strict=True):
            assert np.allclose(found.result(), want, atol=1e-5)
    connection = http.client.HTTPConnection("localhost", server.rest, timeout=30)
    connection.request("GET", "/metrics")
    metrics = connection.getresponse().read().decode()
    assert 'optim_requests_total{code="OK",model="classifier",protocol="grpc"}' in metrics
    counts = [line for line in metrics.splitlines() if line.startswith("optim_batch_rows_bucket")]
    assert counts and float(counts[0].split()[-1]) < 600, "some ran together"


def test_clients_that_vanish_or_talk_nonsense_harm_nobody(
    server: Hosted, rows: np.ndarray, expected: Expected
) -> None:
    for nonsense in (b"\x00" * 64, b"POST /v2/models/classifier/infer HTTP/1.1\r\nContent-Le"):
        for port in (server.rest, server.grpc):
            with socket.create_connection(("localhost", port)) as one:
                one.sendall(nonsense)
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    status, body, _ = post(server, json.dumps(request(rows)).encode())
    assert status == 200
    found = np.array(json.loads(body)["outputs"][0]["data"], np.float32)
    assert np.allclose(found, expected(rows).ravel(), atol=1e-5)


def test_a_stop_answers_what_was_taken(hosting: Callable[..., Hosted], rows: np.ndarray) -> None:
    server = hosting()
    one = json.dumps(request(rows[:1])).encode()
    codes: list[int] = []

    def ask() -> None:
        for _ in range(10_000):
            try:
                codes.append(post(server, one)[0])
            except OSError:
                return

    asking = [threading.Thread(target=ask) for _ in range(4)]
    for thread in asking:
        thread.start()
    wait_for(lambda: len(codes) > 50)
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(20) == 0
    for thread in asking:
        thread.join()
    assert set(codes) <= {200, 503} and 200 in codes
    assert "Stopping" in server.log.read_text()


def run_host(*options: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "optim", "host", *options]
    return subprocess.run(
        command, cwd=ROOT, env=os.environ, capture_output=True, text=True, timeout=120, check=False
    )


def test_what_cannot_be_served_is_a_sentence(server: Hosted, tmp_path: Path) -> None:
    refused = run_host(str(tmp_path), "--rest", "0")
    assert refused.returncode == 2 and "MANIFEST" in refused.stderr
    taken = run_host(str(server.bundle), "--rest", str(server.rest))
    assert taken.returncode == 2 and "in use" in taken.stderr and "Traceback" not in taken.stderr
    twice = run_host(str(server.bundle), str(server.bundle))
    assert twice.returncode == 2 and "Two bundles are named" in twice.stderr
