"""Networks that people write in JAX, and their losses."""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jax_registry import example, normal

LAYERS = [{"w": normal(m, n, scale=0.3), "b": normal(n, scale=0.1)}
          for m, n in ((8, 16), (16, 16), (16, 1))]  # fmt: skip


@example(LAYERS, normal(10, 8), normal(10, 1))
def mlp(layers, x, y):
    for layer in layers[:-1]:
        x = jnp.tanh(x @ layer["w"] + layer["b"])
    return jnp.mean((x @ layers[-1]["w"] + layers[-1]["b"] - y) ** 2)


@example(normal(6, 5))
def softmax_cross_entropy(z):
    labels = jnp.array([0, 1, 2, 3, 4, 0])
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(z), labels[:, None], axis=1))


@example(normal(4, 7), normal(7), normal(7))
def layer_norm(x, g, b):
    m, v = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - m) / jnp.sqrt(v + 1e-5) * g + b


@example(normal(6, 8), *(normal(8, 8, scale=0.3) for _ in range(3)))
def attention(x, wq, wk, wv):
    q, k, v = ((x @ w).reshape(6, 2, 4).transpose(1, 0, 2) for w in (wq, wk, wv))
    s = q @ k.transpose(0, 2, 1) / jnp.sqrt(4.0)
    s = jnp.where(jnp.tril(jnp.ones((6, 6), bool)), s, jnp.finfo(s.dtype).min)
    return (jax.nn.softmax(s, axis=-1) @ v).transpose(1, 0, 2).reshape(6, 8)


@example(normal(2, 8, 8, 1), normal(3, 3, 1, 4), normal(3, 3, 4, 5), normal(20, 3))
def convolutions(x, w1, w2, w3):
    conv = partial(lax.conv_general_dilated, dimension_numbers=("NHWC", "HWIO", "NHWC"))
    x = jax.nn.relu(conv(x, w1, (1, 1), "SAME"))
    x = lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    x = jax.nn.gelu(conv(x, w2, (2, 2), "SAME"))
    return jax.nn.log_softmax(x.reshape(2, -1) @ w3)


@example(normal(2, 4, 9, 9), normal(8, 2, 3, 3))
def grouped_convolution(x, w):
    return lax.conv_general_dilated(
        x, w, (2, 1), [(1, 2), (0, 1)], rhs_dilation=(1, 2), feature_group_count=2
    )


@example(normal(2, 5, 5, 2), normal(3, 3, 2, 3))
def transposed_convolution(x, w):
    return lax.conv_transpose(x, w, (2, 2), "SAME")


@example(normal(2, 6, 6, 2))
def average_pool(x):
    return lax.reduce_window(x, 0.0, lax.add, (1, 3, 3, 1), (1, 2, 2, 1), "SAME") / 9.0


@example(normal(7, 3), normal(3, 16, scale=0.4), normal(4, 16, scale=0.4), normal(16))
def lstm(xs, wx, wh, b):
    def step(carry, x):
        h, s = carry
        i, f, g, o = jnp.split(x @ wx + h @ wh + b, 4)
        s = jax.nn.sigmoid(f + 1) * s + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(s)
        return (h, s), h

    return lax.scan(step, (jnp.zeros(4), jnp.zeros(4)), xs)[1]


@example(normal(12))
def dropout_and_noise(x):
    k1, k2 = jax.random.split(jax.random.key(3))
    kept = jnp.where(jax.random.bernoulli(k1, 0.7, x.shape), x / 0.7, 0.0)
    return jnp.sum((kept + 0.1 * jax.random.normal(k2, x.shape)) ** 2)


@example(normal(6, 3))
def embedding(e):
    i = jnp.array([4, 1, 1, 5])
    return jnp.sum(e[i] ** 2) + jnp.sum(e.at[i].add(e[i] ** 2) ** 2)


@example(normal(6, 3))
def scattered(e):
    return (
        jnp.sum(e.at[jnp.array([1, 2]), 1].max(e[0, 0]) ** 2)
        + jnp.sum(e.at[jnp.array([4, 0]), 1].multiply(3.0 * e[0, 0], unique_indices=True) ** 2)
        + jnp.sum(e.at[2].set(e[0] * e[1]) ** 2)
    )


@example(normal(5))
def straight_through(x):
    return jnp.sum(x * (x + lax.stop_gradient(jnp.round(x) - x)))


@example(normal(4), normal(4))
def vector_quantisation(z, e):
    sg = lax.stop_gradient
    return jnp.sum((sg(z) - e) ** 2) + 0.25 * jnp.sum((z - sg(e)) ** 2)


@example(normal(3, 3), normal(3))
def target_network(w, x):
    target = lax.stop_gradient(0.9 * jnp.max(x @ w) + 1)
    return (jnp.tanh(x @ w).sum() - target) ** 2


@example(normal(5))
def gumbel_softmax(x):
    return jax.nn.softmax((x + jax.random.gumbel(jax.random.key(1), (5,))) / 0.5)
