"""Equal eigenvalues and singular values: spectral functions that are smooth where vectors are not.

Eigenvectors of equal eigenvalues are any basis of their space, and their derivative divides by
λᵢ − λⱼ = 0. A function f(S) = Q f(Λ) Qᵀ does not depend on the basis, and its derivative holds
divided differences (f(λᵢ) − f(λⱼ)) / (λᵢ − λⱼ), which are f'(λ) where eigenvalues meet.
"""

import numpy as np

import xgrad

HIGHAM = "Higham 2008, Functions of Matrices, "
HORN = "Horn & Johnson 2013, Matrix Analysis, 2nd ed., "
AUTODIFF = ("torch.reverse*", "torch.forward*", "jax.reverse*", "jax.forward*")
GAP = "the derivative of eigenvectors divides by λᵢ − λⱼ = 0"


def at(**inputs):
    """A point function that returns these inputs as float arrays."""
    return lambda: {k: np.asarray(v, dtype=float) for k, v in inputs.items()}


def symmetric(rng, S):
    """A random symmetric direction."""
    M = rng.normal(size=S.shape)
    return (M + M.T) / 2


MULTIPLE = at(S=0.5 * np.eye(3))


@xgrad.case(wrt="S", operators=("jvp",), source=HIGHAM + "theorem 3.11 and eq. 10.15")
def exponential_by_eigenvectors(xp, S):  # S (n, n) symmetric -> (n, n)
    """Q e^Λ Qᵀ at S = ½ I: along V the derivative is e^½ V."""
    values, Q = xp.linalg.eigh(S)
    return xp.matmul(Q * xp.exp(values), Q.T)


@xgrad.case(wrt="S", operators=("jvp",), source=HIGHAM + "eq. 10.15")
def exponential_by_squaring(xp, S):  # S (n, n) symmetric -> (n, n)
    """e^S at S = ½ I, as a library has it, without eigenvectors."""
    return xp.expm(S)


for _case in (exponential_by_eigenvectors, exponential_by_squaring):
    _case.point("multiple of I")(MULTIPLE)
    _case.direction(symmetric)

    @_case.formula("jvp")
    def along_commuting(xp, S, v):
        """½ (e^S V + V e^S), exact where S and V commute."""
        E = xp.expm(S)
        return (xp.matmul(E, v) + xp.matmul(v, E)) / 2


@exponential_by_eigenvectors.formula("jvp", name="masked")
def along_masked(xp, S, v):
    """Q ((QᵀVQ) ∘ G) Qᵀ, G = (e^λᵢ − e^λⱼ) / (λᵢ − λⱼ), off the diagonal 0 where gaps are 0."""
    values, Q = xp.linalg.eigh(S)
    e, eye = xp.exp(values), xp.eye(S.shape[0])
    gaps = values[:, None] - values[None, :]
    same = gaps == 0
    ratio = (e[:, None] - e[None, :]) / xp.where(same, xp.ones_like(gaps), gaps)
    G = xp.where(same, e[:, None] * eye, ratio)
    return xp.matmul(Q, xp.matmul(xp.matmul(Q.T, xp.matmul(v, Q)) * G, Q.T))


for _method in AUTODIFF:
    exponential_by_eigenvectors.known(_method, GAP)
exponential_by_eigenvectors.known(
    "*.formula:masked", "the mask drops what becomes e^λ where eigenvalues meet"
)


def matrix_of(xp, x):
    """((x₀, x₁), (x₁, x₂))."""
    return xp.stack([x[:2], x[1:]])


@xgrad.case(
    wrt="x",
    operators=("gradient", "hessian"),
    source="Boyd & Vandenberghe 2004, Convex Optimization, section A.4.1 and A.4.3",
)
def logdet_by_eigenvalues(xp, x):  # x (3,) -> ()
    """Σ log λ of ((x₀, x₁), (x₁, x₂)) where it is 2 I: log det, smooth."""
    return xp.sum(xp.log(xp.linalg.eigvalsh(matrix_of(xp, x))))


@xgrad.case(
    wrt="x",
    operators=("hessian",),
    source="Boyd & Vandenberghe 2004, Convex Optimization, section A.4.1 and A.4.3",
)
def logdet_by_elimination(xp, x):  # x (3,) -> ()
    """log det of the same matrix by slogdet."""
    return xp.linalg.slogdet(matrix_of(xp, x))[1]


for _case in (logdet_by_eigenvalues, logdet_by_elimination):
    _case.point("equal eigenvalues")(at(x=[2.0, 0.0, 2.0]))

    @_case.formula("gradient")
    def cofactors(xp, x):
        """(x₂, −2x₁, x₀) / D, D = x₀x₂ − x₁²."""
        return xp.stack([x[2], -2 * x[1], x[0]]) / (x[0] * x[2] - x[1] ** 2)

    @_case.formula("hessian")
    def curvature_of_logdet(xp, x):
        """D''/D − D'D'ᵀ/D²."""
        D = x[0] * x[2] - x[1] ** 2
        d = xp.stack([x[2], -2 * x[1], x[0]])
        second = xp.asarray([[0.0, 0.0, 1.0], [0.0, -2.0, 0.0], [1.0, 0.0, 0.0]])
        return second / D - d[:, None] * d[None, :] / D**2


for _method in AUTODIFF:
    logdet_by_eigenvalues.known(_method, GAP, operator="hessian")


@xgrad.case(wrt="x", operators=("gradient",), source=HORN + "section 6.3; Clarke 1983, section 2.8")
def largest_eigenvalue(xp, x):  # x (3,) -> ()
    """The larger eigenvalue of ((x₀, x₁), (x₁, x₂)) where they are equal: a cone."""
    return (x[0] + x[2] + xp.hypot(x[0] - x[2], 2 * x[1])) / 2


largest_eigenvalue.point("equal eigenvalues")(at(x=[2.0, 0.0, 2.0]))


@xgrad.case(wrt="A", operators=("jvp",), source=HIGHAM + "section 8.1 and theorem 8.9")
def rotation_by_svd(xp, A):  # A (n, n) -> (n, n)
    """U Wᵀ of A = U Σ Wᵀ, the nearest rotation, at A = I: along V the derivative is ½ (V − Vᵀ)."""
    U, _, W = xp.linalg.svd(A)
    return xp.matmul(U, W)


@xgrad.case(wrt="A", operators=("jvp",), source=HIGHAM + "section 8.1; problem 8.5 on n = 2")
def rotation_of_two(xp, A):  # A (2, 2) -> (2, 2)
    """The same in the plane: A + cof A over its length, cof A = ((d, −c), (−b, a))."""
    a, b, c, d = A[0, 0], A[0, 1], A[1, 0], A[1, 1]
    x, y = a + d, c - b
    r = xp.sqrt(x * x + y * y)
    return xp.stack([xp.stack([x, -y]), xp.stack([y, x])]) / r


for _case in (rotation_by_svd, rotation_of_two):
    _case.point("identity")(at(A=np.eye(2)))
    _case.formula("jvp")(lambda xp, A, v: (v - v.T) / 2)
for _method in AUTODIFF:
    rotation_by_svd.known(_method, "the derivative of singular vectors divides by σᵢ² − σⱼ² = 0")


@xgrad.case(
    wrt="A", operators=("gradient",), source=HORN + "section 5.6.6; Clarke 1983, section 2.8"
)
def largest_singular_value(xp, A):  # A (n, n) -> ()
    """σ₁ of A at the identity, where all are 1: slopes 0 and 1 on the diagonal, ±½ beside it."""
    return xp.max(xp.linalg.svdvals(A))


largest_singular_value.point("identity")(at(A=np.eye(2)))


@xgrad.case(wrt="A", operators=("gradient",), source=HORN + "section 0.8.2, the adjugate")
def singular_determinant(xp, A):  # A (3, 3) -> ()
    """det A of a matrix of rank 2: smooth, the gradient holds cofactors and needs no inverse."""
    return xp.linalg.det(A)


singular_determinant.point("rank two")(at(A=[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [5.0, 7.0, 9.0]]))


@singular_determinant.formula("gradient")
def cross_products(xp, A):
    """Rows b × c, c × a, a × b of the rows a, b, c."""
    a, b, c = A[0, :], A[1, :], A[2, :]
    return xp.stack([xp.linalg.cross(b, c), xp.linalg.cross(c, a), xp.linalg.cross(a, b)])
