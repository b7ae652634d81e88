"""Timings of a process of its own: its threads, its imports, its rows and their columns."""

import os

import pytest
from subjects import SEEDED

from xgrad.timing import table, time_cases


@pytest.fixture(scope="module")
def apart(tmp_path_factory):
    """Timings of a case file, measured in a process of their own."""
    path = tmp_path_factory.mktemp("cases") / "squares.py"
    path.write_text(
        "import xgrad\n\n\n"
        "@xgrad.case(wrt='x', operators=('gradient',))\n"
        "def squares(xp, x):\n    return xp.sum(x * x)\n\n\n"
        "squares.inputs(lambda rng: {'x': rng.normal(size=5)})\n"
        "squares.formula('gradient')(lambda xp, x: 2 * x)\n"
    )
    before = dict(os.environ)
    frame = time_cases(path, methods=("torch.reverse", "jax.reverse"), **SEEDED)
    assert dict(os.environ) == before
    return frame


def test_the_threads_reached_the_measuring_process(apart):
    about = apart.attrs["environment"]
    assert about["frameworks"]["torch"]["flags"]["threads"] == "1"
    assert about["variables"]["OMP_NUM_THREADS"] == "1"
    assert "--xla_cpu_multi_thread_eigen=false" in about["variables"]["XLA_FLAGS"]
    assert about["threads"] == 1
    if hasattr(os, "sched_setaffinity"):
        assert len(about["pinned"]) == 1
        assert set(about["pinned"]) <= os.sched_getaffinity(0)
    assert set(apart["threads"]) == {1}


def test_imports_are_timed_apart_from_first_calls(apart):
    imports = apart.attrs["environment"]["import_seconds"]
    assert set(imports) == {"torch", "jax"}
    assert min(imports.values()) > 0
    first = apart.set_index("framework")["first_call"]
    assert 0 < first["torch"] < imports["torch"]
    assert first["jax"] > 10 * apart.set_index("framework")["derivative"]["jax"]  # it compiles


def test_rows_of_the_measuring_process_are_judged_and_complete(apart):
    assert list(apart.columns) == [c.name for c in table.TIMING_COLUMNS]
    assert list(apart["verdict"]) == ["agrees", "agrees"]
    assert (apart["derivative"] > 0).all()


def test_columns_are_those_of_the_design_and_say_what_they_mean():
    names = [c.name for c in table.TIMING_COLUMNS]
    for name in ("first_call", "derivative", "value", "ratio", "iqr", "repeats", "peak_memory",
                 "threads", "case", "size", "point", "operator", "framework", "technique",
                 "device", "dtype", "seed", "status", "verdict"):  # fmt: skip
        assert name in names
    for column in table.TIMING_COLUMNS:
        assert column.meaning
        assert not column.unit or column.dtype in ("float64", "str")
