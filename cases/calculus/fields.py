"""Vector fields: divergence and curl in three dimensions."""

import xgrad

SOURCE = "Stewart 2015, Calculus, 8th ed., section 16.5, curl and divergence"


@xgrad.case(
    wrt="x",
    sizes={"small": {"n": 3}, "medium": {"n": 30}, "large": {"n": 300}},
    operators=("jacobian", "divergence"),
    methods=("*.reverse:ones",),  # the shortcut is right here: the Jacobian is diagonal
    source=SOURCE,
)
def square_gradient_field(xp, x):  # x (n,) -> (n,)
    """∇(x·x) = 2x, whose divergence is 2n: 6 in three dimensions."""
    return 2 * x


@square_gradient_field.inputs
def draw(rng, n):
    return {"x": rng.normal(size=n)}


@square_gradient_field.formula("jacobian")
def twice_identity(xp, x):
    """2I."""
    return 2 * xp.eye(x.shape[0])


@square_gradient_field.formula("divergence")
def twice_dimension(xp, x):
    """2n."""
    return xp.sum(xp.full(x.shape, 2.0))


@xgrad.case(wrt="x", operators=("jacobian", "divergence", "curl"), source=SOURCE)
def cyclic_field(xp, x):  # x (3,) -> (3,)
    """(xy, yz, zx): a full Jacobian, so that the shortcut of a vector of ones is wrong."""
    return xp.stack([x[0] * x[1], x[1] * x[2], x[2] * x[0]])


@cyclic_field.inputs
def draw_three(rng):
    return {"x": rng.normal(size=3)}


@cyclic_field.formula("jacobian")
def cyclic_jacobian(xp, x):
    """((y, x, 0), (0, z, y), (z, 0, x))."""
    zero = xp.zeros(())
    rows = ((x[1], x[0], zero), (zero, x[2], x[1]), (x[2], zero, x[0]))
    return xp.stack([xp.stack(row) for row in rows])


@cyclic_field.formula("divergence")
def cyclic_divergence(xp, x):
    """x + y + z."""
    return xp.sum(x)


@cyclic_field.formula("curl")
def cyclic_curl(xp, x):
    """−(y, z, x)."""
    return -xp.stack([x[1], x[2], x[0]])


@xgrad.case(wrt="x", operators=("jacobian", "divergence", "curl"), source=SOURCE)
def gradient_field(xp, x):  # x (3,) -> (3,)
    """∇(x² y + sin(y z)) = (2xy, x² + z cos(yz), y cos(yz)): a gradient, so its curl is 0."""
    c = xp.cos(x[1] * x[2])
    return xp.stack([2 * x[0] * x[1], x[0] * x[0] + x[2] * c, x[1] * c])


gradient_field.inputs(draw_three)


@gradient_field.formula("jacobian")
def gradient_jacobian(xp, x):
    """((2y, 2x, 0), (2x, −z² s, c − yzs), (0, c − yzs, −y² s)) with s, c = sin, cos of yz."""
    yz = x[1] * x[2]
    s, c = xp.sin(yz), xp.cos(yz)
    zero = xp.zeros(())
    mixed = c - yz * s
    rows = (
        (2 * x[1], 2 * x[0], zero),
        (2 * x[0], -x[2] * x[2] * s, mixed),
        (zero, mixed, -x[1] * x[1] * s),
    )
    return xp.stack([xp.stack(row) for row in rows])


@gradient_field.formula("divergence")
def gradient_divergence(xp, x):
    """2y − (y² + z²) sin(yz)."""
    return 2 * x[1] - (x[1] * x[1] + x[2] * x[2]) * xp.sin(x[1] * x[2])


@gradient_field.formula("curl")
def gradient_curl(xp, x):
    """0."""
    return xp.zeros(x.shape)
