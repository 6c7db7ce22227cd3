"""The command that loads a served bundle."""

import argparse
import json
import sys

from optim.cli import FAILED
from optim.cli.aligning import align
from optim.errors import InputError
from optim.findings import Interval, percent
from optim.load.curve import Curve, Peak
from optim.load.loaded import PARTS
from optim.load.measuring import bench, curve, find_peak
from optim.load.scenario import Load
from optim.load.search import search
from optim.serving.settings import Serving, parse_serving
from optim.showing.text import milliseconds


def load(args: argparse.Namespace) -> int:
    """Serve a bundle, load it, and tell what became of the requests."""
    if args.search:
        return _search(args)
    if args.find_peak and args.qps:
        raise InputError("Rates are given, and a peak is asked for.", "Leave out one.", "load")
    found = [_loaded(args, parse_serving(text)) for text in _servings(args)]
    if args.json:
        print(
            json.dumps([{**one.record(), "peak": peak.record()} for one, peak in found], indent=1)
        )
        return 0
    for one, peak in found:
        print(f"{one.serving}\n{_table(one)}")
        if knee := one.knee:
            print(f"The knee is at {knee.rate:,.0f} requests a second.")
        print(peak.sentence)
        print("\n".join(one.cautions))
    return 0


def _loaded(args: argparse.Namespace, serving: Serving) -> tuple[Curve, Peak]:
    recorded = Load.recorded(args.trace) if args.trace else None
    with bench(args.bundle, serving) as on:
        if args.find_peak:
            peak, found = find_peak(on, args.p99, args.seconds, args.budget, tell=_told)
            return found, peak
        if recorded:
            found = Curve(str(serving)).with_point(on.load(recorded))
        else:
            found = curve(on, args.qps, args.seconds, args.burst, tell=_told)
    return found, found.peak(args.p99)


def _search(args: argparse.Namespace) -> int:
    found = search(args.bundle, args.p99, args.rate, tell=lambda doing, _: _told(doing, None))
    if args.json:
        print(json.dumps(found.record(), indent=1))
    else:
        rows = [[name, f"{rate:,.0f}/s"] for name, rate in found.ranked.items()]
        print(align([["tried with a quick load", "answers"], *rows]))
        limit = milliseconds(args.p99)
        print(
            f"{found.serving} takes about {found.rate:,.0f} requests a second with p99 within "
            f"{limit}; found in {found.seconds:.0f} s."
            if found.serving
            else f"No setting holds p99 within {limit}."
        )
    return 0 if found.serving else FAILED


def _servings(args: argparse.Namespace) -> list[str]:
    given = [*args.serving]
    given += ["rest"] if args.rest else []
    given += ["grpc"] if args.grpc else []
    return given or ["rest"]


def _told(doing: str, share: float | None) -> None:
    start = "" if share is None else f"{percent(share):>5}  "
    print(f"{start}{doing}", file=sys.stderr, flush=True)


def _table(curve: Curve) -> str:
    head = ["asked", "answered", "p50", "p99", "refused", *PARTS, "rows", "CPU", "MB"]
    rows = [
        [
            f"{one.rate:,.0f}/s",
            f"{one.achieved:,.0f}/s",
            _span(one.latency("p50")),
            _span(one.latency("p99")),
            percent(one.refused, 1),
            *(f"{ms:.2f}" for ms in one.where.values()),
            " ".join(f"{size}x{count}" for size, count in one.batches.items()),
            f"{one.server_cpu:.2f}",
            f"{one.memory_mb:.0f}",
        ]
        for one in curve.points
    ]
    return align([head, *rows])


def _span(found: Interval | None) -> str:
    if found is None:
        return "not enough samples"
    low, high = (f"{value:.2f}" for value in (found.low, found.high))
    return f"{milliseconds(found.value)} ({low} to {high})"
