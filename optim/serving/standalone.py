"""The server as a bundle's `host.py` starts it: without the program that wrote the bundle.

This module and what it imports are copied into bundles as they stand, so it may import nothing of
the program but arrays, errors, the protos and its own package.
"""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from optim.arrays import Feeds, TensorSpec
from optim.errors import OptimError, first_line
from optim.serving.batching import Batching, Outputs
from optim.serving.host import host
from optim.serving.served import Opened

Specs = Mapping[str, tuple[str, Sequence[int]]]
"""Name -> dtype and shape."""
_FIXED = ("threads", "preferred")
"""Settings that the script's session has no say in, or that are no one word."""


@dataclass(frozen=True)
class _Script:
    """A model as the bundle's script opens it."""

    run: Callable[[Feeds], Outputs]

    def close(self) -> None:
        """It goes with the process."""


def main(
    name: str,
    engine: str,
    opened: Callable[[Path], Callable[[Feeds], Outputs]],
    inputs: Specs,
    outputs: Specs,
    folder: Path,
) -> None:
    """The command line; the options of batching are those of `Batching`.

    Args:
        opened: gives the function from inputs to outputs of the model in a file.
        folder: where `model.onnx` and `example.npz` lie.
    """
    parser = argparse.ArgumentParser(description=f"Serve {name} over REST and gRPC.")
    parser.add_argument("--address", default="localhost", help="interface to listen on")
    parser.add_argument("--rest", type=int, default=8000, metavar="PORT")
    parser.add_argument("--grpc", type=int, default=8001, metavar="PORT")
    options = {name: about for name, about in Batching.model_fields.items() if name not in _FIXED}
    for field, about in options.items():
        option = f"--{field.replace('_', '-')}"
        parser.add_argument(option, default=about.default, help="%(default)s")
    given = vars(parser.parse_args())
    model = Opened(
        name,
        folder / "model.onnx",
        folder / "example.npz",
        engine,
        lambda path, _: _Script(opened(path)),
        1,
        _specs(inputs),
        _specs(outputs),
    )
    ports = {"address": given.pop("address"), "rest": given.pop("rest"), "rpc": given.pop("grpc")}
    try:
        host([model], Batching.model_validate(given), told=_told, **ports)
    except ValidationError as error:
        sys.exit(f"These settings cannot be: {first_line(error)}.")
    except OptimError as error:
        sys.exit(f"error: {error}")


def _specs(found: Specs) -> tuple[TensorSpec, ...]:
    return tuple(
        TensorSpec(name=name, dtype=dtype, shape=tuple(shape))
        for name, (dtype, shape) in found.items()
    )


def _told(text: str) -> None:
    print(text, flush=True)
