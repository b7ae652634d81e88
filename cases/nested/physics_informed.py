"""A physics-informed loss: how far a small network is from solving an oscillator's equation."""

import xgrad


@xgrad.case(
    wrt=("w", "b", "v"),
    sizes={
        "small": {"n": 5, "hidden": 3},
        "medium": {"n": 32, "hidden": 8},
        "large": {"n": 64, "hidden": 16},
    },
    operators=("gradient",),
    source="Raissi, Perdikaris & Karniadakis 2019, Physics-informed neural networks, "
    "J. Computational Physics 378, 686-707, eq. 2 and 3",
)
def oscillator_residual(xp, w, b, v, t):  # w, b, v (hidden,), t (n,) -> ()
    """mean (u″ + 4u)² at times t, u(t) = Σ v tanh(wt + b), u″ a derivative of a derivative."""

    def u(xp, t):
        return xp.matmul(xp.tanh(t[:, None] * w + b), v)

    def speed(xp, t):
        return xp.jvp(u)(t, xp.ones_like(t))

    return xp.mean((xp.jvp(speed)(t, xp.ones_like(t)) + 4 * u(xp, t)) ** 2)


@oscillator_residual.inputs
def draw(rng, n, hidden):
    w, b, v = rng.normal(size=(3, hidden))
    return {"w": w, "b": b, "v": v, "t": rng.uniform(-1, 1, size=n)}


@oscillator_residual.formula("gradient")
def gradient(xp, w, b, v, t):
    """With h = tanh: h″ = −2hh′, h‴ = 4h²h′ − 2h′², and u″ = Σ v w² h″."""
    h = xp.tanh(t[:, None] * w + b)
    h1 = 1 - h * h
    h2, h3 = -2 * h * h1, 4 * h * h * h1 - 2 * h1 * h1
    terms = w * w * h2 + 4 * h
    r = (2 * xp.matmul(terms, v) / t.shape[0])[:, None]
    da = r * v * (w * w * h3 + 4 * h1)
    dw = xp.sum(r * v * 2 * w * h2 + da * t[:, None], axis=0)
    return dw, xp.sum(da, axis=0), xp.sum(r * terms, axis=0)
