"""The command that asks the twin: replicas, price and energy for a rate and a limit."""

import argparse
import json
import sys
from dataclasses import asdict

from optim.build import built
from optim.cli.aligning import align
from optim.cli.given import study_of
from optim.recipe import Recipe
from optim.serving.batching import Batching
from optim.twin import telling
from optim.twin.arrivals import recorded
from optim.twin.fleet import fleet
from optim.twin.prices import SHIPPED, prices
from optim.twin.service import measured
from optim.twin.sizing import Demand


def twin(args: argparse.Namespace) -> int:
    """How many replicas a rate takes on every hardware, and what they cost."""
    costs, recipe = prices(args.prices or SHIPPED), Recipe.parse(args.recipe)
    trace = recorded(args.trace) if args.trace else None
    demand = Demand(args.rate, args.p99, args.pattern, trace)
    batching = Batching(
        sessions=args.sessions, most=args.batch, wait_ms=args.wait, queue=args.queue
    )
    study = study_of(args)
    model = built(study.model, recipe, study.evalset).model
    _say("measuring run times and the front")
    service = measured(model, recipe, study.evalset, args.batch)
    rows = fleet(service, model, recipe, batching, demand, costs, _say)
    if args.json:
        print(json.dumps([asdict(row) for row in rows], indent=1, default=lambda v: v.model_dump()))
        return 0
    print(align([list(telling.COLUMNS), *map(telling.cells, rows)]))
    print(telling.verdict(rows, demand))
    print(*telling.notes(service, rows), f"Prices of {costs.quoted}.", sep="\n")
    return 0


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
