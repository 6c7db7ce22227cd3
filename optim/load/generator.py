"""The load generator's process: `python -m optim.load.generator [CPUS]`.

A line of JSON on standard input is a load; the line of JSON that answers it on standard output says
how busy this process was, once what became of every request lies in the file that was asked for.
Beside the server it is a process of its own, on CPUs of its own where there are enough.
"""

import asyncio
import gc
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from optim.load.running import play
from optim.load.scenario import Load
from optim.load.wires import GrpcWire, RestWire, Wire
from optim.serving.asking import payloads
from optim.serving.settings import Rest, Serving, parse_serving

_SWITCH_S = 1e-4  # a thread that is due gets Python's lock within this
_OPEN: dict[str, Wire] = {}
"""Kept between loads: a client that opens a connection for each load would time that."""


def main(arguments: Sequence[str]) -> None:
    """Answer until standard input ends."""
    if arguments:
        os.sched_setaffinity(0, [int(cpu) for cpu in arguments[0].split(",")])
    sys.setswitchinterval(_SWITCH_S)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print goes elsewhere
    # Not on uvloop: it gives out connections before they are made.
    with asyncio.Runner() as runner:
        for line in sys.stdin:
            answers.write(json.dumps(runner.run(_answer(json.loads(line)))) + "\n")
            answers.flush()


async def _answer(asked: dict[str, Any]) -> dict[str, Any]:
    serving, load = parse_serving(asked["serving"]), Load.model_validate(asked["load"])
    with np.load(asked["samples"], allow_pickle=False) as arrays:
        feeds = {name: arrays[name] for name in asked["inputs"]}
    bodies = payloads(asked["model"], [feeds], serving)
    wire = _wire(serving, asked["place"])
    gc.collect()
    gc.disable()  # its pauses would be the server's
    began, busy = time.perf_counter(), time.process_time()
    try:
        requests, summary = await play(wire, bodies, load)
    finally:
        gc.enable()
    spent, busy = time.perf_counter() - began, time.process_time() - busy
    requests.save(Path(asked["out"]))
    return {"generator_cpu": busy / spent, "summary": summary}


def _wire(serving: Serving, place: str) -> Wire:
    if place not in _OPEN:
        _OPEN[place] = RestWire(place) if isinstance(serving, Rest) else GrpcWire(place)
    return _OPEN[place]


if __name__ == "__main__":
    main(sys.argv[1:])
