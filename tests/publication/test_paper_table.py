"""A paper's table: verdicts and timings joined, nothing unmeasured, the same in three formats."""

import html
import io
import math
import re

import pandas as pd
import pytest
import saved_runs as saved
from site_pages import called

import xgrad
from xgrad.publication import cells, paper, paper_texts
from xgrad.timing import table as timing

CASES = ("tsne_kl", "a_b & 100%", "abs")
METHODS = ("numpy.formula", "torch.formula", "torch.reverse", "jax.reverse", "numpy.differences")
ODD = {
    ("a_b & 100%", "torch.reverse"): {
        "verdict": "disagrees", "digits": 2.0, "hint": "constant factor 2 in x[0]_{i}",
    },
    ("abs", "numpy.differences"): {
        "verdict": "inconclusive", "digits": 7.1, "message": "step 1e-06: noise & rounding",
    },
    ("tsne_kl", "numpy.differences"): {"verdict": "bounded", "digits": 9.1},
    ("abs", "jax.reverse"): {
        "status": "unavailable", "verdict": "", "digits": math.nan, "message": "pip install jax",
    },
    ("abs", "torch.formula"): {"digits": math.nan, "error": 3e-17},
}  # fmt: skip
TIMES = {("tsne_kl", "torch.formula"): 10e-6, ("tsne_kl", "torch.reverse"): 25e-6,
         ("tsne_kl", "jax.reverse"): 1.234e-3, ("a_b & 100%", "torch.reverse"): 5e-6,
         ("nowhere", "torch.reverse"): 1e-6}  # fmt: skip


def split(method):
    return dict(zip(("framework", "technique"), method.split("."), strict=True))


def verdict_rows(**given):
    return [
        saved.row(case, **split(method), **{"digits": 15.2, **ODD.get((case, method), {}), **given})
        for case in CASES
        for method in METHODS
    ]


def timing_rows(**given):
    return [
        {
            **saved.row(case, **split(method)), "threads": 1, "derivative": seconds,
            "per_formula": 2.5 if method == "torch.reverse" else math.nan,
            "noisy": method == "jax.reverse", **given,
        }
        for (case, method), seconds in TIMES.items()
    ]  # fmt: skip


@pytest.fixture
def runs(tmp_path):
    """The folders of a run and of its timings, which another commit made."""
    times = tmp_path / "times"
    times.mkdir()
    about = {**saved.ENVIRONMENT, "commit": "def5678"}
    timing.save_timings(timing.timing_frame(timing_rows()), about, times)
    return saved.save(tmp_path / "run", verdict_rows()), times


def table_of(*given, **options):
    return xgrad.paper_table(given, **{"cases": CASES, "methods": METHODS, **options})


def lines_of(markdown):
    """The lines of a pipe table as texts, its head first."""
    found = [x[1:-1].split(" |") for x in markdown.splitlines() if x.startswith("| ")]
    return [[html.unescape(c.strip()) for c in line] for line in found]


# --- what is measured, and what is not ------------------------------------------------------------


def test_digits_times_and_ratios_are_those_of_the_rows(runs):
    lines = lines_of(table_of(*runs).markdown())
    assert lines[0] == ["case", "", *METHODS]
    assert lines[1] == ["tsne_kl", "digits", "15.2", "15.2", "15.2", "15.2", "9.1 ≤"]
    assert lines[2] == ["", "time (µs)", "–", "10.0", "25.0", "1,234 §", "–"]
    assert lines[3] == ["", "÷ formula", "–", "–", "2.50", "–", "–"]


def test_a_line_of_dashes_alone_is_told_below(runs):
    table = table_of(*runs)
    assert not [x for x in lines_of(table.markdown()) if set(x[2:]) == {"–"}]
    assert [x[:2] for x in lines_of(table.markdown())[-1:]] == [["abs", "digits"]]
    (said,) = [n for n in table.notes if n.startswith("Without a number")]
    assert said == "Without a number in these runs: a_b & 100% (time, ÷ formula)"
    assert "abs (every method)" in "".join(table.unpaired)  # was not timed, and is told there
    assert r"a\_b \& 100\% (time" in table.latex().partition(r"\bottomrule")[2]


def test_a_case_of_dashes_alone_has_no_line():
    absent = {"status": "unavailable", "verdict": ""}
    rows = [saved.row(), saved.row("other", **absent)]
    table = table_of(timing.make_frame(rows), cases=None, methods="torch.*")
    assert [x[0] for x in lines_of(table.markdown())] == ["case", "problem"]
    assert table.notes == ["Without a number in these runs: other"]
    assert "other" not in table.latex().partition(r"\bottomrule")[0]


def test_wrong_and_inconclusive_have_marks_and_notes_of_their_own(runs):
    table = table_of(*runs)
    lines = lines_of(table.markdown())
    assert lines[4][4] == "2.0 ✗"
    assert lines[5][-1] == "7.1 ~"
    (wrong,) = [n for n in table.notes if n.startswith("✗")]
    assert wrong == "✗ wrong: a_b & 100%, torch.reverse (constant factor 2 in x[0]_{i})"
    (vague,) = [n for n in table.notes if n.startswith("~")]
    assert vague.endswith("abs, numpy.differences (step 1e-06: noise & rounding)")


def test_what_is_right_has_no_mark():
    table = table_of(timing.make_frame([saved.row()]), cases=None, methods=None)
    assert table.notes == []
    assert lines_of(table.markdown()) == [["case", "torch.reverse"], ["problem", "15.7"]]


def test_a_wrong_derivative_has_no_time_though_it_was_timed(runs):
    table = table_of(*runs)
    assert [x[0] for x in lines_of(table.markdown())[4:]] == ["a_b & 100%", "abs"]  # digits only
    said = "a_b & 100%, torch.reverse (disagrees, there agrees)"
    assert any(n.startswith("Judged otherwise") and said in n for n in table.unpaired)
    right = timing.make_frame(verdict_rows(verdict="agrees", status="ok"))
    assert lines_of(table_of(right, runs[1]).markdown())[5][4] == "5.00"


def test_rows_without_a_partner_are_told(runs):
    judged, _, timed = table_of(*runs, cases=None).unpaired
    assert "tsne_kl (numpy.formula, numpy.differences)" in judged
    assert "abs (every method)" in judged
    assert "nowhere, gradient, small, float64, cpu (torch.reverse)" in timed
    assert "nowhere" not in table_of(*runs, cases=None).markdown().partition("- ")[0]


@pytest.mark.parametrize(
    "other", [{"dtype": "float32"}, {"size": "large"}, {"device": "cuda"}, {"operator": "hvp"}]
)
def test_timings_of_something_else_are_not_joined(runs, other):
    times = timing.timing_frame(timing_rows(**other))
    assert table_of(runs[0], times, methods="torch.*", cases="tsne_kl").frame["time"].isna().all()


def test_without_timings_there_are_digits_only(runs):
    table = table_of(runs[0])
    assert table.show == ("digits",)
    assert lines_of(table.markdown())[0] == ["case", *METHODS]
    assert table.unpaired == []
    with pytest.raises(xgrad.UsageError, match="no time to show: give a run of xgrad time too"):
        table_of(runs[0], show="time")


def test_a_truth_of_zero_has_no_digits_and_its_error_in_a_note(runs):
    table = table_of(runs[0])
    assert lines_of(table.markdown())[3][2] == "– °"
    assert any(n.startswith("°") and "abs, torch.formula (error 3e-17)" in n for n in table.notes)


def test_of_several_seeds_the_worst_is_shown():
    rows = [saved.row(seed=k, digits=15.0 - k) for k in range(3)]
    table = table_of(timing.make_frame(rows), cases=None, methods=None)
    assert lines_of(table.markdown())[1] == ["problem", "13.0"]
    assert "the worst of 3 seeds" in table.caption
    rows[0] |= {"verdict": "disagrees"}
    table = table_of(timing.make_frame(rows), cases=None, methods=None)
    assert lines_of(table.markdown())[1] == ["problem", "15.0 ✗"]


def test_every_word_of_a_verdict_has_its_place_among_the_worst():
    words = {look.word for look in cells.LOOKS.values()}
    assert words - set(paper.WORST) == {"not here", "unavailable"}


def test_every_mark_of_a_verdict_has_a_note():
    plain = ("agrees", "not here", "unavailable")
    marks = {look.symbol for look in cells.LOOKS.values() if look.word not in plain}
    assert marks <= set(paper_texts.NOTES)


def test_whatever_went_wrong_is_in_a_note():
    rows = [r for r in saved.odd_rows() if r.get("framework")]
    table = table_of(timing.make_frame(rows), cases=None, methods=None)
    told = " ".join(table.notes)
    for case in ("failing", "broken", "slow", "dead", "holes", "unjudged", "lost"):
        assert f"{case}, " in told, case
    assert "timeout: beyond 60 s" in told
    assert "<script" not in table.markdown()


def test_the_caption_names_what_the_runs_record(runs, tmp_path):
    said = table_of(*runs).caption
    assert "gradient, float64, cpu, size small" in said
    assert "Verdicts: Commit abc1234; A processor; torch 2.13.0, numpy 2.4.6." in said
    assert "Timings: Commit def5678;" in said
    assert "1 thread" in said
    assert "not recorded" in table_of(timing.make_frame(verdict_rows())).caption


def test_what_differs_between_lines_is_a_column():
    rows = [saved.row(dtype=d, operator=o) for d in saved.DIGITS for o in ("gradient", "hvp")]
    table = table_of(timing.make_frame(rows), cases=None, methods=None, operators=("hvp", "grad*"))
    lines = lines_of(table.markdown())
    assert lines[0] == ["case", "operator", "dtype", "torch.reverse"]
    assert [x[1:3] for x in lines[1:3]] == [["hvp", "float64"], ["hvp", "float32"]]


# --- names ----------------------------------------------------------------------------------------


def test_names_and_order_are_those_asked_for(runs):
    names = {"tsne_kl": "t-SNE", "torch.reverse": "PyTorch"}
    table = table_of(*runs, cases=("abs", "tsne*"), methods=("torch.reverse", "jax.*"), names=names)
    lines = lines_of(table.markdown())
    assert lines[0][2:] == ["PyTorch", "jax.reverse"]
    assert [x[0] for x in lines[1:] if x[0]] == ["abs", "t-SNE"]
    assert set(table.frame["case"]) == {"abs", "t-SNE"}


def test_a_name_holds_at_the_points_of_a_case():
    rows = [saved.row("abs"), saved.row("abs", point="zero", verdict="convention", digits=math.nan)]
    table = table_of(timing.make_frame(rows), cases="abs", methods=None, names={"abs": "|x|"})
    assert table.markdown().count("\\|x\\| at zero | – ±") == 1
    assert list(table.frame["case"]) == ["|x|", "|x| at zero"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"cases": "tsne_lk"}, "unknown case 'tsne_lk': did you mean 'tsne_kl'?"),
        ({"methods": "torch.revers"}, "unknown method 'torch.revers': did you mean 'torch.rev"),
        ({"names": {"tsne": "t-SNE"}}, "unknown case or method 'tsne': did you mean 'tsne_kl'?"),
        ({"show": "digit"}, "unknown quantity 'digit': did you mean 'digits'?"),
        ({"dtypes": "float62"}, "unknown dtype 'float62': did you mean 'float64'?"),
        ({"names": "t-SNE"}, "give a mapping"),
        ({"names": dict.fromkeys(METHODS[:2], "F")}, "'F' would name both numpy.formula and"),
        ({"case": "abs"}, "unknown option of paper_table 'case': did you mean 'cases'"),
    ],
)
def test_a_bad_name_is_answered_with_the_nearest(runs, options, said):
    with pytest.raises(xgrad.UsageError) as caught:
        table_of(*runs, **options)
    assert said in str(caught.value)


def test_of_many_names_only_the_nearest_are_told():
    rows = timing.make_frame([saved.row(f"case_{k:03d}") for k in range(100)])
    with pytest.raises(xgrad.UsageError) as caught:
        xgrad.paper_table(rows, cases="case_07")
    assert "did you mean 'case_097' or " in str(caught.value)
    assert str(caught.value).endswith("known: 100 names")


def test_runs_that_make_no_table_are_clear_errors(runs):
    for given, said in (
        (runs[1:], "no verdicts to show"),
        ((runs[0], timing.make_frame(verdict_rows())), "was judged twice: give one run"),
        ((*runs, timing.timing_frame(timing_rows())), "was timed twice: give one run"),
        ((None,), "give frames, or folders"),
    ):
        with pytest.raises(xgrad.UsageError, match=said):
            table_of(*given)
    with pytest.raises(xgrad.UsageError, match="no verdict of abs for what is chosen"):
        xgrad.paper_table(
            timing.make_frame([saved.row("abs"), saved.row("b", dtype="float32")]),
            cases=("abs", "b"), dtypes="float32",
        )  # fmt: skip


# --- formats --------------------------------------------------------------------------------------


def columns_of(line):
    """How many columns a line of a LaTeX table fills."""
    return sum(
        int(m[1]) if (m := re.match(r"\s*\\multicolumn\{(\d)\}", cell)) else 1
        for cell in re.split(r"(?<!\\)&", line)
    )


def test_latex_is_balanced_and_every_line_has_all_columns(runs):
    text = table_of(*runs, names={"abs": "*[|x|]_2 {#1} ~\\^ é"}).latex()
    plain = re.sub(r"\\[{}&%$#_]", "", text)
    assert plain.count("{") == plain.count("}")
    assert plain.count("$") % 2 == 0
    assert re.findall(r"\\begin\{(\w+)\}", text) == ["table", "tabular", "minipage"]
    assert re.findall(r"\\end\{(\w+)\}", text) == ["tabular", "minipage", "table"]
    (columns,) = re.findall(r"\\begin\{tabular\}\{(.*)\}\n", text)
    assert columns == "ll" + "r@{}l" * len(METHODS)
    lines = [x for x in text.splitlines() if x.endswith(r" \\")]
    assert len(lines) == 1 + 3 + 1 + 1  # two cases have digits only
    assert {columns_of(x) for x in lines} == {2 + 2 * len(METHODS)}
    assert not [x for x in lines if x.lstrip()[:1] in ("*", "[")]


def test_latex_escapes_what_texts_bring(runs):
    text = table_of(*runs).latex()
    assert r"a\_b \& 100\%" in text
    assert r"constant factor 2 in x{[}0{]}\_\{i\}" in text
    for line in text.splitlines()[1:]:
        bare = re.sub(r"\\[{}&%$#_]", "", line)
        assert not set(bare) & set("%#~^_"), line


def test_latex_numbers_meet_at_the_decimal_point(runs):
    text = table_of(*runs).latex()
    assert r"15 & .2 &" in text
    assert r"1,234 & \textsuperscript{\S{}}" in text
    assert r"2 & .0\textsuperscript{$\times$}" in text
    assert r"7 & .1\textsuperscript{\textasciitilde{}}" in text
    assert r"\multicolumn{2}{c}{--}" in text


def test_markdown_and_csv_have_the_same_cells(runs):
    table = table_of(*runs)
    data = pd.read_csv(io.StringIO(table.csv()), keep_default_na=False)
    shown, case = {}, ""
    for line in lines_of(table.markdown())[1:]:
        case = line[0] or case
        for method, cell in zip(METHODS, line[2:], strict=True):
            shown[case, method, line[1].split(" (")[0]] = cell
    assert len(data) == len(CASES) * len(METHODS)
    for row in data.to_dict("records"):
        place = row["case"], row["method"]
        for column, name in (("digits", "digits"), ("time", "time"), ("ratio", "÷ formula")):
            cell = shown.get((*place, name), "–")  # a line of dashes alone is left out
            assert (row[column] == "") == cell.startswith("–"), (place, column)
    assert set(data["verdict"]) == {"agrees", "disagrees", "inconclusive", "bounded", "unavailable"}
    assert data["made"].str.contains("Commit abc1234").all()


# --- the command ----------------------------------------------------------------------------------


def test_the_command_writes_the_table_in_each_format(runs, tmp_path):
    files = [tmp_path / "new" / f"t_1{suffix}" for suffix in (".tex", ".md", ".csv")]
    words = [w for file in files for w in ("--paper", file)]
    chosen = ["--case", "tsne_kl,abs", "--method", "torch.*", "--name", "tsne_kl=t-SNE = 1"]
    found = called(*runs, *words, *chosen)
    assert found.exit_code == 0, found.output
    assert "Judged, and in no run of timings: abs (every method)" in found.stderr
    table = table_of(
        *runs, cases=("tsne_kl", "abs"), methods="torch.*", names={"tsne_kl": "t-SNE = 1"}
    )
    made = [table.latex("tab:t-1"), table.markdown(), table.csv()]
    assert [f.read_text() for f in files] == made


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["--paper", "t.md", "--paper", "t.pdf", "--to", "site"],
            "t.pdf is no table for a paper: name it .tex, .md or .csv",
        ),
        (["--paper", "t.md", "--name", "abs"], "--name abs: write it as case=Name"),
        (["--paper", "t.md", "--case", "tsne_lk"], "did you mean 'tsne_kl'?"),
        (["--to", "site", "--case", "abs"], "--case choose what a paper's table shows"),
    ],
)
def test_a_wrong_command_is_a_clear_error_and_writes_nothing(
    runs, tmp_path, monkeypatch, words, said
):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    found = called(*runs, *words)
    assert found.exit_code == 2
    assert said in " ".join(found.output.split())
    assert not list((tmp_path / "here").iterdir())
