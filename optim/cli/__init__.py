"""The command line: everything the page does, for terminals (text) and machines (`--json`).

Results go to standard output, progress to standard error. Exit codes: 0 all measured (or the
check held), 1 something failed, 2 bad usage or input.
"""

import importlib
import os
import sys
import time
from collections.abc import Sequence

from optim.errors import InputError, OptimError, of_the_disk

BAD_INPUT = 2
FAILED = 1
DONE_BY = {
    "decide": "deciding",
    "docs": "documents",
    "doctor": "machine",
    "explore": "exploring",
    "export": "exporting",
    "host": "hosting",
    "inspect": "inspecting",
    "install": "parts",
    "learn": "lessons",
    "load": "loading",
    "measure": "measuring",
    "parts": "parts",
    "probe": "machine",
    "replay": "exporting",
    "report": "sharing",
    "serve": "hosting",
    "study": "sharing",
    "twin": "twinning",
    "uninstall": "parts",
    "why": "explaining",
}
"""The module of each command; its function has the command's name, takes the parsed arguments and
returns an exit code. Only the one that is asked for is imported: all of them take seconds."""

SERVERS = ("host", "serve")
"""They stay, and what they log is read while they run."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command, the process's own unless given; errors become one line for people."""
    from optim.cli.grammar import parser
    from optim.cli.log import log_to_file

    args = parser().parse_args(argv)
    if args.command not in SERVERS:
        log_to_file()
    args.began = time.monotonic()  # a budget counts from the command to the answer
    try:
        doing = importlib.import_module(f"optim.cli.{DONE_BY[args.command]}")
        code = int(getattr(doing, args.command)(args))
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # whoever read the output has what he wanted, such as `head`
        _write_nowhere()
        return 0
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return BAD_INPUT
    except OptimError as error:
        print(f"error: {error}", file=sys.stderr)
        return FAILED
    except Exception as error:
        told = of_the_disk(error)
        if told is None:
            raise
        print(f"error: {told}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return FAILED


def _write_nowhere() -> None:
    """What is written from here on, also while Python ends, goes nowhere.

    As Python's documentation of SIGPIPE has it: else its last flush ends in a traceback.
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
