"""Many points at once in NumPy: the numbers of one by one, or a loop where no rule is there."""

import numpy as np
import pytest
from rounding import COMPOSED, DATA, MOVEMENT, SCALES

from xgrad.frameworks import find_framework
from xgrad.numbers import Together, batched
from xgrad.numbers.batched import Batch, NotBatched

XP = find_framework("numpy").namespace("float64")
FLOATS = {k: v for k, v in DATA.items() if v.dtype.kind == "f"}
MORE = [
    *("x[1]", "x[..., 0]", "x[1:, None]", "x[[2, 0]]", "x[i]", "x[:, i]", "t[0, :, 1]", "t[:, i]"),
    *("x[1, i]", "sum(x)", "xp.take(v, xp.argmax(x, axis=1))", "x * np.arange(4)", "np.pi * v"),
    *("np.ones((2, 3, 4)) * x", "x @ np.ones((4, 2))", "np.ones((2, 3)) @ x", "np.ones(3) @ x"),
    *("x @ np.ones(4)", "s @ v", "t @ v", "v @ t[0].T", "xp.einsum('ij,j->i', np.eye(4), v)"),
    *("xp.repeat(x, 2, axis=1)", "xp.roll(v, 1)", "xp.unstack(t, axis=1)[2]", "xp.prod(t)"),
    *("xp.argmax(v) + 0.0", "xp.broadcast_to(x, (2, 3, 4))", "xp.squeeze(x[:, :1], axis=1)"),
    *("xp.where((x > 0) & ~(x < 1) | (x < -1), x, y)", "xp.linalg.solve(a, v)", "x[0, 1] ** 2"),
    *("xp.segment_sum(x, i, 4)", "xp.expm(a)", "xp.linalg.vector_norm(t)", "xp.std(t, axis=-1)"),
    *("xp.stack([v, np.zeros(4)])", "xp.concat([x, np.ones((1, 4))])", "xp.reshape(t, 24)"),
    *("xp.take_along_axis(x, np.array([[0], [1], [3]]), axis=1)", "xp.astype(x > 0, x.dtype)"),
    *("xp.permute_dims(t, (1, -1, 0))", "xp.max(x, axis=(0, 1), keepdims=True)", "len(x) * v"),
]


def function(expression):
    """f(xp, row, rest) whose row has all the float data, flat."""

    def f(xp, row, rest):
        named, start = dict(rest), 0
        for name, like in FLOATS.items():
            named[name] = xp.reshape(row[start : start + like.size], like.shape)
            start += like.size
        return xp.reshape(eval(expression, {"xp": xp, "np": np, **named}), (-1,))

    return f


def points(count=5):
    flat = np.concatenate([v.reshape(-1) for v in FLOATS.values()])
    rng = np.random.default_rng(0)
    return flat * (1 + 0.01 * rng.normal(size=(count, flat.size)))


REST = {k: v for k, v in DATA.items() if k not in FLOATS}
NOT_YET = {"xp.tensordot(t, x)", "xp.tensordot(v, u, axes=0)", "xp.meshgrid(u, v)[0]",
           "xp.tile(v, (2,))", "xp.linalg.trace(a)"}  # fmt: skip
CONSTANT = {"xp.ones((2,))", "xp.eye(3)", "xp.full(2, 0.5)", "xp.asarray([0.5, 0.25])",
            "xp.linspace(0.0, 1.0, 5)", "xp.mean(k)", "xp.linalg.vector_norm(k)",
            "xp.astype(k, x.dtype)"}  # fmt: skip
EXPRESSIONS = [e for e in [*SCALES, *MOVEMENT, *COMPOSED, *MORE] if e not in NOT_YET | CONSTANT]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_all_points_at_once_have_the_numbers_of_one_by_one(expression):
    f, rows = function(expression), points()
    alone = np.stack([f(XP, row, REST) for row in rows])
    together = Together(f, XP)._at_once(rows, REST)
    np.testing.assert_allclose(together, alone, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("expression", sorted(CONSTANT))
def test_values_that_do_not_depend_on_the_point_go_one_by_one(expression):
    with pytest.raises(NotBatched, match="does not depend on the point"):
        Together(function(expression), XP)._at_once(points(), REST)


def at_once(f, rows):
    """The values, and whether they were taken together."""
    both = Together(f, XP)
    return both(rows, {}), not both.alone


def test_what_has_no_rule_or_needs_numbers_goes_one_by_one():
    rows = np.arange(6.0).reshape(3, 2)
    for f in (
        lambda xp, row, rest: xp.reshape(xp.tile(row, (2,)), (-1,)),
        lambda xp, row, rest: np.cumsum(row),
        lambda xp, row, rest: row if row[0] > 1 else -row,
        lambda xp, row, rest: row * float(row[1]),
    ):
        values, together = at_once(f, rows)
        assert not together
        np.testing.assert_array_equal(values, np.stack([f(XP, row, {}) for row in rows]))


def test_a_mistake_of_the_function_is_told_as_it_is_one_by_one():
    with pytest.raises(ValueError, match="operands could not be broadcast"):
        at_once(lambda xp, row, rest: row + xp.ones(7), np.ones((3, 2)))


def test_a_rule_that_is_wrong_is_noticed(monkeypatch):
    def wrong(self, x, shape, **keywords):
        return self.wrapped(np.flip(x.data, axis=1))

    rows = np.arange(6.0).reshape(3, 2)
    monkeypatch.setattr(batched.Batched, "_reshape", wrong)
    values, together = at_once(lambda xp, row, rest: xp.reshape(row, (-1,)), rows)
    assert not together
    np.testing.assert_array_equal(values, rows)


def test_points_that_need_much_memory_come_in_parts(monkeypatch):
    seen = []

    def f(xp, row, rest):
        seen.append(len(row.data) if isinstance(row, Batch) else 1)
        return xp.sum(row[:, None] * row[None, :], axis=1)

    monkeypatch.setattr(batched, "MOST", 1000)
    rows = np.random.default_rng(0).normal(size=(64, 10))
    values, together = at_once(f, rows)
    assert together
    assert max(k for k in seen[1:]) <= 16  # 16 points of 100 products do not fit either
    assert 4 in seen
    np.testing.assert_allclose(values, rows * rows.sum(axis=1, keepdims=True), rtol=1e-12)


def test_a_small_batch_sets_no_size_for_a_large_one():
    seen = []

    def f(xp, row, rest):
        seen.append(len(row.data) if isinstance(row, Batch) else 1)
        return xp.sum(row * row)

    together = batched.Together(f, np)
    for count in (5, 400):
        together(np.ones((count, 3)), {})
    assert seen == [5, 1, 1, 400]  # the first and the last alone, once


def test_one_point_may_need_more_than_that(monkeypatch):
    monkeypatch.setattr(batched, "MOST", 10)
    rows = np.random.default_rng(0).normal(size=(3, 100))
    values, together = at_once(lambda xp, row, rest: row * row, rows)
    assert together
    np.testing.assert_array_equal(values, rows * rows)
