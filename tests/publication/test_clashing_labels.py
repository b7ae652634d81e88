"""Runs of one date and commit are told apart by their folders, and runs are found below one."""

import pandas as pd
import pytest
from saved_runs import row, save

from xgrad.errors import UsageError
from xgrad.publication import publish
from xgrad.publication.cells import LOOKS
from xgrad.publication.reading import read_runs
from xgrad.publication.summary import summary_frame

COMMIT = "2026-11-21 abc1234"


@pytest.fixture
def two(tmp_path):
    before = save(tmp_path / "before", [row(), row("other", digits=12.0)])
    after = save(tmp_path / "after", [row(), row("other", digits=15.0)])
    return before, after


def labels(*folders):
    return [run.label for run in read_runs(folders)]


def test_two_runs_of_one_date_and_commit_are_published(two, tmp_path):
    made = publish(two, tmp_path / "site")
    assert all(path.exists() for path in made)
    (page,) = (tmp_path / "site" / "compare").glob("*.html")
    text = page.read_text()
    assert f"{COMMIT} (before)" in text
    assert f"{COMMIT} (after)" in text


def test_labels_are_unique_as_far_up_as_it_takes(tmp_path):
    deep = [save(tmp_path / name / "run", [row()]) for name in ("a", "b")]
    assert labels(*deep) == [f"{COMMIT} (a/run)", f"{COMMIT} (b/run)"]


def test_runs_that_differ_anyway_keep_their_short_labels(tmp_path):
    first = save(tmp_path / "a", [row()], date="2026-11-20")
    second = save(tmp_path / "b", [row()])
    third = save(tmp_path / "c", [row()], environment={"commit": "def5678"})
    assert labels(first, second, third) == [
        "2026-11-20 abc1234", COMMIT, "2026-11-21 def5678",
    ]  # fmt: skip


def test_runs_are_found_however_deep(tmp_path):
    for name in ("runs/one", "runs/nested/two", "three"):
        save(tmp_path / "results" / name, [row()])
    found = read_runs([tmp_path / "results"])
    assert {run.folder.name for run in found} == {"one", "two", "three"}


def test_what_a_site_shows_and_what_is_hidden_are_no_runs(tmp_path):
    results = tmp_path / "results"
    run = save(results / "runs" / "one", [row()])
    publish([run], results / "site")
    save(results / ".part", [row()])
    assert list((results / "site" / "runs").rglob("rows.parquet"))
    assert [r.folder for r in read_runs([results])] == [run.resolve()]


def test_a_folder_named_data_may_hold_a_run(tmp_path):
    save(tmp_path / "data", [row()])
    assert [r.folder.name for r in read_runs([tmp_path])] == ["data"]


def test_a_folder_without_runs_is_refused(tmp_path):
    with pytest.raises(UsageError, match="no saved rows in"):
        read_runs([tmp_path])


@pytest.mark.parametrize(("rows", "said"), [(1, "disagrees"), (2, "disagree"), (12, "disagree")])
def test_counts_are_sentences(rows, said):
    assert LOOKS["disagrees"].counted(rows) == said
    assert LOOKS["inconclusive"].counted(rows) == "inconclusive"


def test_a_summary_counts_in_words():
    bad = {**row(verdict="disagrees"), "message": "", "method": "torch.reverse", "label": "problem"}
    rows = [{**bad, "word": "disagrees"}] * 12
    frame = summary_frame(rows)
    assert isinstance(frame, pd.DataFrame)
    assert frame.iloc[0, 2] == "12 disagree"
