"""Results show themselves: in a notebook, printed, as a matrix and as a picture; still a frame."""

import io
import pickle

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

import xgrad
from xgrad.errors import UsageError
from xgrad.judging import VERDICTS
from xgrad.running import Results
from xgrad.table import make_frame, records, write_frame
from xgrad.timing import TIMING_COLUMNS, time_cases, timing_frame

METHODS = ("numpy.formula", "numpy.complex_step")
INPUTS = {"x": np.array([3.0, 4.0])}


def norm(xp, x):
    return xp.sqrt(xp.sum(x * x))


def right(xp, x):
    return x / norm(xp, x)


def wrong(xp, x):  # of the second element, by a thousandth
    return x / norm(xp, x) * (1 + xp.astype(x > 3.5, x.dtype) * 1e-3)


def checked(formula, **options):
    given = {"formula": formula, "dtypes": "float64", "methods": METHODS, **options}
    return xgrad.check(norm, INPUTS, **given)


@pytest.fixture(scope="module")
def bad():
    return checked(wrong)


@pytest.fixture(scope="module")
def good():
    return checked(right)


def shown(*rows, **options):
    """Results of rows that nobody judged."""
    return Results.of(make_frame(rows), [], None, **options)


PLAIN = {
    "case": "a", "operator": "gradient", "framework": "numpy", "technique": "formula",
    "size": "small", "point": "random", "device": "cpu", "dtype": "float64", "status": "ok",
    "verdict": "agrees", "referee": "certified", "digits": 15.2, "error": 0.0, "tolerance": 1e-15,
    "worst": "x[0]", "got": 1.0, "want": 1.0,
}  # fmt: skip
FAILED = {**PLAIN, "technique": "bad", "verdict": "disagrees", "digits": 1.0, "got": 2.0}


# --- a frame in every respect --------------------------------------------------------------------


def test_results_are_a_frame_that_copies_joins_groups_and_sorts(bad, good):
    assert isinstance(bad, pd.DataFrame)
    assert type(bad.copy()) is type(bad.sort_values("digits")) is type(bad.iloc[:1]) is Results
    both = pd.concat([bad, good], ignore_index=True)
    assert type(both) is Results
    assert len(both) == 4
    assert dict(both.groupby("verdict").size()) == {"agrees": 3, "disagrees": 1}
    plain = make_frame(records(bad))
    assert bad.equals(plain)
    assert plain.equals(bad)


def test_results_pickle_and_are_saved_without_what_they_are_of(bad, tmp_path):
    again = pickle.loads(pickle.dumps(bad))  # its formula is no part of it: a lambda would do
    assert type(again) is Results
    assert again.equals(bad)
    assert again.subjects == {}
    parquet, _ = write_frame(bad, tmp_path)
    assert pd.read_parquet(parquet).equals(bad)
    file = io.BytesIO()
    bad.to_parquet(file)
    assert pd.read_parquet(file).equals(bad)
    assert pickle.loads(pickle.dumps(checked(lambda xp, x: x / norm(xp, x)))).shape == bad.shape


# --- in a notebook -------------------------------------------------------------------------------


def test_a_notebook_shows_a_wrong_derivative_first_and_as_such(bad, good):
    html = bad._repr_html_()
    first, second = html.split("<tr>")[2:]
    assert first.startswith('<th>0</th><td class=""><b class="disagrees">✗ disagrees</b>')
    assert "x[1]: got 8.0080e-01, want 8.0000e-01" in first
    assert "looks like: one element, 0.001 of its size too large" in first
    assert '<b class="agrees">✓ agrees</b>' in second
    assert "<p>2 rows: 1 agrees, 1 disagrees</p>" in html
    twin = good._repr_html_()
    assert '<b class="disagrees">' not in twin
    assert "<p>2 rows: 2 agree</p>" in twin


def test_the_colours_are_those_of_the_site_by_day_and_by_night(good):
    html = good._repr_html_()
    for verdict in VERDICTS.values():
        for theme, (back, ink) in (("true", verdict.day), ("false", verdict.night)):
            where = f'[data-jp-theme-light="{theme}"] .xgrad b.{verdict.name}'
            assert f"{where}{{background:{back};color:{ink}}}" in html
    assert "@media (prefers-color-scheme:dark)" in html


def test_what_rows_say_is_escaped():
    evil = "<script>alert('&\"')</script>"
    texts = dict.fromkeys(("case", "operator", "technique", "dtype", "worst", "hint"), evil)
    frame = shown({**FAILED, **texts, "message": evil + "x" * 300})
    frame.index = [evil]
    html = frame._repr_html_()
    assert "<script" not in html
    assert html.count("&lt;script&gt;") >= 8
    failed = shown({**PLAIN, "status": evil, "verdict": ""})._repr_html_()
    assert "<b>&lt;script&gt;" in failed


def test_of_many_rows_those_that_fail_come_first(monkeypatch):
    frame = shown(*[PLAIN] * 90, FAILED)
    html = frame._repr_html_()
    assert html.index("✗ disagrees</b>") < html.index("✓ agrees</b>")
    assert "<th>90</th>" in html  # under its own label
    assert "<p>60 of 91 rows, those that fail first</p>" in html
    assert html.count("<tr>") == 61


def test_a_slice_of_columns_and_a_frame_with_others_are_shown_by_pandas(bad):
    few = bad[["case", "verdict"]]
    more = bad.assign(mine=1)
    stacked = pd.concat([bad, few])  # what rows lack is NaN, and no verdict
    for frame in (few, more, stacked, bad.describe()):
        plain = pd.DataFrame(frame)
        assert frame._repr_html_() == plain._repr_html_()
        assert str(frame) == str(plain)
    assert str(bad.iloc[:0]).startswith("Empty Results\nColumns: [case,")
    assert "✗ disagrees" in bad.iloc[:1]._repr_html_()
    assert "✗ disagrees" in bad[bad.columns[::-1]]._repr_html_()
    with pd.option_context("display.notebook_repr_html", False):
        assert bad._repr_html_() is None


# --- printed -------------------------------------------------------------------------------------


def test_printed_results_are_the_terminals_table_failures_and_summary(bad, good):
    lines = str(bad).splitlines()
    assert lines[0] == "float64 on cpu, size small"
    (line,) = (line for line in lines if line.startswith("norm at given"))
    assert line.split()[-2:] == ["3.0✗", "15.7"]
    assert "  looks like: one element, 0.001 of its size too large" in lines
    assert "2 rows: 1 agrees, 1 disagrees" in lines
    assert "reproduce:" not in str(bad)  # the command line knows no function at hand
    assert "✗ " not in str(good).replace("✗ disagrees (✗° known", "")
    assert "2 rows: 2 agree" in str(good)
    assert repr(bad) == repr(pd.DataFrame(bad))


def test_a_case_of_a_file_is_printed_with_the_command_that_shows_it(write):
    text = """
        import xgrad

        @xgrad.case(wrt="x")
        def square(xp, x):
            return xp.sum(x * x)

        @square.inputs
        def draw(rng):
            return {"x": rng.normal(size=2)}

        square.formula("gradient")(lambda xp, x: 3 * x)
        """
    file = write("square.py", text)
    told = str(xgrad.run(file, dtypes="float64", methods="numpy.formula"))
    assert f"reproduce: xgrad explain {file}::square gradient numpy.formula" in told


# --- timings -------------------------------------------------------------------------------------


def test_timings_show_themselves_too():
    timed = {**PLAIN, "derivative": 2e-6, "value": 1e-6, "ratio": 2.0, "inputs": 3, "threads": 1}
    failed = {**FAILED, "inputs": 3, "threads": 1}
    names = {c.name for c in TIMING_COLUMNS}
    rows = [{k: v for k, v in row.items() if k in names} for row in (timed, failed)]
    frame = Results.of(timing_frame(rows), [], None)
    html = frame._repr_html_()
    assert '<td class="number">2.00 µs</td>' in html
    assert "✗ disagrees</b>" in html
    assert "<p>2 rows: 1 timed, 1 not: 1 disagrees</p>" in html
    assert "2.00 µs" in str(frame)
    assert list(frame.matrix().loc["a", "gradient"]) == ["2.00 µs", "disagrees"]


def test_what_time_cases_returns_shows_and_explains_itself():
    @xgrad.case(wrt="x")
    def cubes(xp, x):
        return xp.sum(x**3)

    cubes.inputs(lambda rng: {"x": rng.normal(size=2)})
    cubes.formula("gradient")(lambda xp, x: 2 * x * x)  # wrong, so that no time is taken
    frame = time_cases([cubes], dtypes=("float64",), methods=("numpy.formula",))
    assert type(frame) is Results
    assert "1 row: 0 timed, 1 not: 1 disagrees" in str(frame)
    assert frame.explain(0).row["verdict"] == "disagrees"


# --- as a matrix and as a picture ----------------------------------------------------------------


def test_the_matrix_has_cases_down_and_methods_across(bad):
    assert bad.matrix().loc[("norm at given", "gradient")].to_dict() == {
        "numpy.formula": "3.0✗",
        "numpy.complex_step": "15.7",
    }
    digits = bad.matrix("digits")
    assert digits["numpy.formula"].item() == pytest.approx(3, abs=0.1)
    two = shown(PLAIN, {**PLAIN, "dtype": "float32", "technique": "bad"}).matrix()
    assert two.index.names == ["case", "operator", "dtype"]
    assert two.to_numpy().tolist() == [["15.2", ""], ["", "15.2"]]


def test_a_matrix_of_what_is_not_there_is_refused(bad):
    with pytest.raises(UsageError, match="unknown column 'digit': did you mean 'digits'"):
        bad.matrix("digit")
    with pytest.raises(UsageError, match="this frame lacks size, point"):
        bad[["case", "operator"]].matrix()
    with pytest.raises(UsageError, match="no rows of methods to draw"):
        bad.iloc[:0].picture()


def test_the_picture_has_the_verdicts_colours_and_plot_is_pandas_own(bad):
    axes = bad.picture()
    (line,) = axes.images[0].get_array()
    colours = [to_hex(pixel) for pixel in line]
    assert colours == [VERDICTS["disagrees"].day[0], VERDICTS["agrees"].day[0]]
    assert [t.get_text() for t in axes.texts] == ["3.0✗", "15.7"]
    other = plt.figure().subplots()
    assert bad.picture(other) is other
    assert len(bad[["digits"]].plot().lines) == 1
    plt.close("all")
