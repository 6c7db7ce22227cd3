"""Functions that children call by name: each is there."""

import importlib
import pkgutil

import pytest

import optim
from optim import sandbox


def named() -> dict[str, sandbox.Named]:
    """Every declared name, by the constant that holds it."""
    found = {}
    for info in pkgutil.walk_packages(optim.__path__, "optim."):
        if not info.name.endswith("__main__"):
            for key, value in vars(importlib.import_module(info.name)).items():
                if isinstance(value, sandbox.Named):
                    found[f"{info.name}.{key}"] = value
    return found


def test_there_are_some() -> None:
    assert "optim.graph.ANALYSE" in named()


@pytest.mark.parametrize("constant", named())
def test_each_names_a_function(constant: str) -> None:
    module, _, name = named()[constant].partition(":")
    assert callable(getattr(importlib.import_module(module), name))


def test_a_function_is_told_of_as_a_child_finds_it() -> None:
    text = sandbox.calling.text_of(test_there_are_some)
    assert text == f"{__name__}:test_there_are_some"
    assert sandbox.module_of(sandbox.Named("a.b:c")) == "a.b"
