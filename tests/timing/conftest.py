"""What the tests of the timer share: a clock that does not pause."""

import pytest

from xgrad.timing import clock


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr(clock, "PAUSE", 0.0)
