"""A network of linear springs: elastic energy of a jittered grid."""

import numpy as np

import xgrad


@xgrad.case(
    wrt=("x", "rest"),
    sizes={"small": {"side": 3}, "medium": {"side": 8}, "large": {"side": 100}},
    operators=("gradient", "hvp"),
    source="Liu, Bargteil, O'Brien & Kavan 2013, Fast simulation of mass-spring systems, "
    "ACM Transactions on Graphics 32(6), section 4",
)
def spring_network(xp, x, rest, k, i, j):  # x (n, 2), rest, k, i, j (m,) -> ()
    """½ Σ k (|x_i − x_j| − L)² over the springs."""
    _, length = springs(xp, x, i, j)
    return xp.sum(k * (length - rest) ** 2) / 2


def springs(xp, x, i, j):
    """x_i − x_j and its length: (m, 2), (m,)."""
    d = x[i, ...] - x[j, ...]
    return d, xp.sqrt(xp.sum(d * d, axis=-1))


def gathered(xp, tension, i, j, n):
    """What pulls at each node: + at the first end of a spring, − at the second."""
    return xp.segment_sum(tension, i, n) - xp.segment_sum(tension, j, n)


@spring_network.inputs
def draw(rng, side):
    """Springs along both axes and one diagonal of a square grid."""
    node = np.arange(side * side).reshape(side, side)
    i = np.concatenate([node[:-1, :].ravel(), node[:, :-1].ravel(), node[:-1, :-1].ravel()])
    j = np.concatenate([node[1:, :].ravel(), node[:, 1:].ravel(), node[1:, 1:].ravel()])
    grid = np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1).reshape(-1, 2)
    return {
        "x": grid + rng.uniform(-0.2, 0.2, size=grid.shape),
        "rest": rng.uniform(0.7, 1.3, size=len(i)),
        "k": rng.uniform(0.5, 2, size=len(i)),
        "i": i,
        "j": j,
    }


@spring_network.formula("gradient")
def minus_forces(xp, x, rest, k, i, j):
    """Σ over a node's springs of k (1 − L/ℓ) d, and −k (ℓ − L)."""
    d, length = springs(xp, x, i, j)
    tension = (k * (1 - rest / length))[:, None] * d
    return gathered(xp, tension, i, j, x.shape[0]), -k * (length - rest)


@spring_network.formula("hvp")
def stiffness(xp, x, rest, k, i, j, v):
    """k ((1 − L/ℓ) δ + (L/ℓ² (d·δ)/ℓ − λ/ℓ) d) and −k ((d·δ)/ℓ − λ), for δ, λ along d, L."""
    move, slack = v
    d, length = springs(xp, x, i, j)
    delta = move[i, ...] - move[j, ...]
    stretch = xp.sum(d * delta, axis=-1) / length
    across = (1 - rest / length)[:, None] * delta
    along = (rest * stretch / length**2 - slack / length)[:, None] * d
    tension = k[:, None] * (across + along)
    return gathered(xp, tension, i, j, x.shape[0]), -k * (stretch - slack)
