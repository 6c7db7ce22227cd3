"""Trials as CSV: the same figures as the JSON, and nothing that a spreadsheet would run."""

import csv
import io

from support.trials import METRIC, disagreeing

from optim.showing.records import as_csv, numbered


def test_every_trial_is_a_row_with_its_figures_and_their_intervals() -> None:
    records = numbered(disagreeing(), METRIC, {1})
    rows = list(csv.DictReader(io.StringIO(as_csv(records))))
    assert [int(row["number"]) for row in rows] == [record["number"] for record in records]
    for row, record in zip(rows, records, strict=True):
        for name in ("p50_ms", "speedup", "quality"):
            found = record[name]
            assert row[name] == ("" if found is None else str(found))
        low, high = record["speedup_ci"] or ("", "")
        assert (row["speedup_low"], row["speedup_high"]) == (str(low), str(high))
        assert row["kind"] in ("measured", "estimated")
    assert [row["on_front"] for row in rows].count("True") == 1


def test_a_text_is_no_formula() -> None:
    for note in ("=HYPERLINK(1)", "+1", "-1", "@SUM(A1)"):
        record = numbered([disagreeing()[0].model_copy(update={"note": note})], METRIC, set())
        (row,) = csv.DictReader(io.StringIO(as_csv(record)))
        assert row["note"] == f"'{note}"
