"""Results at URLs: each cell safe as it ends, resumed, merged and published from there."""

import json

import pandas as pd
import pytest
from case_files import TWO_CASES
from click.testing import CliRunner

from xgrad.cli import main
from xgrad.errors import UsageError
from xgrad.running import RemoteFolder, fetched, is_url
from xgrad.table import read_frame

fsspec = pytest.importorskip("fsspec", reason="pip install 'xgrad[cluster]'")
URL = "memory://bucket/runs/2026-11-21-abc"


@pytest.fixture
def bucket():
    """An empty file system in memory."""
    files = fsspec.filesystem("memory")
    files.store.clear()
    files.pseudo_dirs[:] = [""]
    return files


@pytest.fixture
def run(write, bucket):
    """Judge two cases in this process; returns the result."""
    file = write("cases/two.py", TWO_CASES)

    def called(out, *more):
        words = ["run", str(file), "--method", "numpy.formul*", "--workers", "0", "--device", "cpu"]
        return CliRunner().invoke(main, [*words, "--out", str(out), *more])

    return called


def rows_at(url):
    with fetched((url,)) as (folder,):
        return read_frame(folder)


def test_a_run_at_a_url_has_the_rows_and_files_of_a_local_one(run, bucket, tmp_path):
    done = run(URL)
    assert done.exit_code == 0, done.output
    assert f"rows saved: {URL}/rows.parquet" in done.output
    assert run(tmp_path / "here").exit_code == 0
    pd.testing.assert_frame_equal(rows_at(URL), read_frame(tmp_path / "here"))
    names = {f.rpartition("/")[2] for f in bucket.find(URL, maxdepth=1)}
    assert {"rows.parquet", "rows.csv", "environment.json", "cases.json"} <= names


def test_each_cell_is_there_as_soon_as_it_ends_and_is_not_done_again(run, bucket, monkeypatch):
    add, ended = RemoteFolder.add, []

    def stops(self, cell, rows):
        add(self, cell, rows)
        ended.append(cell.key)
        if len(ended) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(RemoteFolder, "add", stops)
    broken = run(URL)
    assert broken.exit_code == 130
    assert f"are in {URL}: go on with the same command and --out {URL} --resume" in broken.output
    saved = [json.loads(bucket.cat_file(f))["cell"] for f in bucket.glob(f"{URL}/cells/*.json")]
    assert sorted(saved) == sorted(ended)
    monkeypatch.setattr(RemoteFolder, "add", add)
    again = run(URL, "--resume")
    assert again.exit_code == 0, again.output
    assert "2 of 6 cells are there" in again.output
    assert len(rows_at(URL)) == len(rows_at_of_a_whole_run(run))


def rows_at_of_a_whole_run(run):
    assert run("memory://bucket/whole").exit_code == 0
    return rows_at("memory://bucket/whole")


def test_a_damaged_cell_is_done_again(run, bucket):
    run(URL)
    (first, *_) = bucket.glob(f"{URL}/cells/*.json")
    bucket.pipe_file(first, b"{torn")
    again = run(URL, "--resume")
    assert again.exit_code == 0
    assert "5 of 6 cells are there" in again.output


def test_a_run_that_is_there_is_not_overwritten(run):
    run(URL)
    done = run(URL)
    assert done.exit_code == 2
    assert f"{URL} holds a run already: add --resume" in done.output


def test_shards_at_urls_are_merged_and_published(run, tmp_path):
    parts = [f"memory://bucket/part{k}" for k in (1, 2)]
    for k, url in enumerate(parts, start=1):
        assert run(url, "--shard", f"{k}/2").exit_code == 0
    done = CliRunner().invoke(main, ["merge", *parts, "--to", str(tmp_path / "whole")])
    assert done.exit_code == 0, done.output
    run(URL)
    pd.testing.assert_frame_equal(
        read_frame(tmp_path / "whole").sort_values(["case", "dtype", "point"], ignore_index=True),
        rows_at(URL).sort_values(["case", "dtype", "point"], ignore_index=True),
    )
    done = CliRunner().invoke(main, ["publish", URL, "--to", str(tmp_path / "site")])
    assert done.exit_code == 0, done.output
    assert list((tmp_path / "site" / "runs").glob("*/index.html"))


@pytest.mark.parametrize(
    ("url", "told"),
    [("nonsense://x/y", "nonsense://x/y cannot be opened"),
     ("memory://bucket/nothing", "no saved rows in memory://bucket/nothing")],
)  # fmt: skip
def test_a_url_that_leads_nowhere_is_a_clear_error(bucket, tmp_path, url, told):
    done = CliRunner().invoke(main, ["publish", url, "--to", str(tmp_path / "site")])
    assert done.exit_code == 2
    assert told in done.output


def test_a_place_that_cannot_be_written_is_a_clear_error(bucket, monkeypatch):
    def refused(*args, **keywords):
        raise PermissionError("not yours")

    monkeypatch.setattr(type(bucket), "pipe_file", refused)
    with pytest.raises(UsageError, match=r"cannot be written \(PermissionError: not yours\)"):
        RemoteFolder(URL, resume=False)


def test_what_is_a_url():
    assert is_url("s3://bucket/a")
    assert not is_url("results/a")
