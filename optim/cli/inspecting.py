"""The command that shows what a model is made of."""

import argparse

from optim.cli.aligning import align
from optim.cli.bringing import bring
from optim.graph import analysis_of

_HEAVIEST = 15


def inspect(args: argparse.Namespace) -> int:
    """A model's totals and its heaviest nodes."""
    model = bring(args)[0]
    analysis = analysis_of(model)
    if args.json:
        print(analysis.model_dump_json(indent=1))
        return 0
    ops = ", ".join(f"{op} {count}" for op, count in list(analysis.op_histogram.items())[:8])
    print(f"{model.name}  sha256 {model.digest[:12]}  opset {model.opset}")
    for way, specs in (("in", model.inputs), ("out", model.outputs)):
        print(*(f"  {way} {s.name} {s.dtype}{list(s.shape)}" for s in specs), sep="\n")
    print(f"  {analysis.parameters:,} parameters, {analysis.flops / 1e6:,.1f} MFLOP")
    print(f"  {analysis.node_count} nodes: {ops}")
    print(*(f"  {note}\n" for note in (*model.notes, *analysis.notes)), sep="", end="")
    heaviest = sorted(analysis.nodes, key=lambda row: -row.flops)[:_HEAVIEST]
    header = ["node", "op", "MFLOP", "MB", "FLOP/byte"]
    cells = [
        [n.name, n.op, f"{n.flops / 1e6:.2f}", f"{n.bytes / 1e6:.2f}", f"{n.intensity:.1f}"]
        for n in heaviest
    ]
    print(align([header, *cells]))
    return 0
