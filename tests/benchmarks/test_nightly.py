"""The nightly run: what is new, one run at a time, on a quiet machine, and nothing lost."""

import importlib
import json
import subprocess
import sys

import pandas as pd
import pytest
from saved_nights import PACKAGES, ROW, judged, make_night, nights, timed

nightly = importlib.import_module("nightly")
stages = importlib.import_module("stages")
trees = importlib.import_module("trees")
gate = nightly.gate
censuses = nightly.censuses

GIT = ("git", "-c", "user.name=x", "-c", "user.email=x@example.org")


@pytest.fixture
def repository(tmp_path):
    """A repository of one commit."""
    folder = tmp_path / "repository"
    subprocess.run([*GIT, "init", "-q", "-b", "main", str(folder)], check=True)
    commit(folder)
    return folder


def commit(folder):
    """One more commit; returns its hash."""
    with (folder / "file").open("a") as file:
        file.write("x\n")
    subprocess.run([*GIT, "-C", folder, "add", "file"], check=True)
    subprocess.run([*GIT, "-C", folder, "commit", "-q", "-m", "x"], check=True)
    return trees.commit_of(folder, "main")


@pytest.fixture
def fakes(monkeypatch):
    """Stages that write rows at once; `broken` commits fail, `slow` ones are slower."""
    state = {"broken": {}, "slow": {}, "published": 0, "measured": [], "packages": dict(PACKAGES)}
    state["censuses"] = []

    def run_suite(stage, tree, config):
        state["measured"].append(stage.commit)
        if stage.commit in state["broken"]:
            raise state["broken"][stage.commit]
        (stage.folder / "timing").mkdir()
        rows = [timed(c, state["slow"].get((stage.commit, c), 1e-3)) for c in ("square", "norm")]
        pd.DataFrame(rows).to_parquet(stage.folder / "timing" / "rows.parquet")
        return state.get("problems", [])

    def run_agreement(stage, tree):
        (stage.folder / "agreement").mkdir()
        pd.DataFrame([judged("square")]).to_parquet(stage.folder / "agreement" / "rows.parquet")
        return []

    def publish(config, html):
        state["published"] += 1

    def take(framework, root, tree, device):
        state["censuses"].append(framework)
        if framework in state["broken"]:
            return state["broken"][framework]
        censuses.folder_of(root, framework).mkdir(parents=True)
        (censuses.folder_of(root, framework) / "rows.parquet").touch()
        return ""

    monkeypatch.setattr(censuses, "take", take)
    monkeypatch.setattr(stages.Stage, "run_suite", run_suite)
    monkeypatch.setattr(stages.Stage, "run_agreement", run_agreement)
    monkeypatch.setattr(stages, "publish", publish)
    monkeypatch.setattr(stages, "introduce", lambda machine: None)
    monkeypatch.setattr(nights, "installed", lambda: dict(state["packages"]))
    monkeypatch.setattr(nightly, "load", lambda: 0.1)
    return state


@pytest.fixture
def run(repository, tmp_path, fakes):
    """`nightly.py …` in this process; returns its status."""

    def call(*arguments):
        options = [
            "--repository",
            repository,
            "--results",
            tmp_path / "results",
            "--machine",
            "here",
        ]
        return nightly.main([str(a) for a in (*options, "--wait", "0", *arguments)])

    return call


def recorded(tmp_path):
    return nights.read_nights(tmp_path / "results" / "nightly")


# --- what is new ----------------------------------------------------------------------------------


def test_the_first_night_measures_the_newest_commit_only(run, repository, fakes, tmp_path):
    newest = commit(repository)
    assert run() == 0
    assert fakes["measured"] == [newest]
    assert fakes["published"] == 1
    (night,) = recorded(tmp_path)
    assert (night.about.commit, night.about.status) == (newest, nights.MEASURED)
    assert night.about.packages == PACKAGES
    assert night.about.load == 0.1


def test_nothing_new_is_fine_and_does_nothing(run, fakes, capsys):
    assert run() == 0
    assert run() == 0
    assert len(fakes["measured"]) == 1
    assert "nothing new" in capsys.readouterr().err


def test_each_new_commit_is_measured_the_oldest_first(run, repository, fakes):
    run()
    added = [commit(repository) for _ in range(3)]
    assert run() == 0
    assert fakes["measured"][1:] == added


def test_changed_packages_measure_the_newest_commit_again(run, fakes, capsys):
    run()
    fakes["packages"]["jax"] = "0.11.0"
    assert run() == 0
    assert fakes["measured"][0] == fakes["measured"][1]
    assert "jax 0.10.2 → 0.11.0" in capsys.readouterr().err
    assert run() == 0
    assert len(fakes["measured"]) == 2


def test_another_profile_is_a_history_of_its_own(run, fakes):
    run()
    assert run("--profile", "smoke") == 0
    assert len(fakes["measured"]) == 2


def test_since_force_and_dry_run(run, repository, fakes, capsys):
    first = trees.commit_of(repository, "main")
    added = [commit(repository) for _ in range(2)]
    assert run("--since", first, "--dry-run") == 0
    assert fakes["measured"] == []
    assert "to measure" in capsys.readouterr().err
    run("--since", first)
    assert fakes["measured"] == added
    run("--force")
    assert fakes["measured"] == [*added, added[-1]]


def test_a_framework_gets_a_census_once_for_each_version(run, fakes, capsys):
    assert run() == 0
    assert fakes["censuses"] == ["torch", "jax"]
    assert run() == 0
    fakes["packages"]["torch"] = "2.14.0"
    assert run("--dry-run") == 0
    assert "torch 2.14.0; known: torch-2.13.0" in capsys.readouterr().err
    assert len(fakes["censuses"]) == 2
    assert run() == 0
    assert fakes["censuses"][2:] == ["torch"]
    fakes["packages"]["torch"] = ""  # not here: nothing to count
    assert run("--force") == 0
    assert len(fakes["censuses"]) == 3


def test_a_census_that_fails_is_told_and_tried_again(run, fakes, capsys):
    fakes["broken"]["torch"] = "the census of torch ended with status 2: no room"
    assert run() == gate.FAILURE
    assert "no room" in capsys.readouterr().err
    del fakes["broken"]["torch"]
    assert run() == 0
    assert fakes["censuses"] == ["torch", "jax", "torch"]
    assert run("--force", "--no-census") == 0
    assert len(fakes["censuses"]) == 3


@pytest.mark.parametrize(
    ("status", "there", "said"), [(1, True, ""), (2, True, "no such"), (0, False, "status 0")]
)
def test_a_census_counts_when_its_rows_are_there(tmp_path, monkeypatch, status, there, said):
    def xgrad(tree, *arguments):
        out = tmp_path / "torch-2.13.0"
        assert str(out) in arguments
        assert ("--resume" in arguments) == out.exists()
        out.mkdir(exist_ok=True)
        if there:
            (out / "rows.parquet").touch()
        return subprocess.CompletedProcess([], status, b"", b"no such framework")

    monkeypatch.setattr(nights, "installed", lambda: dict(PACKAGES))
    monkeypatch.setattr(stages, "xgrad", xgrad)
    for _ in range(2):
        found = censuses.take("torch", tmp_path, tmp_path, "cpu")
        assert said in found
        assert bool(found) == bool(said)


# --- what goes wrong ------------------------------------------------------------------------------


def test_a_commit_that_fails_loses_nothing_of_the_others(run, repository, fakes, tmp_path):
    run()
    bad, good = commit(repository), commit(repository)
    fakes["broken"][bad] = RuntimeError("no space left")
    assert run() == gate.INFRASTRUCTURE
    assert {n.about.commit for n in recorded(tmp_path)} >= {good}
    assert bad not in {n.about.commit for n in recorded(tmp_path)}
    assert fakes["published"] == 2


def test_less_than_planned_is_a_failure_and_is_recorded(run, fakes, tmp_path, capsys):
    fakes["problems"] = ["2 of 6 cells of the suite are missing: …"]
    assert run() == gate.FAILURE
    (night,) = recorded(tmp_path)
    assert night.about.status == nights.SHORT
    assert "2 of 6 cells" in capsys.readouterr().out


def test_a_regression_of_one_commit_is_told_and_the_gate_comes_last(
    run, repository, fakes, tmp_path, monkeypatch
):
    run()
    slow = commit(repository)
    fakes["slow"][slow, "norm"] = 2e-3

    def again(before, after, places, device):
        return {p: [(1.0, 2.0)] * 7 for p in places}

    monkeypatch.setattr(gate, "repeat", again)
    assert run() == gate.REGRESSION
    found = json.loads((recorded(tmp_path)[-1].folder / "gate.json").read_text())
    assert [each["rule"] for each in found if each["level"] == gate.ERROR] == ["slower"]


def test_an_unknown_branch_is_infrastructure(run, capsys):
    assert run("--branch", "nowhere") == gate.INFRASTRUCTURE
    assert "nowhere" in capsys.readouterr().err


def test_a_broken_off_night_does_not_count(run, fakes, tmp_path):
    run()
    (night,) = recorded(tmp_path)
    (night.folder / "night.json").unlink()
    assert run() == 0
    assert len(fakes["measured"]) == 2


# --- one at a time, on a quiet machine ------------------------------------------------------------


def test_a_second_run_does_not_start(tmp_path):
    lock = tmp_path / "nightly" / ".lock"
    refused = pytest.raises(nightly.Trouble, match="another run holds")
    with nightly.locked(lock), refused, nightly.locked(lock):
        pass


HOLD = """
import os, sys
from pathlib import Path
import nightly
nightly.locked(Path(sys.argv[1])).__enter__()
os._exit(9)
"""


def test_a_lock_whose_process_was_killed_is_free(tmp_path):
    lock, here = tmp_path / ".lock", trees.with_tree(stages.HERE)
    done = subprocess.run([sys.executable, "-c", HOLD, str(lock)], env=here)
    assert done.returncode == 9
    with nightly.locked(lock):
        assert "process" in lock.read_text()


def test_a_busy_machine_is_infrastructure(run, fakes, monkeypatch, capsys):
    monkeypatch.setattr(nightly, "load", lambda: 4.0)
    assert run() == gate.INFRASTRUCTURE
    assert "the machine is busy: load 4.00" in capsys.readouterr().err
    assert fakes["measured"] == []
    assert run("--max-load", "5") == 0


def test_it_waits_until_the_machine_is_quiet(monkeypatch):
    loads = iter([2.0, 1.0, 0.2])
    monkeypatch.setattr(nightly, "load", lambda: next(loads))
    monkeypatch.setattr(nightly.time, "sleep", lambda seconds: None)
    nightly.wait_until_quiet(0.5, 60)


# --- planned and present --------------------------------------------------------------------------


def test_cells_that_were_planned_and_not_measured_are_counted(tmp_path, monkeypatch):
    profile = stages.profiles.find_profile("smoke")
    rows = []
    for place in profile.places():
        framework, _, technique = place.method.partition(".")
        names = {"case": place.case, "operator": place.operator, "dtype": place.dtype}
        rows.append({**ROW, **names, "framework": framework, "technique": technique})
    (tmp_path / "rows").mkdir()
    pd.DataFrame(rows[1:]).to_parquet(tmp_path / "rows" / "rows.parquet")
    tree = trees.REPOSITORY
    (problem,) = stages.missing_cells(tmp_path / "rows", tree, "smoke")
    assert problem.startswith(f"1 of {len(rows)} cells of the suite are missing: {rows[0]['case']}")
    rows[0]["status"] = "unavailable"
    pd.DataFrame(rows).to_parquet(tmp_path / "rows" / "rows.parquet")
    assert len(stages.missing_cells(tmp_path / "rows", tree, "smoke")) == 1
    rows[0]["status"] = "unsupported"
    pd.DataFrame(rows).to_parquet(tmp_path / "rows" / "rows.parquet")
    assert stages.missing_cells(tmp_path / "rows", tree, "smoke") == []


def test_the_help_has_examples_and_every_status(capsys):
    with pytest.raises(SystemExit):
        nightly.parse(["--help"])
    said = capsys.readouterr().out
    assert said.count("python benchmarks/nightly.py") >= 5
    assert "0 clean" in said


def test_packages_that_changed_are_told(tmp_path):
    night = make_night(tmp_path, 0)
    assert nights.changed(night.about.packages, {**PACKAGES, "torch": "2.14.0"}) == (
        "torch 2.13.0 → 2.14.0"
    )
    assert nights.changed(PACKAGES, PACKAGES) == ""
