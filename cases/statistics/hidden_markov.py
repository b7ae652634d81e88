"""A hidden Markov model of symbols: the scaled forward algorithm, and expected counts."""

import xgrad


@xgrad.case(
    wrt=("start", "move", "emit"),
    sizes={
        "small": {"T": 8, "K": 3, "M": 4},
        "medium": {"T": 40, "K": 8, "M": 12},
        "large": {"T": 100, "K": 100, "M": 200},
    },
    operators=("gradient",),
    source="Rabiner 1989, A tutorial on hidden Markov models, Proceedings of the IEEE 77(2), "
    "257-286, sections III and V.A",
)
def hidden_markov(xp, start, move, emit, seen):  # start (K,), move (K, K), emit (K, M) -> ()
    """−log Σ_s π(s₁) ∏ a(s_t, s_{t+1}) ∏ b(s_t, o_t): the forward algorithm, π, a, b by softmax."""
    _, (_, _, c) = forward(xp, start, move, likelihoods(xp, emit, seen))
    return -xp.sum(xp.log(c))


def likelihoods(xp, emit, seen):
    """b(k, o_t) (T, K)."""
    return xp.softmax(emit, axis=1).T[seen, :]


def forward(xp, start, move, b):
    """P(s_t) before and after o_t, given the symbols up to there, and c_t = P(o_t) before it."""
    a = xp.softmax(move, axis=1)

    def step(before, b):
        c = xp.sum(before * b)
        after = before * b / c
        return xp.matmul(after, a), (before, after, c)

    return xp.scan(step, xp.softmax(start, axis=0), b)


@hidden_markov.inputs
def draw(rng, T, K, M):
    return {
        "start": rng.normal(size=K),
        "move": rng.normal(size=(K, K)),
        "emit": rng.normal(size=(K, M)),
        "seen": rng.integers(M, size=T),
    }


@hidden_markov.formula("gradient")
def expected_counts(xp, start, move, emit, seen):
    """π − γ₁, a Σξ_k − Σξ and b Σγ_k − Σγ: expected counts, against those that the rows predict.

    γ and ξ, the posterior probabilities of states and of moves, by the backward algorithm.
    """
    a, b = xp.softmax(move, axis=1), likelihoods(xp, emit, seen)
    _, (before, after, c) = forward(xp, start, move, b)

    def step(later, here):
        b, c = here
        factor = b * later / c
        return xp.matmul(a, factor), factor

    flipped = xp.flip(b, axis=0), xp.flip(c, axis=0)
    _, factors = xp.scan(step, xp.ones_like(start), flipped)
    factors = xp.flip(factors, axis=0)
    gamma = before * factors
    moves = a * xp.matmul(after[:-1, :].T, factors[1:, :])
    symbols = xp.segment_sum(gamma, seen, emit.shape[1]).T
    of_start = xp.softmax(start, axis=0) - gamma[0, :]
    return of_start, surplus(xp, move, moves), surplus(xp, emit, symbols)


def surplus(xp, logits, counts):
    """softmax(logits) Σ counts − counts, row by row."""
    return xp.softmax(logits, axis=1) * xp.sum(counts, axis=1, keepdims=True) - counts
