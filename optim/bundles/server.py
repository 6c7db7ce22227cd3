"""A bundle's own server: `host.py`, and the program's modules that it needs, copied as they are."""

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from optim.bundles import manifest
from optim.model import Model, TensorSpec
from optim.recipe import Recipe
from optim.shipped import LIBRARY

_ENTRY = "optim.serving.standalone"
PACKAGES = (
    *("grpcio", "httptools", "onnx", "prometheus-client", "protobuf", "pydantic", "uvloop"),
)
"""What the server needs beside the engine and NumPy; onnx for batches alone."""


def to_host(
    recipe: Recipe, name: str, model: Model, versions: Mapping[str, str]
) -> dict[str, bytes]:
    """The files of the server by their names in the bundle; empty where a version is not known.

    Args:
        name: what requests call the model.
        model: the optimized one.
        versions: of the libraries that the bundle was made with.
    """
    packages = dict.fromkeys((*recipe.runtime.packages, "numpy", *PACKAGES))
    if not all(versions.get(package) for package in packages):
        return {}
    pins = "".join(f"{package}=={versions[package]}\n" for package in packages)
    return {
        manifest.HOST: _script(recipe, name, model).encode(),
        manifest.HOST_REQUIREMENTS: pins.encode(),
        **_modules(),
    }


def _script(recipe: Recipe, name: str, model: Model) -> str:
    engine = "".join(
        f"    {line}" if line.strip() else line
        for line in recipe.runtime.script().splitlines(keepends=True)
    )
    return f'''"""Serve the optimized model: python host.py [--rest PORT] [--grpc PORT] [--most 8]

Recipe: {recipe.spelling}
Needs what requirements-host.txt lists. It speaks the Open Inference Protocol, version 2, over REST
and gRPC (https://github.com/kserve/open-inference-protocol); `/metrics` is for Prometheus.
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.dont_write_bytecode = True  # files added to the bundle would not be in its MANIFEST
sys.path.insert(0, str(HERE / "{manifest.SERVER.rstrip("/")}"))

from {_ENTRY} import main  # noqa: E402

INPUTS = {_specs(model.inputs)!r}
OUTPUTS = {_specs(model.outputs)!r}


def opened(MODEL):
    """The function from inputs to outputs of the model at this path."""
{engine.rstrip()}
    return run


if __name__ == "__main__":
    main({name!r}, {recipe.runtime.name!r}, opened, INPUTS, OUTPUTS, HERE)
'''


def _specs(specs: tuple[TensorSpec, ...]) -> dict[str, tuple[str, tuple[int, ...]]]:
    return {spec.name: (spec.dtype, spec.shape) for spec in specs}


@cache
def _modules() -> dict[str, bytes]:
    """The entry and all that it imports of the program, by their names in the bundle."""
    sources = {name: _path(name).read_bytes() for name in sorted(_needed(_ENTRY, set()))}
    found = {f"{manifest.SERVER}{name.replace('.', '/')}.py": s for name, s in sources.items()}
    for package in {name.rpartition(".")[0] for name in sources}:
        init = LIBRARY.parent.joinpath(*package.split("."), "__init__.py").read_bytes()
        inner = f"{manifest.SERVER}{package.replace('.', '/')}/__init__.py"
        found[inner] = init if package == "optim" else b""  # others' would import the program
    return dict(sorted(found.items()))


def _needed(name: str, seen: set[str]) -> set[str]:
    """The modules of the program that are imported where this one is; those alone that are

    imported at its top: what a function imports is for the whole program.
    """
    if name not in seen:
        seen.add(name)
        for other in _imported(name):
            _needed(other, seen)
    return seen


def _imported(name: str) -> Iterator[str]:
    for node in ast.parse(_path(name).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("optim"):
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            modules = [one for one in inner if _path(one).is_file()]
            yield from modules or ([str(node.module)] if node.module != "optim" else [])


def _path(name: str) -> Path:
    return LIBRARY.parent.joinpath(*name.split(".")).with_suffix(".py")
