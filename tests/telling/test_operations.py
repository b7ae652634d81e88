"""A census in short: an operation shows what its worst sample shows."""

import pytest

from xgrad.table import KNOWN
from xgrad.telling.operations import OUTCOMES, outcome_of


def row(verdict, status="ok", message="", digits=15.0):
    return {"verdict": verdict, "status": status, "message": message, "digits": digits,
            "dtype": "float64"}  # fmt: skip


RIGHT = row("agrees")


@pytest.mark.parametrize(
    ("other", "outcome"),
    [
        (row("disagrees"), "wrong"),
        (row("", "error"), "no verdict"),
        (row("", "timeout"), "no verdict"),
        (row("unstable", digits=1.0), "wrong"),
        (row("disagrees", message=f"{KNOWN}documented"), "known"),
        (row("unstable", digits=9.0), "unstable"),
        (row("inconclusive"), "no verdict"),
        (row("convention"), "right"),
        (row("", "unsupported"), "right"),
    ],
)
def test_one_sample_decides(other, outcome):
    assert outcome in OUTCOMES
    assert outcome_of([RIGHT, other]) == outcome_of([other, RIGHT]) == outcome


def test_what_no_sample_has_is_not_there():
    assert outcome_of([row("", "unsupported"), row("", "unavailable")]) == "not there"
