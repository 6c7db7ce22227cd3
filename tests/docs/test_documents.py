"""What the documents tell people to type works: every block of code, every command."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.documents import PROGRAMS, Block, Command, blocks, commands, program_of
from support.paths import ROOT
from support.serving import free_port, serving
from support.study_tools import write_classifier

from optim.cli import DONE_BY
from optim.cli.grammar import parser

COMMANDS = commands()
EXAMPLES = [block for block in blocks() if block.language == "python"]
TAKEN_FOR = {"60s": "20s", "BUNDLE": "best/", "sample:spam": "sample:credit"}
"""What a reader has more time for than a test, and what stands for a reader's own."""


def of(*programs: str) -> pytest.MarkDecorator:
    """Parametrizes with the documents' commands of these programs."""
    chosen = [command for command in COMMANDS if command.words[0] in programs]
    assert chosen, f"no document has a command of {programs}"
    return pytest.mark.parametrize("command", chosen, ids=str)


def module(command: Command) -> str:
    """What `python -m` of a command names; the command of the installed program is its module."""
    return command.words[2] if command.words[:2] == ("python", "-m") else command.words[0]


def run(words: list[str], folder: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        words,
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )


def optim(*argv: str, folder: Path, checkout: Path = ROOT) -> "subprocess.CompletedProcess[str]":
    """The program of a checkout."""
    return run([sys.executable, "-m", "optim", *argv], folder, PYTHONPATH=str(checkout))


def test_blocks_are_of_kinds_that_are_tried() -> None:
    for block in blocks():
        assert block.language in ("sh", "python", ""), block
        if not block.language:
            begins = {program_of(line) for line in block.text.splitlines()}
            assert not begins & PROGRAMS, f"{block.document}: call this block sh:\n{block.text}"


def test_commands_are_of_programs_that_are_tried() -> None:
    assert {command.words[0] for command in COMMANDS} <= PROGRAMS


@of("make")
def test_make_knows_the_target(command: Command) -> None:
    done = run(["make", "--dry-run", *command.words[1:]], ROOT)
    assert done.returncode == 0, done.stderr


@of("source")
def test_the_environment_is_the_one_that_make_makes(command: Command) -> None:
    done = run(["make", "--dry-run", "--always-make", "setup"], ROOT)
    assert f"-m venv {Path(command.words[1]).parents[1]}\n" in done.stdout


@of("pip")
def test_pip_is_given_this_project(command: Command) -> None:
    assert command.words[1:] == ("install", ".")  # tests/test_package.py does it
    assert (ROOT / "pyproject.toml").exists()


@of("pre-commit")
def test_the_hooks_are_well_formed_and_there(command: Command) -> None:
    tool = str(Path(sys.executable).with_name("pre-commit"))
    assert run([tool, *command.words[1:], "--help"], ROOT).returncode == 0
    config = ROOT / ".pre-commit-config.yaml"
    assert run([tool, "validate-config", str(config)], ROOT).returncode == 0


@of("python", "optim")
def test_python_finds_the_module(command: Command) -> None:
    assert importlib.util.find_spec(module(command))


@pytest.mark.deep
@pytest.mark.parametrize("command", [c for c in COMMANDS if module(c) == "pytest"], ids=str)
def test_pytest_finds_the_tests(command: Command) -> None:
    done = run([sys.executable, "-m", "pytest", "--collect-only", *command.words[3:]], ROOT)
    assert done.returncode == 0, done.stdout


@of("dask")
def test_dask_knows_the_options(command: Command) -> None:
    done = run([sys.executable, "-m", *command.words, "--help"], ROOT)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the files that the commands name, and a home that nobody has used."""
    folder = tmp_path_factory.mktemp("reader")
    model, evalset = write_classifier(folder)
    model.rename(folder / "model.onnx")
    evalset.rename(folder / "data.npz")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(folder))
        patch.delenv("OPTIM_HOME", raising=False)
        patch.setenv("PYTHONPATH", str(ROOT))
        yield folder


@pytest.mark.parametrize("command", [c for c in COMMANDS if module(c) == "optim"], ids=str)
def test_the_program_knows_the_command(command: Command) -> None:
    words = command.words[1 if command.words[0] == "optim" else 3 :] or ("--help",)
    try:
        assert parser().parse_args(words).command in DONE_BY
    except SystemExit as ended:  # it said how it is used, or its version
        assert ended.code == 0


@pytest.mark.deep
def test_the_program_does_what_it_is_told(reader: Path) -> None:
    """One command after another in the same folder, as people type them."""
    told = [c.words for c in COMMANDS if module(c) == "optim" and "serve" not in c.words]
    for words in dict.fromkeys(told):  # what several documents tell, once
        argv = [TAKEN_FOR.get(word, word) for word in words]
        done = optim(*(argv[argv.index("optim") + 1 :] or ["--help"]), folder=reader)
        # Where others are at work a speed-up may not come again, and a replay says so.
        assert done.returncode == 0 or "NOT replayed" in done.stdout, f"{words}: {done.stderr}"


OPEN_STORE = """
from optim.settings import settings
from optim.studies.store import storage
storage()
print(settings().store_url)
"""


@pytest.mark.deep
@of("optuna-dashboard")
def test_the_dashboard_opens_the_studies(command: Command, reader: Path) -> None:
    url = os.path.expandvars(command.words[1])
    opened = run([sys.executable, "-c", OPEN_STORE], reader)
    assert opened.stdout.strip() == url
    tool, port = str(Path(sys.executable).with_name("optuna-dashboard")), free_port()
    with serving([tool, url, "--port", str(port)], f"http://localhost:{port}", reader / "log"):
        pass


@pytest.mark.deep
def test_the_page_is_served(reader: Path) -> None:
    (command,) = [c for c in COMMANDS if module(c) == "optim" and "--port" in c.words]
    port = free_port()
    words = [str(port) if word == "8501" else word for word in command.words[1:]]
    with serving([sys.executable, *words], f"http://localhost:{port}/healthz", reader / "log"):
        pass


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout with the documents' examples in the files that they name."""
    folder = tmp_path_factory.mktemp("extended")
    for name in ("optim", "tests", "docs", "sample_models"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, folder)
    for block in EXAMPLES:
        assert not (folder / block.file).exists(), f"{block.file} is there already"
        (folder / block.file).write_text(block.text)
    return folder


each_example = pytest.mark.parametrize("block", EXAMPLES, ids=lambda block: Path(block.file).stem)


@pytest.mark.deep
@each_example
def test_an_example_is_a_part_once_it_is_there(block: Block, extended: Path) -> None:
    """Listed, documented, and held to its contract."""
    name = Path(block.file).stem
    listed = optim("parts", "--json", checkout=extended, folder=extended)
    assert any(name in kind for kind in json.loads(listed.stdout).values())
    assert optim("docs", checkout=extended, folder=extended).returncode == 0
    assert f"`{name}`" in (extended / "docs" / "parts.md").read_text()
    done = run([sys.executable, "-m", "pytest", "tests/contracts", "-k", name], extended)
    assert done.returncode == 0, done.stdout


@pytest.mark.deep
@each_example
def test_an_example_does_its_work(block: Block, extended: Path, reader: Path) -> None:
    """In a child of the sandbox, through the build's checks."""
    recipe = f"{Path(block.file).stem} + onnxruntime"
    if "passes" not in block.file:
        pytest.skip("only passes are built")
    argv = ["measure", "model.onnx", "--evalset", "data.npz", "--recipe", recipe]
    done = optim(*argv, checkout=extended, folder=reader)
    assert done.returncode == 0, done.stderr
