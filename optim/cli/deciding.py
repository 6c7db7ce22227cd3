"""The command that says what settings earn."""

import argparse
import json
from dataclasses import asdict

from optim.cli.aligning import align
from optim.cli.sharing import study_named
from optim.decision import telling
from optim.decision.costs import Costs, costs_of, example_for
from optim.decision.expected import earned
from optim.errors import InputError


def decide(args: argparse.Namespace) -> int:
    """Expected money per 1,000 requests of every setting measured in a study."""
    study = study_named(args.study)
    costs = costs_of(args.costs) if args.costs else example_for(study.title, study.model.name)
    if costs is None:
        fields = ", ".join(Costs.model_fields)
        raise InputError("What decisions cost is not known.", f"Give --costs: {fields}.", "decide")
    if args.deadline:
        costs = costs.model_copy(update={"deadline_ms": args.deadline})
    found = earned(study, costs, args.rate or 0.0, args.front)
    if args.json:
        rows = [asdict(one) for one in found]
        print(json.dumps(rows, indent=1, default=lambda value: value.model_dump()))
        return 0
    print(align([list(telling.COLUMNS), *(telling.cells(o, costs.currency) for o in found)]))
    said = (telling.verdict(found, costs), telling.terms(costs), telling.calibration(found, costs))
    print(*filter(None, (*said, costs.source)), sep="\n")
    return 0
