"""The library's packages and modules as a table, read off their source."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

_PACKAGE = "__init__"


def modules_table(checkout: Path) -> str:
    """Every package and module of `optim` in the order in which imports may flow, as Markdown."""
    library = checkout / "optim"
    lines = ["| module | what it holds | public names |", "|---|---|---|"]
    for name in _from_the_bottom_up(checkout / "pyproject.toml"):
        package = library / name
        sources = _sources(package) if package.is_dir() else [package.with_suffix(".py")]
        lines += [_row(source, library) for source in sources]
    return "\n".join(lines)


def _from_the_bottom_up(pyproject: Path) -> list[str]:
    """The names right below `optim`, as the contract of its layers lists them."""
    linter = tomllib.loads(pyproject.read_text(encoding="utf-8"))["tool"]["importlinter"]
    (layers,) = (
        each["layers"] for each in linter["contracts"] if each.get("containers") == ["optim"]
    )
    return [name.strip() for layer in reversed(layers) for name in layer.split("|")]


def _sources(package: Path) -> Iterator[Path]:
    """A package's own file, its modules, then the packages within it."""
    yield package / f"{_PACKAGE}.py"
    yield from sorted(path for path in package.glob("*.py") if path.stem != _PACKAGE)
    for inner in sorted(path.parent for path in package.glob(f"*/{_PACKAGE}.py")):
        yield from _sources(inner)


def _row(source: Path, library: Path) -> str:
    tree = ast.parse(source.read_text(encoding="utf-8"))
    name = source.relative_to(library).with_suffix("").as_posix()
    package = name.endswith(_PACKAGE)
    shown = f"**`{name.removesuffix(_PACKAGE)}`**" if package else f"`{name}`"
    names = ", ".join(f"`{public}`" for public in _public(tree))
    return f"| {shown} | {_first_sentence(tree)} | {names} |"


def _first_sentence(tree: ast.Module) -> str:
    """Of the docstring, without its full stop."""
    paragraph = " ".join((ast.get_docstring(tree) or "").partition("\n\n")[0].split())
    return paragraph.partition(". ")[0].removesuffix(".").replace("|", r"\|")


def _public(tree: ast.Module) -> list[str]:
    """What `__all__` lists, else the classes and functions without an underscore."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return list(ast.literal_eval(node.value))
    defined = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return [n.name for n in tree.body if isinstance(n, defined) and not n.name.startswith("_")]
