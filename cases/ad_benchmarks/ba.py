"""Bundle adjustment: cameras and points from where the points were seen."""

import numpy as np

import xgrad

SIZES = {
    "small": {"n": 2, "m": 2, "p": 3},
    "medium": {"n": 4, "m": 15, "p": 40},
    "large": {"n": 10, "m": 100, "p": 400},
}
SOURCE = (
    "Šrajer, Kukelova & Fitzgibbon 2018, arXiv:1807.10129, section 4.2; GradBench, "
    "evals/ba/README.md; Solà, Deray & Atchuthan 2018, arXiv:1812.01537, appendix B"
)


@xgrad.case(wrt=("cams", "X", "w"), sizes=SIZES, operators="jacobian", source=SOURCE)
def ba(xp, cams, X, w, obs, feats):
    # cams (n, 11), X (m, 3), w (p,), obs (p, 2) integers, feats (p, 2) -> (3p,)
    """w (f (1 + κ₁|u|² + κ₂|u|⁴) u + u₀ − feature) and 1 − w², u the projection of R (X − C).

    A camera is a rotation as axis times angle, its centre C, its focal length f, its principal
    point u₀ and its radial distortion κ; an observation is a camera and a point.
    """
    cam, point = obs[:, 0], obs[:, 1]
    r, C, f, u0, k = (xp.take(a, cam, axis=0) for a in parts(cams))
    y = rotated(xp, r, xp.take(X, point, axis=0) - C)
    u = y[:, :2] / y[:, 2:]
    square = xp.sum(u * u, axis=1, keepdims=True)
    seen = f * (1 + square * (k[:, :1] + square * k[:, 1:])) * u + u0
    return xp.concat([xp.reshape(w[:, None] * (seen - feats), (-1,)), 1 - w * w])


def parts(cams):
    """Rotation, centre, focal length, principal point and distortion."""
    return cams[:, :3], cams[:, 3:6], cams[:, 6:7], cams[:, 7:9], cams[:, 9:]


def rotated(xp, r, x):
    """Rodrigues: x cos θ + a × x sin θ + a (a·x) (1 − cos θ), where r = θ a."""
    angle = xp.sqrt(xp.sum(r * r, axis=1, keepdims=True))
    a = r / angle
    cos, sin = xp.cos(angle), xp.sin(angle)
    along = xp.sum(a * x, axis=1, keepdims=True)
    return x * cos + xp.linalg.cross(a, x) * sin + a * (along * (1 - cos))


@ba.inputs
def draw(rng, n, m, p):
    """Cameras around, turned by about half a radian, and points before them."""
    cams = np.concatenate(
        [
            rng.uniform(0.2, 0.5, size=(n, 3)) * rng.choice([-1, 1], size=(n, 3)),
            rng.normal(size=(n, 3)) / 2,
            rng.uniform(1, 2, size=(n, 1)),
            rng.normal(size=(n, 2)) / 10,
            rng.normal(size=(n, 2)) / 10,
        ],
        axis=1,
    )
    pairs = rng.choice(n * m, size=p, replace=False)
    return {
        "cams": cams,
        "X": rng.normal(size=(m, 3)) + np.array([0, 0, 8]),
        "w": rng.uniform(0.5, 1.5, size=p),
        "obs": np.stack([pairs % n, pairs // n], axis=1),
        "feats": rng.normal(size=(p, 2)),
    }


def blocks(xp, cams, X, w, obs, feats):
    """What each pair of residuals moves by: (p, 2, 11), (p, 2, 3) and (p, 2).

    With y = R (X − C), u = y₁₂ / y₃, s = |u|² and L = 1 + κ₁ s + κ₂ s², B = ∂seen/∂y is
    f (L I + (2 κ₁ + 4 κ₂ s) u uᵀ) (I, −u) / y₃; ∂y = R (∂X − ∂C) − [y]× J ∂r.
    """
    r, C, f, u0, k = (xp.take(a, obs[:, 0], axis=0) for a in parts(cams))
    R, J = rotations(xp, r)
    y = xp.matmul(R, (xp.take(X, obs[:, 1], axis=0) - C)[:, :, None])[:, :, 0]
    u = y[:, :2] / y[:, 2:]
    s = xp.sum(u * u, axis=1, keepdims=True)
    L = 1 + s * (k[:, :1] + s * k[:, 1:])
    two = xp.broadcast_to(xp.eye(2), (r.shape[0], 2, 2))
    radial = f * (2 * k[:, :1] + 4 * k[:, 1:] * s)
    D = (f * L)[:, :, None] * two + radial[:, :, None] * u[:, :, None] * u[:, None, :]
    B = xp.matmul(D, xp.concat([two, -u[:, :, None]], axis=2)) / y[:, 2:, None]
    B = w[:, None, None] * B
    dX, dr = xp.matmul(B, R), -xp.matmul(B, xp.matmul(skew(xp, y), J))
    scaled = w[:, None] * u
    tail = [L * scaled, (f * s) * scaled, (f * s * s) * scaled]
    focal, first, second = (a[:, :, None] for a in tail)
    dcam = xp.concat([dr, -dX, focal, w[:, None, None] * two, first, second], axis=2)
    return dcam, dX, f * L * u + u0 - feats


def rotations(xp, r):
    """R = exp [r]×, and J with ∂R x = (J ∂r) × R x: (p, 3, 3) both."""
    angle = xp.sqrt(xp.sum(r * r, axis=1))[:, None, None]
    a = r[:, :, None] / angle
    cross, along = skew(xp, a[:, :, 0]), a * xp.matrix_transpose(a)
    cos, sin, one = xp.cos(angle), xp.sin(angle), xp.eye(3)
    R = cos * one + sin * cross + (1 - cos) * along
    return R, sin / angle * one + (1 - cos) / angle * cross + (1 - sin / angle) * along


def skew(xp, a):
    """[a]×, the matrix of x ↦ a × x: (p, 3, 3)."""
    x, y, z = a[:, 0], a[:, 1], a[:, 2]
    o = xp.zeros_like(x)
    return xp.reshape(xp.stack([o, -z, y, z, o, -x, -y, x, o], axis=1), (-1, 3, 3))


@ba.formula("jacobian")
def jacobian(xp, cams, X, w, obs, feats):
    """The blocks, each in the columns of its camera, its point and its weight."""
    dcam, dX, gap = blocks(xp, cams, X, w, obs, feats)
    p, places = w.shape[0], [(dcam, obs[:, 0], cams.shape[0]), (dX, obs[:, 1], X.shape[0])]
    tables = []
    for block, column, count in places:
        here = xp.astype(column[:, None] == xp.arange(count), w.dtype)
        table = block[:, :, None, :] * here[:, None, :, None]
        empty = xp.zeros((p, count, block.shape[2]))
        tables.append(xp.concat([xp.reshape(table, (2 * p, count, -1)), empty], axis=0))
    own = xp.eye(p)
    reprojection = xp.reshape(gap[:, :, None] * own[:, None, :], (2 * p, p))
    return *tables, xp.concat([reprojection, -2 * w[:, None] * own], axis=0)


@xgrad.case(
    wrt=("cams", "X", "weights"),
    sizes={**SIZES, "large": {"n": 49, "m": 7_776, "p": 31_843}},
    operators=("jvp", "vjp"),
    source=SOURCE,
)
def ba_products(xp, cams, X, weights, obs, feats):  # as above, w called weights -> (3p,)
    """Bundle adjustment at the size of real reconstructions: its Jacobian in products only."""
    return ba(xp, cams, X, weights, obs, feats)


@ba_products.inputs
def draw_products(rng, n, m, p):
    drawn = draw(rng, n, m, p)
    return {"weights": drawn.pop("w"), **drawn}


@ba_products.formula("jvp")
def jvp(xp, cams, X, weights, obs, feats, v):
    """The blocks times the directions of their camera, point and weight."""
    dcam, dX, gap = blocks(xp, cams, X, weights, obs, feats)
    vcam, vX = xp.take(v[0], obs[:, 0], axis=0), xp.take(v[1], obs[:, 1], axis=0)
    moved = xp.matmul(dcam, vcam[:, :, None]) + xp.matmul(dX, vX[:, :, None])
    moved = moved[:, :, 0] + gap * v[2][:, None]
    return xp.concat([xp.reshape(moved, (-1,)), -2 * weights * v[2]])


@ba_products.formula("vjp")
def vjp(xp, cams, X, weights, obs, feats, w):
    """The blocks' transposes, summed over the observations of a camera and of a point."""
    dcam, dX, gap = blocks(xp, cams, X, weights, obs, feats)
    p = weights.shape[0]
    pairs, last = xp.reshape(w[: 2 * p], (p, 1, 2)), w[2 * p :]
    return (
        xp.segment_sum(xp.matmul(pairs, dcam)[:, 0, :], obs[:, 0], cams.shape[0]),
        xp.segment_sum(xp.matmul(pairs, dX)[:, 0, :], obs[:, 1], X.shape[0]),
        xp.sum(pairs[:, 0, :] * gap, axis=1) - 2 * weights * last,
    )
