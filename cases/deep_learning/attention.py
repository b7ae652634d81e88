"""Scaled dot-product attention: causal, with linear biases, and with keys shared by groups."""

import numpy as np

import xgrad

FUTURE = -1e4  # a score whose exponential is 0 in every float, and finite in float16
SHORT = "its softmax is in float32 whatever the dtype of the inputs (jax._src.nn.functions)"


def probabilities(xp, Q, K, bias):
    """softmax(QKᵀ / √d + bias): (heads, tokens, tokens)."""
    scores = xp.matmul(Q, xp.matrix_transpose(K)) / Q.shape[-1] ** 0.5
    return xp.softmax(scores + bias, axis=-1)


def pull(xp, Q, K, V, bias, w):
    """dS = P ∘ (wVᵀ − Σ P ∘ wVᵀ); then dS K / √d, dSᵀ Q / √d and Pᵀ w."""
    P = probabilities(xp, Q, K, bias)
    dP = xp.matmul(w, xp.matrix_transpose(V))
    dS = P * (dP - xp.sum(P * dP, axis=-1, keepdims=True)) / Q.shape[-1] ** 0.5
    back = xp.matrix_transpose
    return xp.matmul(dS, K), xp.matmul(back(dS), Q), xp.matmul(back(P), w)


def causal(xp, tokens):
    """0 where the key is not later than the query, FUTURE elsewhere: (tokens, tokens)."""
    return FUTURE * (1 - xp.tril(xp.ones((tokens, tokens))))


@xgrad.case(
    wrt=("Q", "K", "V"),
    sizes={
        "small": {"heads": 2, "tokens": 3, "d": 2},
        "medium": {"heads": 2, "tokens": 8, "d": 8},
        "large": {"heads": 8, "tokens": 256, "d": 32},
    },
    operators=("vjp", "jvp"),
    source="Vaswani et al. 2017, Attention is all you need, arXiv:1706.03762, eq. 1; backward pass "
    "in Dao et al. 2022, FlashAttention, arXiv:2205.14135, appendix B.2",
)
def causal_attention(xp, Q, K, V):  # Q, K, V (heads, tokens, d) -> (heads, tokens, d)
    """softmax(QKᵀ / √d) V over the keys that are not later than the query."""
    return xp.matmul(probabilities(xp, Q, K, causal(xp, Q.shape[1])), V)


@causal_attention.inputs
def draw(rng, heads, tokens, d):
    return {name: rng.normal(size=(heads, tokens, d)) for name in ("Q", "K", "V")}


@causal_attention.formula("vjp")
def causal_vjp(xp, Q, K, V, w):
    """dS = P ∘ (wVᵀ − Σ P ∘ wVᵀ); then dS K / √d, dSᵀ Q / √d and Pᵀ w."""
    return pull(xp, Q, K, V, causal(xp, Q.shape[1]), w)


@causal_attention.formula("jvp")
def causal_jvp(xp, Q, K, V, v):
    """Ṗ = P ∘ (Ṡ − Σ P ∘ Ṡ) with Ṡ = (Q̇Kᵀ + QK̇ᵀ) / √d; then ṖV + PV̇."""
    v_Q, v_K, v_V = v
    P = probabilities(xp, Q, K, causal(xp, Q.shape[1]))
    back = xp.matrix_transpose
    S = (xp.matmul(v_Q, back(K)) + xp.matmul(Q, back(v_K))) / Q.shape[-1] ** 0.5
    moved = P * (S - xp.sum(P * S, axis=-1, keepdims=True))
    return xp.matmul(moved, V) + xp.matmul(P, v_V)


@causal_attention.implementation("torch", name="F.scaled_dot_product_attention")
def torch_causal(Q, K, V):
    import torch

    return torch.nn.functional.scaled_dot_product_attention(Q, K, V, is_causal=True)


@causal_attention.implementation("jax", name="nn.dot_product_attention")
def jax_causal(Q, K, V):
    import jax
    import jax.numpy as jnp

    Q, K, V = (jnp.moveaxis(a, 0, 1) for a in (Q, K, V))
    return jnp.moveaxis(jax.nn.dot_product_attention(Q, K, V, is_causal=True), 1, 0)


causal_attention.known("jax.reverse:nn.dot_product_attention", SHORT, dtype="float64")


@xgrad.case(
    wrt=("Q", "K", "V"),
    sizes=causal_attention.sizes,
    operators=("vjp",),
    source="Press, Smith & Lewis 2022, Train short, test long: attention with linear biases, "
    "arXiv:2108.12409, section 3",
)
def alibi_attention(xp, Q, K, V):  # Q, K, V (heads, tokens, d) -> (heads, tokens, d)
    """softmax(QKᵀ / √d − m_h (i − j)) V for keys j ≤ i, slopes m_h = 2^(−8h / heads)."""
    return xp.matmul(probabilities(xp, Q, K, linear_bias(xp, *Q.shape[:2])), V)


def linear_bias(xp, heads, tokens):
    """−m_h (i − j) for j ≤ i, FUTURE elsewhere: (heads, tokens, tokens)."""
    slope = 2.0 ** (-8 * np.arange(1, heads + 1) / heads)
    distance = np.arange(tokens)[:, None] - np.arange(tokens)[None, :]
    return xp.asarray(np.where(distance < 0, FUTURE, -slope[:, None, None] * distance))


alibi_attention.inputs(draw)


@alibi_attention.formula("vjp")
def alibi_vjp(xp, Q, K, V, w):
    """As without biases, which are constants: P alone knows them."""
    return pull(xp, Q, K, V, linear_bias(xp, *Q.shape[:2]), w)


@alibi_attention.implementation("torch", name="F.scaled_dot_product_attention")
def torch_alibi(Q, K, V):
    import torch

    slope = 2.0 ** (-8 * torch.arange(1, Q.shape[0] + 1) / Q.shape[0])
    place = torch.arange(Q.shape[1])
    distance = place[:, None] - place[None, :]
    bias = (-slope[:, None, None] * distance).masked_fill(distance < 0, -torch.inf)
    bias = bias.to(Q)
    return torch.nn.functional.scaled_dot_product_attention(Q, K, V, attn_mask=bias)


@xgrad.case(
    wrt=("Q", "K", "V"),
    sizes={
        "small": {"heads": 4, "groups": 2, "tokens": 2, "d": 2},
        "medium": {"heads": 4, "groups": 2, "tokens": 8, "d": 8},
        "large": {"heads": 8, "groups": 2, "tokens": 256, "d": 32},
    },
    operators=("vjp",),
    source="Ainslie et al. 2023, GQA: training generalized multi-query transformer models, "
    "arXiv:2305.13245, section 2.2",
)
def grouped_query_attention(xp, Q, K, V):  # Q (heads, t, d), K, V (groups, t, d) -> as Q
    """Causal attention in which consecutive heads share the keys and values of their group."""
    shared = Q.shape[0] // K.shape[0]
    K, V = (xp.repeat(a, shared, axis=0) for a in (K, V))
    return xp.matmul(probabilities(xp, Q, K, causal(xp, Q.shape[1])), V)


@grouped_query_attention.inputs
def draw_groups(rng, heads, groups, tokens, d):
    given = draw(rng, groups, tokens, d)
    return {**given, "Q": rng.normal(size=(heads, tokens, d))}


@grouped_query_attention.formula("vjp")
def grouped_vjp(xp, Q, K, V, w):
    """As for every head alone; what keys and values get is summed over the heads of a group."""
    shared = Q.shape[0] // K.shape[0]
    wide = (xp.repeat(a, shared, axis=0) for a in (K, V))
    dQ, dK, dV = pull(xp, Q, *wide, causal(xp, Q.shape[1]), w)
    groups = (K.shape[0], shared, *K.shape[1:])
    return dQ, *(xp.sum(xp.reshape(a, groups), axis=1) for a in (dK, dV))


@grouped_query_attention.implementation("torch", name="F.scaled_dot_product_attention")
def torch_grouped(Q, K, V):
    import torch

    Q, K, V = (a[None] for a in (Q, K, V))
    attend = torch.nn.functional.scaled_dot_product_attention
    return attend(Q, K, V, is_causal=True, enable_gqa=True)[0]


grouped_query_attention.implementation("jax", name="nn.dot_product_attention")(jax_causal)
grouped_query_attention.known("jax.reverse:nn.dot_product_attention", SHORT, dtype="float64")
