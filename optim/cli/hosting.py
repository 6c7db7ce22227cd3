"""The command that serves bundles."""

import argparse

from pydantic import ValidationError

from optim.errors import InputError, first_line


def host(args: argparse.Namespace) -> int:
    """Serve exported bundles until stopped."""
    from optim.serving.batching import Batching
    from optim.serving.host import host as serve
    from optim.serving.served import Opened

    asked = {
        "sessions": args.sessions,
        "most": args.batch,
        "wait_ms": args.wait,
        "queue": args.queue,
        "timeout_ms": args.timeout,
    }
    try:
        batching = Batching(**{name: value for name, value in asked.items() if value is not None})
    except ValidationError as error:
        raise InputError(f"These settings cannot be: {first_line(error)}.", "Change one.") from None
    unsaid = args.rest is None and args.grpc is None
    rest, rpc = (8000, 8001) if unsaid else (args.rest, args.grpc)
    opened = [Opened.of(folder) for folder in args.bundle]
    serve(opened, batching, address=args.address, rest=rest, rpc=rpc, told=_told)
    return 0


def _told(text: str) -> None:
    print(text, flush=True)
