"""Runs on a Dask cluster: the same rows as here, whatever becomes of its workers."""

import importlib.metadata
import os
import re
import signal
import time
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from case_files import TWO_CASES
from click.testing import CliRunner

import xgrad
from xgrad.cli import main
from xgrad.errors import UsageError
from xgrad.problem import find_cases
from xgrad.running import Cluster, Limits, Selection, make_plan, run_cells
from xgrad.running import cluster as on_cluster
from xgrad.running.cells import judge_cell
from xgrad.running.cluster import do_on_cluster
from xgrad.table import read_frame

distributed = pytest.importorskip("distributed", reason="pip install 'xgrad[cluster]'")
config = pytest.importorskip("dask.config")
pytestmark = pytest.mark.filterwarnings("ignore")  # Dask's own, when workers are killed

FAULTY = """
    import os
    import time
    import numpy as np
    import xgrad

    @xgrad.case(wrt="x", operators=("gradient",))
    def dies(xp, x):
        return xp.sum(x * x)

    @dies.inputs
    def draw(rng):
        return {"x": rng.normal(size=3)}

    @dies.formula("gradient")
    def right(xp, x):
        return 2 * x

    @dies.formula("gradient", name="exits", frameworks=("numpy",))
    def exits(xp, x):
        os._exit(3)

    @dies.formula("gradient", name="hangs", frameworks=("numpy",))
    def hangs(xp, x):
        time.sleep(3600)
"""


@pytest.fixture(scope="module")
def dask():
    """Two workers with one thread each, as processes under nannies that start them again."""
    # else Dask gives up a worker that is down both now and when it looks again, 15 s later
    patient = config.set({"distributed.deploy.lost-worker-timeout": "1 hour"})
    with patient, distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None,
        scheduler_port=0, silence_logs=50,
    ) as made:  # fmt: skip
        yield made


@pytest.fixture
def file(write):
    return write("cases/two.py", TWO_CASES)


def plan_of(file, seeds=1, methods=("numpy.formul*", "numpy.complex*")):
    chosen = Selection(methods=methods, devices=("cpu",), seeds=tuple(range(seeds)))
    return make_plan(find_cases([file]), chosen)


def table_of(plan, done):
    rows = plan.gather()
    for cell, found, *_ in done:
        rows.add(cell, found)
    return rows.frame()


def test_a_run_on_a_cluster_has_the_rows_of_a_local_one(dask, file, tmp_path):
    words = ["run", str(file), "--method", "numpy.formul*", "--format", "csv"]
    for name, more in (
        ("here", ["--workers", "0"]),
        ("there", ["--scheduler", dask.scheduler_address]),
    ):
        done = CliRunner().invoke(main, [*words, *more, "--out", str(tmp_path / name)])
        assert done.exit_code == 0, done.output
    pd.testing.assert_frame_equal(read_frame(tmp_path / "here"), read_frame(tmp_path / "there"))


def test_xgrad_run_takes_a_scheduler(dask, file):
    given = {"methods": ("numpy.formula",), "devices": ("cpu",)}
    there = xgrad.run([file], scheduler=dask.scheduler_address, **given)
    pd.testing.assert_frame_equal(there, xgrad.run([file], **given))


def test_cases_travel_by_value(dask, file):
    plan = plan_of(file)
    here = table_of(plan, run_cells(plan, plan.cells, 0))
    with on_cluster.connected(Cluster(dask.scheduler_address)) as client:
        run = on_cluster._Run(client, judge_cell, Limits())
        run._file(plan.cells[0].path).result()
        Path(plan.cells[0].path).unlink()  # no worker can read it any more
        pd.testing.assert_frame_equal(table_of(plan, run.rows(plan.cells)), here)


def test_a_method_that_ends_its_process_or_hangs_is_a_row_and_the_worker_lives(dask, write):
    plan = plan_of(write("faulty.py", FAULTY), methods=("numpy.formula*",))
    address = Cluster(dask.scheduler_address)
    rows = table_of(plan, do_on_cluster(judge_cell, plan.cells, address, Limits(seconds=6)))
    found = set(zip(rows["technique"], rows["status"], strict=True))
    assert found == {("formula", "ok"), ("formula:exits", "crashed"), ("formula:hangs", "timeout")}
    assert len(rows) == 6  # in two dtypes


KILLS = (1, 20, 40)  # cells that ended before a worker is killed


def a_running_worker(dask, gone):
    """The process of a worker that is up: Dask gives up one whose process ends as it starts."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        for worker in dask.workers.values():
            up = worker.process.status is distributed.Status.running
            if up and worker.pid and worker.pid not in gone:
                return worker.pid
        time.sleep(0.1)
    raise AssertionError("no worker came back")


def test_lost_workers_cells_are_done_again(dask, file):
    plan = plan_of(file, seeds=15)
    here = table_of(plan, run_cells(plan, plan.cells, 0))
    ended, killed = [], []
    for each in do_on_cluster(judge_cell, plan.cells, Cluster(dask.scheduler_address)):
        ended.append(each)
        if len(ended) in KILLS:
            killed.append(a_running_worker(dask, killed))
            os.kill(killed[-1], signal.SIGKILL)
    pd.testing.assert_frame_equal(table_of(plan, ended), here)
    assert len(ended) == len(plan.cells) > KILLS[-1]
    assert len(killed) == len(KILLS)


def test_a_cluster_that_loses_all_workers_is_an_error_and_no_hang(file, monkeypatch):
    monkeypatch.setattr(on_cluster, "LOST", 1.0)
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address=None, scheduler_port=0,
        silence_logs=50,
    ) as made:  # fmt: skip
        plan = plan_of(file, seeds=200)
        done = do_on_cluster(judge_cell, plan.cells, Cluster(made.scheduler_address))
        first = next(done)
        made.scale(0)
        with pytest.raises(UsageError, match="has had no worker for 1 s: what ended is safe"):
            list(done)
    assert first[1]


def test_a_scheduler_that_goes_away_is_an_error_and_no_hang(file):
    made = distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address=None, scheduler_port=0,
        silence_logs=50,
    )  # fmt: skip
    with made:
        plan = plan_of(file, seeds=200)
        done = do_on_cluster(judge_cell, plan.cells, Cluster(made.scheduler_address))
        next(done)
        made.close()
        with pytest.raises(UsageError, match="went away"):
            list(done)


def test_a_scheduler_that_does_not_answer_is_a_clear_error(file, tmp_path, monkeypatch):
    monkeypatch.setattr(on_cluster, "WAIT", 1.0)
    words = ["run", str(file), "--scheduler", "tcp://127.0.0.1:9", "--out", str(tmp_path / "o")]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 2
    assert "no Dask scheduler answers at tcp://127.0.0.1:9" in done.output


def test_an_address_that_is_none_is_a_clear_error(file, tmp_path):
    words = ["run", str(file), "--scheduler", "nonsense://x", "--out", str(tmp_path / "o")]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 2
    assert "no Dask scheduler answers at nonsense://x" in done.output


def test_a_cluster_without_workers_is_a_clear_error(monkeypatch):
    monkeypatch.setattr(on_cluster, "WAIT", 1.0)
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address=None, silence_logs=50) as empty,
        pytest.raises(UsageError, match="has no worker after 1 s: dask worker"),
    ):
        list(do_on_cluster(judge_cell, [], Cluster(empty.scheduler_address)))


def test_workers_of_another_version_are_named(dask, file, monkeypatch):
    theirs = re.escape(importlib.metadata.version("xgrad"))
    monkeypatch.setattr(on_cluster, "find_version", lambda: "9.9")
    said = f"the worker tcp://.* has xgrad {theirs} and this is 9.9: install one version"
    with pytest.raises(UsageError, match=said):
        list(do_on_cluster(judge_cell, plan_of(file).cells, Cluster(dask.scheduler_address)))


def test_workers_that_lack_what_they_need_are_an_error_at_once(dask, file, monkeypatch):
    def missing(*given):
        raise ModuleNotFoundError("No module named 'missing'")

    monkeypatch.setattr(on_cluster, "done", missing)
    with pytest.raises(UsageError, match=r"has not all that this needs \(No module named 'missing"):
        list(do_on_cluster(judge_cell, plan_of(file).cells, Cluster(dask.scheduler_address)))


def test_tls_files_need_a_scheduler(file, tmp_path):
    words = ["run", str(file), "--tls-ca", str(file), "--out", str(tmp_path / "o")]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 2
    assert "name it with --scheduler" in done.output


def test_cells_of_a_gpu_go_to_workers_that_have_one():
    plan = plan_of(next(Path(xgrad.__file__).parent.parent.glob("cases/calculus/polynomials.py")))
    cell = plan.cells[0]

    class Client:
        def __init__(self, *resources):
            self.resources = resources

        def scheduler_info(self, n_workers):
            return {"workers": {str(k): {"resources": r} for k, r in enumerate(self.resources)}}

    gpu = replace(cell, device="cuda")
    for client, wanted in ((Client({}, {"GPU": 1}), True), (Client({}), False)):
        run = on_cluster._Run(client, judge_cell, Limits())
        assert run._needs_gpu(gpu) == wanted
        assert not run._needs_gpu(cell)
