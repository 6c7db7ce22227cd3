"""Bring spoiled files through every door, and odd models through every pass: `python -m fuzz`.

The same seed tries the same files and models. Prints a report in Markdown; exits 1 where anything
was wrong, with the seed, the case and the file that did it.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from fuzz.journal import WHOLE, Journal, Share


def main() -> int:
    """Run with a home folder and limits of its own."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        os.environ |= {
            "OPTIM_HOME": str(Path(folder, "home")),
            "OPTIM_TRIAL_SECONDS": "0.5",
            "OPTIM_STEP_SECONDS": str(options.step_seconds),
            "OPTIM_STEP_MEMORY_MB": str(options.step_memory_mb),
        }
        # What these import reads the settings.
        from fuzz import bundled, doors, report, running

        wanted = tuple(d for d in doors.DOORS if not options.door or d.name in options.door)
        if options.only is not None:
            print(running.tried(wanted[0], options.seed, options.only, options.keep))
            return 0
        kept = Journal(options.keep, f"seed-{options.seed}", options.share)
        seconds, models = options.seconds, 0 if options.door else options.models
        result = running.fuzzed(options.seed, options.cases, seconds, options.keep, kept, wanted)
        swept = bundled.swept(options.seed, models, seconds, Path(folder), kept)
    wrong = [one for one in swept if one.outcome == "wrong"]
    text = report.text(result, options, kept.machines) + report.of_models(swept)
    print(text, *result.failures, *wrong, sep="\n")
    if options.out:
        options.out.write_text(text, encoding="utf-8")
    return 1 if result.failures or wrong else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the same seed tries the same files")
    parser.add_argument("--cases", type=int, default=500, help="how many files at most")
    parser.add_argument("--models", type=int, default=40, help="how many models of either kind")
    parser.add_argument("--seconds", type=float, default=1800, help="how long at most, for each")
    parser.add_argument("--door", action="append", help="only this one; repeatable")
    help_ = "do only this part of the work, such as 2/16, beside others with the same --keep"
    parser.add_argument("--share", type=Share.parse, default=WHOLE, help=help_)
    parser.add_argument("--only", type=int, help="of the one door, only the case of this number")
    parser.add_argument("--step-seconds", type=int, default=30, help="time that a step may take")
    parser.add_argument("--step-memory-mb", type=int, default=2048, help="memory of a step")
    kept = Path("fuzz-failures")
    parser.add_argument("--keep", type=Path, default=kept, help="folder of files that did wrong")
    parser.add_argument("--out", type=Path, help="write the report here, too")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
