"""Word vectors: skip-gram with negative sampling, and GloVe."""

import numpy as np

import xgrad


@xgrad.case(
    wrt=("V", "U"),
    sizes={
        "small": {"vocabulary": 8, "d": 3, "n": 12, "k": 2},
        "medium": {"vocabulary": 50, "d": 10, "n": 100, "k": 5},
        "large": {"vocabulary": 2_000, "d": 50, "n": 2_000, "k": 5},
    },
    operators=("gradient",),
    source="Mikolov, Sutskever, Chen, Corrado & Dean 2013, Distributed representations of words "
    "and phrases and their compositionality, arXiv:1310.4546, eq. 4; Goldberg & Levy 2014, "
    "arXiv:1402.3722",
)
def skip_gram(xp, V, U, centres, words):
    # V (vocabulary, d), U (vocabulary, d), centres (n,), words (n, 1 + k) -> ()
    """−Σ log σ(v·u₀) + Σ_k log σ(−v·u_k): u₀ the context word, u_k drawn from noise."""
    s = scores(xp, V, U, centres, words)
    return xp.sum(xp.softplus(s)) - xp.sum(s[:, 0])


def scores(xp, V, U, centres, words):
    """v·u of each centre with each of its words: (n, 1 + k)."""
    return xp.sum(V[centres, ...][:, None, :] * U[words, ...], axis=-1)


@skip_gram.inputs
def draw_skip_gram(rng, vocabulary, d, n, k):
    """Frequent and rare words, so that many centres and contexts repeat."""
    frequency = 1 / np.arange(1, vocabulary + 1)
    frequency /= frequency.sum()
    return {
        "V": rng.normal(size=(vocabulary, d)) / np.sqrt(d),
        "U": rng.normal(size=(vocabulary, d)) / np.sqrt(d),
        "centres": rng.choice(vocabulary, p=frequency, size=n),
        "words": rng.choice(vocabulary, p=frequency, size=(n, 1 + k)),
    }


@skip_gram.formula("gradient")
def skip_gram_gradient(xp, V, U, centres, words):
    """g = σ(v·u) − [context]: row g u is added at the centre, row g v at the word."""
    n, many = words.shape
    context = xp.astype(xp.arange(many) == 0, V.dtype)
    g = (xp.expit(scores(xp, V, U, centres, words)) - context)[:, :, None]
    v, u = V[centres, ...][:, None, :], U[words, ...]
    rows = xp.reshape(g * v, (n * many, -1))
    return (
        xp.segment_sum(xp.sum(g * u, axis=1), centres, V.shape[0]),
        xp.segment_sum(rows, xp.reshape(words, (-1,)), U.shape[0]),
    )


@skip_gram.implementation("torch", name="F.embedding")
def embedded(V, U, centres, words):
    from torch.nn import functional as F

    s = (F.embedding(centres, V)[:, None, :] * F.embedding(words, U)).sum(dim=-1)
    return -F.logsigmoid(s[:, 0]).sum() - F.logsigmoid(-s[:, 1:]).sum()


@xgrad.case(
    wrt=("W", "C", "b", "c"),
    sizes={
        "small": {"vocabulary": 5, "d": 3, "m": 15},
        "medium": {"vocabulary": 40, "d": 10, "m": 300},
        "large": {"vocabulary": 2_000, "d": 50, "m": 10_000},
    },
    operators=("gradient",),
    source="Pennington, Socher & Manning 2014, GloVe: global vectors for word representation, "
    "EMNLP, eq. 8 and 9, https://aclanthology.org/D14-1162",
)
def glove(xp, W, C, b, c, words, contexts, counts):
    # W, C (vocabulary, d), b, c (vocabulary,), words, contexts, counts (m,) -> ()
    """Σ f(X) (w·c + b + b̃ − log X)², f(X) = min(1, (X / 100)^¾), over the counts X."""
    return xp.sum(weights(xp, counts) * misses(xp, W, C, b, c, words, contexts, counts) ** 2)


def weights(xp, counts):
    return xp.where(counts < 100, (counts / 100) ** 0.75, xp.ones_like(counts))


def misses(xp, W, C, b, c, words, contexts, counts):
    dots = xp.sum(W[words, ...] * C[contexts, ...], axis=1)
    return dots + b[words] + c[contexts] - xp.log(counts)


@glove.inputs
def draw_glove(rng, vocabulary, d, m):
    return {
        "W": rng.normal(size=(vocabulary, d)) / np.sqrt(d),
        "C": rng.normal(size=(vocabulary, d)) / np.sqrt(d),
        "b": rng.normal(size=vocabulary),
        "c": rng.normal(size=vocabulary),
        "words": rng.integers(vocabulary, size=m),
        "contexts": rng.integers(vocabulary, size=m),
        "counts": np.ceil(np.exp(rng.uniform(0, 7, size=m))),
    }


@glove.formula("gradient")
def glove_gradient(xp, W, C, b, c, words, contexts, counts):
    """g = 2 f (w·c + b + b̃ − log X): g c and g at the word, g w and g at the context."""
    g = 2 * weights(xp, counts) * misses(xp, W, C, b, c, words, contexts, counts)
    return (
        xp.segment_sum(g[:, None] * C[contexts, ...], words, W.shape[0]),
        xp.segment_sum(g[:, None] * W[words, ...], contexts, C.shape[0]),
        xp.segment_sum(g, words, b.shape[0]),
        xp.segment_sum(g, contexts, c.shape[0]),
    )
