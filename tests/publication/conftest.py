"""Sites that the tests of publication share."""

import time

import pytest
import saved_runs as saved
from browsing import opened

from xgrad.publication import publish


@pytest.fixture(scope="session")
def many(tmp_path_factory):
    """The synthetic run of 100 cases × 20 methods, published; with the seconds of this process."""
    folder = tmp_path_factory.mktemp("many")
    saved.save_many(folder / "run")
    started = time.process_time()
    publish([folder / "run"], folder / "site")
    return folder / "site", time.process_time() - started


@pytest.fixture(scope="session")
def odd(tmp_path_factory):
    """The run in which much went wrong, published with timings and a second run."""
    folder = tmp_path_factory.mktemp("odd")
    runs = [
        saved.save_odd(folder / "run"),
        saved.save(folder / "later", [saved.row()], date="2026-11-22"),
    ]
    publish([*runs, saved.save_timings(folder / "t")], folder / "site")
    return folder / "site"


@pytest.fixture(scope="session")
def census(tmp_path_factory):
    """Two censuses of a made-up framework, published: the later one has other outcomes."""
    folder = tmp_path_factory.mktemp("census")
    runs = [
        saved.save_census(folder / "before"),
        saved.save_census(folder / "after", date="2026-11-22", later=True),
    ]
    publish(runs, folder / "site")
    return folder / "site"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """A browser for the tests of a file."""
    with opened(tmp_path_factory.mktemp("profile")) as driver:
        yield driver
