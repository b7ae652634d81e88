"""Rows of a table chosen by tokens that repeat: what each row gets is summed over its places."""

import xgrad

SIZES = {
    "small": {"tokens": 8, "vocabulary": 5, "d": 4},
    "medium": {"tokens": 64, "vocabulary": 20, "d": 16},
    "large": {"tokens": 2_048, "vocabulary": 1_000, "d": 64},
}


@xgrad.case(
    wrt="E",
    sizes=SIZES,
    operators=("vjp",),
    source="Bengio, Ducharme, Vincent & Jauvin 2003, A neural probabilistic language model, "
    "JMLR 3, section 2",
)
def token_embedding(xp, E, tokens):  # E (vocabulary, d), tokens (t,) -> (t, d)
    """y_t = E_(token t)."""
    return xp.take(E, tokens, axis=0)


@token_embedding.inputs
def draw(rng, tokens, vocabulary, d):
    """More tokens than words, the first word among them."""
    drawn = rng.integers(vocabulary, size=tokens)
    drawn[1] = 0
    return {"E": rng.normal(size=(vocabulary, d)), "tokens": drawn}


@token_embedding.formula("vjp")
def vjp(xp, E, tokens, w):
    """Σ w_t over the places t of each word."""
    return xp.segment_sum(w, tokens, E.shape[0])


@token_embedding.implementation("torch", name="F.embedding")
def torch_embedding(E, tokens):
    import torch

    return torch.nn.functional.embedding(tokens, E)


@token_embedding.implementation("torch", name="F.embedding(padding_idx)")
def torch_padded(E, tokens):
    import torch

    return torch.nn.functional.embedding(tokens, E, padding_idx=0)


@token_embedding.implementation("torch", name="F.embedding(scale_grad_by_freq)")
def torch_scaled(E, tokens):
    import torch

    return torch.nn.functional.embedding(tokens, E, scale_grad_by_freq=True)


token_embedding.known(
    "torch.reverse:F.embedding(padding_idx)",
    "as documented, the row of the padding gets no gradient, though the output depends on it",
)
token_embedding.known(
    "torch.reverse:F.embedding(scale_grad_by_freq)",
    "as documented, what a row gets is divided by how often its token occurs",
)


@xgrad.case(
    wrt=("E", "b"),
    sizes=SIZES,
    operators=("gradient",),
    source="Press & Wolf 2017, Using the output embedding to improve language models, "
    "arXiv:1608.05859, section 3",
)
def tied_embedding(xp, E, b, tokens, following):  # E (V, d), b (V,), tokens, following (t,) -> ()
    """Cross-entropy of logits EE_tᵀ + b: one table embeds the tokens and predicts the next."""
    logits = xp.matmul(xp.take(E, tokens, axis=0), E.T) + b
    chosen = xp.take_along_axis(logits, following[:, None], axis=1)
    return xp.mean(xp.logsumexp(logits, axis=1) - chosen[:, 0])


@tied_embedding.inputs
def draw_text(rng, tokens, vocabulary, d):
    return {
        "E": rng.normal(size=(vocabulary, d)) / d**0.25,
        "b": rng.normal(size=vocabulary),
        "tokens": rng.integers(vocabulary, size=tokens),
        "following": rng.integers(vocabulary, size=tokens),
    }


@tied_embedding.formula("gradient")
def tied_gradient(xp, E, b, tokens, following):
    """With A = (softmax − one-hot) / t: Aᵀ E_t as output table, rows of A E as input table; Σ A."""
    x = xp.take(E, tokens, axis=0)
    one_hot = xp.arange(E.shape[0])[None, :] == following[:, None]
    A = xp.softmax(xp.matmul(x, E.T) + b, axis=1) - xp.astype(one_hot, E.dtype)
    A = A / tokens.shape[0]
    as_input = xp.segment_sum(xp.matmul(A, E), tokens, E.shape[0])
    return xp.matmul(A.T, x) + as_input, xp.sum(A, axis=0)
