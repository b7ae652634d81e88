"""A pinhole camera with radial distortion: the projection inside bundle adjustment."""

import xgrad


@xgrad.case(
    wrt=("x", "f", "k"),
    sizes={"small": {"n": 5}, "medium": {"n": 200}, "large": {"n": 100_000}},
    operators=("jvp", "vjp"),
    source="Agarwal, Snavely, Seitz & Szeliski 2010, Bundle adjustment in the large, ECCV, "
    "grail.cs.washington.edu/projects/bal, camera model",
)
def camera_projection(xp, x, f, k):  # x (n, 3), f (), k (2,) -> (n, 2)
    """f (1 + k₁ρ + k₂ρ²) p with p = (x, y)/z, ρ = |p|²."""
    p, rho = pinhole(xp, x)
    return f * distortion(rho, k)[0][:, None] * p


def pinhole(xp, x):
    """p = (x, y)/z and |p|²: (n, 2), (n,)."""
    p = x[:, :2] / x[:, 2:]
    return p, xp.sum(p * p, axis=-1)


def distortion(rho, k):
    """1 + k₁ρ + k₂ρ² and its derivative."""
    return 1 + rho * (k[0] + rho * k[1]), k[0] + 2 * rho * k[1]


@camera_projection.inputs
def draw(rng, n):
    """Points in front of a camera of focal length about 2."""
    x = rng.normal(size=(n, 3))
    x[:, 2] = rng.uniform(2, 6, size=n)
    return {"x": x, "f": rng.uniform(1.5, 2.5), "k": 0.2 * rng.normal(size=2)}


@camera_projection.formula("jvp")
def moved_image(xp, x, f, k, v):
    """(δf g + f (g′ δρ + δk₁ρ + δk₂ρ²)) p + f g δp with δp = (δxy − p δz)/z, δρ = 2 p·δp."""
    by_x, by_f, by_k = v
    p, rho = pinhole(xp, x)
    g, slope = distortion(rho, k)
    dp = (by_x[:, :2] - p * by_x[:, 2:]) / x[:, 2:]
    dg = 2 * slope * xp.sum(p * dp, axis=-1) + rho * (by_k[0] + rho * by_k[1])
    return (by_f * g + f * dg)[:, None] * p + (f * g)[:, None] * dp


@camera_projection.formula("vjp")
def pulled_back(xp, x, f, k, w):
    """(p̄, −p·p̄)/z with p̄ = f (g w + 2g′ (p·w) p); Σ g p·w; f Σ (ρ, ρ²) p·w."""
    p, rho = pinhole(xp, x)
    g, slope = distortion(rho, k)
    along = xp.sum(p * w, axis=-1)
    back = f * (g[:, None] * w + (2 * slope * along)[:, None] * p)
    by_x = xp.concat([back, -xp.sum(p * back, axis=-1, keepdims=True)], axis=1) / x[:, 2:]
    by_k = f * xp.stack([xp.sum(rho * along), xp.sum(rho * rho * along)])
    return by_x, xp.sum(g * along), by_k
