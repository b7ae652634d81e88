"""Complex arrays on every framework and in every kind of number: values, noise, batches."""

import numpy as np
import pytest
from flint import acb, arb
from outcomes import method_of

from xgrad.errors import Unsupported
from xgrad.frameworks import find_framework
from xgrad.numbers import (
    EPS,
    Complex,
    Dual,
    Noisy,
    Together,
    ball,
    bare,
    dft,
    midpoint,
    precision,
    scalars,
)
from xgrad.numbers.balls.array import radius
from xgrad.problem import OPERATORS, Setting

NAMES = ("numpy", "torch", "jax", "ball")
N = 6
PAIRS = np.random.default_rng(5).normal(size=(2, N, 2))
Z, W = PAIRS[..., 0] + 1j * PAIRS[..., 1]

# As the case writes it, and what NumPy makes of complex128.
EXPRESSIONS = {
    "xp.conj(z) * w": np.conj(Z) * W,
    "z / w - 2j * z": Z / W - 2j * Z,
    "xp.exp(z) + xp.log(w)": np.exp(Z) + np.log(W),
    "xp.sqrt(z) * xp.sin(w)": np.sqrt(Z) * np.sin(W),
    "xp.tanh(z) + xp.cosh(w)": np.tanh(Z) + np.cosh(W),
    "z**3 + w**-1": Z**3 + 1 / W,
    "xp.complex(xp.abs(z), xp.angle(w))": np.abs(Z) + 1j * np.angle(W),
    "xp.fft.fft(z)": np.fft.fft(Z),
    "xp.fft.ifft(z, n=9)": np.fft.ifft(Z, n=9),
    "xp.fft.fft(z, n=4, norm='ortho')": np.fft.fft(Z, n=4, norm="ortho"),
    "xp.fft.fft(z, norm='forward')": np.fft.fft(Z, norm="forward"),
    "xp.fft.fftn(xp.reshape(z, (2, 3)))": np.fft.fftn(Z.reshape(2, 3)),
    "xp.fft.ifftn(xp.reshape(z, (2, 3)), axes=(0, 1))": np.fft.ifftn(Z.reshape(2, 3)),
    "xp.fft.rfft(xp.real(z))": np.fft.rfft(Z.real),
    "xp.fft.irfft(z)": np.fft.irfft(Z),
    "xp.fft.irfft(z, n=9)": np.fft.irfft(Z, n=9),
    "xp.fft.fftshift(z) * xp.fft.fftfreq(6, d=0.5)": np.fft.fftshift(Z) * np.fft.fftfreq(6, 0.5),
    "xp.fft.ifftshift(xp.reshape(z, (2, 3)), axes=1)": np.fft.ifftshift(Z.reshape(2, 3), axes=1),
    "xp.fft.rfftfreq(7) + 0 * z[:4]": np.fft.rfftfreq(7) + 0 * Z[:4],
    "xp.vecdot(z, w)": np.vdot(Z, W),
    "xp.matmul(z[:, None], w[None, :])": np.outer(Z, W),
    "xp.einsum('i,j->ij', z, xp.conj(w))": np.outer(Z, W.conj()),
    "xp.linalg.solve(xp.eye(6) + z[:, None] * w, w)": np.linalg.solve(
        np.eye(N) + np.outer(Z, W), W
    ),
    "xp.linalg.det(xp.eye(6) * w)": np.prod(W),
    "xp.linalg.slogdet(xp.eye(6) * w)[0]": np.prod(W / np.abs(W)),
    "xp.linalg.vector_norm(z)": np.linalg.norm(Z),
    "xp.linalg.matrix_norm(xp.reshape(z, (2, 3)))": np.linalg.norm(Z),
    "xp.where(xp.abs(z) > 1, z, xp.astype(xp.real(w), z.dtype))": np.where(abs(Z) > 1, Z, W.real),
    "xp.concat([xp.real(z), w])": np.concatenate([Z.real, W]),
    "xp.sum(z * xp.asarray([1, 2j, 0, 1, 1, 1]))": np.sum(Z * np.array([1, 2j, 0, 1, 1, 1])),
    "xp.mean(z) + xp.prod(w)": np.mean(Z) + np.prod(W),
    "xp.zeros_like(z) + xp.ones((), dtype=z.dtype)": np.ones(N) + 0j,
}


def value(expression, xp, pairs):
    """The value, in pairs."""
    z, w = (xp.complex(p[..., 0], p[..., 1]) for p in (pairs[0, ...], pairs[1, ...]))
    made = eval(expression, {"xp": xp, "z": z, "w": w})
    if "complex" not in str(made.dtype):
        return made
    return xp.stack([xp.real(made), xp.imag(made)], axis=-1)


def in_pairs(values):
    values = np.asarray(values)
    return np.stack([values.real, values.imag], axis=-1) if np.iscomplexobj(values) else values


@pytest.mark.many
@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_functions_are_those_of_numpy_everywhere(expression):
    want = in_pairs(EXPRESSIONS[expression])
    for name in NAMES:
        framework = find_framework(name)
        with framework.scope():
            xp = framework.namespace("float64")
            made = value(expression, xp, framework.put(PAIRS, "float64"))
            assert framework.describe(made)[1] == ("ball" if name == "ball" else "float64")
            np.testing.assert_allclose(framework.get(made), want, rtol=1e-11, atol=1e-13)
            if name == "ball":
                assert np.max(radius(made)) < 1e-60


@pytest.mark.many
@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_noise_covers_the_rounding_of_floats_and_not_much_more(expression):
    exact = midpoint(value(expression, find_framework("ball").namespace(), ball(held(PAIRS))))
    for in_balls in (True, False):
        base = find_framework("ball" if in_balls else "numpy")
        noise = np.zeros(exact.shape)
        for seed in range(8):
            rng = np.random.default_rng(seed)
            xp = Noisy(base.namespace("float64"), "float32", rng, in_balls)
            pairs = xp.wrapped(base.put(held(PAIRS), "float64"))
            with precision(128):
                made = bare(value(expression, xp, pairs))
            noise = np.maximum(noise, np.abs(midpoint(made) - exact))
        tolerance = 4 * noise + 32 * EPS["float32"] * np.abs(exact)
        for name in ("numpy", "torch", "jax"):
            framework = find_framework(name)
            with framework.scope():
                got = value(
                    expression, framework.namespace("float32"), framework.put(PAIRS, "float32")
                )
                assert np.all(np.abs(framework.get(got) - exact) <= tolerance + 1e-45)
        assert np.max(noise) <= 200 * EPS["float32"] * max(1.0, np.max(np.abs(exact)))


def held(array):
    return array.astype(np.float32).astype(np.float64)


def test_one_element_of_a_transform_has_noise_of_its_own():
    """The noise of a small frequency has the scale of what was summed, not its own."""
    base = find_framework("numpy").namespace("float64")
    x = np.ones(64) + 1e-9 * np.random.default_rng(0).normal(size=64)
    xp = Noisy(base, "float32", np.random.default_rng(1), False)
    noise = np.abs(bare(xp.fft.fft(xp.wrapped(x))) - np.fft.fft(x))
    assert np.median(noise[1:]) > 10 * EPS["float32"] / 2
    assert np.max(noise) < 1e3 * EPS["float32"]


@pytest.mark.parametrize("expression", [e for e in EXPRESSIONS if "slogdet" not in e])
def test_batches_are_the_points_one_by_one(expression):
    xp = find_framework("numpy").namespace("float64")
    rows = np.random.default_rng(2).normal(size=(5, PAIRS.size))
    together = Together(
        lambda xp, row, rest: value(expression, xp, xp.reshape(row, PAIRS.shape)), xp
    )
    made = together(rows, {})
    alone = np.stack([value(expression, xp, row.reshape(PAIRS.shape)) for row in rows])
    np.testing.assert_allclose(made, alone, rtol=1e-9, atol=1e-10)
    if "fft" in expression:
        assert not together.alone


@precision(256)
def test_transforms_of_balls_undo_each_other_and_keep_the_energy():
    data = ball(Z).data
    for n in (1, 2, 5, 6):
        there = dft(data[:n], 0, forward=True)
        back = dft(there, 0, forward=False) / n
        assert max(abs(complex(a - b)) for a, b in zip(back, data[:n], strict=True)) < 1e-70
        energy = [sum((a * a.conjugate()).real for a in each) for each in (there, data[:n])]
        assert abs(energy[0] / n - energy[1]) < arb(10) ** -70
    roots = [(acb(0, -2) * acb.pi() * k / N).exp() for k in range(N)]
    terms = sum(roots[(3 * j) % N] * data[j] for j in range(N))
    assert abs(complex(dft(data, 0, forward=True)[3] - terms)) < 1e-70


def test_arrays_of_balls_are_of_one_kind():
    xp = find_framework("ball").namespace()
    x, z = ball(np.ones(2)), ball(np.array([1j, 2.0]))
    mixed = [xp.concat([x, z]), xp.stack([x, z]), xp.where(np.array([True, False]), x, z), x * z]
    assert {a.dtype for a in mixed} == {"complex ball"}
    assert all(isinstance(e, acb) for a in mixed for e in a.data.reshape(-1))
    assert (xp.abs(z).dtype, xp.astype(x, z.dtype).dtype) == ("ball", "complex ball")
    assert xp.result_type(x, z) == "complex ball"
    assert [xp.isdtype(a.dtype, "complex floating") for a in (x, z)] == [False, True]
    assert bool(xp.all(xp.equal(z, np.array([1j, 2.0])))), "equal as complex numbers are"
    assert xp.isfinite(z).all()


@pytest.mark.parametrize("misuse", ["1j * x", "xp.complex(x, x)", "xp.fft.fft(x)", "xp.real(x)",
                                    "xp.asarray([1j, 1j]) * x", "xp.angle(x)"])  # fmt: skip
def test_the_complex_step_leaves_complex_numbers_alone(misuse):
    xp = Complex(find_framework("numpy").namespace("float64"))
    x = Dual(np.array([0.3, 0.4]) + 1e-30j, xp)
    with pytest.raises(Unsupported):
        eval(misuse, {"xp": xp, "x": x})


def test_real_mathematics_that_passes_through_complex_numbers_is_judged():
    """The truth of the real Jacobian, where a plain complex step would be wrong."""
    from xgrad.checking.mathematics import make_case
    from xgrad.judging import Judge

    case = make_case(lambda xp, x: xp.sum(xp.abs(xp.fft.rfft(x))), {"x": Z.real})
    case.name = "spectrum"
    judge = Judge(Setting.make(case, "small", "given", "float64", 0), "cpu")
    for method in ("torch.reverse", "jax.reverse", "numpy.differences"):
        row = judge.judge(method_of(method), OPERATORS["gradient"]).row
        assert row["verdict"] in ("agrees", "bounded")


def test_complex_balls_are_ordered_as_numpy_orders_complex_numbers():
    rng = np.random.default_rng(2)
    z, w = rng.integers(-1, 2, (2, 60)) + 1j * rng.integers(-2, 3, (2, 60)) / 4
    pairs = list(zip(ball(z).data, ball(w).data, strict=True))
    for function, numpys in ((scalars.larger, np.maximum), (scalars.smaller, np.minimum)):
        assert np.array_equal([complex(function(a, b)) for a, b in pairs], numpys(z, w))
    assert [scalars.is_less(a, b) for a, b in pairs] == (z < w).tolist()
    with precision(256):  # the real parts are one number to floats, two to balls
        assert scalars.larger(acb(1, 5), acb(1 + arb(2) ** -200, -5)).imag == -5
        assert scalars.smaller(arb(1), acb(1, 2)) == 1
