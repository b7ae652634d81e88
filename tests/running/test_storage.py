"""Nothing lost: what is saved is safe from kills, full disks, second runs and damaged files.

`XGRAD_MOMENTS=20 pytest tests/running/test_storage.py -k blow` ends runs at twenty moments by each
signal.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from case_files import TWO_CASES
from click.testing import CliRunner

import xgrad
from xgrad.cli import main
from xgrad.errors import UsageError
from xgrad.problem import find_cases
from xgrad.running import RunFolder, Selection, make_plan, merge, part_of
from xgrad.running.storage import CELLS
from xgrad.table import read_frame

MOMENTS = int(os.environ.get("XGRAD_MOMENTS", "1"))
CHOICE = ["--method", "numpy.formul*,numpy.complex*", "--device", "cpu", "--format", "csv"]


@pytest.fixture
def file(write):
    return write("cases/two.py", TWO_CASES)


def command(file, out, *more):
    return [str(file), *CHOICE, "--out", str(out), *more]


def started(file, out, *more):
    """The same in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(Path(xgrad.__file__).parent.parent)}
    words = [sys.executable, "-m", "xgrad", "run", *command(file, out, *more)]
    return subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )


def rows_of(folder):
    return read_frame(folder).sort_values(["case", "point", "operator", "technique", "dtype"])


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    path = folder / "two.py"
    path.write_text(__import__("textwrap").dedent(TWO_CASES), encoding="utf-8")
    done = CliRunner().invoke(main, ["run", *command(path, folder / "out", "--workers", "0")])
    assert done.exit_code == 0
    return path, rows_of(folder / "out")


@pytest.mark.many(2)
@pytest.mark.parametrize("moment", range(MOMENTS))
@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_after_a_blow_at_any_moment_a_run_goes_on_to_the_same_table(
    undisturbed, tmp_path, moment, blow
):
    path, whole = undisturbed
    out = tmp_path / "out"
    process = started(path, out, "--workers", "1")
    time.sleep(random.Random(moment * 100 + blow).uniform(0.5, 4))
    process.send_signal(blow)
    _, told = process.communicate(timeout=60)
    if blow != signal.SIGKILL and process.returncode == 128 + blow:
        assert "--resume" in told
    done = CliRunner().invoke(main, ["run", *command(path, out, "--workers", "0", "--resume")])
    assert done.exit_code == 0
    assert len((out / CELLS).read_text().splitlines()) == 6  # nothing twice
    pd.testing.assert_frame_equal(rows_of(out).reset_index(drop=True), whole.reset_index(drop=True))


def test_a_record_with_foreign_values_is_done_again(undisturbed, tmp_path):
    path, whole = undisturbed
    out = tmp_path / "out"
    assert CliRunner().invoke(main, ["run", *command(path, out, "--workers", "0")]).exit_code == 0
    lines = [json.loads(line) for line in (out / CELLS).read_text().splitlines()]
    for line, value in zip(lines, ({}, "much", [1]), strict=False):
        del line["crc"]  # as an older version wrote it
        line["rows"][-1]["error"] = value
    lines[3]["rows"][0]["hint"] = 5
    del lines[3]["crc"]
    (out / CELLS).write_text("".join(json.dumps(line) + "\n" for line in lines))
    done = CliRunner().invoke(main, ["run", *command(path, out, "--workers", "0", "--resume")])
    assert done.exit_code == 0, done.output
    assert "2 of 6 cells are there" in done.stderr
    pd.testing.assert_frame_equal(rows_of(out).reset_index(drop=True), whole.reset_index(drop=True))


def test_two_runs_do_not_mix_in_one_folder(file, tmp_path):
    held = RunFolder(tmp_path / "out", resume=False)
    for more in ([], ["--resume"]):
        done = CliRunner().invoke(main, ["run", *command(file, tmp_path / "out", *more)])
        assert done.exit_code == 2
        assert "another run is writing to" in done.output
    del held


def test_a_full_disk_says_what_is_safe(file, tmp_path, monkeypatch):
    calls = []

    def full(descriptor):
        calls.append(descriptor)
        if len(calls) > 2:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    done = CliRunner().invoke(main, ["run", *command(file, tmp_path / "out", "--workers", "0")])
    assert done.exit_code == 2
    assert "(No space left on device): 3 cells of this run are safe there" in done.output
    assert "--resume" in done.output


def test_shards_are_the_whole_and_merge_into_it(file, tmp_path, undisturbed):
    for k in (1, 2, 3):
        words = ["run", *command(file, tmp_path / str(k), "--workers", "0", "--shard", f"{k}/3")]
        assert CliRunner().invoke(main, words).exit_code == 0
    parts = [str(tmp_path / str(k)) for k in (1, 2, 3)]
    done = CliRunner().invoke(main, ["merge", *parts, parts[0], "--to", str(tmp_path / "whole")])
    assert done.exit_code == 0, done.output
    pd.testing.assert_frame_equal(
        rows_of(tmp_path / "whole").reset_index(drop=True), undisturbed[1].reset_index(drop=True)
    )


@pytest.mark.parametrize("shard", ["0/3", "4/3", "1", "a/b", "1/0", "-1/2", "1/2/3"])
def test_a_shard_that_is_none_is_told(file, shard):
    plan = make_plan(find_cases([file]), Selection())
    with pytest.raises(UsageError, match="write I/N with I from 1 to N"):
        part_of(plan.cells, shard)


def test_folders_without_rows_cannot_be_merged(tmp_path):
    with pytest.raises(UsageError, match="no saved rows in"):
        merge([tmp_path], RunFolder(tmp_path / "out", resume=False))


def test_a_damaged_table_is_named(file, tmp_path):
    out = tmp_path / "out"
    CliRunner().invoke(main, ["run", *command(file, out, "--workers", "0")])
    (out / "rows.parquet").write_bytes(b"PAR1 and then nothing")
    with pytest.raises(UsageError, match=r"rows\.parquet cannot be read"):
        read_frame(out)
    damaged = (out / CELLS).read_text().splitlines()
    (out / CELLS).write_text("\n".join([damaged[0], "{not json", "[]", "null", *damaged[1:]]))
    done = CliRunner().invoke(main, ["run", *command(file, out, "--workers", "0", "--resume")])
    assert done.exit_code == 0
    assert len(read_frame(out)) == 14


def test_saved_results_are_data_and_hold_no_secret(file, tmp_path, monkeypatch):
    monkeypatch.setenv("API_TOKEN", "very secret")
    out = tmp_path / "out"
    CliRunner().invoke(main, ["run", *command(file, out, "--workers", "0")])
    for path in out.iterdir():
        assert b"very secret" not in path.read_bytes()
        assert path.suffix != ".pkl"
    json.loads((out / "environment.json").read_text())
