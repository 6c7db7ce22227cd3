"""The twin against the real server, at rates that it was not calibrated on.

`python -m bench twin`: run times and the front are measured as `optim twin` does; then a real
server gets requests at random at shares of what the twin says it can carry, for `--seconds` in all,
and the 99th percentiles are compared. The claim: below the knee (80 %) they differ by 15 % at most.
The sender and the network are not in the twin, so what a lone request takes beyond it is added to
it. To be run on an idle machine.
"""

import http.client
import queue
import threading
import time
from argparse import Namespace
from dataclasses import replace

import numpy as np

from bench.serving.beside import Peer, body_of, sent
from bench.serving.hosting import hosted, made
from optim.evalset import load_evalset
from optim.ingest import ingest
from optim.ingest.samples import find_sample
from optim.recipe import Recipe
from optim.serving.batching import Batching
from optim.twin.arrivals import poisson
from optim.twin.service import measured
from optim.twin.sizing import Demand, curve, predicted

_SAMPLE, _SHARES, _SENDERS, _MOST = "fashion", (0.2, 0.4, 0.6, 0.8), 64, 0.15


def run(options: Namespace) -> tuple[str, bool]:
    """Report in Markdown and whether the claim holds."""
    sample, recipe = find_sample(_SAMPLE), Recipe.baseline()
    model = ingest(sample.model_path, evalset=sample.evalset_path)
    service = measured(model, recipe, load_evalset(sample.evalset_path, model))
    batching, any_rate = Batching(), Demand(1.0, 1.0)
    most = curve(service, batching, any_rate, points=1)[0][0] / 0.95
    rows, worst, seconds = [], 0.0, options.seconds / len(_SHARES)
    bundle = made(_SAMPLE)
    with hosted(bundle) as (rest, _):
        peer = Peer(rest, f"/v2/models/{_SAMPLE}/infer", body_of("v2", bundle))
        sent(peer, 1.0)
        lone = predicted(service, batching, replace(any_rate, rate=0.01 * most)).p50_ms
        beyond = float(np.median(sent(peer, 2.0))) - lone
        for share in _SHARES:
            rate = share * most
            ours = predicted(service, batching, replace(any_rate, rate=rate)).p99_ms.value
            real = float(np.quantile(_open_loop(peer, rate, seconds), 0.99))
            off = (ours + beyond) / real - 1
            worst = max(worst, abs(off))
            rows.append(
                f"| {share:.0%} | {rate:,.0f} | {ours + beyond:.2f} | {real:.2f} | {off:+.0%} |"
            )
    head = "| of what it can carry | requests/s | twin p99, ms | real p99, ms | off |"
    return "\n".join(
        [
            f"## The twin's p99 of {_SAMPLE} beside the real server's\n",
            head,
            "|---|---|---|---|---|",
            *rows,
        ]
    ), (worst <= _MOST)


def _open_loop(peer: Peer, rate: float, seconds: float) -> list[float]:
    """ms from when each request was due to its answer, whatever became of those before it."""
    due: queue.SimpleQueue[float | None] = queue.SimpleQueue()
    found: list[float] = []

    def send() -> None:
        connection = http.client.HTTPConnection("localhost", peer.port, timeout=30)
        while (at := due.get()) is not None:
            time.sleep(max(0.0, at - time.perf_counter()))
            connection.request("POST", peer.path, peer.body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200
            found.append(1e3 * (time.perf_counter() - at))

    begun = time.perf_counter() + 0.5
    for at in poisson(rate, int(rate * seconds), np.random.default_rng(1)):
        due.put(begun + float(at))
    senders = [threading.Thread(target=send) for _ in range(_SENDERS)]
    for one in senders:
        due.put(None)
        one.start()
    for one in senders:
        one.join()
    return found
