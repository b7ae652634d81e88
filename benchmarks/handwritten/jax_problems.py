"""The cases of `cases/ad_benchmarks` in plain JAX: the same arguments without xp."""

import math
from functools import lru_cache
from itertools import combinations

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import logsumexp, multigammaln


def hello(x):
    return x * x


def lse(x):
    return logsumexp(x)


def llsq(x, t):
    V = jnp.vander(t, len(x), increasing=True)
    return 0.5 * jnp.sum((jnp.sign(t) - V @ x) ** 2)


def det(A):
    minors = A[0]
    for r in range(1, len(A)):
        columns, rest, signs = expansion(len(A), r)
        minors = jnp.sum(signs * A[r, columns] * minors[rest], axis=1)
    return minors[0]


@lru_cache
def expansion(n, r):
    position = {chosen: i for i, chosen in enumerate(combinations(range(n), r))}
    choices = list(combinations(range(n), r + 1))
    rest = [[position[c[:j] + c[j + 1 :]] for j in range(r + 1)] for c in choices]
    return np.array(choices), np.array(rest), (-1.0) ** (r + np.arange(r + 1))


def gmm(alphas, means, icf, x, gamma, m):
    (k, d), n = means.shape, len(x)
    logs, below = icf[:, :d], icf[:, d:]
    column, row = np.triu_indices(d, 1)
    Q = jnp.exp(logs)[:, None, :] * jnp.eye(d)
    Q = Q.at[:, row, column].set(below)
    z = (x - means[:, None]) @ Q.mT
    scores = (alphas + logs.sum(axis=1))[:, None] - 0.5 * jnp.sum(z**2, axis=2)
    likelihood = logsumexp(scores, axis=0).sum() - n * logsumexp(alphas)
    freedom = d + m + 1
    normaliser = freedom * d * (jnp.log(gamma) - 0.5 * math.log(2))
    normaliser = normaliser - multigammaln(0.5 * freedom, d)
    prior = m * logs.sum() - 0.5 * gamma**2 * jnp.sum(Q**2) + k * normaliser
    return likelihood - 0.5 * n * d * math.log(2 * math.pi) + prior


def kmeans(centroids, points):
    products = points @ centroids.T
    distances = jnp.sum(points**2, axis=1)[:, None] - 2 * products + jnp.sum(centroids**2, axis=1)
    return jnp.sum(jnp.min(distances, axis=1))


def ba(cams, X, w, obs, feats):
    cam = cams[obs[:, 0]]
    x = rodrigues(cam[:, :3], X[obs[:, 1]] - cam[:, 3:6])
    u = x[:, :2] / x[:, 2:]
    square = jnp.sum(u**2, axis=1, keepdims=True)
    distorted = u * (1 + cam[:, 9:10] * square + cam[:, 10:] * square**2)
    errors = w[:, None] * (cam[:, 6:7] * distorted + cam[:, 7:9] - feats)
    return jnp.concatenate([errors.ravel(), 1 - w**2])


def rodrigues(r, x):
    angle = jnp.linalg.norm(r, axis=1, keepdims=True)
    axis = r / angle
    along = jnp.sum(axis * x, axis=1, keepdims=True)
    cos = jnp.cos(angle)
    return x * cos + jnp.cross(axis, x) * jnp.sin(angle) + axis * along * (1 - cos)


def hand(theta, joints, vertices, weights, correspondences, points):
    v, shares = vertices[correspondences], weights[correspondences]
    fingers = theta[6:].reshape(-1, 4)
    f = len(fingers)
    R, t = jnp.broadcast_to(jnp.eye(3), (f, 3, 3)), jnp.zeros((f, 3))
    Rs, ts = [R[:1]], [t[:1]]
    for level, joint in enumerate(joints):
        spread = fingers[:, 0] if level == 0 else jnp.zeros(f)
        turn = spread_and_bend(spread, fingers[:, level + 1])
        t = t + (R @ (joint[:, :, None] - turn @ joint[:, :, None]))[:, :, 0]
        R = R @ turn
        Rs.append(R)
        ts.append(t)
    blended = (shares @ jnp.concatenate(Rs).reshape(-1, 9)).reshape(-1, 3, 3)
    skinned = (blended @ v[:, :, None])[:, :, 0] + shares @ jnp.concatenate(ts)
    return points - skinned @ rotation(theta[:3]).T - theta[3:6]


def spread_and_bend(spread, bend):
    c, s, cb, sb = jnp.cos(spread), jnp.sin(spread), jnp.cos(bend), jnp.sin(bend)
    rows = [[c, -s * cb, s * sb], [s, c * cb, -c * sb], [jnp.zeros_like(c), sb, cb]]
    return jnp.stack([jnp.stack(row, axis=-1) for row in rows], axis=-2)


def rotation(r):
    angle = jnp.linalg.norm(r)
    axis = r / angle
    cross, cos = jnp.cross(jnp.eye(3), axis), jnp.cos(angle)
    return cos * jnp.eye(3) + jnp.sin(angle) * cross + (1 - cos) * jnp.outer(axis, axis)


def diagonal_lstm(main, extra, state, sequence):
    x = sequence[:-1] * extra[0]
    for weight, bias, h, c in zip(main[::2], main[1::2], state[::2], state[1::2], strict=True):
        (wf, wi, wo, wg), (bf, bi, bo, bg) = jnp.split(weight, 4), jnp.split(bias, 4)
        gates = jax.nn.sigmoid(x * wf + bf), jax.nn.sigmoid(x * wo + bo)

        def step(carry, gates, wi=wi, wg=wg, bi=bi, bg=bg):
            (h, c), (f, o) = carry, gates
            c = f * c + jax.nn.sigmoid(h * wi + bi) * jnp.tanh(h * wg + bg)
            h = o * jnp.tanh(c)
            return (h, c), h

        _, x = jax.lax.scan(step, (h, c), gates)
    predicted = x * extra[1] + extra[2]
    normaliser = jnp.log(2 + jnp.sum(jnp.exp(predicted), axis=1, keepdims=True))
    return -jnp.mean(sequence[1:] * (predicted - normaliser))


def ode(x, s):
    h = 2 / s

    def slope(y):
        return x * jnp.concatenate([jnp.ones(1), y[:-1]])

    def step(y, _):
        k1 = slope(y)
        k2 = slope(y + h / 2 * k1)
        k3 = slope(y + h / 2 * k2)
        k4 = slope(y + h * k3)
        return y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4), None

    y, _ = jax.lax.scan(step, jnp.zeros_like(x), None, length=s)
    return y[-1]
