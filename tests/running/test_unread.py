"""Results that nobody has looked at yet: the same object becomes the frame."""

import copy
import pickle
import subprocess
import sys
import threading

import numpy as np
import pandas as pd
import pytest
from checkout import ROOT

from xgrad.running.results import Results
from xgrad.running.unread import Unread, results_at_hand, rows_of
from xgrad.table import COLUMNS, completed, make_frame

ROWS = completed([{"case": "f", "verdict": "agrees", "error": 1e-17}, {"case": "g"}])
FRAME = Results(make_frame(ROWS))

LOOKS = {
    "isinstance": lambda r: isinstance(r, pd.DataFrame),
    "a column": lambda r: r["verdict"].tolist() == ["agrees", ""],
    "an attribute": lambda r: r.shape == (2, len(COLUMNS)),
    "length": lambda r: len(r) == 2,
    "membership": lambda r: "error" in r,
    "iteration": lambda r: list(r) == [c.name for c in COLUMNS],
    "text": lambda r: str(r) == str(FRAME) and repr(r) == repr(FRAME),
    "a comparison": lambda r: (r == make_frame(ROWS))["case"].all(),
    "its reflection": lambda r: (make_frame(ROWS) == r)["case"].all(),
    "arithmetic": lambda r: (1 + r[["error"]])["error"][0] == 1,
    "an array": lambda r: np.asarray(r).shape == (2, len(COLUMNS)),
    "concatenation": lambda r: len(pd.concat([make_frame(ROWS), r])) == 4,
    "a copy": lambda r: type(copy.copy(r)) is Results,
    "a deep copy": lambda r: type(copy.deepcopy(r)) is Results,
    "a pickle": lambda r: pickle.loads(pickle.dumps(r)).equals(make_frame(ROWS)),
    "its class": lambda r: r.__class__ is Results,
    "its names": lambda r: "explain" in dir(r),
    "its subjects": lambda r: dict(r.subjects) == {},
    "a new column": lambda r: r.__setitem__("mine", 1) or r["mine"].sum() == 2,
    "a new attribute": lambda r: setattr(r, "columns", range(len(COLUMNS))) or r[0][0] == "f",
}


@pytest.mark.parametrize("look", LOOKS)
def test_at_the_first_look_it_is_the_frame(look):
    unread = Unread(ROWS, [], None)
    assert LOOKS[look](unread)
    assert isinstance(unread, Results)
    assert list(unread.columns)[-1] in ("message", "mine", len(COLUMNS) - 1)


def test_whatever_python_asks_of_the_class_of_a_frame_is_passed_on():
    asked = {n for n in dir(Results) if n.startswith("__") and callable(getattr(Results, n))}
    plain = set(dir(object)) - {
        "__repr__",
        "__str__",
        "__dir__",
        "__eq__",
        "__hash__",
        "__format__",
    }
    own = {"__getattr__", "__finalize__"}  # asked of the object only
    assert asked - plain - own - set(vars(Unread)) == set()


@pytest.mark.parametrize("ask", [bool, hash, lambda r: r.vedict, lambda r: r["vedict"]])
def test_what_a_frame_refuses_is_refused_in_its_words(ask):
    said = []
    for each in (FRAME, Unread(ROWS, [], None)):
        with pytest.raises((TypeError, ValueError, AttributeError, KeyError)) as refused:
            ask(each)
        said.append((refused.type, str(refused.value)))
    assert said[0] == said[1]


def test_rows_are_had_without_a_look():
    unread = Unread(ROWS, [], None)
    assert [r["verdict"] for r in rows_of(unread)] == ["agrees", ""]
    assert type(unread) is Unread
    assert [r["case"] for r in rows_of(Results(make_frame(ROWS)))] == ["f", "g"]


def test_where_pandas_is_there_the_frame_is_made_at_once():
    assert type(results_at_hand(ROWS, [], None)) is Results


def test_two_threads_may_look_at_once():
    unread, seen = Unread(ROWS, [], None), []
    threads = [threading.Thread(target=lambda: seen.append(len(unread))) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert seen == [2] * 8


def test_in_a_process_without_pandas_it_waits_and_explains_its_rows():
    code = (
        "import sys, torch, xgrad\n"
        "x = torch.ones(2, dtype=torch.float64, requires_grad=True)\n"
        "found = xgrad.check(lambda x: x.sin().sum(), x, methods='torch.reverse')\n"
        "assert 'pandas' not in sys.modules\n"
        "xgrad.assert_agreement(lambda x: x.sin().sum(), x)\n"
        "assert 'pandas' not in sys.modules\n"
        "import pandas\n"
        "assert isinstance(found, pandas.DataFrame) and found['verdict'].tolist() == ['agrees']\n"
        "assert 'agrees' in str(found.explain(0))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
