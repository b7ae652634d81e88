"""Discretised equations and Broyden's, whose Jacobians are bands or integrals."""

import xgrad

MGH = "Moré, Garbow & Hillstrom 1981, ACM TOMS 7(1), 17-41, problem"
SIZES = {"small": {"n": 10}, "medium": {"n": 300}, "large": {"n": 100_000}}


def grid(xp, x):
    """The step h = 1 / (n + 1), and the points h, 2h, …, nh."""
    t = xp.arange(1.0, x.shape[0] + 1) / (x.shape[0] + 1)
    return t[0], t


def neighbours(xp, x):
    """x_{i−1} and x_{i+1}, with 0 at both ends."""
    zero = xp.zeros((1,))
    return xp.concat([zero, x[:-1]]), xp.concat([x[1:], zero])


@xgrad.case(wrt="x", sizes=SIZES, operators=("gradient", "hvp"), source=f"{MGH} 28")
def discrete_boundary_value(xp, x):  # x (n,) -> ()
    """Σ (2 x_i − x_{i−1} − x_{i+1} + h² (x_i + t_i + 1)³ / 2)²: u'' = (u + t + 1)³ / 2."""
    h, t = grid(xp, x)
    return xp.sum((stretched(xp, x) + h**2 * (x + t + 1) ** 3 / 2) ** 2)


def stretched(xp, x):
    """2 x_i − x_{i−1} − x_{i+1}."""
    left, right = neighbours(xp, x)
    return 2 * x - left - right


@discrete_boundary_value.inputs
def draw(rng, n):
    return {"x": rng.normal(size=n)}


@discrete_boundary_value.formula("gradient")
def boundary_gradient(xp, x):
    """2 Jᵀr, J = tridiag(−1, 2 + 3h² s² / 2, −1) symmetric, s = x + t + 1."""
    h, t = grid(xp, x)
    s = x + t + 1
    r = stretched(xp, x) + h**2 * s**3 / 2
    return 2 * (stretched(xp, r) + 1.5 * h**2 * s**2 * r)


@discrete_boundary_value.formula("hvp")
def boundary_hvp(xp, x, v):
    """2 (J(Jv) + 3h² s ∘ r ∘ v)."""
    h, t = grid(xp, x)
    s = x + t + 1
    r, bend = stretched(xp, x) + h**2 * s**3 / 2, 1.5 * h**2 * s**2
    u = stretched(xp, v) + bend * v
    return 2 * (stretched(xp, u) + bend * u + 3 * h**2 * s * r * v)


@xgrad.case(wrt="x", sizes=SIZES, operators=("jvp", "vjp"), source=f"{MGH} 29")
def discrete_integral_equation(xp, x):  # x (n,) -> (n,)
    """x_i + h/2 ((1 − t_i) Σ_{j≤i} t_j c_j + t_i Σ_{j>i} (1 − t_j) c_j), c = (x + t + 1)³."""
    h, t = grid(xp, x)
    return x + h / 2 * green(xp, t, (x + t + 1) ** 3)


def green(xp, t, c):
    """Gc with Green's function G_ij = min(t_i, t_j) (1 − max(t_i, t_j)), by running sums."""
    before = xp.cumulative_sum(t * c)
    behind = xp.flip(xp.cumulative_sum(xp.flip((1 - t) * c)))
    return (1 - t) * before + t * xp.concat([behind[1:], xp.zeros((1,))])


discrete_integral_equation.inputs(draw)


@discrete_integral_equation.formula("jvp")
def integral_jvp(xp, x, v):
    """v + 3h/2 G (s² ∘ v), s = x + t + 1."""
    h, t = grid(xp, x)
    return v + 1.5 * h * green(xp, t, (x + t + 1) ** 2 * v)


@discrete_integral_equation.formula("vjp")
def integral_vjp(xp, x, w):
    """w + 3h/2 s² ∘ (G w): G is symmetric."""
    h, t = grid(xp, x)
    return w + 1.5 * h * (x + t + 1) ** 2 * green(xp, t, w)


@xgrad.case(wrt="x", sizes=SIZES, operators=("jvp", "vjp"), source=f"{MGH} 30")
def broyden_tridiagonal(xp, x):  # x (n,) -> (n,)
    """(3 − 2 x_i) x_i − x_{i−1} − 2 x_{i+1} + 1."""
    left, right = neighbours(xp, x)
    return (3 - 2 * x) * x - left - 2 * right + 1


broyden_tridiagonal.inputs(draw)


@broyden_tridiagonal.formula("jvp")
def tridiagonal_jvp(xp, x, v):
    """(3 − 4 x_i) v_i − v_{i−1} − 2 v_{i+1}."""
    left, right = neighbours(xp, v)
    return (3 - 4 * x) * v - left - 2 * right


@broyden_tridiagonal.formula("vjp")
def tridiagonal_vjp(xp, x, w):
    """(3 − 4 x_i) w_i − 2 w_{i−1} − w_{i+1}."""
    left, right = neighbours(xp, w)
    return (3 - 4 * x) * w - 2 * left - right


@xgrad.case(wrt="x", sizes=SIZES, operators=("gradient", "hvp"), source=f"{MGH} 31")
def broyden_banded(xp, x):  # x (n,) -> ()
    """Σ_i (x_i (2 + 5 x_i²) + 1 − Σ_j x_j (1 + x_j))², j from i − 5 to i + 1 without i."""
    return xp.sum(banded_residuals(xp, x) ** 2)


def banded_residuals(xp, x):
    return x * (2 + 5 * x * x) + 1 - around(xp, x * (1 + x), 5, 1)


def around(xp, x, before, after):
    """The sum over the neighbours i − before to i + after without i itself."""
    n = x.shape[0]
    padded = xp.concat([xp.zeros((before,)), x, xp.zeros((after,))])
    return sum(padded[k : k + n] for k in range(before + after + 1) if k != before)


broyden_banded.inputs(draw)


@broyden_banded.formula("gradient")
def banded_gradient(xp, x):
    """2 Jᵀr: (2 + 15 x²) ∘ r − (1 + 2 x) ∘ Σ r over i − 1 to i + 5 without i."""
    r = banded_residuals(xp, x)
    return 2 * ((2 + 15 * x * x) * r - (1 + 2 * x) * around(xp, r, 1, 5))


@broyden_banded.formula("hvp")
def banded_hvp(xp, x, v):
    """2 (Jᵀ(Jv) + (30 x ∘ r − 2 Σ r) ∘ v)."""
    r = banded_residuals(xp, x)
    own, shared = 2 + 15 * x * x, 1 + 2 * x
    u = own * v - around(xp, shared * v, 5, 1)
    bend = 30 * x * r - 2 * around(xp, r, 1, 5)
    return 2 * (own * u - shared * around(xp, u, 1, 5) + bend * v)
