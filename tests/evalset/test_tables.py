"""What is told of a table in a text file reads that file, whatever its signs and letters."""

import re
from pathlib import Path

import numpy as np
import pandas
import pytest

from optim.errors import InputError
from optim.evalset.unzipping import load

ROWS = [["1.5", "-2", "a"], ["0.25", "3e2", "b"]]
TABLES = {
    "commas": ("height,width,label", ",", ROWS, "utf-8"),
    "decimal commas, a mark in front": (
        ("height;width;Target", ";", [["1,5", "-2,0", "a"], ["0,25", "300,0", "b"]], "utf-8-sig")
    ),
    "tabs in Latin-1": ("Größe\twidth\ty", "\t", ROWS, "latin-1"),
    "two bytes a letter": ("height;width;label", ";", ROWS, "utf-16"),
    "numbers as labels": ("a|b|label", "|", [["1.5", "-2", "0"], ["0.25", "3e2", "1"]], "utf-8"),
    "what is missing": ("a,b,label", ",", [*ROWS, ["?", "NA", "a"]], "utf-8"),
    "carriage returns": ("a,b,label\r", ",", [[*row[:2], f"{row[2]}\r"] for row in ROWS], "utf-8"),
}


def told(path: Path) -> str:
    with pytest.raises(InputError, match="is text, such as CSV or JSON") as error:
        load(path, 64)
    return error.value.next_step


def made(said: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, np.ndarray]:
    """What the expressions in the sentence write, read as an EvalSet is."""
    found = re.fullmatch(r"Read it with (table = .+) and write (numpy\.savez.+), without.+", said)
    assert found
    monkeypatch.chdir(folder)
    exec(f"{found[1]}\n{found[2]}", {"pandas": pandas, "numpy": np})
    return load(folder / "evalset.npz", 64)


@pytest.mark.parametrize("kind", list(TABLES))
def test_the_sentence_reads_the_file(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    header, sep, rows, encoding = TABLES[kind]
    path = tmp_path / "data.csv"
    text = "\n".join([header, *(sep.join(row) for row in rows)])
    path.write_bytes(f"{text}\n".encode(encoding))
    arrays = made(told(path), tmp_path, monkeypatch)
    assert np.allclose(arrays["input_name"][:2], [[1.5, -2], [0.25, 300]])
    assert np.isnan(arrays["input_name"][2:]).all()
    assert [str(label) for label in arrays["labels"][:2]] in (["a", "b"], ["0", "1"])


JSON = ('{"a": 1, "label": 0}\n{"a": 2, "label": 1}\n', '[{"a": 1, "label": 0}]')


@pytest.mark.parametrize("text", JSON)
def test_json_is_read_as_it_is_written(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "data.json"
    path.write_text(text)
    assert made(told(path), tmp_path, monkeypatch)["input_name"][0] == 1


def test_a_table_without_names_and_one_line_are_told_of_too(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("1.5,2,0\n")
    assert 'pandas.read_csv("data.csv", header=None)' in told(path)
    path.write_text("no table\n")
    assert 'pandas.read_csv("data.csv")' in told(path)


def test_objects_and_named_columns_are_refused_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "given.npz"
    np.savez(path, ids=np.array([[1, 2], [3]], object))
    with pytest.raises(InputError, match="rows of several lengths are padded"):
        load(path, 64)
    np.savez(path, x=np.zeros(3, [("height", "f4"), ("width", "f4")]))
    with pytest.raises(InputError, match="named columns .height, width."):
        load(path, 64)
