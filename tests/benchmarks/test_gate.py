"""The gate sees what slowed down or went wrong, and accuses nothing else."""

import importlib

import numpy as np
import pandas as pd
import pytest
from checkout import ROOT
from saved_nights import PACKAGES, judged, make_night, nights, timed

gate = importlib.import_module("gate")
gate_power = importlib.import_module("gate_power")
repeat = importlib.import_module("repeat")
Place = importlib.import_module("suite.profiles").Place

CASES = {"square": 1e-4, "cube": 3e-5, "norm": 2e-3, "loss": 5e-6}  # seconds of each
QUIET = 0.02  # standard deviation of a night's seconds on a quiet machine, relative
REPEATS = ROOT / "results" / "gate_repeats.csv"


def night_of(root, k, rng, slower=None, **about):
    """A night on a quiet machine; `slower` has a factor for some cases."""
    factors = {case: (slower or {}).get(case, 1.0) for case in CASES}
    noise = {case: 1 + QUIET * abs(rng.normal()) for case in CASES}
    rows = [timed(case, t * factors[case] * noise[case]) for case, t in CASES.items()]
    return make_night(root, k, rows, [judged(case) for case in CASES], **about)


def rerun(factors, rng, spread=QUIET):
    """A re-run of two commits of which the second is slower by these factors."""

    def again(before, after, places, device):
        again.asked += places
        noise = 1 + spread * np.abs(rng.normal(size=(len(places), gate_rounds(), 2)))
        pairs = noise * [[[1.0, factors.get(p.case, 1.0)]] for p in places]
        return {p: [tuple(pair) for pair in found] for p, found in zip(places, pairs, strict=True)}

    again.asked = []
    return again


def gate_rounds():
    return repeat.ROUNDS


READ = {}  # nights by their folder: each test has folders of its own, and their tables stay


def judge(root, again=None):
    every = [READ.setdefault(night.folder, night) for night in nights.read_nights(root)]
    return gate.judge(every[-1], every, again)


def regressions(found):
    return {(each.rule, each.cell.partition(" ")[0]) for each in found if each.level == gate.ERROR}


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def history(tmp_path, rng):
    """Five unchanged nights."""
    for k in range(5):
        night_of(tmp_path, k, rng)
    return tmp_path


# --- time -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("factor", [1.3, 2.0])
def test_a_slowdown_is_caught_in_one_night_and_no_other_case_is_accused(history, rng, factor):
    night_of(history, 5, rng, {"norm": factor})
    found = judge(history, rerun({"norm": factor}, rng))
    assert regressions(found) == {("slower", "norm")}
    assert "re-run beside 0000000" in found[0].text


def test_a_slowdown_of_a_tenth_is_at_the_threshold(history, rng):
    """Half of them are beyond it: the chance is that of the noise, and others are never accused."""
    caught = 0
    for k in range(5, 25):
        night_of(history, k, rng, {"norm": 1.1})
        found = judge(history, rerun({"norm": 1.1}, rng))
        assert regressions(found) <= {("slower", "norm")}
        caught += bool(regressions(found))
        (history / "here" / f"night-{k:02d}" / "night.json").unlink()
    assert caught < 20


def test_twenty_unchanged_nights_raise_nothing(tmp_path, rng):
    again = rerun({}, rng)
    for k in range(20):
        night_of(tmp_path, k, rng)
        assert regressions(judge(tmp_path, again)) == set()


def test_what_a_rerun_does_not_confirm_is_a_warning(history, rng):
    night_of(history, 5, rng, {"norm": 1.5})
    (found,) = judge(history, rerun({}, rng))
    assert (found.level, found.rule) == (gate.WARNING, "slower")
    assert "not confirmed" in found.text


def test_without_a_rerun_nothing_slower_is_a_regression(history, rng):
    night_of(history, 5, rng, {"norm": 2.0})
    assert {(f.level, f.rule) for f in judge(history, None)} == {(gate.WARNING, "slower")}


def test_only_the_suspects_are_run_again(history, rng):
    night_of(history, 5, rng, {"norm": 2.0})
    again = rerun({"norm": 2.0}, rng)
    judge(history, again)
    assert [p.case for p in again.asked] == ["norm"]


def test_a_slowdown_is_told_once_and_then_known(history, rng):
    night_of(history, 5, rng, {"norm": 1.5})
    judge(history, rerun({"norm": 1.5}, rng))
    night_of(history, 6, rng, {"norm": 1.5})
    (found,) = judge(history, rerun({"norm": 1.5}, rng))
    assert (found.level, found.rule) == (gate.WARNING, "still slower")
    assert "known since 0000000" in found.text


def test_a_second_slowdown_after_a_quick_night_is_told_again(history, rng):
    for k, factor in ((5, 1.5), (6, 1.0), (7, 1.5)):
        night_of(history, k, rng, {"norm": factor})
        found = judge(history, rerun({"norm": factor}, rng))
        assert regressions(found) == ({("slower", "norm")} if factor > 1 else set())


def test_noise_as_wide_as_the_change_hides_it(tmp_path, rng):
    for k, factor in enumerate((1.0, 1.4, 0.8, 1.5, 1.2)):
        night_of(tmp_path, k, rng, {"norm": factor})
    night_of(tmp_path, 5, rng, {"norm": 1.6})
    assert judge(tmp_path, rerun({"norm": 1.6}, rng)) == []


def test_two_disturbed_nights_of_five_widen_no_band():
    usual, bound = gate.noise_band([1.0, 1.01, 0.99, 3.0, 2.0])
    assert usual == 1.01
    assert bound < 1.1


def test_a_gpu_may_be_slower_by_fifteen_percent(tmp_path, rng):
    assert gate.allowed("cpu") == 0.10
    assert gate.allowed("cuda") == gate.allowed("cuda:1") == 0.15
    for k, factor in enumerate((1.0, 1.0, 1.0, 1.13)):
        rows = [timed("norm", factor, device="cuda")]
        make_night(tmp_path, k, rows, device="cuda")
    assert judge(tmp_path, rerun({"norm": 1.13}, rng, 0.0)) == []


def test_changed_packages_are_named_where_a_slowdown_is_not_the_commits(history, rng):
    night_of(history, 5, rng, {"norm": 2.0}, packages={**PACKAGES, "jax": "0.11.0"})
    (found,) = judge(history, rerun({}, rng))
    assert found.level == gate.WARNING
    assert "packages changed: jax 0.10.2 → 0.11.0" in found.text


def test_the_same_commit_is_not_compared_with_itself(tmp_path, rng):
    for k in range(2):
        night_of(tmp_path, k, rng, {"norm": 1 + k}, commit="abc")
    again = rerun({"norm": 2.0}, rng)
    (found,) = judge(tmp_path, again)
    assert found.level == gate.WARNING
    assert "the commit is the same" in found.text
    assert again.asked == []


def test_rounds_that_were_disturbed_are_outvoted():
    clean = [(1.0, 1.3)] * 4
    typical, between = gate.slowdown([*clean, (3.0, 1.3), (1.0, 4.0), (2.0, 1.3)])
    assert typical == between == 1.3
    typical, between = gate.slowdown(
        [(1.0, 2.0)] * 5 + [(1.0, 1.0)] * 2
    )  # one clean round is enough
    assert between == 1.0


# --- right and wrong ------------------------------------------------------------------------------

INJECTED = {
    "disagrees": ({"verdict": "disagrees", "digits": 3.0}, "right to wrong"),
    "unstable": ({"verdict": "unstable", "digits": 9.0}, "right to wrong"),
    "nan": ({"status": "nonfinite", "verdict": "", "digits": np.nan}, "right to wrong"),
    "error": ({"status": "error", "verdict": "", "digits": np.nan}, "right to wrong"),
    "crash": ({"status": "crashed", "verdict": "", "digits": np.nan}, "right to wrong"),
    "framework gone": ({"status": "unavailable", "verdict": ""}, "right to wrong"),
    "digits": ({"digits": 13.5}, "digits lost"),
}


@pytest.mark.parametrize("name", INJECTED)
def test_an_accuracy_loss_is_caught_and_no_other_case_is_accused(history, rng, name):
    change, rule = INJECTED[name]
    rows = [judged(case, **(change if case == "norm" else {})) for case in CASES]
    make_night(history, 5, (), rows)
    assert regressions(judge(history)) == {(rule, "norm")}


def test_losses_in_the_suites_own_rows_count_too(history, rng):
    make_night(history, 5, [timed("norm", 2e-3, size="medium", status="error", verdict="")])
    assert regressions(judge(history)) == {("new error", "norm")}


@pytest.mark.parametrize(
    "change", [{"digits": 14.2}, {"digits": 16.0}, {"verdict": "inconclusive"}]
)
def test_what_is_no_loss_raises_nothing(history, change):
    make_night(history, 5, (), [judged(case, **change) for case in CASES])
    assert judge(history) == []


def test_a_new_case_that_fails_is_a_regression_and_one_that_is_right_is_none(history):
    rows = [judged(case) for case in CASES]
    make_night(history, 5, (), [*rows, judged("new"), judged("worse", verdict="disagrees")])
    assert regressions(judge(history)) == {("new error", "worse")}


def test_a_difference_that_the_case_lists_is_no_regression(history):
    known = {"verdict": "disagrees", "message": "known: a convention"}
    make_night(history, 5, (), [judged(case, **known) for case in CASES])
    assert judge(history) == []


def test_what_was_wrong_before_is_not_told_again(tmp_path):
    for k in range(3):
        make_night(tmp_path, k, (), [judged("norm", verdict="disagrees"), judged("square")])
    assert judge(tmp_path) == []


def test_cells_that_are_gone_are_a_warning(history):
    make_night(history, 5, (), [judged(case) for case in CASES if case != "norm"])
    (found,) = judge(history)
    assert (found.level, found.rule, found.cell) == (gate.WARNING, "gone", "norm")


# --- the command line -----------------------------------------------------------------------------


def test_the_first_night_is_clean(tmp_path, rng, capsys):
    night_of(tmp_path, 0, rng)
    assert gate.main(["--nights", str(tmp_path)]) == gate.CLEAN
    assert "no earlier night" in capsys.readouterr().out


def test_statuses(history, rng, capsys):
    options = ["--nights", str(history), "--no-confirm"]
    assert gate.main(options) == gate.CLEAN
    make_night(history, 5, (), [judged("norm", verdict="disagrees")])
    assert gate.main(options) == gate.REGRESSION
    assert "regression: norm gradient, numpy.formula float64 small cpu: agrees → ok disagrees" in (
        capsys.readouterr().out
    )
    assert gate.main(["--nights", str(history / "nothing")]) == gate.FAILURE
    make_night(history, 6, status=nights.LOST)
    assert gate.main(options) == gate.FAILURE


def test_a_rerun_that_fails_is_infrastructure(history, rng, monkeypatch, capsys):
    night_of(history, 5, rng, {"norm": 2.0})
    monkeypatch.setattr(gate, "repeat", lambda *given: (_ for _ in ()).throw(OSError("no git")))
    assert gate.main(["--nights", str(history)]) == gate.INFRASTRUCTURE
    assert "no git" in capsys.readouterr().err


def test_other_machines_and_lost_nights_are_no_history(tmp_path, rng):
    night_of(tmp_path, 0, rng, machine="elsewhere")
    night_of(tmp_path, 1, rng, status=nights.LOST)
    night_of(tmp_path, 2, rng, {"norm": 2.0})
    assert [each.rule for each in judge(tmp_path)] == ["first"]


# --- real repeats ---------------------------------------------------------------------------------


def test_rounds_alternate_which_commit_begins(monkeypatch, tmp_path):
    order, place = [], Place("norm", "gradient", "small", "float64", "numpy.formula")

    def measure(tree, places, device):
        order.append(tree.name)
        return {place: 2.0 if tree.name == "b" else 1.0}

    monkeypatch.setattr(repeat, "measure", measure)
    found = repeat.interleave(tmp_path / "a", tmp_path / "b", [place], "cpu", 3)
    assert order == ["a", "b", "b", "a", "a", "b"]
    assert found == {place: [(1.0, 2.0)] * 3}


@pytest.mark.skipif(not REPEATS.exists(), reason="no repeats were measured: gate_power.py does")
def test_real_repeats_of_unchanged_code_are_rarely_accused():
    """As measured on two shared cores; the rounds of the re-run are drawn from minutes apart."""
    repeats = pd.read_csv(REPEATS)
    assert repeats["repeat"].nunique() >= 25
    shares = gate_power.table(repeats).set_index("slower by")["regression"]
    assert shares["×1"] < 0.01
    assert shares["×1"] <= shares["×1.1"] < shares["×1.3"]
    assert shares["×1.3"] > 0.95
    assert shares["×2"] > 0.95
