"""A long short-term memory network with diagonal weights, over a sequence of characters."""

import xgrad


@xgrad.case(
    wrt=("main", "extra"),
    sizes={
        "small": {"layers": 1, "characters": 5, "bits": 2},
        "medium": {"layers": 2, "characters": 20, "bits": 8},
        "large": {"layers": 2, "characters": 1_024, "bits": 14},
    },
    operators="gradient",
    source="Hochreiter & Schmidhuber 1997, Neural Computation 9(8), 1735-1780; ADBench, "
    "src/cpp/shared/lstm.h, https://github.com/microsoft/ADBench; GradBench, evals/lstm/README.md",
)
def diagonal_lstm(xp, main, extra, state, sequence):
    # main (2l, 4b), extra (3, b), state (2l, b), sequence (c, b) -> ()
    """−mean yₜ₊₁ (pₜ − log(2 + Σ exp pₜ)), where pₜ is what l layers predict from y₁ … yₜ.

    Rows of main are weights and biases in turn, each of the forget, input, output and change
    gates; rows of extra scale the input, and scale and shift the output; rows of state are hidden
    and cell values in turn.
    """
    h = sequence[:-1, :] * extra[0, :]
    for gates, start in layers(main, state):
        h = run(xp, gates, start, h)[0]
    p = h * extra[1, :] + extra[2, :]
    gain = sequence[1:, :] * (p - xp.log(2 + xp.sum(xp.exp(p), axis=1, keepdims=True)))
    return -xp.sum(gain) / gain.shape[0] / gain.shape[1]


def layers(main, state):
    """Weights and biases of the four gates, and the first hidden and cell values, by layer."""
    b = state.shape[1]
    return [
        (
            [(main[i, k * b : (k + 1) * b], main[i + 1, k * b : (k + 1) * b]) for k in range(4)],
            (state[i, :], state[i + 1, :]),
        )
        for i in range(0, state.shape[0], 2)
    ]


def run(xp, gates, start, x):
    """One layer over all inputs: its hidden and cell values after each step, (c − 1, b)."""
    (wf, bf), (wi, bi), (wo, bo), (wg, bg) = gates

    def step(carry, now):
        (h, c), (forget, out) = carry, now
        c = forget * c + xp.expit(wi * h + bi) * xp.tanh(wg * h + bg)
        h = out * xp.tanh(c)
        return (h, c), (h, c)

    return xp.scan(step, start, (xp.expit(wf * x + bf), xp.expit(wo * x + bo)))[1]


@diagonal_lstm.inputs
def draw(rng, layers, characters, bits):
    return {
        "main": rng.uniform(size=(2 * layers, 4 * bits)),
        "extra": rng.uniform(size=(3, bits)),
        "state": rng.uniform(size=(2 * layers, bits)),
        "sequence": rng.integers(2, size=(characters, bits)).astype(float),
    }


@diagonal_lstm.formula("gradient")
def through_time(xp, main, extra, state, sequence):
    """Layer by layer from the last, and in each backwards in time."""
    h, kept = sequence[:-1, :] * extra[0, :], []
    for gates, start in layers(main, state):
        x, (h, c) = h, run(xp, gates, start, h)
        kept.append((gates, start, x, h, c))
    p = h * extra[1, :] + extra[2, :]
    e = xp.exp(p)
    share = e / (2 + xp.sum(e, axis=1, keepdims=True))
    ones = sequence[1:, :]
    dp = (share * xp.sum(ones, axis=1, keepdims=True) - ones) / p.shape[0] / p.shape[1]
    dh, rows = dp * extra[1, :], []
    for layer in reversed(kept):
        dh, (weights, biases) = back(xp, *layer, dh)
        rows = [weights, biases, *rows]
    dscale = xp.sum(dh * sequence[:-1, :], axis=0)
    dextra = [dscale, xp.sum(dp * h, axis=0), xp.sum(dp, axis=0)]
    return xp.stack(rows), xp.stack(dextra)


def back(xp, gates, start, x, hidden, cell, dhidden):
    """From the gradient in a layer's hidden values, those in its inputs, weights and biases."""
    (wf, bf), (wi, bi), (wo, bo), (wg, bg) = gates
    h, c = (
        xp.concat([first[None, :], after[:-1, :]])
        for first, after in zip(start, (hidden, cell), strict=True)
    )
    f, o, i = xp.expit(wf * x + bf), xp.expit(wo * x + bo), xp.expit(wi * h + bi)
    g, bounded = xp.tanh(wg * h + bg), xp.tanh(cell)
    to_i, to_g = g * i * (1 - i), i * (1 - g * g)

    def step(carry, now):
        (dh, dc), (dout, f, to_c, to_i, to_g) = carry, now
        dh = dh + dout
        dc = dc + dh * to_c
        return (dc * (to_i * wi + to_g * wg), dc * f), (dh, dc)

    backwards = (dhidden, f, o * (1 - bounded * bounded), to_i, to_g)
    start = (xp.zeros_like(wi), xp.zeros_like(wi))
    _, found = xp.scan(step, start, tuple(xp.flip(a, axis=0) for a in backwards))
    dh, dc = (xp.flip(a, axis=0) for a in found)
    df, di, dg = dc * c * f * (1 - f), dc * to_i, dc * to_g
    do = dh * bounded * o * (1 - o)
    weights = [xp.sum(a, axis=0) for a in (df * x, di * h, do * x, dg * h)]
    biases = [xp.sum(a, axis=0) for a in (df, di, do, dg)]
    return df * wf + do * wo, (xp.concat(weights), xp.concat(biases))
