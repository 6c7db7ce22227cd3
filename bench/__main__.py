"""Evidence that the numbers are true: `python -m bench [PART]`, all parts unless one is named.

Prints a report in Markdown; exits 1 where a claim does not hold. To be run on an idle machine.
"""

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path

from bench import aa, agree, cases, isolation, repeat, scale, sessions
from optim.machine.environment import environment

PARTS = {
    "agree": agree.run,
    "aa": aa.run,
    "repeat": repeat.run,
    "isolation": isolation.run,
    "scale": scale.run,
    "sessions": sessions.run,
}
ON_DEMAND = {"cases": cases.run}


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
        for name in PARTS if options.part == "all" else [options.part]:
            text, holds = (PARTS | ON_DEMAND)[name](options)
            verdict = "**The claim holds.**" if holds else "**The claim does not hold.**"
            print(f"\n{text}\n\n{verdict}", file=sink, flush=True)
            fine &= holds
    return 0 if fine else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("part", nargs="?", default="all", choices=[*PARTS, *ON_DEMAND, "all"])
    parser.add_argument("--sample", action="append", default=[], help="only this one; repeatable")
    parser.add_argument("--slices", type=int, default=10, help="agree, isolation: slices a sample")
    parser.add_argument("--tries", type=int, default=100, help="aa: how many")
    parser.add_argument("--simulations", type=int, default=1000, help="aa: simulated, per spread")
    parser.add_argument("--gap", type=float, default=120, help="repeat: seconds between the times")
    parser.add_argument("--cases", help="cases: their folder, one folder with a case.json each")
    parser.add_argument("--out", help="write the report here instead of printing it")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
