"""One way to carry other numbers: a kind is one class, and the table says what functions do."""

import numpy as np
import pytest

from xgrad.frameworks import find_framework
from xgrad.numbers import DERIVATIVES, EXTRAS, bare
from xgrad.numbers.arrays import Passing
from xgrad.numbers.functions import (
    COMPARISONS,
    EXACT,
    FUNCTIONS,
    MOVEMENT,
    ORDER,
    ROUTINES,
    UNROUNDED,
)
from xgrad.numbers.lifting import Lifting

XP = find_framework("numpy").namespace("float64")
SCANNING = {"scan", *DERIVATIVES}  # what takes functions


class Traced(Lifting):
    """Arrays that note the functions they went through: a whole kind of number."""

    def __init__(self, base):
        super().__init__(base)
        self.seen = []

    def apply(self, name, function, *args, **keywords):
        self.seen.append(name)
        return self.wrapped(function(*map(bare, args), **{k: bare(v) for k, v in keywords.items()}))

    def wrap(self, value):
        return Passing(value, self) if isinstance(value, (np.ndarray, np.generic)) else value


def test_a_kind_of_number_is_one_class():
    xp = Traced(XP)
    x, a = (Passing(np.array(v), xp) for v in ([1.0, 2.0], [[2.0, 1.0], [0.0, 3.0]]))
    y = xp.sum(xp.exp(-x)) + xp.linalg.det(a) * a[0, 1] + xp.max(xp.stack([x, a @ x]))
    assert isinstance(y, Passing)
    assert y.data == pytest.approx(np.exp(-1) + np.exp(-2) + 6 + 6)
    assert xp.seen == [
        "negative",
        "exp",
        "sum",
        "det",
        "multiply",
        "add",
        "matmul",
        "stack",
        "max",
        "add",
    ]


def test_what_a_scan_carries_is_lifted_too():
    xp = Traced(XP)
    xs = Passing(np.arange(3.0), xp)
    total, partial = xp.scan(lambda carry, x: (carry + x, carry * x), xs[0], xs)
    assert (total.data, partial.data.tolist()) == (3.0, [0.0, 0.0, 2.0])


def test_results_in_named_tuples_keep_their_names():
    made = Traced(XP).linalg.slogdet(Passing(np.eye(2), Traced(XP)))
    assert isinstance(made.logabsdet, Passing)


def test_a_lifted_array_is_not_taken_for_numbers():
    x = Passing(np.ones(2), Traced(XP))
    for misuse in (float, bool, np.sin, lambda a: a.__setitem__(0, 1.0)):
        with pytest.raises(TypeError):
            misuse(x)


def test_every_function_of_the_table_is_one_of_xp():
    known = {n for n in FUNCTIONS if any(hasattr(part, n) for part in (XP, XP.linalg, XP.fft))}
    assert set(FUNCTIONS) - known == set()


def test_every_function_of_balls_and_every_extra_is_in_the_table():
    balls = vars(find_framework("ball").namespace())
    named = {n for n, f in balls.items() if callable(f) and not isinstance(f, type)}
    about_types = {"finfo", "isdtype", "result_type", "broadcast_shapes"}
    assert named - set(FUNCTIONS) - about_types - SCANNING == set()
    assert set(EXTRAS) - set(FUNCTIONS) - SCANNING == set()


def test_movement_moves_the_very_elements():
    x = np.random.default_rng(0).normal(size=(2, 3))
    one = {"reshape": ((3, 2),), "permute_dims": ((1, 0),), "flip": (), "roll": (1,)}
    calls = {**one, "tile": ((2, 1),), "repeat": (2,), "squeeze": (0,), "tril": (), "triu": ()}
    for name, more in calls.items():
        assert FUNCTIONS[name].kind == MOVEMENT
        moved = getattr(XP, name)(x[None] if name == "squeeze" else x, *more)
        assert set(moved.reshape(-1).tolist()) <= {*x.reshape(-1).tolist(), 0.0}


def test_order_does_not_see_how_far_apart_numbers_are():
    x = np.random.default_rng(1).normal(size=(3, 4))
    ranks = np.argsort(np.argsort(x, axis=None)).reshape(x.shape).astype(float)
    for name in ("argsort", "argmax", "argmin"):
        assert FUNCTIONS[name].kind == ORDER
        np.testing.assert_array_equal(getattr(XP, name)(x), getattr(XP, name)(ranks))


def test_sets_of_functions_are_of_the_table():
    assert {"equal", "not_equal", "less", "less_equal", "greater", "greater_equal"} == COMPARISONS
    assert "remainder" in UNROUNDED <= EXACT
    assert {"inv", "solve", "expm"} <= ROUTINES
    assert not ROUTINES & EXACT
