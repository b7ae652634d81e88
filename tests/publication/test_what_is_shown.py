"""Saved runs as pages: fast, small, and what is shown is what was saved."""

import html.parser
import json
import math
import re

import pandas as pd
import pytest
import saved_runs as saved
from site_pages import only_run

from xgrad.publication.cells import look_of, number_of
from xgrad.table import records

SECONDS, MEGABYTES = 20, 20  # that 100 cases × 20 methods may take


# --- size and time --------------------------------------------------------------------------------


def test_100_cases_by_20_methods_publish_fast_and_small(many):
    site, seconds = many
    size = sum(p.stat().st_size for p in site.rglob("*") if p.is_file())
    print(f"published in {seconds:.1f} s of this process, {size / 1e6:.1f} MB")
    assert seconds < SECONDS
    assert size < MEGABYTES * 1e6


# --- what is shown was saved ----------------------------------------------------------------------


class Cells(html.parser.HTMLParser):
    """The matrix's cells: the row's number, the bar, and the texts shown."""

    def __init__(self, text):
        super().__init__()
        self.cells, self.open = [], None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "button" and "data-r" in given:
            self.open = [int(given["data-r"]), ""]

    def handle_endtag(self, tag):
        if tag == "button" and self.open:
            self.cells.append(tuple(self.open))
            self.open = None
        elif tag == "b" and self.open:
            self.open[1] += "|"

    def handle_data(self, data):
        if self.open:
            self.open[1] += data


@pytest.mark.parametrize("which", ["many", "odd"])
def test_every_number_of_the_matrix_is_in_the_saved_table(which, request):
    found = request.getfixturevalue(which)
    run = only_run(found[0] if which == "many" else found)
    frame = pd.read_parquet(run / "data" / "rows.parquet")
    rows = records(
        frame.assign(**{c: frame[c].fillna("") for c in frame if frame[c].dtype.kind in "OU"})
    )
    cells = Cells((run / "index.html").read_text()).cells
    assert len(cells) == sum(bool(r["framework"]) for r in rows)
    for k, text in cells:
        number, _, word = text.partition("|")
        row = rows[k]
        assert word == f"{look_of(row).symbol} {look_of(row).word}"
        if number in ("", "NaN", "exact"):
            assert number == number_of(row)
        elif "e" in number:
            assert math.isnan(row["digits"])
            assert float(number) == pytest.approx(row["error"], rel=0.5)
        else:
            assert abs(float(number) - row["digits"]) <= 0.0500001


def test_the_data_behind_the_cells_is_the_saved_table(many):
    run = only_run(many[0])
    text = (run / "index.html").read_text()
    (embedded,) = re.findall(
        r'<script type="application/json" id="rows">(.*?)</script>', text, re.S
    )
    data = json.loads(embedded)
    frame = pd.read_parquet(run / "data" / "rows.parquet")
    for name in frame:
        k = data["names"].index(name)
        values = [data["texts"][r[k]] if data["kinds"][k] == 0 else r[k] for r in data["rows"]]
        want = [None if isinstance(v, float) and math.isnan(v) else v for v in frame[name]]
        assert values == want, name


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
    assert re.findall(r"<td>([^<]*)</td>", table) == ["a", "·", "4.0e-03", "b", "2.0e-03", "·"]
