"""Gates: the SwiGLU feed-forward layer, and a mixture of experts under a softmax."""

import xgrad


@xgrad.case(
    wrt=("x", "W", "V"),
    sizes={
        "small": {"tokens": 3, "d": 4, "hidden": 3},
        "medium": {"tokens": 8, "d": 16, "hidden": 8},
        "large": {"tokens": 256, "d": 256, "hidden": 512},
    },
    operators=("vjp",),
    source="Shazeer 2020, GLU variants improve transformer, arXiv:2002.05202, section 2",
)
def swiglu(xp, x, W, V):  # x (tokens, d), W (d, hidden), V (d, hidden) -> (tokens, hidden)
    """swish(xW) ∘ xV, swish(a) = a σ(a)."""
    a = xp.matmul(x, W)
    return a * xp.expit(a) * xp.matmul(x, V)


@swiglu.inputs
def draw(rng, tokens, d, hidden):
    return {
        "x": rng.normal(size=(tokens, d)),
        "W": rng.normal(size=(d, hidden)) / d**0.5,
        "V": rng.normal(size=(d, hidden)) / d**0.5,
    }


@swiglu.formula("vjp")
def swiglu_vjp(xp, x, W, V, w):
    """da = w ∘ b ∘ σ(a)(1 + a σ(−a)), db = w ∘ a σ(a); then da Wᵀ + db Vᵀ, xᵀ da and xᵀ db."""
    a, b = xp.matmul(x, W), xp.matmul(x, V)
    gate = xp.expit(a)
    da = w * b * gate * (1 + a * xp.expit(-a))
    db = w * a * gate
    dx = xp.matmul(da, W.T) + xp.matmul(db, V.T)
    return dx, xp.matmul(x.T, da), xp.matmul(x.T, db)


@xgrad.case(
    wrt=("x", "G", "W"),
    sizes={
        "small": {"tokens": 3, "d": 3, "experts": 3, "out": 2},
        "medium": {"tokens": 8, "d": 8, "experts": 4, "out": 8},
        "large": {"tokens": 256, "d": 64, "experts": 8, "out": 64},
    },
    operators=("vjp",),
    source="Jacobs, Jordan, Nowlan & Hinton 1991, Adaptive mixtures of local experts, Neural "
    "Computation 3, 79-87; Shazeer et al. 2017, arXiv:1701.06538, section 2",
)
def mixture_of_experts(xp, x, G, W):  # x (t, d), G (d, experts), W (experts, d, out) -> (t, out)
    """Σ_k g_k(x) xW_k with the gate g = softmax(xG)."""
    gate = xp.softmax(xp.matmul(x, G), axis=-1)
    return xp.einsum("tk,tko->to", gate, xp.einsum("td,kdo->tko", x, W))


@mixture_of_experts.inputs
def draw_experts(rng, tokens, d, experts, out):
    return {
        "x": rng.normal(size=(tokens, d)),
        "G": rng.normal(size=(d, experts)) / d**0.5,
        "W": rng.normal(size=(experts, d, out)) / d**0.5,
    }


@mixture_of_experts.formula("vjp")
def mixture_vjp(xp, x, G, W, w):
    """da = g ∘ (e·w − Σ_k g_k e_k·w) at the gate, g_k w at expert k, each back to x and weights."""
    gate = xp.softmax(xp.matmul(x, G), axis=-1)
    said = xp.einsum("tko,to->tk", xp.einsum("td,kdo->tko", x, W), w)
    da = gate * (said - xp.sum(gate * said, axis=-1, keepdims=True))
    dx = xp.matmul(da, G.T) + xp.einsum("tk,to,kdo->td", gate, w, W)
    return dx, xp.matmul(x.T, da), xp.einsum("tk,td,to->kdo", gate, x, w)
