"""A program: round trips to a server of its own on 127.0.0.1, as JSON and as raw bytes.

`python -m optim.learning.trips NUMBERS SECONDS` prints, as JSON, the median milliseconds of each
round by kind. Nothing from outside is read or run.
"""

import http.client
import json
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from statistics import median

import numpy as np

_ANSWER = np.linspace(0, 1, 10, dtype=np.float32)
_TRIPS, _FEWEST_ROUNDS = 20, 3


class _Server(BaseHTTPRequestHandler):
    """Reads the numbers, and answers with ten."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:  # noqa: N802  (http.server calls it so)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/json":
            np.array(json.loads(body), np.float32)
            answer = json.dumps(_ANSWER.tolist()).encode()
        else:
            np.frombuffer(body, np.float32)
            answer = _ANSWER.tobytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is logged: it would be timed, too."""


def main(count: int, seconds: float) -> None:
    """Time rounds until the seconds are up, and print them."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(json.dumps(_rounds(server.server_port, count, seconds)))
        server.shutdown()


def _rounds(port: int, count: int, seconds: float) -> dict[str, list[float]]:
    numbers = np.random.default_rng(0).normal(size=count).astype(np.float32)
    kept_open = http.client.HTTPConnection("127.0.0.1", port)
    trips: dict[str, Callable[[], object]] = {
        "json": lambda: _json_trip(port, numbers),
        "binary": lambda: np.frombuffer(_post(kept_open, "/raw", numbers.tobytes()), np.float32),
    }
    found: dict[str, list[float]] = {name: [] for name in trips}
    for trip in trips.values():
        trip()  # warm
    start = time.perf_counter()
    while len(found["json"]) < _FEWEST_ROUNDS or time.perf_counter() - start < seconds:
        for name, trip in trips.items():
            found[name].append(median(_timed(trip) for _ in range(_TRIPS)))
    kept_open.close()
    return found


def _json_trip(port: int, numbers: np.ndarray) -> object:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    try:
        body = json.dumps(numbers.tolist()).encode()
        return json.loads(_post(connection, "/json", body))
    finally:
        connection.close()


def _post(connection: http.client.HTTPConnection, path: str, body: bytes) -> bytes:
    connection.request("POST", path, body)
    return connection.getresponse().read()


def _timed(trip: Callable[[], object]) -> float:
    start = time.perf_counter()
    trip()
    return (time.perf_counter() - start) * 1e3


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
