"""Saved runs as pages: fast, small, and what is shown is what was saved."""

import json
import math
import re
import shlex

import pandas as pd
import pytest
import saved_runs as saved
from hypothesis import given
from hypothesis import strategies as st
from site_pages import only_run

from xgrad.publication.cells import look_of, number_of
from xgrad.publication.matrix import packed
from xgrad.table import PLACE, records
from xgrad.telling import reproduction

SECONDS, MEGABYTES = 20, 5  # that 100 cases × 20 methods may take


# --- size and time --------------------------------------------------------------------------------


def test_100_cases_by_20_methods_publish_fast_and_small(many):
    site, seconds = many
    size = sum(p.stat().st_size for p in site.rglob("*") if p.is_file())
    print(f"published in {seconds:.1f} s of this process, {size / 1e6:.1f} MB")
    assert seconds < SECONDS
    assert size < MEGABYTES * 1e6


# --- what is shown was saved ----------------------------------------------------------------------


def drawn(page):
    """What the page's script draws: for each cell its line, method, and row, as it reads them."""
    (embedded,) = re.findall(
        r'<script type="application/json" id="rows">(.*?)</script>', page.read_text(), re.S
    )
    data = json.loads(embedded)

    def read(column, k):
        return column["all"] if "all" in column else (
            column["values"][column["at"][k] if "at" in column else k])  # fmt: skip

    cells, k = [], 0
    while len(cells) < data["cells"]:
        line = {name: read(column, k) for name, column in data["lines"].items()}
        for c in line["at"]:
            row = {name: read(column, len(cells)) for name, column in data["rows"].items()}
            framework, _, technique = data["methods"][c].partition(".")
            place = {name: line[name] for name in PLACE if name in line}
            command = f"{line['command']} {data['quoted'][c]} {line['options']}"
            number, share, kind = row.pop("look")
            look = {"number": number, "share": share, "kind": data["kinds"][kind]}
            cells.append(
                place | row | look
                | {"framework": framework, "technique": technique, "command": command}
            )  # fmt: skip
        k += 1
    return cells


def saved_rows(run):
    frame = pd.read_parquet(run / "data" / "rows.parquet")
    texts = {c: frame[c].fillna("") for c in frame if frame[c].dtype.kind in "OU"}
    rows = [r for r in records(frame.assign(**texts)) if r["framework"]]
    return {tuple(r[name] for name in PLACE): r for r in rows}


@pytest.mark.parametrize("which", ["many", "odd"])
def test_every_cell_of_the_matrix_is_a_row_of_the_saved_table(which, request):
    found = request.getfixturevalue(which)
    run = only_run(found[0] if which == "many" else found)
    rows, cells = saved_rows(run), drawn(run / "index.html")
    assert len(cells) == len(rows)
    for cell in cells:
        row = rows.pop(tuple(cell[name] for name in PLACE))
        look = look_of(row)
        assert cell["kind"] == [look.word, look.symbol, look.style]
        number = cell["number"]
        if number in ("", "NaN", "exact"):
            assert number == number_of(row)
        elif "e" in number:
            assert math.isnan(row["digits"])
            assert float(number) == pytest.approx(row["error"], rel=0.5)
        else:
            assert abs(float(number) - row["digits"]) <= 0.0500001
        for name, value in row.items():
            if not isinstance(value, float):
                assert cell[name] == value, name
            elif math.isnan(value):
                assert cell[name] is None, name
            else:
                assert float(cell[name]) == pytest.approx(value, rel=5e-3), name
    assert rows == {}


@pytest.mark.parametrize("which", ["many", "odd"])
def test_the_command_of_a_cell_is_that_of_its_row(which, request):
    found = request.getfixturevalue(which)
    run = only_run(found[0] if which == "many" else found)
    rows = saved_rows(run)
    for cell in drawn(run / "index.html"):
        row = rows[tuple(cell[name] for name in PLACE)]
        identifier = shlex.split(cell["command"])[2]
        assert cell["command"].strip() == reproduction(row, identifier)


@given(st.lists(st.one_of(st.none(), st.floats(allow_nan=False), st.text(max_size=3),
                          st.lists(st.integers(0, 3), max_size=2)), min_size=1))  # fmt: skip
def test_a_packed_column_is_read_as_it_was(values):
    column = json.loads(json.dumps(packed(values)))
    if "all" in column:
        assert [column["all"]] * len(values) == values
    else:
        at = column.get("at", range(len(values)))
        assert [column["values"][k] for k in at] == values


def test_a_front_page_is_small_for_its_rows(many):
    run = only_run(many[0])
    rows = len(pd.read_parquet(run / "data" / "rows.parquet"))
    assert (run / "index.html").stat().st_size < 60_000 + 130 * rows  # frame, script and picture
    pages = sum(p.stat().st_size for p in run.glob("cases/*.html"))
    assert pages < 6_000 * len(list(run.glob("cases/*.html"))) + 400 * rows


def test_the_counts_of_the_matrix_page_are_those_of_the_table(odd):
    run = only_run(odd)
    frame = pd.read_parquet(run / "data" / "rows.parquet")
    text = (run / "index.html").read_text()
    counted = sum(
        int(n.replace(",", "")) for n in re.findall(r'<li class="\w+"><b>([\d,]+)</b>', text)
    )
    assert counted == len(frame)


def test_bounds_between_methods_follow_from_the_errors():
    from xgrad.publication.case_pages import pair_tables

    rows = [saved.row(method="a", error=3e-3), saved.row(method="b", error=1e-3)]
    ((place, table),) = pair_tables(rows)
    assert place == "gradient, float64 on cpu, size small"
    assert re.findall(r"<td>([^<]*)", table) == ["a", "·", "4.0e-03", "b", "2.0e-03", "·"]
