"""The wheel, unpacked where no checkout is: the command, the samples and the page are in it."""

import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.paths import ROOT
from support.serving import free_port, serving

import optim

pytestmark = pytest.mark.deep


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made as pip makes it, with the build tools that are here already."""
    folder = tmp_path_factory.mktemp("wheel")
    build = ["wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run([sys.executable, "-m", "pip", "-q", *build], check=True)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of packages that holds nothing but this one."""
    folder = tmp_path_factory.mktemp("site-packages")
    zipfile.ZipFile(wheel).extractall(folder)
    return folder


@pytest.fixture(autouse=True)
def elsewhere(installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Children run the installed copy, in a folder that is no checkout."""
    monkeypatch.setenv("PYTHONPATH", str(installed))
    monkeypatch.setenv("OPTIM_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    yield


def run(*argv: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "optim", *argv]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_it_says_what_it_is(installed: Path) -> None:
    (metadata,) = installed.glob("*.dist-info/METADATA")
    lines = metadata.read_text().splitlines()
    assert f"Version: {optim.__version__}" in lines
    pins = {line.strip() for line in (ROOT / "requirements.txt").read_text().splitlines()}
    needed = {line.removeprefix("Requires-Dist: ") for line in lines if "Requires-Dist" in line}
    assert {pin.lower() for pin in pins} == needed
    assert run("--version").stdout.strip() == optim.__version__


def test_it_leaves_the_top_of_site_packages_to_others(installed: Path) -> None:
    assert {path.name.partition("-")[0] for path in installed.iterdir()} == {
        "optim",
        "inference_optimization_explorer",
    }
    assert not list(installed.rglob("train.py")) and not list(installed.rglob("*.csv.gz"))


def test_a_sample_is_brought_and_inspected() -> None:
    done = run("inspect", "sample:credit")
    assert done.returncode == 0, done.stderr
    assert "parameters" in done.stdout


def test_documents_are_those_of_a_checkout() -> None:
    done = run("docs", "--check")
    assert done.returncode == 2
    assert done.stderr.startswith("error: ") and "checkout" in done.stderr


def test_the_page_is_served_with_its_configuration(tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "log"
    command = [sys.executable, "-m", "optim", "serve", "--port", str(port)]
    with serving(command, f"http://localhost:{port}/healthz", log):
        pass
    assert f"http://localhost:{port}" in log.read_text()
    assert "usage statistics" not in log.read_text().lower()  # as .streamlit/config.toml has it


def test_lessons_and_their_words_are_in_it(installed: Path) -> None:
    here = ROOT / "optim" / "learning"
    shipped = installed / "optim" / "learning"
    for path in [*here.glob("lessons/*.md"), *here.glob("*.yaml")]:
        assert (shipped / path.relative_to(here)).read_bytes() == path.read_bytes()
    code = "from optim.learning import all_lessons; print(len(all_lessons()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) >= 12
