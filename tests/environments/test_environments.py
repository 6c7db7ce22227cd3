"""Environments of parts: made whole or not at all, from a local index of tiny wheels."""

import json
import os
import signal
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path
from typing import ClassVar

import numpy
import pytest

import optim
from optim import environments, sandbox
from optim.environments import Environment
from optim.environments.making import make
from optim.environments.saying import refusal
from optim.errors import Cancelled, DiskError, StepError
from optim.part import Part
from optim.settings import settings

pytestmark = pytest.mark.slow

TINY = "def answer():\n    return 42\n"
SHADOW = "__version__ = '0.0.1'\n"
ASK = """
def versions():
    import netron, numpy
    return [netron.__version__, numpy.__version__]
"""
HOSTILE = """
import os, socket, time

def fill():
    room = bytearray(900 << 20)
    room[::4096] = b"1" * len(room[::4096])
    time.sleep(9)

def wait():
    time.sleep(60)

def start():
    os.execv("/bin/true", ["true"])

def reach():
    socket.create_connection(("127.0.0.1", 9), 1)
"""


def wheel(folder: Path, name: str, source: str, version: str = "1.0") -> Path:
    """A wheel with one module (PEP 427)."""
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": source,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\n"
        "Tag: py3-none-any\n",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for at, text in files.items():
            archive.writestr(at, text)
        archive.writestr(
            f"{info}/RECORD", "".join(f"{at},,\n" for at in (*files, f"{info}/RECORD"))
        )
    return path


@pytest.fixture
def index(home, tmp_path, monkeypatch):
    """A folder of wheels, which is all that the installers know."""
    folder = tmp_path / "index"
    folder.mkdir()
    wheel(folder, "tinyengine", TINY)
    wheel(folder, "brokenengine", "raise ImportError('libnothing.so is missing')\n")
    (folder / "cut-1.0-py3-none-any.whl").write_bytes(b"PK\x03\x04 cut short")
    for name in ("PIP", "UV"):
        monkeypatch.setenv(f"{name}_NO_INDEX", "1")
        monkeypatch.setenv(f"{name}_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    return folder


def tiny() -> Environment:
    return Environment("tiny", ("tinyengine==1.0",), ("tinyengine",), 0.01)


def left_over() -> list[Path]:
    """What lies in the home folder besides whole environments."""
    places = (settings().home / name for name in ("environments", "scratch"))
    return [path for place in places if place.exists() for path in place.iterdir()]


def test_it_is_made_once_and_a_child_finds_it(index):
    environment = tiny()
    assert environment.made is None
    told: list[float] = []
    made = make(environment, lambda text, share: told.append(share))
    assert made.pins == environment.pins and made.megabytes > 0
    assert all(0 <= share <= 1 for share in told)
    before = (environment.folder / "made.json").stat().st_mtime_ns
    assert make(environment) == made
    assert (environment.folder / "made.json").stat().st_mtime_ns == before
    ask, files = sandbox.Named("tinyengine:answer"), sandbox.Files(site=environment.folder)
    assert sandbox.call(ask, {}, where="t", files=files) == 42
    with pytest.raises(StepError):  # no other child does
        sandbox.call(ask, {}, where="t")


def test_a_child_reads_all_that_its_packages_brought(index):
    """Seen of IREE: a package without modules of its own holds others, a folder holds libraries."""
    environment = tiny()
    make(environment)
    (environment.folder / "tinyengine.libs").mkdir()
    (library := environment.folder / "tinyengine.libs" / "library.so").write_bytes(b"machine code")
    (environment.folder / "spread" / "inner").mkdir(parents=True)
    (environment.folder / "spread" / "inner" / "__init__.py").write_text(
        f"def answer():\n    return open({str(library)!r}).read()\n"
    )
    ask, files = sandbox.Named("spread.inner:answer"), sandbox.Files(site=environment.folder)
    assert sandbox.call(ask, {}, where="t", files=files) == "machine code"


@pytest.mark.deep
def test_limits_and_walls_hold_in_its_children(index):
    wheel(index, "hostile", HOSTILE)
    environment = Environment("hostile", ("hostile==1.0",), ("hostile",))
    make(environment)
    files = sandbox.Files(site=environment.folder)

    def call(name, **more):
        return sandbox.call(sandbox.Named(f"hostile:{name}"), {}, where="t", files=files, **more)

    with pytest.raises(StepError, match="memory"):
        call("fill", limits=sandbox.Limits(300, 30))
    with pytest.raises(StepError, match="longer than the limit"):
        call("wait", limits=sandbox.Limits(2000, 1.5))
    with pytest.raises(Cancelled):
        call("wait", cancelled=lambda: True)
    walls = sandbox.protections()
    if not walls["fewer system calls"]:
        with pytest.raises(StepError):
            call("start")
    if not walls["no network"]:
        with pytest.raises(StepError):
            call("reach")


def test_its_packages_go_before_the_programs_in_its_children_alone(index):
    wheel(index, "netron", SHADOW)  # the program has another one
    wheel(index, "asker", ASK)
    environment = Environment("shadow", ("netron==1.0", "asker==1.0"), ("netron", "asker"))
    make(environment)
    files = sandbox.Files(site=environment.folder)
    found = sandbox.call(sandbox.Named("asker:versions"), {}, where="t", files=files)
    assert found == ["0.0.1", numpy.__version__]
    assert metadata.version("netron") != "0.0.1"


MAKE_SLOWLY = """
from optim.environments import Environment
from optim.environments.making import make

slow = Environment("slow", ("slow==1.0",), ("slow",))
make(slow, lambda text, share: print(text, flush=True))
"""
REFUSED = {
    "no such package": ("nosuch==1.0", "nosuch", "There is no package nosuch"),
    "another version": ("tinyengine==2.0", "tinyengine", "There is no package tinyengine==2.0"),
    "does not work": ("brokenengine==1.0", "brokenengine", "libnothing.so is missing"),
    "cut short": ("cut==1.0", "cut", "is broken|could not be installed"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_had_is_said_and_leaves_nothing(case, index):
    pin, module, said = REFUSED[case]
    environment = Environment("refused", (pin,), (module,))
    with pytest.raises(StepError, match=said) as caught:
        make(environment)
    assert len(str(caught.value)) < 600 and "Traceback" not in str(caught.value)
    assert environment.made is None and left_over() == []


def test_cancelled_it_leaves_nothing(index):
    wheel(index, "slow", "import time\ntime.sleep(30)\n")
    environment = Environment("slow", ("slow==1.0",), ("slow",))
    with pytest.raises(Cancelled):
        make(environment, cancelled=lambda: True)
    assert environment.made is None and left_over() == []


def test_killed_it_leaves_nothing_that_is_used(index):
    wheel(index, "slow", "import time\ntime.sleep(30)\n")
    process = subprocess.Popen(
        [sys.executable, "-c", MAKE_SLOWLY],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(optim.__file__).parents[1])},
    )
    while "trying" not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert Environment("slow", ("slow==1.0",), ("slow",)).made is None
    make(tiny())  # which sweeps
    assert [path.name.rpartition("-")[0] for path in left_over()] == ["tiny"]


SAID = {
    "offline": ("error sending request for url: dns error", StepError, "cannot be reached"),
    "full": ("OSError: [Errno 28] No space left on device", DiskError, "disk is full"),
    "odd": ("ERROR: something else went wrong", StepError, "something else went wrong"),
}


@pytest.mark.parametrize("case", SAID)
def test_what_installers_say_becomes_a_sentence(case):
    said, kind, expected = SAID[case]
    error = refusal("tiny", said)
    assert isinstance(error, kind) and expected in str(error)


def test_what_is_not_whole_is_not_used(index):
    environment = tiny()
    environment.folder.mkdir(parents=True)
    (environment.folder / "tinyengine.py").write_text("half")
    assert environment.made is None
    make(environment)
    assert (environment.folder / "tinyengine.py").read_text() == TINY


def test_removed_it_is_gone_older_ones_too(index):
    wheel(index, "tinyengine", TINY, "2.0")
    make(tiny())
    make(Environment("tiny", ("tinyengine==2.0",), ("tinyengine",)))
    make(Environment("tiny-er", ("tinyengine==2.0",), ("tinyengine",)))
    assert environments.remove("tiny") > 0
    assert [path.name.rpartition("-")[0] for path in left_over()] == ["tiny-er"]
    assert environments.remove("tiny") == 0


def test_other_versions_are_another_place():
    assert tiny().folder == tiny().folder
    assert tiny().folder != Environment("tiny", ("tinyengine==1.1",), ()).folder
    assert tiny().seconds >= 1


class Tiny(Part):
    """A part with packages of its own."""

    name: ClassVar[str] = "tiny"
    title: ClassVar[str] = "Tiny"
    summary: ClassVar[str] = "."
    helps: ClassVar[str] = "."
    hurts: ClassVar[str] = "."
    packages: ClassVar[tuple[str, ...]] = ("tinyengine",)
    requirements: ClassVar[tuple[str, ...]] = ("tinyengine==1.0",)
    requirements_mb: ClassVar[float] = 0.01


def test_a_part_that_is_not_installed_says_how(index):
    assert Tiny.missing() == ("tinyengine==1.0",)
    with pytest.raises(StepError, match="python -m optim install tiny") as caught:
        Tiny.site()
    assert caught.value.where == "tiny"
    make(Tiny.environment())
    assert Tiny.missing() == () and Tiny.site() == Tiny.environment().folder
    assert Tiny.install_hint() == ""


def test_time_is_estimated_from_what_was_made_here(index):
    environment = Environment("large", ("tinyengine==1.0",), (), 800.0)
    supposed = environment.seconds
    folder = settings().home / "made"
    folder.mkdir(parents=True)
    other = Environment("other", ("tinyengine==1.0",))
    other.complete(folder, 10.0)
    record = json.loads((other.folder / "made.json").read_text()) | {"megabytes": 400.0}
    (other.folder / "made.json").write_text(json.dumps(record))
    assert environment.seconds == pytest.approx(20.0) != supposed
