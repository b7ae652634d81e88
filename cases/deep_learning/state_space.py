"""The selective state-space layer: a linear recurrence whose coefficients follow the input."""

import xgrad


@xgrad.case(
    wrt=("x", "dt", "A", "B", "C"),
    sizes={
        "small": {"T": 4, "d": 2, "N": 2},
        "medium": {"T": 16, "d": 6, "N": 4},
        "large": {"T": 256, "d": 64, "N": 16},
    },
    operators=("vjp",),
    source="Gu & Dao 2023, Mamba: linear-time sequence modeling with selective state spaces, "
    "arXiv:2312.00752, eq. 2 and section 3.2, algorithm 2",
)
def selective_scan(xp, x, dt, A, B, C):  # x, dt (T, d), A (d, N), B, C (T, N) -> (T, d)
    """h_t = exp(Δ_t A) h_(t−1) + Δ_t x_t B_t, y_t = h_t · C_t: states (d, N)."""
    return xp.einsum("tdn,tn->td", states(xp, x, dt, A, B)[1], C)


def states(xp, x, dt, A, B):
    """The states before and after each step: (T, d, N)."""

    def step(h, seen):
        decay, inflow = seen
        after = decay * h + inflow
        return after, (h, after)

    inflow = (dt * x)[:, :, None] * B[:, None, :]
    return xp.scan(step, xp.zeros(A.shape), (xp.exp(dt[:, :, None] * A), inflow))[1]


@selective_scan.inputs
def draw(rng, T, d, N):
    return {
        "x": rng.normal(size=(T, d)),
        "dt": rng.uniform(0.1, 1, size=(T, d)),
        "A": -rng.uniform(0.5, 2, size=(d, N)),
        "B": rng.normal(size=(T, N)),
        "C": rng.normal(size=(T, N)),
    }


@selective_scan.formula("vjp")
def vjp(xp, x, dt, A, B, C, w):
    """The adjoint scan g_t = w_t C_t + exp(Δ_(t+1) A) g_(t+1), and its products with the rest."""

    def step(g, seen):
        decay, direct = seen
        here = g + direct
        return decay * here, here

    before, after = states(xp, x, dt, A, B)
    decay = xp.exp(dt[:, :, None] * A)
    back = tuple(xp.flip(a, axis=0) for a in (decay, w[:, :, None] * C[:, None, :]))
    g = xp.flip(xp.scan(step, xp.zeros(A.shape), back)[1], axis=0)
    through = g * before * decay
    to_input = xp.einsum("tdn,tn->td", g, B)
    return (
        dt * to_input,
        xp.sum(through * A, axis=-1) + x * to_input,
        xp.einsum("tdn,td->dn", through, dt),
        xp.einsum("tdn,td->tn", g, dt * x),
        xp.einsum("tdn,td->tn", after, w),
    )


@selective_scan.implementation("jax", name="lax.associative_scan")
def parallel(x, dt, A, B, C):
    import jax
    import jax.numpy as jnp

    def join(left, right):
        return left[0] * right[0], right[0] * left[1] + right[1]

    pairs = jnp.exp(dt[:, :, None] * A), (dt * x)[:, :, None] * B[:, None, :]
    return jnp.einsum("tdn,tn->td", jax.lax.associative_scan(join, pairs)[1], C)
