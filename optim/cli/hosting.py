"""Commands that serve: the web application, and bundles."""

import argparse
import os
import sys

from pydantic import ValidationError

from optim.errors import InputError, first_line
from optim.home.secret_files import secret_in
from optim.serving.batching import Batching
from optim.serving.settings import parse_serving
from optim.settings import settings
from optim.shipped import APP


def serve(args: argparse.Namespace) -> int:
    """Serve the web application until it is stopped. Raises InputError for a file of no secret."""
    for path in filter(None, (settings().password_file, settings().metrics_token_file)):
        secret_in(path)  # Streamlit says where the page is before the page looks
    options = [f"--server.port={args.port}", f"--server.address={args.address}"]
    # -P: modules that happen to lie in the current folder are not taken for Python's own.
    streamlit = [sys.executable, "-P", "-m", "streamlit", "run", str(APP / "app.py")]
    os.execv(sys.executable, [*streamlit, "--server.headless=true", *options])


def host(args: argparse.Namespace) -> int:
    """Serve exported bundles until stopped."""
    from optim.serving.host import host as serve
    from optim.serving.served import Opened

    batching, of = _settings(args)
    unsaid = args.rest is None and args.grpc is None
    rest = 8000 if unsaid and of != "grpc" else args.rest
    rpc = 8001 if unsaid and of != "rest" else args.grpc
    opened = [Opened.of(folder) for folder in args.bundle]
    serve(opened, batching, address=args.address, rest=rest, rpc=rpc, told=_told)
    return 0


def _settings(args: argparse.Namespace) -> tuple[Batching, str]:
    """How requests are put together, and the one protocol that was asked for, if it was one."""
    asked = {
        "sessions": args.sessions,
        "most": args.batch,
        "wait_ms": args.wait,
        "queue": args.queue,
        "timeout_ms": args.timeout,
    }
    given = {name: value for name, value in asked.items() if value is not None}
    if args.serving:
        if given:
            raise InputError("--serving holds all settings.", "Leave out the single ones.", "host")
        serving = parse_serving(args.serving)
        return serving, serving.name
    try:
        return Batching(**given), ""
    except ValidationError as error:
        raise InputError(f"These settings cannot be: {first_line(error)}.", "Change one.") from None


def _told(text: str) -> None:
    print(text, flush=True)
