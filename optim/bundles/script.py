"""What `run.py` of every bundle does beside opening its engine: samples in, answers out, times.

Its functions are copied into the script as they stand, so they may use nothing but these imports.
"""

import argparse
import json
import sys
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

Arrays = dict[str, Any]
_SHOWN = 10
_TIMED_SECONDS = 2.0
_MOST_RUNS = 1000


def main(
    run: Callable[[Arrays], Arrays], inputs: Arrays, judged: tuple[str, str, int], scored: str
) -> None:
    """The command line.

    Args:
        run: gives the outputs by name.
        inputs: name -> (dtype, shape) of each input.
        judged: the name of the output that is judged, what its labels are (a metric's `kind`), and
            how many samples go into one run.
        scored: said below answers that have labels beside them.
    """
    parser = argparse.ArgumentParser(description="Run the optimized model.")
    parser.add_argument("samples", nargs="?", type=Path, help="an .npz (default: one example)")
    parser.add_argument("--time", action="store_true", help="time it on the first sample, too")
    given = parser.parse_args()
    path = given.samples or Path(__file__).resolve().with_name("example.npz")
    arrays, labels, classes = read(path, inputs)
    feeds, (output, kind, together) = list(samples(arrays, inputs)), judged
    rows = [("sample", "answer", "expected")]
    answers = (run(feed)[output] for feed in feeds[: -(-_SHOWN // together)])
    ones = (
        answer[i : i + 1] if together > 1 else answer for answer in answers for i in range(together)
    )
    for number, one in enumerate(ones):
        label = None if labels is None or number >= len(labels) else labels[number]
        rows.append((str(number), told(one, kind, classes), expected(label, kind, classes)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        print("  ".join(cells).rstrip())
    if len(feeds) * together > len(rows) - 1:
        print(f"These are the first {len(rows) - 1} of {len(feeds) * together} samples.")
    if labels is not None and scored:
        print(scored)
    if given.time:
        print(timed(lambda: run(feeds[0])))


def read(path: Path, inputs: Arrays) -> tuple[Arrays, Any, list[str]]:
    """The samples of each input, the labels or None, the names of the classes if any."""
    if not path.is_file():
        sys.exit(f"There is no file {path}.")
    if not zipfile.is_zipfile(path):
        sys.exit(f"{path} is no .npz, or it is cut off: write it with numpy.savez.")
    try:
        with np.load(path, allow_pickle=False) as file:
            found = {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        sys.exit(f"{path} does not hold plain arrays ({error}): write it with numpy.savez.")
    about = _about(found)
    if about:
        names, labels = about["inputs"], found.get("validation_labels")
        stored = {name: found.get(f"validation_{i}") for i, name in enumerate(names)}
        if labels is not None and about["together"] > 1:
            labels = labels.reshape(-1, *labels.shape[2:])
        return stored, labels, about["classes"]
    words = {word: f"evalset_{word}" if word in inputs else word for word in ("labels", "classes")}
    classes = found.get(words["classes"], np.array([], str))
    return found, found.get(words["labels"]), [str(name) for name in classes.ravel()]


def _about(found: Arrays) -> Arrays:
    """What a bundle's evalset.npz says of itself; nothing for other files."""
    if "about" not in found or "validation_0" not in found:
        return {}
    try:
        about: Arrays = json.loads(str(found["about"]))
        named = {"inputs": list(about["inputs"]), "classes": [str(n) for n in about["classes"]]}
        return {**named, "together": int(about.get("together", 1))}
    except (ValueError, LookupError, TypeError):
        return {}


def samples(arrays: Arrays, inputs: Arrays) -> Iterator[Arrays]:
    """One set of inputs after another. Ends the script with a sentence where they do not fit."""
    ready = {name: _fitted(arrays.get(name), name, *inputs[name]) for name in inputs}
    counts = {name: len(array) for name, array in ready.items()}
    if len(set(counts.values())) > 1 or not min(counts.values()):
        sys.exit(f"Each input needs as many samples as the others, and one at least: {counts}.")
    for number in range(min(counts.values())):
        yield {name: array[number] for name, array in ready.items()}


def _fitted(array: Any, name: str, dtype: str, shape: tuple[int, ...]) -> Any:
    """An array as [samples, *shape]; one sample alone and one without an axis of 1 fit, too."""
    wanted = f"the model wants {dtype}{list(shape)} for each sample"
    if array is None:
        sys.exit(f"There is no array {name!r}; {wanted}.")
    kinds = array.dtype.kind, np.dtype(dtype).kind
    if kinds[0] not in "fiub" or (kinds[0] != kinds[1] and kinds[0] == "f"):
        sys.exit(f"The array {name!r} is {array.dtype}; {wanted}.")
    if array.shape == shape:
        return array.astype(dtype)[None]
    if array.ndim and array.shape[1:] in (shape, shape[1:]):
        together = shape[0] if array.shape[1:] == shape[1:] and shape else 1
        whole = len(array) // together * together
        return array[:whole].astype(dtype).reshape(-1, *shape)
    sys.exit(f"The array {name!r} has the shape {list(array.shape)}; {wanted}.")


def told(output: Any, kind: str, classes: list[str]) -> str:
    """An answer for people: the class and its score, or the numbers."""
    values = np.asarray(output)
    if kind == "class" and values.size > 1:
        best = int(np.argmax(values))
        return f"{_named(best, classes)}, score {values.ravel()[best]:.4g}"
    if kind == "binary":
        return f"score {values.ravel()[-1]:.4g} for {_named(1, classes)}"
    if kind == "class" and values.dtype.kind in "iu":
        return _named(int(values.ravel()[0]), classes)
    if kind == "pixels":
        return _shares(_decided(values), classes)
    return _numbers(values)


def _decided(pixels: Any) -> Any:
    """The class of each pixel: of the highest score, by a score of one class alone, or as it is."""
    if pixels.dtype.kind != "f" or pixels.size < 2:
        return pixels
    if pixels.ndim == 4 and pixels.shape[1] > 1 and pixels.shape[-1] > 1:
        return pixels.argmax(axis=-3)
    probabilities = pixels.min() >= 0 and pixels.max() <= 1
    return (pixels > (0.5 if probabilities else 0)).astype(int)


def expected(label: Any, kind: str, classes: list[str]) -> str:
    """A label in the same words."""
    if label is None:
        return "(no label)"
    if kind == "pixels":
        return _shares(np.asarray(label), classes)
    return _named(int(label), classes) if kind in ("class", "binary") else _numbers(label)


def _named(number: int, classes: list[str]) -> str:
    name = classes[number] if 0 <= number < len(classes) else ""
    shown = "".join(c if c.isprintable() else "?" for c in name[:80])
    return f"{shown} (class {number})" if shown else f"class {number}"


def _numbers(values: Any) -> str:
    flat = np.ravel(values)
    more = f" ... ({flat.size} numbers)" if flat.size > 8 else ""
    return " ".join(f"{value:.5g}" for value in flat[:8]) + more


def _shares(pixels: Any, classes: list[str]) -> str:
    numbers, counts = np.unique(pixels, return_counts=True)
    most = np.argsort(-counts)[:3]
    return ", ".join(
        f"{_named(int(numbers[i]), classes)} {100 * counts[i] / pixels.size:.0f} %" for i in most
    )


def timed(once: Callable[[], Any]) -> str:
    """Run times on this machine, after some runs that do not count."""
    for _ in range(10):
        once()
    runs: list[float] = []
    begun = time.perf_counter()
    while time.perf_counter() - begun < _TIMED_SECONDS and len(runs) < _MOST_RUNS:
        start = time.perf_counter_ns()
        once()
        runs.append((time.perf_counter_ns() - start) / 1e6)
    low, middle, high = np.percentile(runs, [10, 50, 90])
    return (
        f"{middle:.3g} ms (the middle of {len(runs)} runs; 8 of 10 within {low:.3g} to {high:.3g} "
        "ms). A first look from one process; the speed-up in report.html is paired with the "
        "original."
    )
