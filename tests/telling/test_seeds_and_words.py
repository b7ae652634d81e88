"""What a terminal shows: whose row it is where there are several seeds, and words that count."""

import pytest
from case_files import CUBES
from saved_runs import row

from xgrad.table import make_frame
from xgrad.telling import failure_text, matrices, summarise_timings
from xgrad.telling.report import cell_text
from xgrad.timing import timing_frame

NAN = float("nan")


def names(rows):
    return [
        str(cell) for table in matrices(make_frame(rows), 150) for cell in table.columns[0].cells
    ]


def test_rows_of_several_seeds_show_them():
    assert names([row(seed=0), row(seed=7)]) == ["problem, seed 0", "problem, seed 7"]


@pytest.mark.parametrize("rows", [[row(seed=7)], [row(), row(point="edge")]])
def test_a_single_seed_needs_no_name(rows):
    assert not any("seed" in name for name in names(rows))


def test_a_fixed_point_beside_several_seeds_needs_none():
    assert names([row(seed=0), row(seed=1), row(point="edge")])[-1] == "problem at edge"


def test_methods_of_single_cases_show_their_seeds():
    many = [row(f"case_{k}") for k in range(4)]
    own = [row("own", technique="reverse:own", seed=k) for k in (0, 1)]
    assert names(many + own)[-2:] == ["own, seed 0", "own, seed 1"]


def test_a_failure_names_its_seed():
    bad = {**row(verdict="disagrees", seed=3), "hint": "", "message": ""}
    assert failure_text(bad, [], "").startswith(
        "problem gradient, torch.reverse float64 cpu seed 3: disagrees"
    )
    assert "seed" not in failure_text({**bad, "seed": 0}, [], "")


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({"verdict": "inconclusive", "digits": NAN, "error": NAN}, "~"),
        ({"verdict": "inconclusive", "digits": NAN, "error": 2e-6}, "2e-06~"),
        ({"verdict": "agrees", "digits": NAN, "error": 0.0}, "exact"),
        ({"verdict": "inconclusive", "digits": 3.21}, "3.2~"),
    ],
)
def test_a_cell_has_a_number_or_none(given, shown):
    assert cell_text({**row(**given), "message": ""})[0] == shown


@pytest.mark.parametrize(
    ("wrong", "said"), [(12, "1 timed, 12 not: 12 disagree"), (1, "1 timed, 1 not: 1 disagrees")]
)
def test_what_was_not_timed_is_a_sentence(wrong, said):
    timed = {"verdict": "agrees", "derivative": 1e-3}
    frame = timing_frame([timed, *[{"verdict": "disagrees"}] * wrong])
    assert summarise_timings(frame, {})[0].endswith(said)


def test_markdown_has_the_seed_where_there_are_several(call, write):
    cubes = write("cubes.py", CUBES)
    options = ("--method", "numpy.formula", "--dtype", "float64", "--workers", 0, "--device", "cpu",
               "--format", "markdown")  # fmt: skip
    assert " seed " in call("run", cubes, *options, "--seed", "0,1", "--out", "a").stdout
    assert " seed " not in call("run", cubes, *options, "--out", "b").stdout
