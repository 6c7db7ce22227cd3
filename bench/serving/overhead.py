"""What a server adds to a run: REST and gRPC against the bare engine, in turns.

`python -m bench serve`: for each sample, its original as a bundle, served by `optim host` in a
process of its own, asked by one client over one connection; the bare engine runs in this process
between them, for `--seconds` in all: at once after the last run, and rested, after a pause as short
as a server has between two requests, since caches and cores cool down in it. Beside each way stands
its floor: the same client, and the same bytes, to a server that does nothing
(`bench.serving.floor`). What is left is the server's own path, and waking a client that slept
through the run. The claim: the median adds at most 0.3 ms over either protocol, to runs at once one
after the other.
"""

import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, cast

import grpc

from bench.serving.floor import floors
from bench.serving.hosting import free_port, hosted, made
from optim.serving.asking import Asking, payloads
from optim.serving.messages import PACKAGE, SERVICE
from optim.serving.served import Opened
from optim.serving.settings import parse_serving

_SAMPLES = ("credit", "weather", "fashion", "spam")
_MOST_MS = 0.3
_LEAST_ROUNDS, _RUNS = 3, 20
_REST = {"REST, JSON": "rest:encoding=json", "REST, binary": "rest"}
_RPC = "gRPC"
_BARE, _RESTED, _FLOOR = "bare", "rested", "floor of "
Call = Callable[[], Any]


def run(options: Namespace) -> tuple[str, bool]:
    """Report in Markdown and whether the claim holds."""
    rows, fine, names = list[str](), True, options.names or _SAMPLES
    for name in names:
        with _asked(made(name)) as ways:
            found = _in_turns(ways, options.seconds / len(names))
        for way in (*_REST, _RPC):
            added, floor = found[way] - found[_BARE], found[_FLOOR + way]
            fine &= way == "REST, JSON" or added <= _MOST_MS
            figures = [found[_BARE], found[_RESTED], found[way], added]
            figures += [found[way] - found[_RESTED], floor, added - floor]
            rows.append(f"| {name} | {way} | {' | '.join(f'{ms:.3f}' for ms in figures)} |")
    head = "| model | way | bare | rested | served | added | over rested "
    head += "| client and loopback | server's path |"
    title = f"## What a server adds, p50 in ms (to reach: at most {_MOST_MS} over bare)"
    return "\n\n".join((title, "\n".join((head, "|---" * 9 + "|", *rows)))), fine


def _in_turns(ways: dict[str, Call], seconds: float) -> dict[str, float]:
    """Way of asking -> median ms."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    turn, end = 0, time.monotonic() + seconds
    while turn <= _LEAST_ROUNDS or time.monotonic() < end:
        for name, call in ways.items():
            for _ in range(_RUNS):
                if name == _RESTED:
                    time.sleep(_MOST_MS / 1e3)
                started = time.perf_counter()
                call()
                if turn:  # the first round warms up
                    times[name].append(1e3 * (time.perf_counter() - started))
        turn += 1
    return {name: median(found) for name, found in times.items()}


@contextmanager
def _asked(bundle: Path) -> Iterator[dict[str, Call]]:
    """Every way to have a sample run, the bare engine's and the floors' among them."""
    opened = Opened.of(bundle)
    (feeds,) = opened.examples(1)
    session = opened.open(opened.model, 0)
    ways: dict[str, Call] = dict.fromkeys((_BARE, _RESTED), partial(session.run, feeds))
    (message,) = payloads(opened.name, [feeds], parse_serving("grpc"))
    with ExitStack() as stack:
        rest, rpc = stack.enter_context(hosted(bundle))
        floor, nothing = list[tuple[int, int, int]](), dict[str, tuple[int, bytes]]()
        for way, spelling in _REST.items():
            (request,) = payloads(opened.name, [feeds], parse_serving(spelling))
            ways[way] = partial(_asking(stack, rest), request)
            floor.append((free_port(), len(request), len(ways[way]())))
            nothing[_FLOOR + way] = floor[-1][0], request
        ways[_RPC], other = partial(_rpc(rpc), message), free_port()
        stack.enter_context(floors(floor, (other, len(ways[_RPC]()))))
        for way, (port, request) in nothing.items():
            ways[way] = partial(_asking(stack, port), request)
        ways[_FLOOR + _RPC] = partial(_rpc(other), message)
        yield ways


def _asking(stack: ExitStack, port: int) -> Asking:
    return stack.enter_context(closing(Asking.of("localhost", port)))


def _rpc(port: int) -> Callable[[bytes], bytes]:
    channel = grpc.insecure_channel(f"localhost:{port}")
    ask: Any = channel.unary_unary(f"/{PACKAGE}.{SERVICE}/ModelInfer")
    return cast(Callable[[bytes], bytes], ask)
