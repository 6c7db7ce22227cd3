"""What a child that is taken over can do: nothing outside of its folder, nothing after its end."""

import ast
import contextlib
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from support.paths import ROOT
from support.study_tools import wait_for

from optim.errors import StepError
from optim.sandbox import Files, Limits, Named, call, calling, protections, wait_until_warm, warm
from optim.sandbox.isolation import NO_FILES
from optim.settings import settings

FUNCTIONS = """
import ctypes, os, socket, subprocess, sys, threading, time
from pathlib import Path

def tried(code, **names):
    "What it raises, or gives."
    try:
        return repr(eval(code, globals(), names))
    except OSError as error:
        return type(error).__name__

def linger():
    "A grandchild in a session of its own, whose parents have gone, and which holds memory."
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(600)
        os._exit(0)
    os.wait()
    return "left behind"

def family(mb):
    for _ in range(3):
        if os.fork() == 0:
            os.setsid()
            kept = b"x" * (mb << 20)
            time.sleep(600)
    time.sleep(600)

def bomb():
    for _ in range(200):
        if os.fork() == 0:
            time.sleep(600)
    time.sleep(600)

def threads(number):
    threading.stack_size(1 << 16)
    for _ in range(number):
        threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
    time.sleep(600)

def crash():
    ctypes.string_at(0)
"""
ALL = {name for name, why in protections().items() if not why}
FILES_ONLY = ALL & {"needed files", "no signals", "no capabilities", "fewer system calls"}
pytestmark = pytest.mark.skipif(
    not {"needed files", "own processes"} <= ALL, reason="this kernel refuses what is tested here"
)
DENIED = {"'PermissionError'", "PermissionError", "OSError"}


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("code")
    (made / "captive.py").write_text(FUNCTIONS)
    return made


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path, code: Path) -> Path:
    monkeypatch.setenv("PYTHONPATH", str(code))
    monkeypatch.setenv("OPTIM_STORE", "postgresql://me:secret@host/db")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    settings.cache_clear()
    warm(("json",))
    wait_until_warm()
    return tmp_path


@pytest.fixture(params=["all walls", "no namespaces"])
def walls(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """All that this kernel grants, and what is left where a container forbids namespaces."""
    if request.param == "no namespaces":
        left = {name: "" if name in FILES_ONLY else "forbidden here" for name in protections()}
        monkeypatch.setattr(calling, "protections", lambda: left)
    return str(request.param)


def run(function: str, files: Files = NO_FILES, limits: Limits | None = None, **names: Any) -> Any:
    return call(
        Named(f"captive:{function}"),
        names,
        where="captive",
        files=files,
        limits=limits or Limits(2000, 20),
    )


OUTSIDE = {
    "read a secret of the system": "open('/etc/shadow').read()",
    "read a file of another": "open(other).read()",
    "list another's folder": "os.listdir(os.path.dirname(other))",
    "write beside the home": "open(os.path.dirname(other) + '/new', 'w')",
    "write in the program": "open(os.path.dirname(sys.modules['optim'].__file__) + '/new', 'w')",
    "read a secret of the web application": "open(app + '/.streamlit/config.toml').read()",
    "read what lies beside the modules": "open(app + '/pyproject.toml').read()",
    "read the system's accounts": "open('/etc/passwd').read()",
    "list programs that somebody installed": "os.listdir('/opt')",
    "write in /tmp": "open('/tmp/optim-captive', 'w')",
    "set a knob of the system": "open('/proc/sys/kernel/core_pattern', 'w').write('x')",
    "remove another's file": "os.remove(other)",
    "connect": "socket.create_connection(('127.0.0.1', port), 2)",
    "listen": "socket.create_server(('127.0.0.1', 0))",
    "run a program": "subprocess.run(['/bin/true'])",
    "read the server's memory": "open(f'/proc/{server}/maps').read()",
    "read the server's environment": "open(f'/proc/{server}/environ').read()",
    "make a device": "os.mknod('dev', 0o600 | 0o020000, os.makedev(1, 3))",
    "hold memory that no process is seen to have": "os.memfd_create('x')",
    "change who it is": "os.setgroups([0, 1, 2])",
}


@pytest.mark.parametrize("attempt", OUTSIDE)
def test_it_cannot(attempt: str, folder: Path, walls: str) -> None:
    other = folder / "others" / "model.onnx"
    other.parent.mkdir()
    other.write_text("another's")
    with socket.create_server(("127.0.0.1", 0)) as server:
        names = {"other": str(other), "port": server.getsockname()[1], "server": os.getpid()}
        names["app"] = str(ROOT)
        said = run("tried", code=OUTSIDE[attempt], **names)
    assert said in ("PermissionError", "OSError", "FileNotFoundError", "ConnectionRefusedError")
    assert other.read_text() == "another's" and len(list(other.parent.iterdir())) == 1


def test_it_reads_no_other_study_wherever_the_home_lies(
    folder: Path, code: Path, walls: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even within a package that it imports, with the secrets of the application beside it."""
    package = code / "installed"
    for name in ("__init__.py", "home/files/other", ".streamlit/secrets.toml"):
        path = package / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("A = 1")
    monkeypatch.setattr(calling, "hidden", lambda: (package / "home", package / ".streamlit"))
    assert run("tried", code="__import__('installed').A") == "1"
    for name in ("home/files/other", ".streamlit/secrets.toml"):
        assert run("tried", code="open(path).read()", path=str(package / name)) in DENIED


def test_it_reads_and_writes_what_it_is_given(folder: Path, walls: str) -> None:
    given, out = folder / "given", folder / "out"
    given.write_text("for you")
    out.mkdir()
    files = Files(readable=(given,), writable=(out,))
    assert run("tried", files, code="open(given).read()", given=str(given)) == "'for you'"
    assert run("tried", files, code="open(given, 'w')", given=str(given)) in DENIED
    run("tried", files, code="Path(out, 'made').write_text('done')", out=str(out))
    assert (out / "made").read_text() == "done"


def test_its_environment_holds_no_secret(folder: Path) -> None:
    known = run("tried", code="dict(os.environ)")
    assert "secret" not in known and "OPTIM_STORE" not in known and "OPTIM_HOME" in known


def test_it_is_alone(folder: Path) -> None:
    seen = run("tried", code="sorted(int(name) for name in os.listdir('/proc') if name.isdigit())")
    assert seen == "[1]"
    assert run("tried", code="os.kill(server, 0)", server=os.getpid()) == "ProcessLookupError"


@pytest.mark.skipif("no signals" not in ALL, reason="Landlock of this kernel has no scopes")
def test_it_ends_no_process_and_joins_no_socket_of_others(folder: Path, walls: str) -> None:
    code = "socket.socket(socket.AF_UNIX).connect(name)"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(name := f"\0optim-{os.getpid()}")
        server.listen()
        assert run("tried", code=code, name=name) in ("PermissionError", "ConnectionRefusedError")
    said = run("tried", code="os.kill(server, 0)", server=os.getpid())
    assert said in ("PermissionError", "ProcessLookupError")


def captives(home: Path) -> list[psutil.Process]:
    """The processes that work in a folder of a step, as all that a child starts does."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.cwd().startswith(str(home)) and process.status() != "zombie":
                found.append(process)
    return found


def test_nothing_of_it_is_left_when_it_ends(folder: Path, home: Path, walls: str) -> None:
    assert run("linger") == "left behind"
    wait_for(lambda: not captives(home), seconds=3)


@pytest.mark.parametrize(
    ("function", "names", "memory_mb", "said"),
    [
        ("family", {"mb": 300}, 700, "more than the limit of 700 MB"),
        ("bomb", {}, 50_000, "started [0-9]+ processes"),
        ("threads", {"number": 2100}, 50_000, "started 2,[0-9]+ threads"),
    ],
)
def test_its_family_counts_with_it(
    function: str,
    names: dict[str, int],
    memory_mb: int,
    said: str,
    home: Path,
    folder: Path,
    walls: str,
) -> None:
    with pytest.raises(StepError, match=said):
        run(function, limits=Limits(memory_mb, 20), **names)
    wait_for(lambda: not captives(home), seconds=3)


def test_all_together_have_a_limit(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPTIM_STEPS_MEMORY_MB", "300")
    settings.cache_clear()
    with pytest.raises(StepError, match="memory together.*OPTIM_STEPS_MEMORY_MB"):
        run("family", mb=200)


def test_a_crash_is_still_one(folder: Path, walls: str) -> None:
    with pytest.raises(StepError, match=r"native code \(SIGSEGV\)"):
        run("crash")


def test_a_protection_that_fails_ends_the_child(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What worked when it was tried must work, or nothing runs."""
    missing = Files(writable=(folder / "gone",))
    with pytest.raises(StepError, match="exit code 1"):
        run("tried", missing, code="1")


def test_it_can_be_switched_off(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPTIM_ISOLATION", "false")
    settings.cache_clear()
    assert set(protections().values()) == {"OPTIM_ISOLATION is off"}
    assert run("tried", code="len(os.listdir('/etc')) > 0") == "True"


WITHOUT_USER_NAMESPACES = """
import os, sys
from optim.sandbox import kernel, isolation
def refuse(flags): raise OSError(1, "unshare: Operation not permitted")
kernel.own_namespaces = refuse
print(isolation.working(isolation.Files()))
"""


def test_what_a_kernel_refuses_is_said(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_USER_NAMESPACES],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    found = ast.literal_eval(done.stdout)
    assert {name for name, why in found.items() if not why} == FILES_ONLY
    assert "not permitted" in found["no network"]
