"""What the tests share: verdicts as dictionaries, files, the command line in process."""

import gc
import os
import shutil
import tempfile
import textwrap
from collections import defaultdict

import numpy as np
import pytest
from click.testing import CliRunner

import xgrad
from xgrad.cli import main
from xgrad.table import records

FEW = 6  # tests of many alike
# Of the library's cases in JAX, which compiles each, every third, where all are asked for.
COMPILED, EVERY, MANY = "-jax.reverse-", 3, 5_000


def pytest_addoption(parser):
    parser.addoption(
        "--slow", action="store_true", help="also tests of a minute each, and all of many alike"
    )


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes a minute; runs with --slow")
    config.addinivalue_line(
        "markers", f"many(few={FEW}): so many, evenly spaced, stand for all of them without --slow"
    )
    if "PYTEST_XDIST_WORKER" not in os.environ:  # one place for all, which workers inherit
        os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp()


def pytest_unconfigure(config):
    if "PYTEST_XDIST_WORKER" not in os.environ:
        shutil.rmtree(os.environ["XDG_CACHE_HOME"], ignore_errors=True)


@pytest.hookimpl(trylast=True)  # of those that were chosen
def pytest_collection_modifyitems(config, items):
    if config.getoption("--slow"):
        return
    alike = defaultdict(list)
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="takes a minute: --slow runs it"))
        elif mark := item.get_closest_marker("many"):
            alike[item.path, item.originalname, *(mark.args or (FEW,))].append(item)
        elif COMPILED in item.name and len(items) > MANY:
            alike[COMPILED, None].append(item)
    for (*_, few), tests in alike.items():
        few = min(few or len(tests) // EVERY, len(tests))
        standing = set(np.linspace(0, len(tests) - 1, few).round().tolist())
        for k, item in enumerate(tests):
            if k not in standing:
                item.add_marker(pytest.mark.skip(reason="others stand for it: --slow runs it"))


def pytest_collection_finish(session):
    """What was collected stays: nobody need look through it for garbage after each test."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def verdicts():
    """Rows of `xgrad.run` on the CPU, as dictionaries."""

    def judge(cases, *methods, dtype="float64", **options):
        dtypes = (dtype,) if isinstance(dtype, str) else dtype
        options = {"devices": ("cpu",), "dtypes": dtypes, "methods": methods or None, **options}
        return records(xgrad.run(cases, **options))

    return judge


@pytest.fixture
def verdict(verdicts):
    """The only row."""

    def judge(case, method, **options):
        (row,) = verdicts(case, method, **options)
        return row

    return judge


@pytest.fixture
def write(tmp_path):
    """Write a file below the test's folder; returns its path."""

    def make(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return path

    return make


@pytest.fixture
def call(tmp_path, monkeypatch):
    """`xgrad …` in this process, in the test's folder; a traceback fails the test."""
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments):
        result = CliRunner().invoke(main, [str(a) for a in arguments])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.output
        assert "Traceback" not in result.output
        return result

    return invoke
