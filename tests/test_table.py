"""The agreement table: columns as the design lists them, files, and what counts as failed."""

import numpy as np
import pyarrow.parquet as pq
import pytest

from xgrad.errors import UsageError
from xgrad.judging import is_failure
from xgrad.table import COLUMNS, Rows, make_frame, read_frame, records, write_frame

DESIGNED = [
    *("case", "size", "point", "operator", "framework", "technique", "device", "dtype", "seed"),
    *("status", "verdict", "error", "relative_error", "ulps", "digits", "tolerance", "noise"),
    *("multiple", "worst", "got", "want", "rule", "referee", "hint", "message"),
]
ROWS = [
    {"case": "a", "seed": 3, "status": "ok", "verdict": "agrees", "error": 1 / 3, "digits": 15.5},
    {"case": "b", "status": "error", "message": 'a "quoted", comma; Σ\nline'},
]


def test_columns_are_those_of_the_design_in_their_order():
    assert [c.name for c in COLUMNS] == DESIGNED
    assert list(make_frame([]).columns) == list(make_frame(ROWS).columns) == DESIGNED


def test_every_column_says_what_it_means_and_numbers_have_units():
    for column in COLUMNS:
        assert column.meaning
        assert bool(column.unit) == (column.dtype == "float64")


def test_missing_texts_are_empty_and_missing_numbers_are_nan():
    first, second = records(make_frame(ROWS))
    assert (first["message"], second["verdict"], second["seed"]) == ("", "", 0)
    assert np.isnan(second["error"])
    assert make_frame([])["error"].dtype == float


def test_files_keep_every_digit_and_the_units(tmp_path):
    frame = make_frame(ROWS)
    parquet, csv = write_frame(frame, tmp_path)
    assert read_frame(tmp_path).equals(frame)
    assert read_frame(parquet).equals(frame)
    fields = pq.read_schema(parquet)
    for column in COLUMNS:
        about = fields.field(column.name).metadata
        assert about[b"unit"].decode() == column.unit
        assert about[b"meaning"].decode() == column.meaning
    assert csv.read_text().splitlines()[0] == ",".join(DESIGNED)
    assert repr(1 / 3) in csv.read_text()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["rows.csv", "rows.parquet"]


def test_a_folder_without_rows_says_what_writes_them(tmp_path):
    with pytest.raises(UsageError, match=r"no saved rows in .*: xgrad run writes rows\.parquet"):
        read_frame(tmp_path)


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / "rows.parquet").write_text("torn")
    with pytest.raises(UsageError, match=r"rows\.parquet cannot be read: "):
        read_frame(tmp_path)


FAILS = {
    ("ok", "agrees"): False,
    ("ok", "disagrees"): True,
    ("ok", "unstable"): False,
    ("ok", "bounded"): False,
    ("ok", "inconclusive"): False,
    ("ok", "convention"): False,
    ("nonfinite", "disagrees"): True,
    ("nonfinite", "convention"): False,
    ("nonfinite", ""): True,
    ("unsupported", ""): False,
    ("unavailable", ""): False,
    ("error", ""): True,
    ("timeout", ""): True,
    ("crashed", ""): True,
}


@pytest.mark.parametrize(("status", "verdict"), FAILS)
def test_what_fails_a_run(status, verdict):
    told = {"status": status, "verdict": verdict, "dtype": "float64", "digits": 9.0}
    (row,) = records(make_frame([told]))
    assert is_failure(row) == FAILS[status, verdict]


def test_a_known_difference_fails_no_run():
    (row,) = records(make_frame([{"verdict": "disagrees", "message": "known: torch has 0 there"}]))
    assert not is_failure(row)


def test_rows_stand_in_the_order_of_their_places_whenever_they_came():
    rows = Rows()
    rows.add([{"case": "c"}, {"case": "d"}], place=2)
    rows.add([{"case": "a"}], place=0)
    rows.add([{"case": "b"}], place=1)
    assert list(rows.frame()["case"]) == ["a", "b", "c", "d"]
    assert len(rows) == 4


@pytest.mark.parametrize("foreign", [{"error": "much"}, {"seed": [1]}, {"case": 3}])
def test_rows_with_foreign_values_are_refused_whole(foreign):
    rows = Rows()
    with pytest.raises((TypeError, ValueError)):
        rows.add([{"case": "a"}, {"case": "b", **foreign}])
    assert len(rows) == len(rows.frame()) == 0
