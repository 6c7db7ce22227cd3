"""Evidence for what the program says: `python -m bench [PART] [NAMES]`.

That its numbers are true: agree, aa, repeat, isolation, bars; that it scales: scale, sessions,
opening (all eight where no part is named). That its search finds: zoo makes models, grid measures
every recipe on one, search plays strategies on the stored grids, peers has other tools choose.
families tells which pass and which engine pays where, gpus what this machine's GPU brings. serve
tells what a server adds to a run, soak that it loses and mixes up nothing, beside how others serve
the same model, settings how the search of serving settings does, twin how far the simulation is
off. serving is those of servers: serve, settings, soak, beside and twin, each for `--seconds` at
most. findings tells how many known causes Why names, and what it says of models with none. cases
runs the program on files whose answers are known. Prints a report in Markdown; exits 1 where a
claim does not hold, or a part did not run. To be run on an idle machine.
"""

import argparse
import subprocess
import sys
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path

from bench.document import written_into
from optim.errors import OptimError
from optim.machine.environment import environment
from optim.settings import settings

NUMBERS = {
    name: f"bench.{name}"
    for name in ("agree", "aa", "repeat", "isolation", "scale", "sessions", "bars", "opening")
}
SERVING = {
    "serve": "bench.serving.overhead",
    "settings": "bench.serving.settings",
    "soak": "bench.serving.soak",
    "beside": "bench.serving.beside",
    "twin": "bench.serving.twin",
}
PARTS = (
    NUMBERS
    | SERVING
    | {
        "cases": "bench.cases",
        "gpus": "bench.gpus",
        "families": "bench.families",
        "findings": "bench.findings.report",
        "zoo": "bench.zoo.report",
        "grid": "bench.grid",
        "search": "bench.strategies.report",
        "peers": "bench.peers.report",
    }
)
"""Part -> the module whose `run` gives a report in Markdown and whether its claim holds."""
GROUPS = {"all": NUMBERS, "serving": SERVING}
DOCUMENTED = (*SERVING, "families", "findings", "isolation", "opening")
"""Parts whose report `--document` writes into docs/benchmarks.md."""
_FAILURES = (OptimError, OSError, RuntimeError, subprocess.SubprocessError)


def main() -> int:
    """Run the parts that are asked for, in their order."""
    options = _options()
    here = environment()
    report = [f"# Measured on {here['cpu']} ({here['all_cores']} cores, {here['flags']})"]
    report += [", ".join(f"{name} {here[name]}" for name in ("onnxruntime", "openvino", "python"))]
    fine = True
    with ExitStack() as stack:
        sink = stack.enter_context(Path(options.out).open("w")) if options.out else sys.stdout
        print("\n\n".join(report), file=sink, flush=True)
        for name in GROUPS.get(options.part, [options.part]):
            text, holds = _told(name, options)
            print(f"\n{text}", file=sink, flush=True)
            fine &= holds
    return 0 if fine else 1


def _told(name: str, options: argparse.Namespace) -> tuple[str, bool]:
    """A part's report with its verdict; in the document, too, where that is asked for."""
    try:
        text, holds = import_module(PARTS[name]).run(options)
    except _FAILURES as error:
        return f"## {name}\n\nIt did not run: {error}", False
    text += "\n\n**The claim holds.**" if holds else "\n\n**The claim does not hold.**"
    if options.document and name in DOCUMENTED:
        written_into(name, text)
    return text, holds


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("part", nargs="?", default="all", choices=[*PARTS, *GROUPS])
    parser.add_argument("names", nargs="*", help="of models, samples or sets; default: all")
    parser.add_argument("--sample", action="append", default=[], help="only this one; repeatable")
    parser.add_argument("--slices", type=int, default=10, help="agree, isolation: slices a sample")
    parser.add_argument("--tries", type=int, default=100, help="aa: how many")
    parser.add_argument("--simulations", type=int, default=1000, help="aa: simulated, per spread")
    parser.add_argument("--gap", type=float, default=120, help="repeat: seconds between the times")
    parser.add_argument("--cases", help="cases: their folder, one folder with a case.json each")
    parser.add_argument(
        "--cache",
        default=str(settings().home / "bench"),
        help="where models, data and peers' environments are kept; default: %(default)s",
    )
    parser.add_argument("--recipe", action="append", help="gpus, bars: only this; repeatable")
    parser.add_argument("--minutes", type=float, default=25, help="grid: a model; families: in all")
    parser.add_argument("--processes", type=int, default=6, help="grid: that time each recipe")
    parser.add_argument("--judging", type=float, help="grid: seconds, if not all samples")
    parser.add_argument("--seeds", type=int, default=20, help="search: runs of each strategy")
    parser.add_argument("--budget", type=float, default=60, help="peers: seconds each may take")
    parser.add_argument("--peer", action="append", default=[], help="peers: only this; repeatable")
    parser.add_argument("--requests", type=int, default=100_000, help="soak: how many at most")
    parser.add_argument("--seconds", type=float, default=120, help="serving: of load, each part")
    parser.add_argument("--document", action="store_true", help="write it into docs/benchmarks.md")
    parser.add_argument("--out", help="write the report here instead of printing it")
    return parser.parse_intermixed_args()


if __name__ == "__main__":
    sys.exit(main())
