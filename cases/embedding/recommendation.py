"""Recommending and ranking: matrix factorisation, BPR from pairs, ListNet from lists."""

import numpy as np

import xgrad

SIZES = {
    "small": {"users": 5, "items": 6, "d": 2, "m": 15},
    "medium": {"users": 30, "items": 40, "d": 5, "m": 300},
    "large": {"users": 2_000, "items": 500, "d": 50, "m": 10_000},
}
PENALTY = 1 / 16


def factors(rng, users, items, d):
    return {
        "P": rng.normal(size=(users, d)) / np.sqrt(d),
        "Q": rng.normal(size=(items, d)) / np.sqrt(d),
    }


@xgrad.case(
    wrt=("P", "Q"),
    sizes=SIZES,
    operators=("gradient", "hvp"),
    source="Koren, Bell & Volinsky 2009, Matrix factorization techniques for recommender systems, "
    "IEEE Computer 42(8), 30-37, eq. 2",
)
def matrix_factorisation(xp, P, Q, users, items, ratings):
    # P (users, d), Q (items, d), users, items, ratings (m,) -> ()
    """Σ (r − p·q)² + λ (|p|² + |q|²) over the observed ratings r, λ = 1/16."""
    p, q = P[users, ...], Q[items, ...]
    miss = ratings - xp.sum(p * q, axis=1)
    return xp.sum(miss**2) + PENALTY * xp.sum(p * p + q * q)


@matrix_factorisation.inputs
def draw_ratings(rng, users, items, d, m):
    return {
        **factors(rng, users, items, d),
        "users": rng.integers(users, size=m),
        "items": rng.integers(items, size=m),
        "ratings": rng.integers(1, 6, size=m).astype(float),
    }


@matrix_factorisation.formula("gradient")
def factorisation_gradient(xp, P, Q, users, items, ratings):
    """2 (λ p − e q) is added at each user, 2 (λ q − e p) at each item, e = r − p·q."""
    p, q = P[users, ...], Q[items, ...]
    e = (ratings - xp.sum(p * q, axis=1))[:, None]
    return (
        2 * xp.segment_sum(PENALTY * p - e * q, users, P.shape[0]),
        2 * xp.segment_sum(PENALTY * q - e * p, items, Q.shape[0]),
    )


@matrix_factorisation.formula("hvp")
def factorisation_hvp(xp, P, Q, users, items, ratings, v):
    """2 (λ p' − e q' − e' q) and 2 (λ q' − e p' − e' p), (p', q') = v, e' = −p'·q − p·q'."""
    p, q, dp, dq = P[users, ...], Q[items, ...], v[0][users, ...], v[1][items, ...]
    e = (ratings - xp.sum(p * q, axis=1))[:, None]
    de = -xp.sum(dp * q + p * dq, axis=1)[:, None]
    return (
        2 * xp.segment_sum(PENALTY * dp - e * dq - de * q, users, P.shape[0]),
        2 * xp.segment_sum(PENALTY * dq - e * dp - de * p, items, Q.shape[0]),
    )


@xgrad.case(
    wrt=("P", "Q"),
    sizes=SIZES,
    operators=("gradient",),
    source="Rendle, Freudenthaler, Gantner & Schmidt-Thieme 2009, BPR: Bayesian personalized "
    "ranking from implicit feedback, arXiv:1205.2618, sections 4.1 and 4.3.1",
)
def bayesian_personalised_ranking(xp, P, Q, users, liked, other):
    # P (users, d), Q (items, d), users, liked, other (m,) -> ()
    """−Σ log σ(p·(q_liked − q_other)) + λ (|P|² + |Q|²), λ = 1/16."""
    margin = xp.sum(P[users, ...] * (Q[liked, ...] - Q[other, ...]), axis=1)
    return xp.sum(xp.softplus(-margin)) + PENALTY * (xp.sum(P * P) + xp.sum(Q * Q))


@bayesian_personalised_ranking.inputs
def draw_pairs(rng, users, items, d, m):
    return {
        **factors(rng, users, items, d),
        "users": rng.integers(users, size=m),
        "liked": rng.integers(items, size=m),
        "other": rng.integers(items, size=m),
    }


@bayesian_personalised_ranking.formula("gradient")
def pairs_gradient(xp, P, Q, users, liked, other):
    """g = σ(−margin): −g (q_liked − q_other) at the user, ∓g p at the items, and 2λ P, 2λ Q."""
    p, gap = P[users, ...], Q[liked, ...] - Q[other, ...]
    g = xp.expit(-xp.sum(p * gap, axis=1))[:, None]
    rows, items = xp.concat([-g * p, g * p]), xp.concat([liked, other])
    return (
        xp.segment_sum(-g * gap, users, P.shape[0]) + 2 * PENALTY * P,
        xp.segment_sum(rows, items, Q.shape[0]) + 2 * PENALTY * Q,
    )


@xgrad.case(
    wrt="w",
    sizes={
        "small": {"queries": 4, "documents": 5, "d": 6},
        "medium": {"queries": 20, "documents": 20, "d": 100},
        "large": {"queries": 100, "documents": 50, "d": 300},
    },
    operators=("gradient",),
    source="Cao, Qin, Liu, Tsai & Li 2007, Learning to rank: from pairwise approach to listwise "
    "approach, ICML, section 5, ListNet; Microsoft Research TR-2007-40",
)
def listnet(xp, w, X, relevance):
    # w (d,), X (queries, documents, d), relevance (queries, documents) -> ()
    """−Σ softmax(relevance) · log softmax(Xw): cross-entropy of who comes first in each list."""
    return -xp.sum(xp.softmax(relevance, axis=1) * xp.log_softmax(xp.matmul(X, w), axis=1))


@listnet.inputs
def draw_lists(rng, queries, documents, d):
    return {
        "w": rng.normal(size=d) / np.sqrt(d),
        "X": rng.normal(size=(queries, documents, d)),
        "relevance": rng.integers(3, size=(queries, documents)).astype(float),
    }


@listnet.formula("gradient")
def listnet_gradient(xp, w, X, relevance):
    """Σ (softmax(Xw) − softmax(relevance)) x."""
    surplus = xp.softmax(xp.matmul(X, w), axis=1) - xp.softmax(relevance, axis=1)
    return xp.sum(surplus[:, :, None] * X, axis=(0, 1))


@listnet.implementation("torch", name="F.cross_entropy")
def soft_labels(w, X, relevance):
    import torch

    top = torch.softmax(relevance, dim=1)
    return torch.nn.functional.cross_entropy(X @ w, top, reduction="sum")
