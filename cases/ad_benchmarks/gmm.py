"""A Gaussian mixture under a Wishart prior: the posterior of its parameters."""

import math

import numpy as np

import xgrad


@xgrad.case(
    wrt=("alphas", "means", "icf"),
    sizes={
        "small": {"n": 10, "k": 3, "d": 2},
        "medium": {"n": 50, "k": 5, "d": 5},
        "large": {"n": 1_000, "k": 25, "d": 20},
    },
    operators="gradient",
    source="Šrajer, Kukelova & Fitzgibbon 2018, arXiv:1807.10129, section 4.1; Bishop 2006, "
    "Pattern Recognition and Machine Learning, eq. 9.14 and 2.155",
)
def gmm(xp, alphas, means, icf, x, gamma, m):
    # alphas (k,), means (k, d), icf (k, d(d+1)/2), x (n, d), gamma (), m integer -> ()
    """log Πₙ Σₖ softmax(α)ₖ N(xₙ; μₖ, (QₖᵀQₖ)⁻¹) + Σₖ log W(QₖᵀQₖ; γ⁻²I, d + m + 1).

    The columns of icf are the logarithms of the diagonal of the triangular Q, then what is below
    it, column by column.
    """
    n, d = x.shape
    gamma, Q = xp.asarray(gamma), triangles(xp, icf, d)
    likelihood = xp.sum(xp.logsumexp(scores(xp, alphas, means, icf, x, Q), axis=0))
    prior = m * xp.sum(icf[:, :d]) - gamma**2 * xp.sum(Q * Q) / 2
    return (
        likelihood
        - n * (xp.logsumexp(alphas) + d * math.log(2 * math.pi) / 2)
        + prior
        + alphas.shape[0] * log_normaliser(xp, d, d + m + 1, gamma)
    )


def triangles(xp, icf, d):
    """Q (k, d, d), lower triangular with a positive diagonal."""
    place = np.zeros((d, d), dtype=int)
    column, row = np.triu_indices(d, 1)
    place[row, column] = d + np.arange(len(row))
    below = xp.tril(icf[:, xp.asarray(place)], k=-1)
    return below + xp.eye(d) * xp.exp(icf[:, None, :d])


def residuals(xp, means, x, Q):
    """Qₖ (xₙ − μₖ): (k, n, d)."""
    return xp.matmul(x[None, :, :] - means[:, None, :], xp.matrix_transpose(Q))


def scores(xp, alphas, means, icf, x, Q):
    """αₖ + log |Qₖ| − ½ |Qₖ (xₙ − μₖ)|²: (k, n)."""
    z = residuals(xp, means, x, Q)
    heights = alphas + xp.sum(icf[:, : x.shape[1]], axis=1)
    return heights[:, None] - xp.sum(z * z, axis=-1) / 2


def log_normaliser(xp, d, freedom, gamma):
    """The factor before a Wishart density of scale γ⁻²I."""
    multigamma = sum(math.lgamma((freedom - i) / 2) for i in range(d))
    multigamma += d * (d - 1) / 4 * math.log(math.pi)
    return freedom * d * (xp.log(gamma) - math.log(2) / 2) - multigamma


@gmm.inputs
def draw(rng, n, k, d):
    return {
        "alphas": rng.normal(size=k),
        "means": rng.uniform(size=(k, d)),
        "icf": rng.normal(size=(k, d * (d + 1) // 2)) / math.sqrt(d),
        "x": rng.normal(size=(n, d)),
        "gamma": 1.2,
        "m": 2,
    }


@gmm.formula("gradient")
def gradient(xp, alphas, means, icf, x, gamma, m):
    """Through the responsibilities r = softmaxₖ of the scores, with z = Q (x − μ).

    ∂α = Σₙ r − N softmax(α), ∂μ = Qᵀ Σₙ r z, ∂Q = −Σₙ r z (x − μ)ᵀ − γ² Q, ∂log|Q| = Σₙ r + m.
    """
    n, d = x.shape
    Q = triangles(xp, icf, d)
    r = xp.softmax(scores(xp, alphas, means, icf, x, Q), axis=0)
    rz = r[:, :, None] * residuals(xp, means, x, Q)
    total = xp.sum(r, axis=1)
    dmeans = xp.matmul(xp.sum(rz, axis=1)[:, None, :], Q)[:, 0, :]
    moved = x[None, :, :] - means[:, None, :]
    dQ = -xp.matmul(xp.matrix_transpose(rz), moved) - xp.asarray(gamma) ** 2 * Q
    diagonal = xp.arange(d)
    column, row = (xp.asarray(indices) for indices in np.triu_indices(d, 1))
    dlogs = dQ[:, diagonal, diagonal] * xp.exp(icf[:, :d]) + total[:, None] + m
    return (
        total - n * xp.softmax(alphas),
        dmeans,
        xp.concat([dlogs, dQ[:, row, column]], axis=1),
    )
