"""Sums and products of pairs by exact slices, algebra, shapes: against balls, and mistakes."""

import numpy as np
import pytest
from expressions import lines
from pair_numbers import BALLS, draw_numbers, in_balls, require_digits

from xgrad.numbers import DOUBLED as xp
from xgrad.numbers import Doubled, ball, doubled, nearest, precision, to_ball
from xgrad.numbers.doubled import pairs, products


def normal(*shape, seed=0):
    rng = np.random.default_rng([seed, *shape])
    return Doubled.of(rng.normal(size=shape), rng.normal(size=shape) * 1e-17)


def lopsided(*shape, reach=60):
    return draw_numbers(np.random.default_rng(shape), -reach, reach, shape)


def slanted(*shape):
    return lopsided(*shape, reach=15)


def sizes(function, *arguments, **keywords):
    """The same sum or product of absolute values, in balls."""
    return in_balls(function, *map(xp.abs, arguments), **keywords)


@pytest.mark.parametrize("count", [1, 2, 3, 10, 1000, 4097])
@pytest.mark.parametrize("draw", [normal, lopsided])
def test_sums_have_31_digits_of_their_terms(count, draw):
    x = draw(count)
    cancelling = xp.concat([x, -x + 1e-25 * normal(count, seed=1)])
    for terms in (x, cancelling):
        require_digits(31, xp.sum(terms), in_balls("sum", terms), sizes("sum", terms))


def test_sums_have_the_same_bits_in_whatever_order():
    x, order = lopsided(999), np.random.default_rng(0).permutation(999)
    want = xp.sum(x)
    for other in (xp.take(x, order), x[::-1]):
        made = xp.sum(other)
        assert (made.high, made.low) == (want.high, want.low)


def test_sums_that_vanish_are_zero_and_infinite_ones_infinite():
    x = xp.concat([normal(50), -normal(50)[::-1]])
    assert nearest(xp.sum(x)) == 0.0
    with np.errstate(invalid="ignore"):
        for value, want in ((np.inf, np.inf), (-np.inf, -np.inf), (np.nan, np.nan)):
            made = xp.sum(xp.concat([x, doubled([value])]))
            assert np.array_equal(made.high, want, equal_nan=True)
            assert made.low == 0
        assert np.isnan(nearest(xp.sum(doubled([np.inf, -np.inf]))))


REDUCTIONS = ("sum", "mean", "var", "std", "prod", "max", "min", "logsumexp")


@pytest.mark.parametrize("name", REDUCTIONS)
@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2)])
@pytest.mark.parametrize("keepdims", [False, True])
def test_reductions_meet_balls(name, axis, keepdims):
    x, over = normal(3, 4, 5), {"axis": axis, "keepdims": keepdims}
    if name == "prod" and isinstance(axis, tuple):
        x = normal(3, 1, 4)
    require_digits(29.5, getattr(xp, name)(x, **over), in_balls(name, x, **over))


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "cumulative_sum", "cumulative_prod"])
@pytest.mark.parametrize("axis", [0, 1])
def test_functions_along_an_axis_meet_balls(name, axis):
    x = xp.abs(normal(7, 6)) + 0.1
    require_digits(29, getattr(xp, name)(x, axis=axis), in_balls(name, x, axis=axis))


def test_running_sums_keep_the_digits_of_what_was_small():
    x = doubled(10.0 ** np.arange(-30, 30, 3)) / 3.0
    made = xp.cumulative_sum(x, include_initial=True)
    require_digits(31, made, in_balls("cumulative_sum", x, include_initial=True))


SHAPES = [
    ((3, 4), (4, 5)),
    ((8, 300), (300, 9)),
    ((1, 700), (700, 1)),
    ((40,), (40,)),
    ((6, 40), (40,)),
    ((40,), (40, 6)),
    ((2, 7, 9), (9, 8)),
    ((7, 9), (2, 9, 8)),
    ((2, 1, 7, 9), (3, 9, 8)),
    ((3, 0), (0, 5)),
    ((0, 7, 9), (9, 8)),
]


@pytest.mark.parametrize(("left", "right"), SHAPES)
@pytest.mark.parametrize("draw", [normal, slanted])
def test_products_of_matrices_have_31_digits_of_their_terms(left, right, draw):
    a, b = draw(*left), draw(*right)
    require_digits(31, a @ b, in_balls("matmul", a, b), sizes("matmul", a, b))


def test_products_of_scaled_matrices_have_digits_of_their_own():
    a, b = normal(8, 50), normal(50, 9)
    rng = np.random.default_rng(0)
    rows, inner, columns = (2.0 ** rng.integers(-200, 200, n) for n in (8, 50, 9))
    a, b = a * rows[:, None] * inner, b / inner[:, None] * columns
    require_digits(31, a @ b, in_balls("matmul", a, b), sizes("matmul", a, b))


def test_rows_and_columns_with_infinities_are_what_floats_make_of_them():
    a, b = normal(6, 7), normal(7, 8)
    spoiled = xp.where(np.arange(6)[:, None] == 2, np.inf, a)
    with np.errstate(invalid="ignore"):
        made = spoiled @ b
        np.testing.assert_array_equal(made.high[2], (spoiled.high @ b.high)[2])
    kept = np.arange(6) != 2
    require_digits(31, made[kept], in_balls("matmul", a[kept], b), sizes("matmul", a[kept], b))


@pytest.mark.parametrize(("left", "right"), [((1, 90), (90, 1)), ((2, 3), (3, 4))])
def test_small_products_keep_every_term_however_lopsided(left, right):
    a, b = lopsided(*left), lopsided(*right)
    require_digits(31, a @ b, in_balls("matmul", a, b), sizes("matmul", a, b))


def test_slices_with_a_bit_too_many_are_caught(monkeypatch):
    a, b = (1.0 - 0.1 * xp.abs(normal(*shape)) for shape in ((8, 300), (300, 9)))
    want, terms = in_balls("matmul", a, b), sizes("matmul", a, b)
    require_digits(31, a @ b, want, terms)
    count, bits = products._slicing(300)
    monkeypatch.setattr(products, "_slicing", lambda inner: (count, bits + 3))
    with pytest.raises(AssertionError, match="digits in place of 31"):
        require_digits(31, a @ b, want, terms)


def test_a_product_without_its_last_diagonals_is_caught(monkeypatch):
    a, b = normal(8, 300), normal(300, 9)
    diagonals = products._diagonals
    monkeypatch.setattr(products, "_diagonals", lambda *both: diagonals(*both)[:-2])
    with pytest.raises(AssertionError, match="digits in place of 31"):
        require_digits(31, a @ b, in_balls("matmul", a, b), sizes("matmul", a, b))


def test_a_sum_of_floats_only_is_caught(monkeypatch):
    x = normal(1000)
    monkeypatch.setattr(products, "_joined", lambda sums: (sum(sums), 0.0 * sums[0]))
    with pytest.raises(AssertionError, match="digits in place of 31"):
        require_digits(31, xp.sum(x), in_balls("sum", x), sizes("sum", x))


def test_a_long_thin_product_stays_fast():
    a, b = normal(32, 1000), normal(1000, 40)
    count, bits = products._slicing(1000)
    assert count * bits >= 108
    assert 2 * bits + np.log2(1000 * count) <= 53
    corner = [x[:2, :] if x is a else x[:, :2] for x in (a, b)]
    require_digits(31, (a @ b)[:2, :2], in_balls("matmul", *corner), sizes("matmul", *corner))


CONTRACTIONS = lines("""
    xp.einsum("ij,jk->ik", a, b)
    xp.einsum("ij,jk,ik->i", a, b, c)
    xp.einsum("ij->", a)
    xp.einsum("ii->i", m)
    xp.einsum("ii", m)
    xp.einsum("i,j->ij", u, v)
    xp.einsum("...j,j->...", t, u)
    xp.tensordot(t, b, axes=1)
    xp.tensordot(a, b, axes=([1], [0]))
    xp.tensordot(a, a, axes=([0, 1], [0, 1]))
    xp.vecdot(a, u)
    xp.linalg.outer(u, v)
    xp.linalg.cross(a[:, :3], c[:, :3])
    xp.linalg.trace(m)
    xp.linalg.trace(a, offset=1)
    xp.linalg.diagonal(t, offset=-1)
    xp.linalg.solve(m, u)
    xp.linalg.solve(m, b)
    xp.linalg.solve(n, b)
    xp.linalg.inv(n)
    xp.linalg.det(m)
    xp.linalg.det(n)
    xp.linalg.slogdet(n)[0]
    xp.linalg.slogdet(n)[1]
    xp.linalg.cholesky(xp.matmul(m, xp.matrix_transpose(m)))
    xp.linalg.cholesky(xp.matmul(n, xp.matrix_transpose(n)), upper=True)
    xp.linalg.matrix_power(m, 5)
    xp.linalg.matrix_power(m, -2)
    xp.linalg.vector_norm(a)
    xp.linalg.vector_norm(a, axis=1, keepdims=True)
    xp.linalg.vector_norm(a, axis=0, ord=3)
    xp.linalg.vector_norm(a, ord=float("inf"))
    xp.linalg.vector_norm(u, ord=0)
    xp.linalg.matrix_norm(a)
    xp.linalg.matrix_norm(t, ord=1, keepdims=True)
    xp.segment_sum(a, k, 3)
    xp.scan(lambda carry, row: (carry + row, carry * row), u, a)[1]
    xp.diff(a, axis=0, n=2)
    xp.reshape(t, (4, 6)) * xp.pi
    xp.permute_dims(t, (2, 0, 1)) + xp.moveaxis(t, 2, 0)
    xp.expand_dims(u, axis=0) - xp.squeeze(u[None, :, None], axis=(0, 2))
    xp.stack([u, v], axis=1)
    xp.concat([a, xp.zeros((1, 4)), xp.ones_like(a)], axis=0)
    xp.broadcast_arrays(u, a)[0] + xp.broadcast_to(v, (2, 3, 4))
    xp.flip(a, axis=0) + xp.roll(a, 1, axis=1)
    xp.take(a, np.array([2, 0, 2]), axis=0)
    xp.take(a, np.array([[3, 0], [1, 1]]), axis=1)
    xp.take_along_axis(a, np.array([[1], [0], [3]]), axis=1)
    xp.tile(u, (2, 2)) + xp.repeat(v, 2, axis=0)
    xp.tril(m) - xp.triu(m, k=1)
    xp.meshgrid(u, w)[1] + xp.meshgrid(u, w, indexing="ij")[0].T
    xp.unstack(a, axis=1)[2]
    xp.linspace(0.0, 1.0, 7) + xp.arange(7) * xp.full((7,), 0.1)
    xp.arange(0.5, 3.0, 0.25)
    xp.eye(4) * u + xp.full_like(m, 0.3) - xp.zeros_like(m)
    xp.where(a > c, a, 0.0) + xp.clip(c, -0.5, u)
    xp.sort(a, axis=0) + xp.sort(c, axis=1, descending=True)
    xp.asarray([1.5, 2.5, 3.5, 4.5]) / u + xp.asarray(k)[0]
    xp.astype(a > 0, a.dtype) * a
    xp.mean(xp.astype(k, xp.float64))
    xp.max(t, axis=(0, 1)) - xp.min(t, axis=(0, 1))
    xp.copysign(u, v) + xp.sign(v) * xp.reciprocal(u)
""")

DATA = {
    "a": normal(3, 4),
    "b": normal(4, 5),
    "c": normal(3, 5)[:, :4],
    "m": normal(4, 4),
    "t": normal(2, 3, 4),
    "u": normal(4),
    "v": normal(4, seed=1),
    "w": normal(3),
    "n": normal(2, 4, 4),
    "k": np.array([2, 0, 2]),
}


@pytest.mark.parametrize("line", CONTRACTIONS)
def test_algebra_and_shapes_meet_balls(line):
    data = DATA | ({"c": normal(3, 5)} if "ij,jk,ik" in line else {})
    with np.errstate(all="raise", under="ignore"):
        got = eval(line, {"xp": xp, "np": np, **data})
    with precision(400):
        balls = {k: to_ball(v) if isinstance(v, Doubled) else v for k, v in data.items()}
        want = ball(eval(line, {"xp": BALLS, "np": np, **balls}))
    require_digits(28, got, want, BALLS.max(BALLS.abs(want)))


def test_integers_and_booleans_stay_numpys():
    k = np.arange(6).reshape(2, 3)
    for made, want in (
        (xp.sum(k), 15),
        (xp.add(k, 1), k + 1),
        (xp.multiply(k, k), k * k),
        (xp.matmul(k, k.T), k @ k.T),
        (xp.where(k > 2, k, 0), np.where(k > 2, k, 0)),
        (xp.reshape(k, (3, 2)), k.reshape(3, 2)),
        (xp.concat([k, k]), np.concatenate([k, k])),
        (xp.einsum("ij->j", k), k.sum(axis=0)),
        (xp.any(k > 4), True),
        (xp.zeros(2, dtype=xp.int64), np.zeros(2, dtype=np.int64)),
        (xp.zeros_like(k), np.zeros_like(k)),
        (xp.argmax(k), 5),
        (xp.pow(k, 2), k**2),
        (xp.astype(doubled([2.7, -2.7]), xp.int64), [2, -2]),
    ):
        assert not isinstance(made, Doubled)
        np.testing.assert_array_equal(made, want)
        assert np.asarray(made).dtype.kind in "ib"
    assert xp.isdtype(xp.float64, "real floating")
    assert xp.isdtype(k.dtype, "integral")
    assert xp.result_type(k, 1.0) == "doubled"
    assert xp.astype(k, xp.float64).dtype == "doubled"
    assert xp.count_nonzero(doubled([0.0, 1.0, 2.0])) == 2
    assert not xp.all(doubled([0.0, 1.0]))


def test_a_ragged_product_and_a_segment_out_of_range_are_refused():
    with pytest.raises(ValueError, match=r"shapes \(3, 4\) and \(3, 4\) do not fit"):
        normal(3, 4) @ normal(3, 4)
    with pytest.raises(IndexError, match="an id is not in range"):
        xp.segment_sum(normal(3, 4), np.array([0, 5, 1]), 3)
    with pytest.raises(ValueError, match="name the axis"):
        xp.cumulative_sum(normal(3, 4))


def test_running_products_in_pairs_differ_from_those_in_floats():
    """What the digits of a running product are against, were its pairs to lose their low parts."""
    x = xp.abs(normal(30)) + 0.5
    want = in_balls("cumulative_prod", x)
    require_digits(30, xp.cumulative_prod(x), want)
    floats = products.running(
        lambda a, b: (pairs.multiply(a, b)[0], 0.0 * a[0]), (x.high, x.low), 0
    )
    with pytest.raises(AssertionError, match="digits in place of 30"):
        require_digits(30, Doubled(*floats), want)
