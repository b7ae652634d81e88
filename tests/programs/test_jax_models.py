"""Networks of Equinox and Flax: certified, and a planted mistake named in its module."""

import numpy as np
import pytest

import xgrad
from xgrad.table import records

jax = pytest.importorskip("jax")
jnp = pytest.importorskip("jax.numpy")

KEY = 0


def swish_with(mistake):
    """x σ(x), with a backward of its own."""

    @jax.custom_vjp
    def swish(x):
        return x * jax.nn.sigmoid(x)

    def pull(x, g):
        s = jax.nn.sigmoid(x)
        return (g * (s + x * s * (1 - s)) * (1 + mistake),)

    swish.defvjp(lambda x: (swish(x), x), pull)
    return swish


def drawn(*shape):
    return jnp.asarray(np.random.default_rng([3, *shape]).normal(size=shape), dtype=jnp.float32)


# --- networks, each with an activation that may be wrong -----------------------------------------


def equinox_mlp(swish):
    """The model itself is an argument: its weights are differentiated."""
    eqx = pytest.importorskip("equinox")
    model = eqx.nn.MLP(3, 2, 4, 2, activation=swish, key=jax.random.key(KEY))

    def loss(model, x):
        return jnp.sum(jax.vmap(model)(x) ** 2)

    return loss, (model, drawn(2, 3))


def equinox_recurrent(swish):
    """Convolution, a GRU by `scan`, attention over its states."""
    eqx = pytest.importorskip("equinox")
    keys = jax.random.split(jax.random.key(KEY), 3)
    model = (
        eqx.nn.Conv1d(2, 3, kernel_size=3, padding=1, key=keys[0]),
        eqx.nn.GRUCell(3, 4, key=keys[1]),
        eqx.nn.MultiheadAttention(2, 4, key=keys[2]),
    )

    def loss(model, x):
        convolution, cell, attention = model
        steps = swish(convolution(x)).T
        _, states = jax.lax.scan(lambda h, u: (cell(u, h),) * 2, jnp.zeros(4, x.dtype), steps)
        return jnp.sum(attention(states, states, states) ** 2)

    return loss, (model, drawn(2, 5))


def flax_block(swish):
    """A transformer block of Flax's linen, its parameters a dictionary."""
    nn = pytest.importorskip("flax.linen")

    class Block(nn.Module):
        @nn.compact
        def __call__(self, x):
            h = nn.LayerNorm()(x)
            x = x + nn.MultiHeadDotProductAttention(num_heads=2)(h, h)
            return x + nn.Dense(4)(swish(nn.Dense(6, name="wide")(nn.LayerNorm()(x))))

    block, x = Block(), drawn(1, 3, 4)
    parameters = block.init(jax.random.key(KEY), x)
    return lambda p, x: jnp.sum(block.apply(p, x) ** 2), (parameters, x)


def flax_with_dropout(swish):
    """Dropout by a key, and batch normalisation with the statistics that it has."""
    nn = pytest.importorskip("flax.linen")

    class Net(nn.Module):
        @nn.compact
        def __call__(self, x):
            x = swish(nn.BatchNorm(use_running_average=True)(nn.Dense(5)(x)))
            return nn.Dense(2)(nn.Dropout(0.4, deterministic=False)(x))

    net, x = Net(), drawn(3, 4)
    made = net.init({"params": jax.random.key(KEY), "dropout": jax.random.key(1)}, x)
    state = {**made, "batch_stats": jax.tree.map(lambda a: a + 0.25, made["batch_stats"])}

    def loss(state, x):
        return jnp.sum(net.apply(state, x, rngs={"dropout": jax.random.key(1)}) ** 2)

    return loss, (state, x)


NETWORKS = {
    "equinox MLP": equinox_mlp,
    "equinox recurrent": equinox_recurrent,
    "flax block": flax_block,
    "flax with dropout": flax_with_dropout,
}
# Around the activation, where there is one.
MODULES = {"equinox MLP": "eqx.nn.MLP", "flax block": "Block", "flax with dropout": "Net"}


SLOW = ("equinox recurrent", "flax block")  # a dozen seconds of compiling each
SOME = [pytest.param(n, marks=pytest.mark.slow) if n in SLOW else n for n in NETWORKS]


def rows_of(name, mistake):
    loss, inputs = NETWORKS[name](swish_with(mistake))
    return records(
        xgrad.check(loss, inputs, operators="gradient", methods="jax.reverse", dtypes="float32")
    )


@pytest.mark.parametrize("name", SOME)
def test_a_network_is_certified_in_the_dtype_that_it_has(name):
    (row,) = rows_of(name, 0.0)
    assert (row["verdict"], row["referee"]) == ("agrees", "certified")


@pytest.mark.parametrize("name", SOME)
def test_a_mistake_of_1e_9_is_refuted_in_float32_and_named(name):
    for row in rows_of(name, 1e-9):
        assert row["verdict"] == "disagrees"
        around = f"by {MODULES[name]} at " if name in MODULES else "at "
        assert f"`swish.custom_vjp`, called {around}" in row["message"]
        assert "9 digits agree (a factor of 1 + 1e-09)" in row["message"]
