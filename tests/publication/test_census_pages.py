"""A census as pages: operations by their worst sample, what stands out, and how it was before."""

import html
import math
import re

import pandas as pd
import pytest
import saved_runs as saved
from site_pages import Page, called, only_run

from xgrad.publication import operations as ops
from xgrad.publication import reading
from xgrad.publication.cells import listed

KILOBYTE = 1024


@pytest.fixture
def shown(census):
    """The operations table of the earlier census: outcomes by operation, derivative and dtype."""
    frame = pd.read_csv(only_run(census) / "data" / "operations.csv")
    return frame.set_index(["operation", "operator", "dtype"])


def page_of(census, name, date="2026-11-21"):
    run = only_run(census, date)
    link = rf'href="?([^ ">]+)"?>{re.escape(html.escape(name))}</a>'
    return (run / re.search(link, (run / "index.html").read_text())[1]).read_text()


def test_one_wrong_sample_makes_an_operation_wrong_and_its_right_twin_stays_right(shown):
    wrong, right = shown.loc["t.wrong", "vjp", "float64"], shown.loc["t.wrong", "jvp", "float64"]
    assert (wrong["outcome"], wrong["digits"], wrong["point"]) == ("wrong", 2.0, "sample 2")
    assert (wrong["alike"], wrong["samples"]) == (1, 3)
    assert (right["outcome"], right["point"]) == ("right", "halves")  # the fewest digits
    assert right["digits"] == pytest.approx(15.45)


@pytest.mark.parametrize(
    ("name", "dtype", "outcome"),
    [
        ("t.known", "float64", "known"),
        ("t.unstable", "float64", "unstable"),
        ("t.unstable", "float32", "unstable"),
        ("t.vague", "float64", "no verdict"),
        ("t.absent", "float32", "not there"),
        ("t.absent", "float64", "right"),
    ],
)
def test_every_outcome_is_told(shown, name, dtype, outcome):
    assert shown.loc[name, "vjp", dtype]["outcome"] == outcome


def test_the_front_page_has_a_line_for_each_operation_and_a_column_for_what_was_asked(census):
    text = (only_run(census) / "index.html").read_text()
    page = Page(text)
    codes = [given["data-o"] for tag, given in page.tags if tag == "tr" and "data-o" in given]
    assert len(codes) == 8
    assert {len(code) for code in codes} == {6}
    assert codes[1] == "004444"  # wrong by reverse in two dtypes, right elsewhere
    assert codes[6] == "454545"
    assert "✗ 1 of 3 disagrees" in text
    assert saved.EVIL not in text
    assert html.escape(saved.EVIL) in text


def test_what_stands_out_is_told_once_for_all_dtypes_and_samples(census):
    run = reading.Run(
        only_run(census), "", "", pd.read_parquet(only_run(census) / "data/rows.parquet"), {}
    )
    found = ops.find_findings(listed(run))
    kinds = [(f.kind, f.worst["case"], f.dtypes) for f in found]
    assert kinds == [
        ("wrong: disagrees", "t.wrong", "float64, float32"),
        ("wrong: disagrees", "t.long", "float64, float32"),
        ("known", "t.known", "float64, float32"),
        ("unstable", "t.unstable", "float64, float32"),
        ("no verdict", "t.vague", "float64, float32"),
    ]


@pytest.mark.parametrize(
    ("number", "digits", "told"),
    [("2.0", 2.0, "2.0 digits"), ("4e-09", math.nan, "an error of 4e-09"), ("", math.nan, ""),
     ("NaN", math.nan, "not finite"), ("exact", math.nan, "exact")],
)  # fmt: skip
def test_how_far_off_it_is_has_the_word_that_fits(number, digits, told):
    assert ops.Finding("", "", [{"number": number, "digits": digits}]).size == told


def test_an_operation_tells_what_is_wrong_and_how_to_see_it_without_xgrad(census):
    text = html.unescape(page_of(census, "t.wrong"))
    assert "t.wrong vjp, torch.reverse float32 cpu at sample 2" in text  # that of the program
    assert "got 1.0100e+00, want 1.0000e+00" in text
    assert "looks like: constant factor 2" in text
    assert saved.PROGRAM in text
    assert saved.PROGRAM not in page_of(census, "t.wrong")  # escaped
    other = html.unescape(page_of(census, "t.long"))
    assert "Without xgrad" not in other
    assert "xgrad explain cases/census/t.py::t.long jvp torch.forward --dtype float64" in other
    assert "What is not right" not in page_of(census, "t.right")


def test_long_messages_are_cut_on_pages_and_whole_in_the_data(census):
    assert len(page_of(census, "t.long")) < 40 * KILOBYTE
    rows = pd.read_csv(only_run(census) / "data" / "rows.csv")
    assert rows["message"].str.len().max() >= 9_999


def test_markdown_has_counts_then_what_is_not_right_then_what_is(census, tmp_path):
    text = (only_run(census) / "data" / "census_torch.md").read_text()
    counts, wrong, right = text.split("\n## ")
    assert "| vjp by reverse | float64 | 8 | 1 | 1 | 1 | 1 | 4 | 0 |" in counts
    assert "| jvp by forward | float32 | 8 | 1 | 0 | 0 | 0 | 6 | 1 |" in counts
    line = (
        "| t.wrong | vjp by reverse | float64, float32 | sample 2 | wrong: disagrees | 2.0 | x[0] |"
    )
    assert f"{line} constant factor 2 |" in wrong
    assert wrong.count("t.wrong") == 1
    assert "| t.right | 15.5 | 6.7 |" in right
    assert "t.wrong" not in right
    saved.save_census(tmp_path / "run")
    result = called(tmp_path / "run", "--markdown", tmp_path / "census.md")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "census.md").read_text() == text


def test_two_censuses_are_compared_by_operation_the_worse_first(census):
    (page,) = census.glob("compare/*.html")
    (table,) = census.glob("compare/*-operations.csv")
    frame = pd.read_csv(table)
    told = frame[["operation", "operator", "what", "outcome before", "outcome after"]]
    assert [tuple(row) for row in told.drop_duplicates().itertuples(index=False)] == [
        ("t.right", "jvp", "worse", "right", "wrong"),
        ("t.wrong", "vjp", "better", "wrong", "right"),
    ]
    assert "2 worse, 2 better" in page.read_text()


def test_operations_that_come_and_go_are_no_judgement():
    def line(outcome, digits=1.0):
        return {"outcome": outcome, "digits": digits}

    from xgrad.publication.comparison import _what

    assert _what(line("not there"), line("right")) == "new"
    assert _what(line("wrong"), line("not there")) == "gone"
    assert _what(line("right", 15.0), line("right", 14.0)) == "worse"
    assert _what(line("right", 15.0), line("right", 14.9)) == ""
    assert _what(line("right", float("nan")), line("right", 14.9)) == ""


def test_a_run_of_other_cases_keeps_its_matrix(census, odd):
    assert "Agreement with the referee" in (only_run(odd) / "index.html").read_text()
    assert not (only_run(odd) / "data" / "operations.csv").exists()
    assert not (only_run(census) / "data" / "matrix.csv").exists()


def test_links_of_operations_lead_to_pages(census):
    run = only_run(census)
    links = [x for x in Page((run / "index.html").read_text()).links if x.startswith("cases/")]
    assert len(links) >= 8
    assert all((run / link).exists() for link in links)
