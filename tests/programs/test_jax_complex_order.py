"""Complex numbers in JAX programs: their order, their phases, and mistakes about both."""

import numpy as np
import pytest
from flint import acb, arb
from reverse_mode import RIGHT, digits, found, row_in_jax

jax = pytest.importorskip("jax")  # before what needs it
# ruff: noqa: E402
import jax.numpy as jnp
from jax import lax

from xgrad.numbers import precision
from xgrad.programs.constants import exact_array
from xgrad.programs.jax import JaxProgram

REFUTED = "disagrees", "definition"


@pytest.fixture(autouse=True)
def in_many_bits():
    with precision(256), jax.enable_x64(True):
        yield


def values(function, *arrays):
    """What a program makes of complex numbers in balls, to float64."""
    made = JaxProgram(function).value([exact_array(np.asarray(a)) for a in arrays])
    return [
        np.array([complex(acb(e).mid()) for e in np.ravel(a)]).reshape(np.shape(a)) for a in made
    ]


def drawn(*shape, seed=0):
    rng = np.random.default_rng([seed, *shape])
    return rng.normal(size=shape) + 1j * rng.normal(size=shape)


def tied(*shape, seed=0):
    """Complex numbers of few real and imaginary parts, so that many real parts are equal."""
    rng = np.random.default_rng([seed, *shape])
    return rng.integers(-1, 2, shape) / 2 + 1j * rng.integers(-3, 4, shape) / 4


# --- order ---------------------------------------------------------------------------------------

ORDERED = {
    "sort": jnp.sort,
    "argsort": lambda z: jnp.argsort(z) * 1.0,
    "sort along the first axis": lambda z: jnp.sort(z, axis=0),
    "key and value": lambda z: lax.sort_key_val(z.ravel(), z.real.ravel() * 3),
    "max": lambda z: (jnp.max(z), jnp.max(z, axis=0), jnp.min(z, axis=1)),
    "pairs": lambda z: (jnp.maximum(z, z[::-1]), jnp.minimum(z, z[:, ::-1])),
    "less": lambda z: ((z < z[::-1]) * 1.0, (z >= z[::-1]) * 1.0, (z == z[::-1]) * 1.0),
    "running": lambda z: (lax.cummax(z, axis=1), lax.cummin(z, axis=0, reverse=True)),
    "clamp": lambda z: lax.clamp(z[0, 0], z, z[0, 0] + 0.5),
    "windows": lambda z: lax.reduce_window(z, -jnp.inf + 0j, lax.max, (2, 2), (1, 1), "VALID"),
    "scatter": lambda z: z[0].at[jnp.array([0, 1, 0])].max(z[1, :3]),
    "unique": lambda z: jnp.unique(z[0], size=6),
    "searched": lambda z: jnp.searchsorted(jnp.sort(z[0]), z[1]) * 1.0,
    "range": jnp.ptp,
}


@pytest.mark.many
@pytest.mark.parametrize("name", ORDERED)
@pytest.mark.parametrize("draw", [drawn, tied])
def test_complex_numbers_are_ordered_as_in_jax(name, draw):
    z = draw(3, 6)
    expected = jax.tree.leaves(ORDERED[name](jnp.asarray(z)))
    for got, want in zip(values(ORDERED[name], z), expected, strict=True):
        assert np.array_equal(got, want)


def test_they_are_ordered_as_in_numpy():
    z, w = tied(40), tied(40, seed=1)
    made = values(lambda z, w: (jnp.sort(z), jnp.max(z), jnp.maximum(z, w)), z, w)
    for got, want in zip(made, (np.sort(z), np.max(z), np.maximum(z, w)), strict=True):
        assert np.array_equal(got, want)


@pytest.mark.parametrize("odd", [complex("nan"), complex(0, np.nan), -np.inf + 0j, np.inf - 1j])
def test_what_is_not_finite_has_the_place_that_jax_gives_it(odd):
    z = np.append(tied(5), odd)

    def function(z):
        return jnp.sort(z), jnp.max(z), jnp.min(z[::-1]), lax.cummax(z)

    for got, want in zip(values(function, z), function(jnp.asarray(z)), strict=True):
        assert np.array_equal(got, want, equal_nan=True)


def test_real_parts_that_only_balls_tell_apart_decide():
    near = [acb(1, 3), acb(1 + arb(2) ** -100, -2), acb(1, -1)]
    z = np.array(near, dtype=object)
    ordered, largest, pair = JaxProgram(
        lambda z: (jnp.sort(z), jnp.max(z), jnp.maximum(z[:2], z[1:]))
    ).value([z])
    assert list(ordered) == [near[2], near[0], near[1]]
    assert largest.item() == near[1]
    assert list(pair) == [near[1], near[1]]


def test_a_whole_number_of_a_complex_one_is_that_of_its_real_part():
    z = np.array([2.7 + 9j, -1.6 - 3j])

    def function(z):
        kinds = int, bool
        return [
            lax.convert_element_type_p.bind(
                z, new_dtype=np.dtype(kind), weak_type=False, sharding=None
            )
            * 1.0
            for kind in kinds
        ]

    for got, want in zip(values(function, z), function(jnp.asarray(z)), strict=True):
        assert np.array_equal(got, want)


# --- derivatives of order, and mistakes in them --------------------------------------------------


def with_backward(function, pull):
    """A function with a backward of its own: pull(z, cotangent)."""
    made = jax.custom_vjp(lambda z: function(z))
    made.defvjp(lambda z: (function(z), z), lambda z, g: (pull(z, g),))
    return lambda z: made(z * z)


def to_the_place(score):
    return lambda z, g: jnp.zeros_like(z).at[jnp.argmax(score(z))].set(g)


LARGEST = {
    "right": to_the_place(lambda z: z.real),
    "by imaginary parts": to_the_place(lambda z: z.imag),
    "by size": to_the_place(jnp.abs),
    "conjugate": lambda z, g: to_the_place(lambda z: z.real)(z, jnp.conj(g)),
    "slightly off": lambda z, g: to_the_place(lambda z: z.real)(z, g * (1 + 1e-9)),
}
SORTED = {
    "right": lambda z, g: jnp.zeros_like(z).at[jnp.argsort(z)].set(g),
    "the inverse": lambda z, g: g[jnp.argsort(z)],
    "by imaginary parts": lambda z, g: jnp.zeros_like(z).at[jnp.argsort(z.imag)].set(g),
    "conjugate": lambda z, g: jnp.zeros_like(z).at[jnp.argsort(z)].set(jnp.conj(g)),
}
RULES = {
    **{f"max, {name}": (jnp.max, pull) for name, pull in LARGEST.items()},
    **{f"sort, {name}": (jnp.sort, pull) for name, pull in SORTED.items()},
}
# Its square is the largest by real part; others are by imaginary part and by size.
Z = np.array([1.5 + 0.2j, 1.2 + 0.9j, 0.4 - 1.9j, -0.3 + 0.1j])


@pytest.mark.many(4)
@pytest.mark.parametrize("name", RULES)
def test_a_backward_that_picks_another_element_or_conjugates_is_caught(name):
    row = row_in_jax(with_backward(*RULES[name]), Z)
    if name.endswith("right"):
        assert found(row) == RIGHT
    else:
        assert found(row) == REFUTED
        assert digits(row) < 10


def test_equal_real_parts_are_a_kink_where_the_imaginary_ones_decide():
    def function(x):  # |x| as the larger of two that meet, and a part that is not seen
        return jnp.max(jnp.stack([x + 1j, -x + 2j])).real

    assert found(row_in_jax(function, 0.0)) == ("convention", "kink")
    assert found(row_in_jax(function, 0.1)) == RIGHT


def test_the_derivative_of_the_sign_of_a_complex_number_is_refuted():
    z = np.array([0.3 + 0.4j, -0.5 + 1.2j])
    assert found(row_in_jax(jnp.sign, z)) == REFUTED
    assert found(row_in_jax(lambda z: z / jnp.abs(z), z)) == RIGHT


# --- other functions of complex numbers ----------------------------------------------------------

FUNCTIONS = {
    "atan2": lambda z, w: lax.atan2(z, w),
    "atan2 of a real number": lambda z, w: lax.atan2(z, jnp.real(w) + 0j),
    "real atan2": lambda z, w: (jnp.angle(z), jnp.arctan2(jnp.real(z), jnp.imag(w))),
    "running": lambda z, w: lax.cumlogsumexp(3 * z),
    "sum of exponentials": lambda z, w: (jnp.logaddexp(z, 2 * w), jax.nn.softmax(z)),
    "softplus": lambda z, w: (jax.nn.softplus(3 * z), jax.nn.relu(z), jax.nn.celu(w)),
}


@pytest.mark.many(3)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_have_the_branches_of_jax(name):
    z, w = drawn(4), drawn(4, seed=1)
    expected = jax.tree.leaves(FUNCTIONS[name](z, w))
    for got, want in zip(values(FUNCTIONS[name], z, w), expected, strict=True):
        assert np.allclose(got, want, rtol=1e-12, atol=1e-12)
    assert found(row_in_jax(FUNCTIONS[name], z, w)) == RIGHT


@pytest.mark.parametrize(("mistake", "expected"), [(0.0, RIGHT), (1e-9, REFUTED)])
def test_a_slope_of_the_complex_angle_that_is_slightly_off_is_caught(mistake, expected):
    def slope(z, g):
        return jnp.conj(g) * 0 + g * (1 + mistake) * 2 / (z * z + 4)

    function = with_backward(lambda z: lax.atan2(z, jnp.full_like(z, 2)), slope)
    assert found(row_in_jax(function, Z)) == expected


# --- phases --------------------------------------------------------------------------------------


def hermitian(a):
    return (a + jnp.conj(jnp.swapaxes(a, -1, -2))) / 2


BLOCKS = np.zeros((3, 3), dtype=complex)
BLOCKS[0, 0], BLOCKS[1:, 1:] = 2.0, np.asarray(hermitian(drawn(2, 2)))
MATRICES = {"square": drawn(3, 3), "tall": drawn(3, 2), "wide": drawn(2, 3), "blocks": BLOCKS}


@pytest.mark.parametrize("name", MATRICES)
def test_singular_vectors_have_the_phases_of_jax(name):
    def function(a):
        return lax.linalg.svd(a, full_matrices=False)

    a = MATRICES[name]
    for got, want in zip(values(function, a), function(a), strict=True):
        assert np.allclose(got, want, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize("name", ["square", "blocks"])
def test_eigenvectors_have_the_phases_of_jax(name, lower):
    def function(a):
        return lax.linalg.eigh(hermitian(a), lower=lower)

    a = MATRICES[name]
    for got, want in zip(values(function, a), function(a), strict=True):
        assert np.allclose(got, want, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("name", ["tall", "wide"])
def test_derivatives_of_vectors_are_right_where_no_phase_is_seen(name):
    def parts(a):
        u, s, v = lax.linalg.svd(a, full_matrices=False)
        return s, jnp.einsum("ik,kj->kij", u, v)

    assert found(row_in_jax(parts, MATRICES[name])) == RIGHT


def test_derivatives_of_vectors_are_refuted_where_their_phase_is_seen():
    def vectors(a):
        return lax.linalg.svd(a, full_matrices=False)

    assert found(row_in_jax(vectors, MATRICES["tall"])) == REFUTED


@pytest.mark.parametrize(("sign", "expected"), [(1, RIGHT), (-1, REFUTED)])
def test_a_slope_of_projectors_whose_gaps_have_the_wrong_sign_is_caught(sign, expected):
    @jax.custom_jvp
    def projector(a):
        v = jnp.linalg.eigh(hermitian(a))[1][:, 0]
        return jnp.outer(v, jnp.conj(v))

    @projector.defjvp
    def tangent(primals, tangents):
        values, v = jnp.linalg.eigh(hermitian(primals[0]))
        moved = jnp.conj(v.T) @ hermitian(tangents[0]) @ v[:, 0]
        gaps = jnp.where(jnp.arange(3) == 0, 1.0, values[0] - values)
        dv = v @ jnp.where(jnp.arange(3) == 0, 0.0, sign * moved / gaps)
        half = jnp.outer(dv, jnp.conj(v[:, 0]))
        return projector(primals[0]), half + jnp.conj(half.T)

    assert found(row_in_jax(projector, MATRICES["square"])) == expected
