"""Monte-Carlo arithmetic: noise where a float rounds, of the size that its rounding has."""

import numpy as np
import pytest

from xgrad.errors import Unsupported
from xgrad.frameworks import find_framework
from xgrad.numbers import EPS, Ball, Noisy, midpoint, more_digits, precision
from xgrad.numbers.arrays import Passing
from xgrad.problem import Setting, case
from xgrad.referee.noise import samples

_rng = np.random.default_rng(20240608)
_root = _rng.normal(size=(4, 4))
DATA = {
    "x": _rng.normal(size=(3, 4)),
    "y": _rng.normal(size=(3, 4)),
    "p": _rng.uniform(0.2, 0.8, size=(3, 4)),
    "t": _rng.normal(size=(2, 3, 4)),
    "u": _rng.normal(size=4),
    "v": _rng.normal(size=4),
    "c": _rng.normal(size=(5, 3)),
    "d": _rng.normal(size=(5, 3)),
    "s": _root @ _root.T + 4 * np.eye(4),
    "a": _root + 3 * np.eye(4),
    "k": _rng.choice([-3, -2, -1, 1, 2, 3], size=(3, 4)),
    "i": np.array([2, 0, 1]),
    "b": _rng.normal(size=(3, 4)) > 0,
}

# A dtype, and the arithmetic that its rounding is imitated in.
BASES = {
    "float32 in float64": ("float32", "numpy", "float64"),
    "float64 in longdouble": ("float64", "numpy", "longdouble"),
    "float32 in balls": ("float32", "ball", ""),
    "float64 in balls": ("float64", "ball", ""),
}
WIDE = [b for b in BASES if b != "float64 in longdouble" or more_digits("float64") == "longdouble"]
SOLVING = [b for b in BASES if "longdouble" not in b]  # NumPy has no extended linear algebra


@pytest.fixture(autouse=True)
def digits():
    """The precision that the referee takes its samples in."""
    with precision(128):
        yield


def unit(basis):
    """Half the dtype's epsilon."""
    return EPS[BASES[basis][0]] / 2


def compute(basis, expression, seed, **data):
    """The expression in noisy arithmetic, or exactly where the seed is None."""
    _, name, kind = BASES[basis]
    framework = find_framework(name)
    xp = base = framework.namespace(kind)
    put = {k: framework.put(v, kind) for k, v in {**DATA, **data}.items()}
    if seed is not None:
        xp = Noisy(base, BASES[basis][0], np.random.default_rng(seed), name == "ball")
        put = {k: xp.wrapped(v) for k, v in put.items()}
    return eval(expression, {"xp": xp, "np": np, **put})


def deviation(basis, expression, seed, **data):
    """|noisy − exact| in float64."""
    noisy, exact = (compute(basis, expression, s, **data) for s in (seed, None))
    assert isinstance(noisy, Passing)
    assert noisy.shape == exact.shape
    gap = noisy.data - exact
    return np.abs(midpoint(gap) if isinstance(gap, Ball) else gap.astype(np.float64))


def typical(basis, expression, draws=25, **data):
    """The root mean square of the deviations over seeds, in units of rounding."""
    gaps = [deviation(basis, expression, seed, **data) for seed in range(draws)]
    return np.sqrt(np.mean(np.square(gaps), axis=0)) / unit(basis)


# What is computed, and the scale of its rounding errors: √n Σ|terms| for a sum of n.
SCALES = {
    "x + y": "abs(x + y)",
    "x - 1": "abs(x - 1)",
    "2.5 * x": "abs(2.5 * x)",
    "x / p": "abs(x / p)",
    "x * k": "abs(x * k)",
    "p ** 1.5": "p ** 1.5",
    "xp.exp(x)": "np.exp(x)",
    "xp.log(p)": "abs(np.log(p))",
    "xp.sqrt(p)": "np.sqrt(p)",
    "xp.tanh(x)": "abs(np.tanh(x))",
    "xp.square(x)": "x ** 2",
    "xp.diff(x)": "abs(np.diff(x))",
    "xp.sum(x)": "np.sqrt(12) * np.sum(abs(x))",
    "xp.sum(x, axis=1)": "2 * np.sum(abs(x), axis=1)",
    "xp.sum(t, axis=(0, 2), keepdims=True)": "np.sqrt(8) * np.sum(abs(t), (0, 2), keepdims=True)",
    "xp.sum(xp.concat([x, -x]))": "np.sqrt(24) * 2 * np.sum(abs(x))",
    "xp.cumulative_sum(x, axis=1)": "2 * np.cumsum(abs(x), axis=1)",
    "xp.prod(x, axis=0)": "np.sqrt(3) * abs(np.prod(x, axis=0))",
    "xp.cumulative_prod(v)": "2 * abs(np.cumprod(v))",
    "xp.mean(x)": "np.sqrt(12) * np.mean(abs(x))",
    "xp.mean(x, axis=0)": "np.sqrt(3) * np.mean(abs(x), axis=0)",
    "x @ a": "2 * abs(x) @ abs(a)",
    "x @ v": "2 * abs(x) @ abs(v)",
    "v @ u": "2 * abs(v) @ abs(u)",
    "t @ a": "2 * abs(t) @ abs(a)",
    "k @ a": "2 * abs(k) @ abs(a)",
    "xp.vecdot(x, v)": "2 * abs(x) @ abs(v)",
    "xp.vecdot(x[:, None], y)": "2 * np.sum(abs(x[:, None] * y), axis=-1)",
    "xp.tensordot(t, x)": "np.sqrt(12) * np.tensordot(abs(t), abs(x))",
    "xp.tensordot(v, u, axes=0)": "abs(np.outer(v, u))",
    "xp.einsum('ij,kj->ik', x, y)": "2 * abs(x) @ abs(y).T",
    "xp.einsum('ij->i', x)": "2 * np.sum(abs(x), axis=1)",
    "xp.einsum('ij->', x)": "np.sqrt(12) * np.sum(abs(x))",
    "xp.einsum('ij,ij->ij', x, y)": "abs(x * y)",
    "xp.einsum('ii', a)": "2 * np.sum(abs(np.diag(a)))",
    "xp.einsum('bij,j', t, v)": "2 * abs(t) @ abs(v)",
    "xp.einsum('...ij,jk->...ik', t, a)": "2 * abs(t) @ abs(a)",
    "xp.einsum('i,ij,j->', v, a, u)": "4 * abs(v) @ abs(a) @ abs(u)",
    "xp.linalg.trace(a)": "2 * np.sum(abs(np.diag(a)))",
    "xp.linalg.outer(v, u)": "abs(np.outer(v, u))",
    "xp.linalg.cross(c, d)": "sum(abs(np.roll(c, i, 1) * np.roll(d, -i, 1)) for i in (1, -1))",
    "xp.linalg.vector_norm(x, axis=1)": "np.linalg.norm(x, axis=1)",
    "xp.linalg.vector_norm(v, ord=1)": "np.sum(abs(v))",
    "xp.linalg.matrix_norm(t)": "2 * np.linalg.norm(t, axis=(-2, -1))",
    "xp.softmax(x)": "2 * np.exp(x) / np.sum(np.exp(x), axis=-1, keepdims=True)",
    "xp.var(p)": "2 * np.var(p)",
    "xp.std(p, axis=1, correction=1)": "np.std(p, axis=1, correction=1)",
    "xp.logsumexp(x)": "1 + abs(np.log(np.sum(np.exp(x))))",
}


@pytest.mark.parametrize("basis", WIDE)
@pytest.mark.parametrize("expression", SCALES)
def test_noise_has_the_size_of_rounding(basis, expression):
    ratio = typical(basis, expression) / eval(SCALES[expression], {"np": np, **DATA})
    assert np.all(ratio > 0.2), ratio
    assert np.all(ratio < 2.0), ratio


@pytest.mark.parametrize("expression", SCALES)
def test_noise_is_the_same_relative_to_the_dtype(expression):
    first, *others = (np.max(typical(basis, expression, 40)) for basis in WIDE)
    assert all(first / 2 < other < first * 2 for other in others)


MOVEMENT = [
    *("x[0]", "x[:, None]", "x[i]", "x[b]", "t[..., 1]", "x.T", "-x", "abs(x)"),
    *("xp.reshape(x, (-1,))", "xp.permute_dims(t, (2, 0, 1))", "xp.moveaxis(t, 0, 1)"),
    *("xp.where(x > 0, x, y)", "xp.where(b, x, 0.0)", "xp.clip(x, -0.5, 0.5)"),
    *("xp.maximum(x, y)", "xp.minimum(x, 0.0)", "xp.max(x)", "xp.min(x, axis=0)", "xp.sign(x)"),
    *("xp.concat([x, y])", "xp.stack([x, y], axis=-1)", "xp.flip(x)", "xp.roll(x, 1, axis=0)"),
    *("xp.sort(x)", "xp.take(x, i, axis=0)", "xp.take_along_axis(x, xp.argsort(x), axis=-1)"),
    *("xp.tril(x)", "xp.broadcast_to(v, (3, 4))", "xp.tile(v, (2,))", "xp.expand_dims(v, axis=0)"),
    *("xp.linalg.diagonal(a)", "xp.zeros_like(x)", "xp.ones((2,))", "xp.eye(3)", "xp.full(2, 0.5)"),
    *("xp.asarray([0.5, 0.25])", "xp.astype(k, x.dtype)", "xp.floor(3 * p)", "xp.round(3 * p)"),
    *("xp.unstack(x)[1]", "xp.meshgrid(u, v)[0]", "xp.broadcast_arrays(u, x)[0]"),
    *("xp.copysign(x, y)", "xp.linalg.vector_norm(x, ord=float('inf')) * 0"),
]


@pytest.mark.parametrize("basis", WIDE)
@pytest.mark.parametrize("expression", MOVEMENT)
def test_moving_and_choosing_numbers_rounds_nothing(basis, expression):
    assert np.all(deviation(basis, expression, seed=1) == 0)


@pytest.mark.parametrize("basis", WIDE)
@pytest.mark.parametrize(
    ("expression", "size"),
    [("xp.asarray([0.1, 0.5])", [0.1, 0]), ("xp.full(2, 0.1)", 0.1), ("xp.maximum(x, 9.9)", 9.9),
     ("xp.asarray(np.array([0.3, -2.0]))", [0.3, 0]), ("xp.where(b, 0.7, 0.0)", "0.7 * b"),
     ("xp.stack([xp.asarray(0.1), xp.asarray(2.0)])", [0.1, 0])],
)  # fmt: skip
def test_constants_round_where_the_dtype_does_not_hold_them(basis, expression, size):
    scale = eval(size, dict(DATA)) if isinstance(size, str) else np.asarray(size)
    if BASES[basis][0] == "float64":
        scale = 0 * scale
    found = typical(basis, expression)
    assert np.all(found <= scale)
    assert np.all(found >= 0.2 * scale)


def test_a_constant_that_cancels_is_noise_and_no_mistake():
    """The float32 angle 5.3 is 2e-7 off, and so is a rotation whose terms nearly cancel."""

    @case(wrt="x", operators=("jvp",))
    def turned(xp, x):
        angle = xp.asarray(np.array([5.3]))
        return x * xp.cos(angle) - xp.sin(angle)

    @turned.inputs
    def draw(rng):
        return {"x": np.tan([5.3]).astype(np.float32)}

    setting = Setting.make(turned, "small", "random", "float32", 0)
    drawn = samples(lambda given, v, w: turned.function(given.xp, *given.xs), setting,
                    np.random.default_rng(0), "float64")  # fmt: skip
    assert np.std(drawn) > 0.2 * 5.3 * unit("float32 in float64")


@pytest.mark.parametrize("basis", WIDE)
def test_questions_have_plain_answers(basis):
    for question in ("x > y", "xp.isfinite(x)", "xp.argsort(x)", "xp.any(x > 0)", "xp.sum(b)"):
        noisy, exact = (compute(basis, question, seed) for seed in (0, None))
        np.testing.assert_array_equal(noisy, exact)


# What libraries do in several steps, composed of noisy ones here.
COMPOSED = [
    *("xp.logsumexp(x, axis=1)", "xp.logsumexp(t, axis=(0, 2), keepdims=True)", "xp.logsumexp(v)"),
    *("xp.logsumexp(1000 * x)", "xp.softmax(x, axis=0)", "xp.log_softmax(t)"),
    *("xp.mean(t, axis=(0, 1))", "xp.mean(k)", "xp.var(x, axis=1, correction=1, keepdims=True)"),
    *("xp.std(x)", "xp.std(t, axis=(0, -1))"),
    *("xp.scan(lambda c, r: (c * r, c + r), v, x)[0]", "xp.scan(lambda c, r: (r, c + r), v, x)[1]"),
    *("xp.scan(lambda c, r: (c + r[0], (r[1] * c, c)), v, (x, y))[1][0]",),
    *("xp.linalg.vector_norm(x)", "xp.linalg.vector_norm(x, axis=1, ord=3, keepdims=True)"),
    *("xp.linalg.vector_norm(k)", "xp.linalg.matrix_norm(t)", "xp.linalg.matrix_norm(x, ord=1)"),
    *("xp.linalg.cross(c, d[0])", "xp.linalg.cross(x, y, axis=0)", "xp.linalg.matrix_power(a, 3)"),
    *("xp.linspace(0.0, 1.0, 5)", "xp.pi * x", "2 ** x", "1.5 - x", "x / k", "x @ a - y"),
    *("xp.softplus(x)", "xp.expit(x)", "xp.logaddexp(x, y)", "xp.atan2(x, y)", "xp.hypot(x, y)"),
    *("xp.erf(x)", "xp.lgamma(p)", "xp.digamma(p)"),
    *("xp.linalg.inv(a)", "xp.linalg.det(a)", "xp.linalg.solve(a, v)", "xp.linalg.cholesky(s)"),
    *("xp.linalg.solve(a, s)", "xp.linalg.slogdet(a)[1]", "xp.linalg.slogdet(a).logabsdet"),
]


@pytest.mark.parametrize("basis", SOLVING)
@pytest.mark.parametrize("expression", COMPOSED)
def test_composed_functions_are_right_up_to_noise(basis, expression):
    exact = compute(basis, expression, None)
    size = 1 + np.max(np.abs(midpoint(exact)))
    gap = deviation(basis, expression, seed=3)
    assert 0 < np.max(gap) < 100 * unit(basis) * size


def test_functions_that_the_arithmetic_lacks_say_so():
    with pytest.raises(AttributeError, match="nearest: softmax"):
        compute("float32 in float64", "xp.softmaxx(x)", 0)
    if more_digits("float64") == "longdouble":
        with pytest.raises(Unsupported, match="erf has no extended-precision version"):
            compute("float64 in longdouble", "xp.erf(x)", 0)


ILL = "xp.linalg.inv(s) xp.linalg.solve(s,v) xp.linalg.cholesky(s) xp.linalg.slogdet(s).logabsdet"


@pytest.mark.parametrize("basis", SOLVING)
@pytest.mark.parametrize("expression", ILL.split())
def test_noise_grows_with_the_condition_number(basis, expression):
    q = np.linalg.qr(_root)[0]

    def noise(condition):
        s = (q * np.geomspace(1 / condition, 1, 4)) @ q.T
        exact = midpoint(compute(basis, expression, None, s=s))
        return np.max(typical(basis, expression, 8, s=s)) / np.max(np.abs(exact))

    well, ill, worse = (noise(condition) for condition in (2.0, 1e2, 1e4))
    assert 0.2 < well < 20
    assert well * 4 < ill < worse / 10


@pytest.mark.parametrize("basis", SOLVING)
def test_each_matrix_of_a_stack_has_its_own_scale(basis):
    alone = typical(basis, "xp.linalg.inv(a)")
    stacked = typical(basis, "xp.linalg.inv(xp.stack([a, 1e8 * a]))[0, ...]")
    np.testing.assert_allclose(stacked, alone, rtol=0.5)


@pytest.mark.parametrize("basis", SOLVING)
def test_the_sign_of_a_determinant_is_exact(basis):
    assert deviation(basis, "xp.linalg.slogdet(-a[:3, :3]).sign", seed=0) == 0


@pytest.mark.parametrize("basis", WIDE)
def test_the_seed_decides_the_noise(basis):
    first, again, other = (deviation(basis, "xp.exp(x) @ a", seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.all(first != other)


def test_more_digits_are_at_least_eight_bits():
    for dtype, eps in EPS.items():
        wide = more_digits(dtype)
        assert wide == "ball" or np.finfo(wide).eps < eps / 256


@case(sizes={"small": {"n": 6}})
def energy(xp, x, k):
    """A function to take samples of."""
    return xp.sum(x**2 * k)


@energy.inputs
def draw(rng, n):
    return {"x": rng.normal(size=n), "k": rng.integers(1, 5, size=n)}


@pytest.mark.parametrize("arithmetic", ["float64", "ball"])
def test_samples_perturb_inputs_and_operations_reproducibly(arithmetic):
    setting = Setting.make(energy, "small", "random", "float32", seed=0)

    def value(arguments, v, w):
        return energy(arguments.xp, *arguments.xs, **arguments.rest)

    def drawn(compute):
        with find_framework("ball").scope():
            taken = samples(compute, setting, np.random.default_rng(5), arithmetic)
        return np.array([midpoint(s) for s in taken])

    def half(x):
        return x / (EPS["float32"] / 2)

    inputs = drawn(lambda arguments, v, w: arguments.xs[0])
    values = drawn(value)
    x, k = setting.inputs["x"], setting.inputs["k"]
    moved, off = half(np.abs(inputs / x - 1)), half(np.abs(values / np.sum(x**2 * k) - 1))
    assert 0.5 < np.max(moved) <= 1
    assert 0.1 < np.max(off) < 5
    assert len(set(values)) == len(values) == 8
    np.testing.assert_array_equal(values, drawn(value))
    np.testing.assert_array_equal(drawn(lambda arguments, v, w: v[0])[0], setting.v[0])
