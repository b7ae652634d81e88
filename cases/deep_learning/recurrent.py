"""Gated recurrent layers, unrolled in time: the LSTM and the GRU."""

import xgrad

SIZES = {
    "small": {"T": 3, "n": 2, "d": 2, "hidden": 2},
    "medium": {"T": 6, "n": 2, "d": 6, "hidden": 6},
    "large": {"T": 64, "n": 16, "d": 64, "hidden": 64},
}


@xgrad.case(
    wrt=("x", "W", "U", "b"),
    sizes=SIZES,
    operators=("vjp",),
    source="Hochreiter & Schmidhuber 1997, Neural Computation 9(8), 1735-1780; forget gate in "
    "Gers, Schmidhuber & Cummins 2000, Neural Computation 12(10), 2451-2471, section 3",
)
def lstm(xp, x, W, U, b):  # x (T, n, d), W (4h, d), U (4h, h), b (4h,) -> (T, n, h)
    """c_t = f c_(t−1) + i g, h_t = o tanh c_t; i, f, o = σ and g = tanh of Wx_t + Uh_(t−1) + b."""
    return lstm_run(xp, x, W, U, b)[-1]


def lstm_run(xp, x, W, U, b):
    """The gates, the state before and after, and the output of every step: (T, n, h) each."""

    def step(carry, x_t):
        h, c = carry
        i, f, g, o = parts(xp.matmul(x_t, W.T) + xp.matmul(h, U.T) + b, 4)
        i, f, g, o = xp.expit(i), xp.expit(f), xp.tanh(g), xp.expit(o)
        after = f * c + i * g
        out = o * xp.tanh(after)
        return (out, after), (i, f, g, o, h, c, after, out)

    start = xp.zeros((x.shape[1], U.shape[1]))
    return xp.scan(step, (start, start), x)[1]


def parts(a, count):
    """The last axis in equal parts."""
    width = a.shape[-1] // count
    return [a[..., k * width : (k + 1) * width] for k in range(count)]


@lstm.inputs
def draw_lstm(rng, T, n, d, hidden):
    return draw(rng, 4, T, n, d, hidden)


def draw(rng, gates, T, n, d, hidden):
    """A sequence, and weights that keep every gate in its curved range."""
    return {
        "x": rng.normal(size=(T, n, d)),
        "W": rng.normal(size=(gates * hidden, d)) / d**0.5,
        "U": rng.normal(size=(gates * hidden, hidden)) / hidden**0.5,
        "b": rng.normal(size=gates * hidden) / 2,
    }


@lstm.formula("vjp")
def lstm_vjp(xp, x, W, U, b, w):
    """Backpropagation through time: dc = dh o (1 − tanh² c) + f dc from the step after."""

    def step(carry, seen):
        dh, dc = carry
        w_t, i, f, g, o, c, after = seen
        dh = dh + w_t
        out = xp.tanh(after)
        dc = dc + dh * o * (1 - out * out)
        da = [dc * g * i * (1 - i), dc * c * f * (1 - f), dc * i * (1 - g * g)]
        da = xp.concat([*da, dh * out * o * (1 - o)], axis=-1)
        return (xp.matmul(da, U), dc * f), da

    i, f, g, o, h, c, after, _ = lstm_run(xp, x, W, U, b)
    none = xp.zeros(h.shape[1:])
    seen = tuple(xp.flip(a, axis=0) for a in (w, i, f, g, o, c, after))
    da = xp.flip(xp.scan(step, (none, none), seen)[1], axis=0)
    return to_weights(xp, da, W, x), gathered(xp, da, x), gathered(xp, da, h), over_time(xp, da)


def to_weights(xp, da, W, x):
    """da W at every step."""
    return xp.reshape(xp.matmul(xp.reshape(da, (-1, da.shape[-1])), W), x.shape)


def gathered(xp, da, x):
    """Σ da xᵀ over steps and sequences."""
    return xp.einsum("tnk,tnd->kd", da, x)


def over_time(xp, da):
    """Σ da over steps and sequences."""
    return xp.sum(da, axis=(0, 1))


@lstm.implementation("torch", name="nn.LSTM")
def torch_lstm(x, W, U, b):
    import torch

    start = x.new_zeros(1, x.shape[1], U.shape[1])
    weights = [W, U, b, torch.zeros_like(b)]
    return torch.lstm(x, (start, start), weights, True, 1, 0.0, True, False, False)[0]


@xgrad.case(
    wrt=("x", "W", "U", "b", "c"),
    sizes=SIZES,
    operators=("vjp",),
    source="Cho et al. 2014, arXiv:1406.1078, section 2.3, with the reset after the product: "
    "https://docs.pytorch.org/docs/stable/generated/torch.nn.GRU.html",
)
def gru(xp, x, W, U, b, c):  # x (T, n, d), W (3h, d), U (3h, h), b (3h,), c (3h,) -> (T, n, h)
    """h_t = (1 − z) tanh(s) + z h_(t−1), s = W_s x + b_s + r (U_s h_(t−1) + c_s); r, z = σ."""
    return gru_run(xp, x, W, U, b, c)[-1]


def gru_run(xp, x, W, U, b, c):
    """The gates, the recurrent part under the reset, the state before and after every step."""

    def step(h, x_t):
        from_x = parts(xp.matmul(x_t, W.T) + b, 3)
        from_h = parts(xp.matmul(h, U.T) + c, 3)
        r, z = xp.expit(from_x[0] + from_h[0]), xp.expit(from_x[1] + from_h[1])
        s = xp.tanh(from_x[2] + r * from_h[2])
        out = (1 - z) * s + z * h
        return out, (r, z, s, from_h[2], h, out)

    return xp.scan(step, xp.zeros((x.shape[1], U.shape[1])), x)[1]


@gru.inputs
def draw_gru(rng, T, n, d, hidden):
    return {**draw(rng, 3, T, n, d, hidden), "c": rng.normal(size=3 * hidden) / 2}


@gru.formula("vjp")
def gru_vjp(xp, x, W, U, b, c, w):
    """Backpropagation through time: dh of the step before is z dh + Uᵀ of the gates' slopes."""

    def step(dh, seen):
        w_t, r, z, s, under, h = seen
        dh = dh + w_t
        ds = dh * (1 - z) * (1 - s * s)
        dr, dz = ds * under * r * (1 - r), dh * (h - s) * z * (1 - z)
        da, dg = xp.concat([dr, dz, ds], axis=-1), xp.concat([dr, dz, ds * r], axis=-1)
        return dh * z + xp.matmul(dg, U), (da, dg)

    r, z, s, under, h, _ = gru_run(xp, x, W, U, b, c)
    seen = tuple(xp.flip(a, axis=0) for a in (w, r, z, s, under, h))
    made = xp.scan(step, xp.zeros(h.shape[1:]), seen)[1]
    da, dg = (xp.flip(a, axis=0) for a in made)
    return (
        to_weights(xp, da, W, x),
        gathered(xp, da, x),
        gathered(xp, dg, h),
        over_time(xp, da),
        over_time(xp, dg),
    )


@gru.implementation("torch", name="nn.GRU")
def torch_gru(x, W, U, b, c):
    import torch

    start = x.new_zeros(1, x.shape[1], U.shape[1])
    return torch.gru(x, start, [W, U, b, c], True, 1, 0.0, True, False, False)[0]
