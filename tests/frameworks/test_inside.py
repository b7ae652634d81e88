"""Derivatives inside a function: the same on every framework, to the last digits in balls."""

import numpy as np
import pytest

from xgrad.errors import BudgetExceeded, Unsupported, UsageError
from xgrad.frameworks import as_guest, find_framework, inside
from xgrad.numbers import DERIVATIVES, EPS, Complex, ball, in_full, midpoint, precision
from xgrad.numbers.balls.array import working_bits

FRAMEWORKS = ("numpy", "torch", "jax", "ball")
_rng = np.random.default_rng(3)
X, A, V = _rng.normal(size=3), _rng.normal(size=(2, 3)), _rng.normal(size=3)
E = np.exp(A @ X)


def waves(xp, x, A):  # x (3,), A (2, 3) -> (2,)
    return xp.exp(xp.matmul(A, x))


def total(xp, x, A):
    return xp.sum(waves(xp, x, A))


# name: what is taken, of these arrays, and what it is
CALLS = {
    "gradient": (lambda xp, x, A: xp.gradient(total)(x, A), (X, A), A.T @ E),
    "hessian": (lambda xp, x, A: xp.hessian(total)(x, A), (X, A), A.T @ (E[:, None] * A)),
    "jacobian": (lambda xp, x, A: xp.jacobian(waves)(x, A), (X, A), E[:, None] * A),
    "jvp": (lambda xp, x, v, A: xp.jvp(waves)(x, v, A), (X, V, A), E * (A @ V)),
    "vjp": (lambda xp, x, w, A: xp.vjp(waves)(x, w, A), (X, V[:2], A), A.T @ (E * V[:2])),
    "of an array held": (
        lambda xp, x, A: xp.gradient(lambda xp, b: xp.sum(b * x) * xp.sum(b))(x), (X, A),
        X * X.sum() + X @ X,
    ),
    "of a derivative": (
        lambda xp, x, A: xp.jacobian(lambda xp, x: xp.gradient(total)(x, A))(x), (X, A),
        A.T @ (E[:, None] * A),
    ),
    "in a scan": (
        lambda xp, x, A: xp.scan(lambda c, _: (xp.gradient(total)(c, A) / 8, None), x, None,
                                 length=2)[0], (X, A), A.T @ np.exp(A @ (A.T @ E / 8)) / 8,
    ),
    "at 0, of a square": (
        lambda xp, x, A: xp.gradient(lambda xp, x: xp.sum(x * x))(0 * x), (X, A), 0 * X,
    ),
}  # fmt: skip


def called(name, framework, dtype="float64"):
    take, arrays, want = CALLS[name]
    library = find_framework(framework)
    with as_guest(), library.scope():
        made = take(library.namespace(dtype), *(library.put(a, dtype) for a in arrays))
        return library.get(made), library.describe(made)[1], want


@pytest.mark.many
@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("name", CALLS)
def test_every_framework_takes_the_same(name, framework):
    got, dtype, want = called(name, framework)
    assert got == pytest.approx(want, rel=1e-13, abs=1e-14)
    assert dtype in ("float64", "ball")


@pytest.mark.parametrize("framework", FRAMEWORKS[:3])
@pytest.mark.parametrize("name", DERIVATIVES)
def test_the_dtype_is_that_of_the_arrays(name, framework):
    got, dtype, want = called(name, framework, "float32")
    assert dtype == "float32"
    assert got == pytest.approx(want, rel=64 * EPS["float32"])


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_what_is_wrong_with_a_function_inside_is_said(framework):
    library = find_framework(framework)
    with library.scope():
        xp, x = library.namespace("float64"), library.put(X, "float64")
        for name in DERIVATIVES:
            with pytest.raises(UsageError, match=rf"xp.{name}\(f\): got f\(x\); write it f\(xp, x"):
                getattr(xp, name)(lambda x: x)
        with pytest.raises(Exception, match="scalar"):
            xp.gradient(lambda xp, x: x)(x)


def test_numbers_without_derivatives_inside_say_so():
    xp = Complex(find_framework("numpy").namespace("float64"))
    with pytest.raises(Unsupported, match=r"xp\.gradient, has no complex version"):
        xp.gradient(total)


def test_numpy_does_not_take_forever(monkeypatch):
    monkeypatch.setattr(inside, "SECONDS", 1e-2)
    xp = find_framework("numpy").namespace("float64")
    with pytest.raises(BudgetExceeded):
        xp.gradient(lambda xp, x: xp.sum(xp.exp(x)))(np.ones(1_000))


def test_numpy_knows_the_bits_that_a_function_needed_before():
    seen = []

    def bent(xp, x):
        seen[-1].add(working_bits())
        return xp.sum(xp.gradient(lambda xp, x: xp.sum(x**4))(x) ** 2)

    xp, found = find_framework("numpy").namespace("float64"), []
    for _ in range(2):
        seen.append(set())
        found.append(xp.gradient(bent)(X))
    assert len(seen[0]) > 1
    assert seen[1] == {max(seen[0])}
    np.testing.assert_array_equal(*found)
    assert found[0] == pytest.approx(96 * X**5, rel=1e-13)


# --- digits in balls ------------------------------------------------------------------------------


def slope(f):
    """The derivative of an elementwise function, taken inside."""
    return lambda xp, t: xp.jvp(f)(t, xp.ones_like(t))


def digits(taken, want, *, bits=384):
    xp = find_framework("ball").namespace()
    with precision(bits):
        got = in_full(lambda t: taken(xp, t))(ball(0.7))
        gap, size = (abs(float(midpoint(a))) for a in (got - want(xp, ball(0.7)), got))
    return -np.log10(gap / size) if gap else np.inf


def test_bits_grow_with_the_nesting():
    found = lambda xp, t: xp.exp(2 * t)  # noqa: E731
    for depth in range(1, 5):
        found = slope(found)
        assert digits(found, lambda xp, t, k=depth: 2**k * xp.exp(2 * t)) > 100


def test_and_not_with_a_chain_of_derivatives():
    def chain(xp, t):
        for _ in range(40):
            t = slope(lambda xp, s: s * s / 2 + xp.sin(s) / 4)(xp, t)
        return t

    def by_hand(xp, t):
        for _ in range(40):
            t = t + xp.cos(t) / 4
        return t

    assert digits(chain, by_hand) > 100


def test_without_enough_bits_there_are_fewer():
    xp = find_framework("ball").namespace()
    third = slope(slope(slope(lambda xp, t: xp.exp(2 * t))))
    with precision(384):
        plain = third(xp, ball(0.7))
        gap = abs(float(midpoint(plain - 8 * xp.exp(ball(0.7) * 2))))
    assert 1e-60 < gap < 1e-20  # as the steps were planned for fewer levels


@pytest.mark.parametrize("framework", ["numpy", "ball"])
def test_a_kink_has_no_derivative_and_a_vertex_has(framework):
    library = find_framework(framework)
    with library.scope():
        xp, x = library.namespace("float64"), library.put(np.array([0.0, 1.0]), "float64")
        kinked = library.get(xp.gradient(lambda xp, x: xp.sum(xp.abs(x)))(x))
        smooth = library.get(xp.gradient(lambda xp, x: xp.sum(xp.abs(x) * x))(x))
    assert np.array_equal(kinked, [np.nan, 1.0], equal_nan=True)
    assert smooth == pytest.approx([0.0, 2.0], abs=1e-15)
