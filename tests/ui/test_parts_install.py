"""The Parts page installs what a part needs, and removes it."""

from typing import ClassVar

import pytest
from streamlit.testing.v1 import AppTest

from optim.environments import Environment
from optim.errors import StepError

PAGE = """
from tests_part import Wanting
from ui.errors import errors_shown
from ui.parts import packages_of
with errors_shown():
    packages_of(Wanting)
"""


class Wanting:
    """What the page asks of a part."""

    name: ClassVar[str] = "wanting"

    lacks: ClassVar[str] = ""

    @classmethod
    def hindrance(cls) -> str:
        return cls.lacks

    @classmethod
    def environment(cls) -> Environment:
        return Environment("wanting", ("wanting==1.0",), ("json",), 12)


@pytest.fixture
def page(home, monkeypatch):
    import sys
    from types import ModuleType

    module = ModuleType("tests_part")
    module.Wanting = Wanting
    monkeypatch.setitem(sys.modules, "tests_part", module)
    return AppTest.from_string(PAGE, default_timeout=60)


def test_size_and_time_are_said_first_and_the_button_installs(page, home, monkeypatch):
    def make(environment, on_progress):
        on_progress("installing", 0.5)
        folder = home / "made"
        folder.mkdir(parents=True)
        return environment.complete(folder, 1.0)

    monkeypatch.setattr("ui.parts.make", make)
    (install,) = page.run().button
    assert install.label.startswith("Install (about 12 MB, ")
    install.click().run()
    assert not page.exception and "wanting==1.0" in page.caption[0].value
    (remove,) = page.button
    remove.click().run()
    assert Wanting.environment().made is None and page.button[0].label.startswith("Install")


def test_what_could_not_run_here_is_not_offered(page, monkeypatch):
    monkeypatch.setattr(Wanting, "lacks", "It needs another machine.")
    assert not page.run().button and not page.exception


def test_what_cannot_be_had_is_a_sentence(page, monkeypatch):
    def make(environment, on_progress):
        raise StepError("The package index cannot be reached.", "Connect this machine.")

    monkeypatch.setattr("ui.parts.make", make)
    page.run().button[0].click().run()
    assert not page.exception
    assert "cannot be reached" in page.error[0].value
