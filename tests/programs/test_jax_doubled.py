"""JAX programs in double-double: the digits of the same program in balls, and certificates."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from pair_programs import digits, exactly, in_pairs

import xgrad
from xgrad.programs import JaxProgram, NoBallRule

RNG = np.random.default_rng(5)
X = RNG.uniform(0.2, 1.7, (4, 6))
W = RNG.uniform(-1.0, 1.0, (6, 6))
I = np.array([2, 0, 3, 2])  # noqa: E741 - indices


def _recurrent(x):
    def step(h, row):
        h = jnp.tanh(h @ W + row)
        return h, h.sum()

    return lax.scan(step, x[0], x)[1]


FUNCTIONS = {
    "polynomial": lambda x: (x**3 - 2 * x + 1 / x) * jnp.sqrt(x),
    "elementary": lambda x: jnp.log1p(jnp.exp(x)) + jnp.sin(x) * jnp.cos(x) + jnp.tanh(x),
    "special": lambda x: lax.erf(x) - lax.erfc(x) + lax.rsqrt(x) + x ** (x / 2),
    "activations": lambda x: jax.nn.gelu(x) + jax.nn.silu(x) + jax.nn.softplus(x),
    "losses": lambda x: -jnp.mean(jax.nn.log_softmax(x)[jnp.arange(4), I]),
    "norms": lambda x: (x - x.mean(0)) / jnp.sqrt(x.var(0) + 1e-5) + jnp.linalg.norm(x),
    "products": lambda x: x @ W @ x.T + jnp.einsum("ij,kj->ik", x, x * x),
    "attention": lambda x: jax.nn.softmax(x @ x.T / 3) @ x,
    "order": lambda x: jax.nn.relu(x - 1) + jnp.clip(x, 0.5, 1.2) + x.max(0) + x.min(),
    "places": lambda x: x[I] * jnp.take(x, I, axis=0) + x.at[I].add(x) + jnp.roll(x, 1, 0),
    "shapes": lambda x: jnp.concatenate([x.reshape(6, 4).T, x[:, ::-1][:, :4]], 1).cumsum(1),
    "control": lambda x: lax.cond(x[0, 0] > 0, jnp.sin, jnp.cos, x) + _recurrent(x)[:, None],
    "jitted": jax.jit(lambda x: jnp.where(x > 1, x**2, jnp.exp(x)).prod(1)),
    "loops": lambda x: lax.fori_loop(0, 3, lambda i, y: jnp.sin(y) * (i + 1), x),
}


@pytest.mark.many
@pytest.mark.parametrize("name", FUNCTIONS)
def test_value_and_derivatives_are_those_of_balls_to_27_digits(name):
    program = JaxProgram(FUNCTIONS[name])
    with jax.enable_x64(True):
        shape = np.shape(FUNCTIONS[name](jnp.asarray(X)))
    v, w = RNG.standard_normal(X.shape), RNG.standard_normal(shape)
    for method, rest in (("value", ()), ("vjp", (w,)), ("jvp", (v,)), ("hvp", (w, v))):
        found, want = in_pairs(program, method, X, *rest), exactly(program, method, X, *rest)
        assert found[0].shape == want[0].shape
        assert digits(found, want) >= 27, method


REFUSED = {
    "complex numbers": lambda x: jnp.abs(jnp.fft.fft(x)),
    "a primitive": lambda x: lax.bessel_i0e(x),
    "windows": lambda x: lax.reduce_window(x, -np.inf, lax.max, (2, 2), (1, 1), "VALID"),
    "a factorisation": lambda x: jnp.linalg.cholesky(x @ x.T + 6 * jnp.eye(4)),
    "a reduction by any function": lambda x: lax.reduce(x, 1.0, lambda a, b: a * b + 1, (0,)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_rule_for_pairs_is_refused(name):
    pairs = JaxProgram(REFUSED[name]).in_pairs()
    with pytest.raises(NoBallRule):
        pairs.value([pairs.lift(X)])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_operations_round_at_random_as_much_as_in_balls(dtype):
    program = JaxProgram(lambda x: jnp.exp(x @ W).sum(0) * 0.1)
    spread = []
    for which, run in (("balls", exactly), ("pairs", in_pairs)):
        exact = run(program, "value", X)
        errors = []
        for seed in range(30):
            if which == "pairs":
                pairs = program.in_pairs().rounded(dtype, seed)
                (made,) = pairs.value([pairs.lift(X)])
                moved = made.high, made.low
            else:
                moved = exactly(program.rounded(dtype, seed), "value", X)
            errors.append((moved[0] - exact[0]) + (moved[1] - exact[1]))
        spread.append(np.std(errors))
    assert 0.7 < spread[0] / spread[1] < 1.4


# --- certificates --------------------------------------------------------------------------------

MANY = 320  # inputs, of which double-double may take less than balls


def judged(function, x):
    return xgrad.check(function, (x,), methods="jax.reverse", quick=True).iloc[0]


@jax.custom_vjp
def product(x, slip):
    return jnp.sum(jnp.sin(x) * x)


def _forward(x, slip):
    return product(x, slip), (x, slip)


def _backward(kept, g):
    x, slip = kept
    return g * (jnp.cos(x) * x + jnp.sin(x)).at[7].multiply(1 + slip), 0.0


product.defvjp(_forward, _backward)


@pytest.fixture
def x():
    with jax.enable_x64(True):
        yield jnp.linspace(0.1, 1.0, MANY)


def test_balls_certify_where_they_are_cheap_and_double_double_beyond(x):
    few, many = (judged(lambda x: product(x, 0.0), each) for each in (x, jnp.tile(x, 150)))
    for row in (few, many):
        assert (row["verdict"], row["referee"]) == ("agrees", "certified")
    assert "in double-double, 2" in many["message"]
    assert "in balls" in few["message"]


@pytest.mark.many(2)
@pytest.mark.parametrize("slip", [1e-3, 1e-6, 1e-9, 1e-12])
def test_one_element_of_many_that_is_off_is_found(x, slip):
    row = judged(lambda x: product(x, slip), x)
    assert (row["verdict"], row["worst"]) == ("disagrees", "x[7]")


@pytest.mark.parametrize(("given", "verdict"), [(0.3, "convention"), (1.1, "disagrees")])
def test_a_kink_among_many_inputs_is_found_with_its_slopes(x, given, verdict):
    @jax.custom_jvp
    def bent(x):
        return jnp.maximum(x, 0.0)

    bent.defjvp(lambda x, v: (bent(*x), jnp.where(x[0] == 0, given, x[0] > 0) * v[0]))
    row = judged(lambda x: jnp.sum(jnp.tanh(bent(x) * x[::-1])), x.at[3].set(0.0))
    assert (row["referee"], row["verdict"]) == ("kink", verdict)
    assert "kink at x[3]" in row["message"]


def test_what_the_program_stops_is_told_of_many_inputs_too(x):
    """A gradient stopped is one that the definition refutes, unless it is held."""
    row = judged(lambda x: jnp.sum(lax.stop_gradient(jnp.exp(x)) * x), x)
    assert row["verdict"] == "disagrees"


@pytest.mark.parametrize(("factor", "verdict"), [(1.0, "agrees"), (1 + 1e-12, "disagrees")])
def test_constants_that_were_rounded_are_recognised_and_no_mistake_is(factor, verdict):
    """The √½ of gelu is a float, and its slope another one's: 19 digits as they are."""

    @jax.custom_vjp
    def scaled(y):
        return y

    scaled.defvjp(lambda y: (y, None), lambda _, g: (factor * g,))
    with jax.enable_x64(True):
        many = jnp.tile(jnp.linspace(0.1, 1.0, 1_200), 20)
        row = judged(lambda x: jnp.sum(scaled(jax.nn.gelu(x, approximate=False))), many)
    assert row["verdict"] == verdict
    assert "double-double" in row["message"]
    assert ("constants recognised" in row["message"]) == (factor == 1.0)
