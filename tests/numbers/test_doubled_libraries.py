"""Pairs in torch and JAX: the digits of NumPy, also where XLA compiles; and what it would break."""

import numpy as np
import pytest
from expressions import lines
from pair_numbers import BALLS, draw_numbers, in_balls, require_digits, spread

from xgrad.errors import UsageError
from xgrad.numbers import DOUBLED as xp
from xgrad.numbers import Doubled, ball, doubled, from_ball, nearest, precision, to_ball
from xgrad.numbers.doubled import exact, library

torch, jax = pytest.importorskip("torch"), pytest.importorskip("jax")

_rng = np.random.default_rng(11)
DATA = {
    "x": spread(_rng, 0.1, 0.9, (3, 4)),
    "y": spread(_rng, 1.1, 5.0, (3, 4)),
    "m": spread(_rng, -1.0, 1.0, (4, 4)),
    "u": spread(_rng, -5.0, 5.0, (4,)),
}

# What XLA compiles, too; a compilation takes about a second.
COMPILED = lines("""
    2 * x - 1.5 + x / 3 - y * u
    xp.pi - xp.sqrt(x) * y
    1.0 + m - np.eye(4)
    xp.exp(u)
    xp.log(x)
    xp.expm1(u / 100)
    xp.sin(u * 100)
    xp.acos(x - 0.5)
    xp.sum(m, axis=0) + xp.sum(x)
    xp.matmul(m, xp.matrix_transpose(x)) @ x
    xp.erf(x)
    xp.softmax(m, axis=0)
    xp.where(x > 0.5, x, 0.0) % 0.125
    xp.linalg.solve(m[:2, :2], u[:2])
""")

LINES = [
    *COMPILED,
    *lines("""
    xp.tanh(u) + xp.sinh(x) - xp.cosh(y)
    xp.asinh(u) + xp.acosh(y) * xp.atanh(x)
    xp.atan2(u, x) + xp.hypot(u, y) + xp.hypot(2.0, u) + xp.atan2(1.0, u)
    xp.tan(x) + xp.asin(x) + xp.atan(u) + xp.cos(y)
    xp.log1p(x) + xp.log2(y) - xp.log10(y) + xp.exp2(m[:3, :])
    xp.expit(u) + xp.softplus(y) - xp.logaddexp(x, u) + xp.logaddexp(0.5, u)
    xp.erfc(y) + xp.lgamma(x) * xp.digamma(y)
    x ** y + x ** 3 + 2 ** x + y ** -0.5
    xp.floor(y) + xp.round(u) - xp.trunc(u) + xp.ceil(x) + y // x
    xp.mean(x, axis=1) + xp.var(m) + xp.std(x) + xp.prod(x, axis=1) + xp.logsumexp(x, axis=1)
    xp.max(x, axis=1) - xp.min(u) + xp.take(u, xp.argmax(x, axis=1))
    xp.maximum(x, u) + xp.minimum(u, 0.0) + xp.clip(u, -1.0, x) + xp.abs(u) + xp.copysign(x, u)
    xp.cumulative_sum(m, axis=0) + xp.sort(m, axis=1)
    xp.einsum("ij,jk,ik->i", x, m, y) + xp.tensordot(x, u, axes=1) + xp.vecdot(x, u)
    xp.concat([x, m], axis=0) + xp.tile(u[None, :], (7, 1)) + xp.repeat(u, 1, axis=0)
    xp.stack([u, u], axis=0) + xp.flip(u, axis=0) + xp.roll(u, 1, axis=0) + xp.linspace(0.0, 1.0, 4)
    xp.tril(m) + xp.triu(m) + xp.eye(4) * xp.e + xp.zeros_like(m) + xp.full_like(m, 0.1)
    xp.take_along_axis(x, np.array([[0], [3], [1]]), axis=1) + xp.diff(x, axis=1)
    xp.linalg.inv(m) + xp.linalg.det(m) + xp.linalg.cholesky(m @ m.T) + xp.linalg.trace(m)
    xp.astype(xp.astype(y, xp.int64), xp.float64) + xp.astype(x > 0.5, xp.float64) * x
    """),
]


def value(line, data):
    return eval(line, {"xp": xp, "np": np, **data})


def moved(x, put):
    return Doubled(put(x.high), put(x.low))


def in_numpy(line):
    return value(line, DATA)


def in_torch(line):
    made = value(line, {k: moved(x, torch.tensor) for k, x in DATA.items()})
    assert isinstance(made.high, torch.Tensor)
    assert made.high.dtype == made.low.dtype == torch.float64
    return made


def in_jax(line):
    names = list(DATA)

    @jax.jit
    def run(*parts):
        pairs = [Doubled(*parts[i : i + 2]) for i in range(0, len(parts), 2)]
        made = value(line, dict(zip(names, pairs, strict=True)))
        return made.high, made.low

    with jax.enable_x64(True):
        parts = run(*(part for x in DATA.values() for part in (x.high, x.low)))
    return Doubled(*map(np.asarray, parts))


def truth(line):
    with precision(400):
        balls = {k: to_ball(v) for k, v in DATA.items()}
        return ball(eval(line, {"xp": BALLS, "np": np, **balls, "exp2": None}))


def require_digits_of(line, run):
    want = truth(line.replace("xp.exp2(m[:3, :])", "2 ** m[:3, :]"))
    require_digits(29, run(line), want, BALLS.max(BALLS.abs(want)))


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("run", [in_numpy, in_torch])
def test_numpy_and_torch_have_the_digits(line, run):
    require_digits_of(line, run)


@pytest.mark.many
@pytest.mark.parametrize("line", COMPILED)
def test_xla_leaves_the_digits(line):
    require_digits_of(line, in_jax)


@pytest.fixture
def bare(monkeypatch):
    """Sums and products of JAX arrays without what keeps the compiler from them."""
    in_jax("x + 0.5")
    for kind, of in list(library.LIBRARIES.items()):
        if of.kept is library._selected:
            monkeypatch.setitem(library.LIBRARIES, kind, of._replace(kept=lambda v: v))


def test_xla_would_take_the_digits_of_a_constant_plus_a_number(bare):
    with pytest.raises(AssertionError, match="digits in place of 29"):
        require_digits_of("xp.acos(x - 0.5)", in_jax)


def test_products_are_rounded_before_xla_adds_to_them():
    a, b = DATA["x"].high, DATA["y"].high
    with jax.enable_x64(True):
        fused = jax.jit(lambda a, b, c: a * b + c)(a, b, -(a * b))
        kept = jax.jit(lambda a, b, c: library._selected(a * b) + c)(a, b, -(a * b))
        error = jax.jit(lambda a, b: exact.two_product(a, b)[1])(a, b)
    assert np.any(fused)  # else there is nothing to keep a compiler from
    assert not np.any(kept)
    np.testing.assert_array_equal(error, exact.two_product(a, b)[1])


def test_where_subnormal_numbers_are_flushed_bits_end_at_the_least_normal_one():
    rng = np.random.default_rng(12)
    x, y = draw_numbers(rng, -520, -480), draw_numbers(rng, -520, -480)
    with jax.enable_x64(True):
        made = jax.jit(lambda *p: vars_of(Doubled(*p[:2]) * Doubled(*p[2:])))(
            *vars_of(x), *vars_of(y)
        )
    got = Doubled(*map(np.asarray, made))
    require_digits(-1, got, in_balls("multiply", x, y), scale=ball(2.0**-1022))


def vars_of(x):
    return x.high, x.low


def test_torch_has_numpys_bits():
    for line in ("x * y + u / x - 2.0", "xp.sum(x) + xp.sum(m)", "x @ m", "xp.sqrt(y)"):
        one, other = in_numpy(line), in_torch(line)
        assert np.array_equal(one.high, other.high.numpy())
        assert np.array_equal(one.low, other.low.numpy())


def test_libraries_meet():
    x = moved(DATA["u"], torch.tensor)
    for made in (
        x + np.arange(4.0),
        np.arange(4.0) + x,
        torch.arange(4.0) + x,
        x + torch.arange(4),
        x + xp.arange(4),
        sum([x[0], x[1]]) + x,
        xp.where(torch.tensor([True, False, True, False]), x, 0.5),
        xp.take(x, [0, 1, 2, 3]),
        xp.asarray(torch.arange(4.0, dtype=torch.float32)),
        doubled(torch.tensor([1, 2**62 + 1, 3, 4])),
        doubled(torch.ones(4, dtype=torch.bfloat16)),
    ):
        assert isinstance(made, Doubled)
        assert isinstance(made.high, torch.Tensor)
        assert made.high.dtype == made.low.dtype == torch.float64
        assert made.shape == (4,)
        assert isinstance(nearest(made), torch.Tensor)
    assert (doubled(torch.tensor([2**62 + 1])) - 2.0**62).high.tolist() == [1.0]
    require_digits(99, x, to_ball(DATA["u"]))
    assert from_ball(to_ball(x)).high.tolist() == x.high.tolist()
    assert torch.equal(xp.add(torch.tensor([1]), 2), torch.tensor([3]))


def test_jax_without_64_bits_is_refused():
    with pytest.raises(UsageError, match="set jax_enable_x64"):
        doubled(jax.numpy.ones(3))
