"""A whole transformer block of GPT-2, with its backward pass written out by hand."""

import xgrad

EPSILON = 1e-5
FUTURE = -1e4  # a score whose exponential is 0 in every float, and finite in float16
ROOT, CUBE = 0.7978845608028654, 0.044715  # √(2/π), and the cubic term of the fitted GELU


@xgrad.case(
    wrt=("x", "A", "M", "F", "G"),
    sizes={
        "small": {"tokens": 3, "d": 4, "heads": 2, "hidden": 3},
        "medium": {"tokens": 6, "d": 8, "heads": 2, "hidden": 16},
        "large": {"tokens": 128, "d": 128, "heads": 4, "hidden": 512},
    },
    operators=("vjp",),
    source="Radford et al. 2019, Language models are unsupervised multitask learners, section 2.3; "
    "backward pass by hand in https://github.com/karpathy/llm.c, train_gpt2.c",
)
def transformer_block(xp, x, A, M, F, G, heads):
    # x (t, d), A (d, 3d), M (d, d), F (d, hidden), G (hidden, d) -> (t, d)
    """y = x + attention(norm(x) A) M, and y + gelu(norm(y) F) G: causal, heads side by side."""
    return forward(xp, x, A, M, F, G, heads)[0]


def forward(xp, x, A, M, F, G, heads):
    """The value, and what the backward pass needs of the way to it."""
    x_hat, x_scale = standardize(xp, x)
    Q, K, V = split(xp, xp.matmul(x_hat, A), heads)
    scores = xp.matmul(Q, xp.matrix_transpose(K)) / Q.shape[-1] ** 0.5
    late = 1 - xp.tril(xp.ones((x.shape[0], x.shape[0])))
    P = xp.softmax(scores + FUTURE * late, axis=-1)
    said = merge(xp, xp.matmul(P, V))
    y = x + xp.matmul(said, M)
    y_hat, y_scale = standardize(xp, y)
    a = xp.matmul(y_hat, F)
    return y + xp.matmul(gelu(xp, a), G), (x_hat, x_scale, Q, K, V, P, said, y_hat, y_scale, a)


def standardize(xp, x):
    """x̂ = (x − mean) / √(var + ε) of each token, and 1 / √(var + ε)."""
    centred = x - xp.mean(x, axis=-1, keepdims=True)
    scale = 1 / xp.sqrt(xp.mean(centred * centred, axis=-1, keepdims=True) + EPSILON)
    return centred * scale, scale


def standardize_back(xp, w, x_hat, scale):
    """scale (w − mean w − x̂ mean(w x̂))."""
    along = xp.mean(w * x_hat, axis=-1, keepdims=True)
    return scale * (w - xp.mean(w, axis=-1, keepdims=True) - x_hat * along)


def split(xp, a, heads):
    """Queries, keys and values of all heads: (t, 3d) -> three of (heads, t, d / heads)."""
    t, d = a.shape[0], a.shape[1] // 3
    parts = xp.reshape(a, (t, 3, heads, d // heads))
    return [xp.permute_dims(parts[:, k], (1, 0, 2)) for k in range(3)]


def merge(xp, a):
    """Heads side by side: (heads, t, d / heads) -> (t, d)."""
    return xp.reshape(xp.permute_dims(a, (1, 0, 2)), (a.shape[1], -1))


def gelu(xp, a):
    """a σ(2u), u = √(2/π) (a + 0.044715 a³)."""
    return a * xp.expit(2 * ROOT * (a + CUBE * a * a * a))


def gelu_slope(xp, a):
    """σ(2u) (1 + 2 a u' σ(−2u))."""
    u = ROOT * (a + CUBE * a * a * a)
    slope = ROOT * (1 + 3 * (CUBE * a * a))
    return xp.expit(2 * u) * (1 + 2 * a * slope * xp.expit(-2 * u))


@transformer_block.inputs
def draw(rng, tokens, d, heads, hidden):
    return {
        "x": rng.normal(size=(tokens, d)),
        "A": rng.normal(size=(d, 3 * d)) / d**0.5,
        "M": rng.normal(size=(d, d)) / d**0.5,
        "F": rng.normal(size=(d, hidden)) / d**0.5,
        "G": rng.normal(size=(hidden, d)) / hidden**0.5,
        "heads": heads,
    }


@transformer_block.formula("vjp")
def vjp(xp, x, A, M, F, G, heads, w):
    """Backwards through the feed-forward layer, the norm, the heads, the softmax, the norm."""
    _, seen = forward(xp, x, A, M, F, G, heads)
    x_hat, x_scale, Q, K, V, P, said, y_hat, y_scale, a = seen
    back = xp.matrix_transpose
    da = xp.matmul(w, G.T) * gelu_slope(xp, a)
    dy = w + standardize_back(xp, xp.matmul(da, F.T), y_hat, y_scale)
    parts = xp.reshape(xp.matmul(dy, M.T), (x.shape[0], heads, -1))
    dheads = xp.permute_dims(parts, (1, 0, 2))
    dP = xp.matmul(dheads, back(V))
    dS = P * (dP - xp.sum(P * dP, axis=-1, keepdims=True)) / Q.shape[-1] ** 0.5
    each = xp.matmul(dS, K), xp.matmul(back(dS), Q), xp.matmul(back(P), dheads)
    dqkv = xp.concat([merge(xp, e) for e in each], axis=-1)
    return (
        dy + standardize_back(xp, xp.matmul(dqkv, A.T), x_hat, x_scale),
        xp.matmul(x_hat.T, dqkv),
        xp.matmul(said.T, dy),
        xp.matmul(y_hat.T, da),
        xp.matmul(gelu(xp, a).T, w),
    )


@transformer_block.implementation("torch", name="nn.functional")
def torch_block(x, A, M, F, G, heads):
    """Of torch's own layers, fused on the way back as well."""
    import torch.nn.functional as nn

    d = x.shape[1]
    parts = (nn.layer_norm(x, (d,)) @ A).reshape(-1, 3, heads, d // heads)
    said = nn.scaled_dot_product_attention(*parts.permute(1, 2, 0, 3), is_causal=True)
    y = x + said.permute(1, 0, 2).reshape(x.shape) @ M
    return y + nn.gelu(nn.layer_norm(y, (d,)) @ F, approximate="tanh") @ G
