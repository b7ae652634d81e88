"""Decompositions of balls: exact to their bits, in LAPACK's conventions, and differentiable."""

import flint
import numpy as np
import pytest
from truths import truth_of

from xgrad.errors import BudgetExceeded
from xgrad.frameworks import find_framework
from xgrad.numbers import ball, budget, midpoint, precision
from xgrad.numbers.balls.array import radius

xp = find_framework("ball").namespace()
_rng = np.random.default_rng(20240609)
SQUARE = _rng.normal(size=(5, 5))
SYMMETRIC = SQUARE + SQUARE.T
TALL, WIDE = _rng.normal(size=(6, 3)), _rng.normal(size=(3, 6))
STACK = _rng.normal(size=(2, 4, 3))
MATRICES = {"square": SQUARE, "tall": TALL, "wide": WIDE, "stack": STACK, "one": TALL[:1, :1]}
BITS = (256, 384, 1000)


@pytest.fixture(params=BITS)
def bits(request):
    """The precision that the referee asks for, and others."""
    with precision(request.param):
        yield request.param


@pytest.fixture
def digits():
    """256 bits."""
    with precision(256):
        yield


def vanishes(rest, bits, size=1.0):
    """Whether all but a few of the bits are 0, and the balls know."""
    least = ball(size) * ball(2.0) ** (20 - bits)
    return bool(xp.all(xp.abs(rest) < least)) and bool(np.all(np.isfinite(radius(rest))))


def diagonal(values):
    return values[..., None] * xp.eye(values.shape[-1])


# --- identities ----------------------------------------------------------------------------------


def eigenvalue_rests(linalg, a):
    w, v = linalg.eigh(a)
    yield v @ diagonal(w) @ v.mT - a
    yield v.mT @ v - xp.eye(a.shape[-1])
    yield xp.sum(w, axis=-1) - linalg.trace(a)
    yield xp.prod(w, axis=-1) - linalg.det(a)
    yield w - linalg.eigvalsh(a)


def singular_value_rests(linalg, a):
    u, s, vh = linalg.svd(a, full_matrices=False)
    k = min(a.shape[-2:])
    yield u @ diagonal(s) @ vh - a
    yield u.mT @ u - xp.eye(k)
    yield vh @ vh.mT - xp.eye(k)
    yield s - linalg.svdvals(a)
    yield xp.sqrt(xp.sum(s * s, axis=-1)) - linalg.matrix_norm(a)
    yield linalg.matrix_norm(a, ord="nuc") - xp.sum(s, axis=-1)
    yield linalg.matrix_norm(a, ord=2) - s[..., 0]
    yield linalg.matrix_norm(a, ord=-2, keepdims=True)[..., 0, 0] - s[..., -1]


def orthogonal_rests(linalg, a):
    for mode in ("reduced", "complete"):
        q, r = linalg.qr(a, mode=mode)
        yield q @ r - a
        yield q.mT @ q - xp.eye(q.shape[-1])
        yield xp.tril(r, k=-1)


def pseudoinverse_rests(linalg, a):
    b = linalg.pinv(a)
    yield a @ b @ a - a
    yield b @ a @ b - b
    yield (a @ b).mT - a @ b
    yield (b @ a).mT - b @ a


RESTS = (singular_value_rests, orthogonal_rests, pseudoinverse_rests)


@pytest.mark.parametrize("rests", RESTS)
@pytest.mark.parametrize("name", MATRICES)
def test_factors_make_up_the_matrix(bits, name, rests):
    for rest in rests(xp.linalg, ball(MATRICES[name])):
        assert vanishes(rest, bits)


@pytest.mark.parametrize("a", [SYMMETRIC, SYMMETRIC[:1, :1], np.stack([SYMMETRIC, -SYMMETRIC])])
def test_eigenvectors_make_up_the_matrix(bits, a):
    for rest in eigenvalue_rests(xp.linalg, ball(a)):
        assert vanishes(rest, bits, size=1e3)


class Spoiled:
    """Linear algebra whose first result is off by 2^-200 in its last column."""

    def __getattr__(self, name):
        def apply(*args, **keywords):
            made = getattr(xp.linalg, name)(*args, **keywords)
            off = ball([1.0, 1.0, 1.0]) + ball(2.0) ** -200 * ball([0.0, 0.0, 1.0])
            return made._make([made[0] * off, *made[1:]]) if isinstance(made, tuple) else made * off

        return apply


@pytest.mark.parametrize("rests", [eigenvalue_rests, *RESTS])
def test_factors_that_are_a_little_off_do_not(digits, rests):
    assert not all(vanishes(rest, 256, 1e3) for rest in rests(Spoiled(), ball(SYMMETRIC[:3, :3])))


def with_eigenvalues(values):
    """A symmetric matrix of eigenvalues that are known to all bits."""
    q = xp.linalg.qr(ball(SQUARE[: len(values), : len(values)])).Q
    return q @ diagonal(ball(np.array(values))) @ q.T


CLUSTERS = {
    "far": [-3.0, 1.0, 2.0, 5.0],
    "equal": [1.0, 1.0, 2.0, 2.0],
    "all equal": [1.0, 1.0, 1.0, 1.0],
    "zero": [0.0, 0.0, 0.0, 0.0],
    "one ulp apart": [1.0, 1 + 2.0**-52, 2.0, 2 + 2.0**-51],
    "graded": [1e-12, 1e-6, 1.0, 1e12],
    "tiny": [1e-300, 2e-300, 3e-300, 4e-300],
    "huge": [1e300, 2e300, 3e300, 4e300],
}


@pytest.mark.parametrize("name", CLUSTERS)
def test_eigenvalues_however_close(bits, name):
    w, (a, size) = CLUSTERS[name], (with_eigenvalues(CLUSTERS[name]), max(CLUSTERS[name]))
    found, v = xp.linalg.eigh(a)
    assert vanishes(found - np.array(w), bits, size or 1.0)
    if name != "one ulp apart":  # vectors of eigenvalues that close have lost as many bits
        assert vanishes(v @ diagonal(found) @ v.T - a, bits, size or 1.0)


def test_eigenvalues_closer_than_any_float_sees(digits):
    """A + hB at a double eigenvalue 1 of A: 1 + h times the eigenvalues of B on its space."""
    b, h = ball(SYMMETRIC[:3, :3]), ball(2.0) ** -90
    a = diagonal(ball([1.0, 1.0, 2.0])) + h * b
    split = (xp.linalg.eigvalsh(a)[:2] - 1.0) / h
    np.testing.assert_allclose(midpoint(split), np.linalg.eigvalsh(SYMMETRIC[:2, :2]), rtol=1e-14)


@pytest.mark.parametrize("apart", [170, 340, 680])
@pytest.mark.parametrize("seed", range(3))
def test_a_multiple_of_the_identity_but_for_a_step(apart, seed):
    """What the definition asks for where eigenvalues are equal: vectors have half the bits left."""
    turn = np.random.default_rng(seed).normal(size=(3, 3))
    with precision(2 * apart + 128):
        a = ball(np.eye(3)) / 2 + ball(turn + turn.T) * ball(2.0) ** -apart
        w, v = xp.linalg.eigh(a)
        assert vanishes(v @ diagonal(w) @ v.mT - a, apart + 128)
        assert vanishes(v.mT @ v - xp.eye(3), apart + 128)


def test_a_column_of_zeros_is_orthogonal_to_none(digits):
    q, r = xp.linalg.qr(ball(np.array([[0.0, 1.0], [0.0, 2.0], [0.0, 2.0]])))
    want = np.linalg.qr(np.array([[0.0, 1.0], [0.0, 2.0], [0.0, 2.0]]))
    np.testing.assert_allclose(midpoint(q), want.Q, rtol=1e-15, atol=1e-15)
    np.testing.assert_allclose(midpoint(r), want.R, rtol=1e-15, atol=1e-15)


# --- conventions ---------------------------------------------------------------------------------

WITH_NUMPY = {
    "qr": lambda xp, a: xp.linalg.qr(a),
    "complete qr": lambda xp, a: xp.linalg.qr(a, mode="complete"),
    "svdvals": lambda xp, a: xp.linalg.svdvals(a),
    "pinv": lambda xp, a: xp.linalg.pinv(a),
    "eigvalsh of the lower triangle": lambda xp, a: xp.linalg.eigvalsh(a[..., :3, :3]),
    "cholesky": lambda xp, a: xp.linalg.cholesky(a @ a.mT + 9 * xp.eye(a.shape[-2])),
    "spectral norm": lambda xp, a: xp.linalg.matrix_norm(a, ord=2),
    "nuclear norm": lambda xp, a: xp.linalg.matrix_norm(a, ord="nuc", keepdims=True),
}


@pytest.mark.parametrize("function", WITH_NUMPY)
@pytest.mark.parametrize("name", ["square", "tall", "wide", "stack"])
def test_conventions_are_those_of_lapack(digits, name, function):
    a, call = MATRICES[name], WITH_NUMPY[function]
    plain = find_framework("numpy").namespace("float64")
    got, want = call(xp, ball(a)), call(plain, a)
    for g, w in zip(got, want, strict=True) if isinstance(got, tuple) else [(got, want)]:
        np.testing.assert_allclose(midpoint(g), w, rtol=1e-12, atol=1e-13)


def test_eigenvalues_ascend_and_singular_values_descend(digits):
    assert np.all(np.diff(midpoint(xp.linalg.eigvalsh(ball(SYMMETRIC)))) > 0)
    assert np.all(np.diff(midpoint(xp.linalg.svdvals(ball(SQUARE)))) < 0)


@pytest.mark.parametrize("name", MATRICES)
def test_the_first_large_element_of_a_vector_is_positive(digits, name):
    a = MATRICES[name]
    vectors = midpoint(xp.linalg.svd(ball(a), full_matrices=False).U)
    large = np.abs(vectors) >= 0.6 * np.max(np.abs(vectors), axis=-2, keepdims=True)
    first = np.take_along_axis(vectors, np.argmax(large, axis=-2)[..., None, :], axis=-2)
    assert np.all(first > 0)


def test_signs_of_vectors_stay_where_two_elements_tie(digits):
    """(1, −1)/√2 has no larger element: its sign must not depend on the last bit."""
    a, step = ball(np.array([[2.0, 1.0], [1.0, 2.0]])), ball(2.0) ** -170
    for b in (SYMMETRIC[:2, :2], -SYMMETRIC[:2, :2]):
        assert xp.all(xp.linalg.eigh(a + step * b).eigenvectors[0, :] > 0.7)


# --- what is refused -----------------------------------------------------------------------------


def test_a_completed_basis_of_singular_vectors_is_refused():
    with pytest.raises(NotImplementedError, match="full_matrices=False"):
        xp.linalg.svd(ball(TALL))
    assert xp.linalg.svd(ball(SQUARE)).U.shape == (5, 5)


def test_a_matrix_of_less_than_full_rank_has_no_smooth_pseudoinverse():
    with pytest.raises(ZeroDivisionError):
        xp.linalg.pinv(ball(np.ones((3, 2))))


def test_functions_that_balls_lack_say_so():
    with pytest.raises(AttributeError, match=r"'eigvals'.* nearest: eigvalsh"):
        xp.linalg.eigvals(ball(SQUARE))
    with pytest.raises(NotImplementedError, match="no matrix norm of order 3"):
        xp.linalg.matrix_norm(ball(SQUARE), ord=3)


@pytest.mark.parametrize("name", ["eigh", "svd", "qr"])
def test_factoring_costs(name):
    def spent(n):
        with budget(seconds=10, gigabytes=1) as ledger:
            getattr(xp.linalg, name)(ball(np.diag(np.arange(1.0, n + 1)) + 1 / n))
            return ledger.spent

    assert spent(20) > 4 * spent(10)
    with budget(seconds=1e-4, gigabytes=1), pytest.raises(BudgetExceeded):
        getattr(xp.linalg, name)(ball(SQUARE))


def test_what_is_not_finite_stays_so(digits):
    for call in (xp.linalg.eigvalsh, xp.linalg.svdvals):
        assert np.all(np.isnan(midpoint(call(ball(np.full((2, 2), np.nan))))))


def test_radii_tell_what_the_matrix_leaves_open(digits):
    wide = ball(np.array([[flint.arb(2, 1e-30), 1], [1, flint.arb(5, 1e-30)]], dtype=object))
    w, v = xp.linalg.eigh(wide)
    assert np.all((radius(w) > 1e-31) & (radius(w) < 1e-28))
    assert np.all((radius(v) > 1e-32) & (radius(v) < 1e-28))


# --- derivatives ---------------------------------------------------------------------------------


def nuclear(xp, A):
    return xp.sum(xp.linalg.svdvals(A))


def polar(xp, A):
    found = xp.linalg.svd(A, full_matrices=False)
    return xp.matmul(found.U, found.Vh)


def inverse_square(xp, A):
    return xp.sum(xp.linalg.inv(xp.linalg.qr(A).R) ** 2)


def inverse_square_gradient(xp, A):
    b = xp.linalg.pinv(A)
    return -2 * xp.matmul(xp.matmul(b.T, b), b.T)


def largest(xp, A):
    return xp.linalg.eigvalsh(xp.matmul(A.T, A))[-1]


def largest_gradient(xp, A):
    v = xp.linalg.eigh(xp.matmul(A.T, A)).eigenvectors[:, -1]
    return 2 * xp.matmul(A, v)[:, None] * v[None, :]


GRADIENTS = {
    "nuclear norm": (nuclear, polar),
    "Σ(R⁻¹)² = tr (AᵀA)⁻¹": (inverse_square, inverse_square_gradient),
    "largest eigenvalue of AᵀA": (largest, largest_gradient),
}


@pytest.mark.parametrize("name", GRADIENTS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_gradients_through_decompositions_are_certified(name, dtype):
    function, formula = GRADIENTS[name]
    truth = truth_of(function, {"A": TALL}, "gradient", formula, dtype=dtype)
    assert truth.kind == "certified", truth.note
    assert truth.digits > 50
    assert truth.noise is not None


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients_a_little_off_are_not(name):
    function, formula = GRADIENTS[name]

    def wrong(xp, A):
        return formula(xp, A) * (1 + 1e-30 * xp.eye(6, 3))

    truth = truth_of(function, {"A": TALL}, "gradient", wrong)
    assert truth.kind == "definition"
    assert "the formula agrees with the definition to 3" in truth.note


def test_eigenvalues_that_cross_are_a_kink():
    def smaller(xp, x):
        return xp.linalg.eigvalsh(x * xp.asarray([[1.0, 0.0], [0.0, -1.0]]))[0]

    truth = truth_of(smaller, {"x": np.array(0.0)}, "gradient")
    assert truth.kind == "kink"
    assert (truth.left, truth.right) == (1.0, -1.0)
