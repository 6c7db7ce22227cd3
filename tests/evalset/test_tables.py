"""A table in a text file reads back as it was written, whatever its signs and letters."""

import gzip
import re
from pathlib import Path

import numpy as np
import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optim.errors import InputError
from optim.evalset.tables import is_table, read_table
from optim.evalset.unzipping import load

ROWS = [["1.5", "-2", "a"], ["0.25", "3e2", "b"]]
COMMAS = [["1,5", "-2,0", "a"], ["0,25", "300,0", "b"]]
NAMES = ["height", "width", "label"]
NUMBERED = [[str(place), *row] for place, row in enumerate(ROWS, 1)]
THOUSANDS = [["1.5", "-2", "a"], ["0.25", "300.00", "b"], ["1", '"1,234.5"', "a"]]
TABLES = {
    "commas": (NAMES, ",", ROWS, "utf-8"),
    "decimal commas, a mark in front": (NAMES, ";", COMMAS, "utf-8-sig"),
    "tabs in Latin-1": (["Größe", "width", "y"], "\t", ROWS, "latin-1"),
    "two bytes a letter": (NAMES, ";", ROWS, "utf-16"),
    "bars": (NAMES, "|", ROWS, "utf-8"),
    "spaces, no names": (None, " ", ROWS, "utf-8"),
    "no names": (None, ",", ROWS, "utf-8"),
    "words for missing": (NAMES, ",", [*ROWS, ["?", "NA", "a"], ["", "null", "?"]], "utf-8"),
    "no name above the lines' numbers": (["h", "w", "y"], ",", NUMBERED, "utf-8"),
    "a separator at each end": (NAMES, ",", [[*row, ""] for row in ROWS], "utf-8"),
    "thousands": (NAMES, ",", THOUSANDS, "utf-8"),
    "returns": (NAMES, ",", [[*row[:2], f"{row[2]}\r"] for row in ROWS], "utf-8"),
    "remarks in front": (["# Made, by\n#\n\nheight", "width", "label"], ",", ROWS, "utf-8-sig"),
    "names as NumPy writes them": (["# by hand\n# height", "width", "label"], " ", ROWS, "utf-8"),
    "remarks and no names": (None, ",", [["#a\n1.5", "-2", "a"], ROWS[1]], "utf-8"),
    "said by Excel": (["sep=,\nheight", "width", "label"], ",", ROWS, "utf-8"),
}


@pytest.mark.parametrize("kind", list(TABLES))
@pytest.mark.parametrize("packed", [False, True])
def test_a_table_is_read_as_it_was_written(kind: str, packed: bool, tmp_path: Path) -> None:
    header, sep, rows, encoding = TABLES[kind]
    data = "\n".join(sep.join(row) for row in ([header] if header else []) + rows) + "\n"
    path = tmp_path / "data.csv"
    raw = data.encode(encoding)
    path.write_bytes(gzip.compress(raw) if packed else raw)
    assert is_table(path)
    frame, named = read_table(path, 1, [])
    assert named == bool(header)
    one, two, label = (frame[name] for name in list(frame)[-3:])
    assert list(one[:2]) == [1.5, 0.25] and list(two[:2]) == [-2, 300]
    assert list(label[:2]) == ["a", "b"]
    assert one.dtype == two.dtype == np.float64
    if kind == "words for missing":
        assert one[2:].isna().all() and two[2:].isna().all() and list(label[2:]) == ["a", "?"]
    if kind == "thousands":
        assert two[2] == 1234.5


numbers = st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False))
texts = st.sampled_from(["a", "b; c", "d,e", 'f"g', "häß", "NA", "two words", "-", "1x"])


@given(
    st.lists(st.tuples(numbers, st.integers(-(2**62), 2**62), texts), min_size=2, max_size=9),
    st.sampled_from([(",", "."), (";", ","), (";", "."), ("\t", ","), ("|", ".")]),
    st.sampled_from(["utf-8", "utf-8-sig", "latin-1", "utf-16"]),
    st.booleans(),
)
def test_what_pandas_writes_reads_back_equal(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[float | None, int, str]],
    signs: tuple[str, str],
    encoding: str,
    packed: bool,
) -> None:
    path = tmp_path_factory.mktemp("table") / ("data.csv.gz" if packed else "data.csv")
    rows = [*rows, (0.5, 1, "a word")]  # a column of nothing but NA is one of missing numbers
    written = pandas.DataFrame(rows, columns=["höhe", "count", "name"])
    written["höhe"] = written["höhe"].astype(float)
    written.to_csv(path, sep=signs[0], decimal=signs[1], encoding=encoding, index=False)
    frame, named = read_table(path, 1, [])
    assert named
    pandas.testing.assert_frame_equal(frame, written, check_exact=True, check_dtype=False)
    assert frame["count"].dtype == np.int64


WRITTEN = {
    "percent": (",", ["12 %", "7.5%", "0"], [12, 7.5, 0], "12 % is 12"),
    "dollars": (",", ['"$1,200.50"', "$3", '"-$1,000"'], [1200.5, 3, -1000], "with '$' and taken"),
    "euros": (";", ["1.200,50 €", "3,5 €", "-7 €"], [1200.5, 3.5, -7], "'€'"),
    "codes in front": ("\t", ["EUR 1.200,5", "EUR 2,25", "EUR 3"], [1200.5, 2.25, 3], "'EUR'"),
    "spaces between thousands": (";", ["1 200,5", "12", "1 234 567"], [1200.5, 12, 1234567], ""),
    "Swiss": (";", ["1'200.5", "12", "3"], [1200.5, 12, 3], ""),
    "accounts": (",", ["(12.5)", "3", "−4"], [-12.5, 3, -4], ""),
    "words": (",", ["36 months", "1 month", "7 months"], [36, 1, 7], "'months'"),
    "thousands of thousands": (",", ["12k", "3k", "1k"], [12, 3, 1], "stands for thousands"),
    "codes behind": (",", ["12QX", "13QX", "1QX"], [12, 13, 1], "no unit but part of a code"),
    "two units": (",", ["5 kg", "3 g", "1 kg"], None, ""),
    "two currencies": (",", ["$5", "3 €", "1"], None, ""),
    "codes": (",", ["x12", "x13", "x14"], None, ""),
    "places": (",", ["1.2.3", "4.5.6", "7.8.9"], None, ""),
    "dates": (";", ["2024-01-05", "2024-02-06", "2023-03-07"], None, ""),
    "dates with dots": (";", ["05.01.2024", "06.02.2024", "07.03.2024"], None, ""),
}


@pytest.mark.parametrize("kind", list(WRITTEN))
def test_numbers_are_read_as_people_write_them(kind: str, tmp_path: Path) -> None:
    sep, texts, values, said = WRITTEN[kind]
    path, notes = tmp_path / "data.csv", list[str]()
    path.write_text("\n".join([f"a{sep}b", *(f"{text}{sep}p" for text in texts)]))
    column = read_table(path, 1, notes)[0]["a"]
    assert list(column) == (values or texts)
    assert said in " ".join(notes) and bool(said) == bool(notes)


@pytest.mark.parametrize(
    ("rows", "doubted"),
    [
        ("1.234;2\n12.500;3\n999.000;4\n", True),
        ("1.234;0.5\n12.500;3\n999.000;4\n", False),
        ("1.2345;2\n12.500;3\n999.000;4\n", False),
        ("0.234;2\n0.500;3\n0.125;4\n", False),
    ],
)
def test_points_that_may_stand_between_thousands_are_told(
    rows: str, doubted: bool, tmp_path: Path
) -> None:
    path, notes = tmp_path / "data.csv", list[str]()
    path.write_text(f"price;b\n{rows}")
    read_table(path, 1, notes)
    assert any("'price': the point was read as a decimal one" in note for note in notes) == doubted


def test_a_decimal_comma_elsewhere_tells_dots_between_thousands(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("a;b;c\n1.234;0,5;2.500 €\n2.500;1,25;3.000 €\n")
    assert read_table(path, 1, [])[0].to_numpy().tolist() == [[1234, 0.5, 2500], [2500, 1.25, 3000]]
    path.write_text("a;b;c\n1.234;0.5;2.500 €\n2.500;1.25;3.000 €\n")
    assert read_table(path, 1, [])[0].to_numpy().tolist() == [[1.234, 0.5, 2.5], [2.5, 1.25, 3]]


HEADS = {
    "0,1,2\n0.5,2,1\n": True,
    "0,1,2\n0,1,2\n": False,
    "label,0,1\n1,0,255\n": True,
    "5.1,3.5,setosa\n4.9,3,setosa\n": False,
    "39,State-gov,13,<=50K\n50,Private,9,>50K\n": False,
    "job,label\nclerk,yes\n": True,
    ",a,?\n0,2.5,1\n": True,
}


@pytest.mark.parametrize("text", list(HEADS))
def test_the_first_line_names_columns_or_is_a_sample(text: str, tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text(text)
    frame, named = read_table(path, 1, [])
    assert (named, len(frame)) == (HEADS[text], text.count("\n") - HEADS[text])


BAD = {
    "a line too long": (b"a,b\n1,2\n1,2\n1,2,3\n", "Line 4 has 3 fields, those before have 2"),
    "more fields than names": (b",a,b\n1,2,3,4\n5,6,7,8\n", "more fields than the first one has"),
    "far more": (b"a,b\n1,2,3,4\n5,6,7,8\n", "more fields than the first one has"),
    "an open quote": (b'a,b\n1,"2\n3,4\n', "its quotes or its lines are not closed"),
    "nothing": (b"\n\n", "holds no table"),
    "no text within": (gzip.compress(b"\0\1\2" * 99), "is no text within"),
    "cut off": (gzip.compress(b"a,b\n1,2\n" * 99)[:-9], "is damaged"),
    "too large": (gzip.compress(b"1,2\n" * 400_000), "the limit is 1 MB"),
    "too wide": (b"a," * 200_000, "more than 100,000 columns"),
}


@pytest.mark.parametrize("kind", list(BAD))
def test_what_is_no_table_is_told(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(BAD[kind][0])
    with pytest.raises(InputError, match=BAD[kind][1]):
        read_table(path, 1, [])


@pytest.mark.parametrize(
    "text", ['{"a": 1, "label": 0}\n{"a": 2, "label": 1}\n', '[{"a": 1, "label": 0}]']
)
def test_json_is_told_of_with_what_makes_a_table_of_it(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "data.json"
    path.write_text(text)
    assert not is_table(path)
    with pytest.raises(InputError, match="is JSON") as error:
        load(path, 64)
    monkeypatch.chdir(tmp_path)
    said = {"pandas": pandas, "numpy": np}
    for step in re.findall(
        r"d = .*?\)(?=\.)|d\.to_csv\(.*?\)|numpy\.savez.*}\)", error.value.next_step
    ):
        exec(step, said)
    assert list(read_table(tmp_path / "evalset.csv", 1, [])[0]) == ["a", "label"]
    assert sorted(np.load(tmp_path / "evalset.npz")) == ["a", "label"]


def test_objects_and_named_columns_are_refused_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "given.npz"
    np.savez(path, ids=np.array([[1, 2], [3]], object))
    with pytest.raises(InputError, match="rows of several lengths are padded"):
        load(path, 64)
    np.savez(path, x=np.zeros(3, [("height", "f4"), ("width", "f4")]))
    with pytest.raises(InputError, match="named columns .height, width."):
        load(path, 64)
