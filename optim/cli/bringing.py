"""The model that a command is given."""

import argparse
from pathlib import Path

from optim.ingest import ingest
from optim.ingest.samples import SAMPLE_PREFIX, find_sample
from optim.model import Model


def bring(args: argparse.Namespace) -> tuple[Model, Path | None]:
    """The model of the arguments, and the path of its EvalSet if there is one."""
    evalset: Path | None = args.evalset
    if evalset is None and args.model.startswith(SAMPLE_PREFIX):
        evalset = find_sample(args.model).evalset_path
    dims = dict(args.dim)
    return ingest(args.model, dims=dims, evalset=evalset, input_specs=args.input), evalset
