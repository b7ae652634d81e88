"""The asv suite: its configuration and profiles hold, and its smoke profile really runs."""

import importlib
import importlib.metadata
import importlib.util
import json
import os
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import pytest
from checkout import BENCHMARKS

import xgrad

sys.path.append(str(BENCHMARKS))
profiles = importlib.import_module("suite.profiles")
measure = importlib.import_module("suite.measure")
cells = importlib.import_module("suite.cells")
stages = importlib.import_module("stages")
trees = importlib.import_module("trees")

WITH_ASV = pytest.mark.skipif(
    importlib.util.find_spec("asv") is None, reason="asv is not installed: pip install '.[bench]'"
)
CONFIGURATIONS = sorted(BENCHMARKS.glob("asv*.conf.json"))
# Keys that asv reads and its Config does not declare.
EXTRA = {"version", "build_cache_size"}


def head():
    """The checkout's commit, or a skip."""
    try:
        return trees.commit_of(trees.REPOSITORY, "HEAD")
    except trees.NoCommit as reason:
        pytest.skip(f"asv needs a git checkout: {reason}")


# --- profiles -------------------------------------------------------------------------------------


def test_cases_are_found_without_running_their_files():
    shipped = {c.name for c in xgrad.load_cases()}
    assert shipped <= set(profiles.shipped_cases())


@pytest.mark.parametrize("name", ["smoke", "nightly"])
def test_every_task_of_a_profile_is_an_operator_of_a_shipped_case_with_its_sizes(name):
    profile = profiles.find_profile(name)
    for task in profile.tasks:
        case, _, operator = task.partition(" ")
        (found,) = xgrad.load_cases(case)
        assert found.operators is None or operator in found.operators, task
        assert set(profile.sizes) <= set(found.sizes), task


def test_profiles_grow(monkeypatch):
    sizes = [len(list(profiles.find_profile(n).places())) for n in ("smoke", "nightly", "full")]
    assert sizes[0] <= 10
    assert sizes == sorted(sizes)
    monkeypatch.setenv("XGRAD_PROFILE", "smoke")
    assert profiles.find_profile() == profiles.find_profile("smoke")
    with pytest.raises(SystemExit, match="smoke, nightly, full"):
        profiles.find_profile("huge")


# --- rows and numbers -----------------------------------------------------------------------------

RIGHT = {"dtype": "float64", "status": "ok", "verdict": "agrees", "digits": 15.0, "message": ""}
ROWS = {
    "right": ({}, 0.65, 0),
    "wrong": ({"verdict": "disagrees", "digits": 1.0}, 14.65, 1),
    "unstable": ({"verdict": "unstable", "digits": 9.0}, 6.65, 1),
    "not finite": ({"status": "nonfinite", "verdict": "", "digits": float("nan")}, 15.65, 1),
    "error": ({"status": "error", "verdict": "", "digits": None}, 15.65, 1),
    "a truth of zero that is met": ({"digits": float("nan")}, 0.0, 0),
    "known": ({"verdict": "disagrees", "digits": 0.0, "message": "known: a kink"}, 15.65, 0),
}


@pytest.mark.parametrize("name", ROWS)
def test_digits_lost_and_failures_are_numbers_whatever_happened(name):
    change, lost, failed = ROWS[name]
    row = {**RIGHT, **change}
    assert cells.digits_lost(row) == pytest.approx(lost)
    assert cells.failures(row) == failed


def test_what_is_not_there_is_skipped_and_not_zero():
    place = profiles.Place("tsne_kl", "gradient", "small", "float64", "jax.reverse")
    cache = {"rows": {place: {"status": "absent", "message": "no such case"}}}
    with pytest.raises(NotImplementedError, match="no such case"):
        cells.Verdicts().setup(cache, "tsne_kl gradient", "small", "float64", "jax.reverse")


def test_the_time_of_a_wrong_result_is_skipped():
    place = profiles.Place("tsne_kl", "gradient", "small", "float64", "jax.reverse")
    cache = {"rows": {place: {**RIGHT, "verdict": "disagrees"}}}
    with pytest.raises(NotImplementedError, match="not timed: disagrees"):
        cells.Times().setup(cache, "tsne_kl gradient", "small", "float64", "jax.reverse")


def test_a_case_that_a_commit_does_not_have_is_absent_and_loses_nothing():
    place = profiles.Place("no_such_case", "gradient", "small", "float64", "numpy.formula")
    (row,), _ = measure.measure([place])
    assert row["status"] == "absent"
    assert "no_such_case" in row["message"]
    assert measure.method_of(row) == "numpy.formula"


def test_a_row_is_found_by_its_place_and_of_a_lost_cell_for_every_method():
    place = profiles.Place("f", "", "small", "float64", "jax.reverse")
    row = {"case": "f", "size": "small", "dtype": "float64", "status": "ok"}
    rows = [{**row, "operator": "gradient", "framework": "jax", "technique": "reverse"}]
    assert measure.find_row(rows, place)["operator"] == "gradient"
    assert (
        measure.find_row(rows, profiles.Place("f", "hvp", "small", "float64", "jax.reverse"))
        is None
    )
    assert measure.find_row([{**row, "status": "crashed"}], place)["framework"] == "jax"


# --- configuration --------------------------------------------------------------------------------


@WITH_ASV
@pytest.mark.parametrize("file", CONFIGURATIONS, ids=lambda f: f.name)
def test_every_key_of_the_configuration_is_one_that_asv_knows(file):
    from asv.config import Config

    settings = stages.read_configuration(file)
    assert set(settings) <= set(vars(Config())) | EXTRA
    assert (file.parent / settings["benchmark_dir"]).is_dir()
    assert (file.parent / settings["repo"] / "pyproject.toml").exists()


@WITH_ASV
def test_the_version_of_asv_is_the_one_whose_protocol_was_tested():
    """Statistics of samples from a `track_` function are undocumented: the version is pinned."""
    assert importlib.metadata.version("asv") == "0.6.6"


# --- asv itself -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    """A configuration whose results go to a folder of the test, and a machine that asv knows."""
    folder = tmp_path_factory.mktemp("asv")
    given = Namespace(
        device="cpu", repository=trees.REPOSITORY, branch="HEAD", machine="here",
        results=folder / "results", html=folder / "html",
    )  # fmt: skip
    before = {name: os.environ.get(name) for name in ("HOME", "XGRAD_PROFILE")}
    os.environ.update(HOME=str(folder), XGRAD_PROFILE="smoke")
    with stages.configured(given) as file:
        yield file
    for name, value in before.items():
        os.environ.pop(name) if value is None else os.environ.update({name: value})


def asv(*arguments):
    command = [sys.executable, "-m", "asv", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


@WITH_ASV
def test_asv_check_finds_no_problems(config):
    done = asv("check", "--config", str(config), "--python=same")
    assert "No problems found" in done.stdout, done.stdout + done.stderr


@pytest.fixture(scope="module")
def ran(config, tmp_path_factory):
    """One real run of the smoke profile: what went wrong, asv's record, the folder of rows."""
    folder = tmp_path_factory.mktemp("night")
    stage = stages.Stage(head(), folder, "here", "cpu", "smoke")
    problems = stage.run_suite(trees.REPOSITORY, config)
    results = Path(stages.read_configuration(config)["results_dir"])
    (record,) = (results / "here").glob(f"{stage.commit[:8]}-*.json")
    return problems, json.loads(record.read_text()), folder


def values(record, name, column="result"):
    row = record["results"][name]
    at = record["result_columns"].index(column)
    return row[at] if len(row) > at else None


@WITH_ASV
def test_the_smoke_profile_measures_all_that_it_plans(ran):
    problems, record, folder = ran
    planned = len(list(profiles.find_profile("smoke").places()))
    assert problems == []
    assert values(record, "cells.Plan.track_missing") == [0]
    assert values(record, "cells.Verdicts.track_failures") == [0] * planned
    assert len(measure.records(folder / "timing")) == planned
    assert all(0 <= d < 1.5 for d in values(record, "cells.Verdicts.track_digits_lost"))


@WITH_ASV
def test_samples_become_asvs_own_statistics(ran):
    _, record, _ = ran
    name = "cells.Times.track_steady"
    low, seconds, high = (values(record, name, c) for c in ("stats_q_25", "result", "stats_q_75"))
    assert all(0 < a <= t <= b for a, t, b in zip(low, seconds, high, strict=True))
    assert min(values(record, name, "stats_repeat")) >= 4
    for other in ("first_call", "ratio", "peak_memory"):
        assert None not in values(record, f"cells.Times.track_{other}")
    assert values(record, "imports.timeraw_xgrad")[0] > 0


@WITH_ASV
def test_the_record_says_with_which_packages_it_was_measured(ran):
    _, record, _ = ran
    assert record["params"]["torch"] == importlib.metadata.version("torch")
    assert record["params"]["jax"] == importlib.metadata.version("jax")
    assert record["params"]["profile"] == "smoke"


@WITH_ASV
def test_asv_publishes_what_was_run(ran, config):
    html = Path(stages.read_configuration(config)["html_dir"])
    stages.publish(config, html)
    index = json.loads((html / "index.json").read_text())
    assert "cells.Times.track_steady" in index["benchmarks"]
    assert index["params"]["torch"] == [importlib.metadata.version("torch")]
