"""Segment sums, polygamma functions, matrix exponentials: right, and differentiable throughout."""

import inspect
from dataclasses import replace

import numpy as np
import pytest
import scipy.linalg
import scipy.special
from expressions import NAMES, evaluate, host
from outcomes import method_of
from rounding import SOLVING, WIDE, deviation, typical, unit

from xgrad.checking.mathematics import make_case
from xgrad.errors import Unsupported
from xgrad.frameworks import find_framework
from xgrad.judging import Judge
from xgrad.numbers import midpoint, precision
from xgrad.numbers.balls.array import radius
from xgrad.problem import OPERATORS, Setting

_rng = np.random.default_rng(20240610)
ROWS = _rng.normal(size=(7, 3))
IDS = np.array([2, 0, 2, 4, 0, 2, 2])  # some segments are empty, one is long
P = _rng.uniform(0.3, 9.0, size=6)
A = _rng.normal(size=(4, 4)) / 2


def found(name, expression, **data):
    """The result in one framework, on the host."""
    (result,) = host(name, evaluate(name, expression, **data))
    return result


# --- values --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_segments_are_summed(name):
    got = found(name, "xp.segment_sum(x, i, 6)", x=ROWS, i=IDS)
    want = np.array([ROWS[k == IDS].sum(axis=0) for k in range(6)])
    np.testing.assert_allclose(got, want, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("name", ["numpy", "torch", "ball"])
@pytest.mark.parametrize("ids", [[0, 1, 2, 3, 4, 5, 6], [0, 1, 2, 3, 4, 5, -1]])
def test_an_id_beyond_the_segments_is_an_error(name, ids):
    with pytest.raises((IndexError, RuntimeError), match=r"range\(6\)|size 6"):
        evaluate(name, "xp.segment_sum(x, i, 6)", x=ROWS, i=np.array(ids))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("order", range(5))
def test_polygamma_functions_are_right(name, order):
    got = found(name, f"xp.polygamma({order}, p)", p=P)
    digits = 1e-8 if (name, order) == ("torch", 1) else 1e-13  # torch's trigamma has nine digits
    np.testing.assert_allclose(got, scipy.special.polygamma(order, P), rtol=digits)


@pytest.mark.parametrize("x", [P, -P, np.array(0.5)])
def test_polygamma_functions_of_balls_hold_their_recurrence(x):
    """ψₙ(x + 1) = ψₙ(x) + (−1)ⁿ n! / xⁿ⁺¹."""
    with precision(256):
        for n, factorial in enumerate((1, 1, 2, 6, 24)):
            expression = f"xp.polygamma({n}, x + 1) - xp.polygamma({n}, x) - {(-1) ** n} * "
            (rest,) = evaluate("ball", expression + f"{factorial} / x ** {n + 1}", x=x)
            (size,) = evaluate("ball", f"{factorial} / x ** {n + 1}", x=x)
            assert np.all(np.abs(midpoint(rest / size)) < 1e-65)
            assert np.all(radius(rest / size) < 1e-65)


def test_polygamma_functions_of_balls_double():
    """2 ψ₁(2x) = (ψ₁(x) + ψ₁(x + ½)) / 2, which no error of order or sign survives."""
    with precision(256):
        double = "4 * xp.polygamma(1, 2 * x) - xp.polygamma(1, x) - xp.polygamma(1, x + 0.5)"
        assert np.all(np.abs(midpoint(evaluate("ball", double, x=P)[0])) < 1e-70)


@pytest.mark.parametrize("name", NAMES)
def test_matrix_exponentials_are_right(name):
    for a in (A, 8 * A, np.stack([np.triu(A), 0 * A])):
        want = scipy.linalg.expm(a)
        got = found(name, "xp.expm(a)", a=a)
        np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-12 * np.max(want))


def test_matrix_exponentials_of_balls_multiply():
    vanishing = (
        "xp.expm(a) @ xp.expm(-a) - xp.eye(4)",
        "xp.expm(2 * a) - xp.expm(a) @ xp.expm(a)",
        "xp.log(xp.linalg.det(xp.expm(a))) - xp.linalg.trace(a)",
    )
    with precision(256):
        for rest in vanishing:
            (made,) = evaluate("ball", rest, a=A)
            assert np.all(np.abs(midpoint(made)) < 1e-65)
            assert np.all(radius(made) < 1e-65)


@pytest.mark.parametrize("dtype", ["longdouble", "float16"])
def test_numpy_has_no_matrix_exponential_of_other_floats(dtype):
    xp = find_framework("numpy").namespace(dtype)
    with pytest.raises(Unsupported, match="expm has no version"):
        xp.expm(A.astype(dtype))


# --- derivatives ---------------------------------------------------------------------------------


def pooled(xp, x, i):  # x (n, d), i (n,) -> ()
    """Σ (Σ of sines of each segment)³."""
    return xp.sum(xp.segment_sum(xp.sin(x), i, 5) ** 3)


def pooled_gradient(xp, x, i):
    return 3 * xp.cos(x) * xp.segment_sum(xp.sin(x), i, 5)[i, :] ** 2


def pooled_hessian_product(xp, x, i, v):
    sums, moved = (xp.segment_sum(a, i, 5)[i, :] for a in (xp.sin(x), xp.cos(x) * v))
    return 6 * xp.cos(x) * sums * moved - 3 * xp.sin(x) * v * sums**2


def curvature(xp, x):  # x (n,) -> ()
    return xp.sum(xp.polygamma(2, x) * x)


def curvature_gradient(xp, x):
    return xp.polygamma(3, x) * x + xp.polygamma(2, x)


def curvature_hessian_product(xp, x, v):
    return (xp.polygamma(4, x) * x + 2 * xp.polygamma(3, x)) * v


def flow(xp, x, y):  # x (n, n), y (n, n) -> ()
    """tr (Y e^X)."""
    return xp.sum(y.T * xp.expm(x))


def flow_gradient(xp, x, y):
    """The derivative of e^X along Y is the upper right block of exp [[X, Y], [0, X]]."""
    n = x.shape[0]
    top, bottom = xp.concat([x, y], axis=1), xp.concat([xp.zeros((n, n)), x], axis=1)
    return xp.expm(xp.concat([top, bottom], axis=0))[:n, n:].T


def eigenvalues(xp, S):  # S (n, n) -> (n,)
    return xp.linalg.eigvalsh(S)


def eigenvalues_along(xp, S, v):
    vectors = xp.linalg.eigh(S).eigenvectors
    return xp.sum(vectors * xp.matmul(v, vectors), axis=0)


def projector(xp, S):  # S (n, n) -> (n, n)
    """V Vᵀ of the two largest eigenvalues: no sign of a vector shows in it."""
    top = xp.linalg.eigh(S).eigenvectors[:, -2:]
    return xp.matmul(top, top.T)


def projector_along(xp, S, v):
    w, vectors = xp.linalg.eigh(S)
    low, top = vectors[:, :-2], vectors[:, -2:]
    turn = xp.matmul(xp.matmul(low.T, v), top) / (w[None, -2:] - w[:-2, None])
    half = xp.matmul(xp.matmul(low, turn), top.T)
    return half + half.T


def nuclear(xp, M):  # M (m, n) -> ()
    return xp.linalg.matrix_norm(M, ord="nuc")


def nuclear_gradient(xp, M):
    found = xp.linalg.svd(M, full_matrices=False)
    return xp.matmul(found.U, found.Vh)


def spectral(xp, M):  # M (m, n) -> ()
    return xp.linalg.matrix_norm(M, ord=2)


def spectral_gradient(xp, M):
    found = xp.linalg.svd(M, full_matrices=False)
    return found.U[:, :1] * found.Vh[:1, :]


def rotation(xp, M, C):  # M (m, n), C (m, n) -> ()
    """⟨C, Q⟩ with M = QR."""
    return xp.sum(C * xp.linalg.qr(M).Q)


def rotation_gradient(xp, M, C):
    q, r = xp.linalg.qr(M)
    inner = xp.tril(-xp.matmul(C.T, q))
    inner = inner + xp.tril(inner, k=-1).T
    return xp.matmul(C + xp.matmul(q, inner), xp.linalg.inv(r).T)


def least_squares(xp, M, C):  # M (m, n), C (m, n) -> ()
    """⟨C, (M⁺)ᵀ⟩."""
    return xp.sum(C * xp.linalg.pinv(M).T)


def least_squares_gradient(xp, M, C):
    p = xp.linalg.pinv(M)
    outside = C - xp.matmul(M, xp.matmul(p, C))
    return xp.matmul(outside, xp.matmul(p, p.T)) - xp.matmul(p.T, xp.matmul(C.T, p.T))


def symmetric(rng, S, **rest):
    v = rng.normal(size=S.shape)
    return v + v.T


def draw(name, rng):
    """Well-conditioned inputs, eigenvalues and singular values apart."""
    q, t = (np.linalg.qr(rng.normal(size=(k, k)))[0] for k in (6, 4))
    matrix = q[:, :4] @ np.diag([5.0, 3.0, 2.0, 1.0]) @ t.T
    return {
        "x": {
            "segment_sum": rng.normal(size=(7, 3)),
            "polygamma": rng.uniform(0.3, 9.0, size=6),
            "expm": rng.normal(size=(4, 4)) / 2,
        }.get(name),
        "i": rng.permutation(IDS),
        "y": rng.normal(size=(4, 4)),
        "S": (t * np.array([-2.0, -1.0, 1.0, 3.0])) @ t.T,
        "M": matrix,
        "C": rng.normal(size=(6, 4)),
    }


FUNCTIONS = {
    "segment_sum": (pooled, {"gradient": pooled_gradient, "hvp": pooled_hessian_product}),
    "polygamma": (curvature, {"gradient": curvature_gradient, "hvp": curvature_hessian_product}),
    "expm": (flow, {"gradient": flow_gradient}),
    "eigvalsh": (eigenvalues, {"jvp": eigenvalues_along}),
    "eigh": (projector, {"jvp": projector_along}),
    "svdvals": (nuclear, {"gradient": nuclear_gradient}),
    "spectral norm": (spectral, {"gradient": spectral_gradient}),
    "qr": (rotation, {"gradient": rotation_gradient}),
    "pinv": (least_squares, {"gradient": least_squares_gradient}),
}
METHODS = "numpy.formula torch.formula jax.formula torch.reverse torch.reverse:func torch.forward"
METHODS += " jax.reverse jax.forward"


def judge_of(name, dtype, seed, compiled=None):
    """The judge of one function, and its operators."""
    function, formulas = FUNCTIONS[name]
    names = list(inspect.signature(function).parameters)[1:]
    drawn = draw(name, np.random.default_rng(seed))
    made = make_case(function, {k: drawn[k] for k in names}, wrt=names[:1], formula=formulas)
    if names == ["S"]:
        made.direction(symmetric)
    setting = Setting.make(made, "small", "given", dtype, seed)
    return Judge(setting, "cpu", compiled=compiled), [OPERATORS[o] for o in formulas]


@pytest.mark.many
@pytest.mark.parametrize("dtype", ["float64", pytest.param("float32", marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_right_derivatives_agree_and_one_element_off_by_a_thousandth_does_not(name, dtype):
    compiled = {}
    for seed in range(3):
        judge, operators = judge_of(name, dtype, seed, compiled)
        for operator in operators:
            truth = judge.truth(operator)
            assert truth.kind == "certified", truth.note
            assert truth.digits > 40
            for method in map(method_of, METHODS.split()):
                outcome = judge.outcome(method, operator)
                row = judge.weigh(method, operator, outcome).row
                assert row["verdict"] == "agrees", row
            large = np.flatnonzero(np.abs(outcome.flat) > 1e-2 * np.max(np.abs(outcome.flat)))
            wrong = outcome.flat.copy()
            wrong[large[seed % len(large)]] *= 1 + 1e-3
            row = judge.weigh(method, operator, replace(outcome, flat=wrong)).row
            assert row["verdict"] == "disagrees", row


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_complex_step_is_right_or_says_that_it_does_not_apply(name):
    judge, operators = judge_of(name, "float64", 0)
    row = judge.judge(method_of("numpy.complex_step"), operators[0]).row
    if name in ("segment_sum", "expm"):
        assert (row["verdict"], row["digits"] > 13) == ("agrees", True)
    else:
        assert row["status"] == "unsupported"
        assert "is not analytic here, so the complex step does not apply" in row["message"]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_trigamma_function_of_torch_has_nine_digits(dtype):
    """So the derivative of its digamma has, and the referee sees it."""

    def function(xp, x):
        return xp.sum(xp.digamma(x))

    made = make_case(function, {"x": P}, formula=lambda xp, x: xp.polygamma(1, x))
    judge = Judge(Setting.make(made, "small", "given", dtype, 0), "cpu")
    for text in ("torch.reverse", "torch.formula", "jax.reverse", "numpy.formula"):
        row = judge.judge(method_of(text), OPERATORS["gradient"]).row
        wrong = text.startswith("torch") and dtype == "float64"
        assert row["verdict"] == ("disagrees" if wrong else "agrees"), row
        assert not wrong or 8.5 < row["digits"] < 11


# --- rounding ------------------------------------------------------------------------------------

DATA = {"x": ROWS, "i": IDS, "p": P, "a": A, "s": A @ A.T + np.eye(4), "m": ROWS[:, :2]}


def test_each_segment_has_the_noise_of_its_rows():
    for basis in WIDE:
        size = [np.sqrt(max(1, n)) for n in np.bincount(IDS)]
        size = np.array(size)[:, None] * np.array(
            [np.abs(ROWS[k == IDS]).sum(axis=0) for k in range(5)]
        )
        noise = typical(basis, "xp.segment_sum(x, i, num_segments=5)", x=ROWS, i=IDS)
        assert np.all(noise[size == 0] == 0)
        ratio = noise[size > 0] / size[size > 0]
        assert np.all((ratio > 0.2) & (ratio < 2.0))


BACKWARD_STABLE = [
    *("xp.expm(a)", "xp.linalg.eigvalsh(s)", "xp.linalg.svdvals(m)", "xp.linalg.pinv(m)"),
    *("xp.linalg.qr(m).R", "xp.abs(xp.linalg.eigh(s).eigenvectors)", "xp.linalg.qr(m)[0]"),
    *("xp.linalg.matrix_norm(m, ord=2)", "xp.linalg.matrix_norm(m, ord='nuc', keepdims=True)"),
    *("xp.abs(xp.linalg.svd(m, full_matrices=False).U)", "xp.polygamma(1, p)"),
]


@pytest.mark.parametrize("basis", SOLVING)
@pytest.mark.parametrize("expression", BACKWARD_STABLE)
def test_routines_are_right_up_to_noise(basis, expression):
    assert 0 < np.max(deviation(basis, expression, 3, **DATA)) < 100 * unit(basis)


@pytest.mark.parametrize("basis", SOLVING)
def test_small_eigenvalues_have_the_noise_of_large_ones(basis):
    q = np.linalg.qr(A)[0]
    s = (q * np.array([1e-3, 1.0, 10.0, 1e3])) @ q.T
    noise = typical(basis, "xp.linalg.eigvalsh(s)", s=s)
    assert np.all((noise > 1e2) & (noise < 1e4))


@pytest.mark.parametrize("basis", SOLVING)
def test_close_eigenvalues_make_noisy_vectors(basis):
    q = np.linalg.qr(A)[0]
    far, near = ((q * np.array([1.0, 1 + gap, 5.0, 9.0])) @ q.T for gap in (1.0, 1e-3))
    noise = [np.max(typical(basis, "xp.abs(xp.linalg.eigh(s)[1])", s=s)) for s in (far, near)]
    assert noise[0] * 50 < noise[1] < noise[0] * 50_000


@pytest.mark.parametrize("basis", SOLVING)
def test_the_spectral_norm_is_not_frobenius(basis):
    assert deviation(basis, "xp.linalg.matrix_norm(a, ord=2)", 0, a=np.eye(3)) < 10 * unit(basis)
