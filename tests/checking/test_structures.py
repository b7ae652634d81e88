"""Symmetric, Hermitian and triangular matrices: judged along such matrices only."""

import numpy as np
import pytest

import xgrad
from xgrad.errors import UsageError
from xgrad.table import records

torch = pytest.importorskip("torch")
rng = np.random.default_rng(5)
_root = rng.normal(size=(3, 6))
S = torch.tensor(_root @ _root.T + np.eye(3))
_complex = rng.normal(size=(3, 5)) + 1j * rng.normal(size=(3, 5))
H = torch.tensor(_complex @ _complex.conj().T + np.eye(3))
L = torch.tensor(np.tril(rng.normal(size=(3, 3))) + 2 * np.eye(3))
b = torch.tensor(rng.normal(size=(3, 2)))
DEFINITE = {"A": "positive_definite"}


def judged(f, inputs, structure, **options):
    return records(xgrad.check(f, inputs, structure=structure, invariances=(), **options))


class Cholesky(torch.autograd.Function):
    """The factor, whose gradient is `shared` out between the sides of the diagonal."""

    @staticmethod
    def forward(ctx, A, shared):
        factor = torch.linalg.cholesky(A)
        ctx.save_for_backward(factor)
        ctx.shared = shared
        return factor

    @staticmethod
    def backward(ctx, g):  # Murray 2016, arXiv:1602.07527, equation 9
        (factor,) = ctx.saved_tensors
        half = (factor.mT @ g).tril()
        half = half - half.diagonal().diag() / 2
        inverse = torch.linalg.inv(factor)
        found = inverse.mT @ half @ inverse
        return ctx.shared((found + found.mT) / 2), None


def between_both(g):
    return g


def all_below(g):
    return g.tril() + g.mT.tril(-1)


def all_above(g):
    return all_below(g).mT


def twice_beside_the_diagonal(g):
    return 2 * g - g.diagonal().diag()


def one_side_alone(g):
    return g.tril()


def slightly_less(g):
    return g - 1e-9 * g.tril(-1)


@pytest.mark.parametrize("shared", [between_both, all_below, all_above])
def test_a_gradient_may_be_shared_out_between_the_sides(shared):
    (row,) = judged(lambda A: Cholesky.apply(A, shared), S, DEFINITE, methods="torch.reverse")
    assert (row["verdict"], row["referee"]) == ("agrees", "certified"), row["message"]
    assert "A is positive_definite: differentiated with respect to the entries on" in row["message"]


@pytest.mark.parametrize("shared", [twice_beside_the_diagonal, one_side_alone, slightly_less])
def test_what_is_lost_or_doubled_beside_the_diagonal_is_caught(shared):
    (row,) = judged(lambda A: Cholesky.apply(A, shared), S, DEFINITE, methods="torch.reverse")
    assert row["verdict"] == "disagrees"


TORCH = {
    "cholesky": (torch.linalg.cholesky, S, "positive_definite"),
    "eigvalsh": (torch.linalg.eigvalsh, S, "symmetric"),
    "eigvalsh of complex": (torch.linalg.eigvalsh, H, "hermitian"),
    "cholesky of complex": (torch.linalg.cholesky, H, "positive_definite"),
    "several": (torch.linalg.cholesky, torch.stack([S, S + 1]), "positive_definite"),
}


@pytest.mark.parametrize("name", TORCH)
def test_torch_factors_symmetric_matrices_rightly_in_both_modes(name):
    f, A, word = TORCH[name]
    rows = judged(lambda A: f(A), A, {"A": word})
    assert len(rows) == 2
    assert {(r["verdict"], r["referee"]) for r in rows} == {("agrees", "certified")}


def test_jax_factors_symmetric_matrices_rightly():
    jax = pytest.importorskip("jax")
    for f, A, word in (
        (jax.numpy.linalg.cholesky, S, "positive_definite"),
        (jax.numpy.linalg.eigvalsh, H, "hermitian"),
    ):
        given = jax.numpy.asarray(A.numpy())
        rows = judged(lambda A, f=f: f(A), given, {"A": word}, dtypes="float64")
        assert {(r["verdict"], r["referee"]) for r in rows} == {("agrees", "certified")}


def test_triangular_systems_know_one_side_only():
    def solve(L, b):
        return torch.linalg.solve_triangular(L, b, upper=False)

    def whole(L, b):  # reads the other side, where L is zero
        return torch.linalg.solve(L, b) + L[0, 2]

    for f in (solve, whole):
        rows = judged(f, (L, b), {"L": "lower_triangular"}, methods="torch.reverse")
        assert [r["verdict"] for r in rows] == ["agrees"]
    rows = judged(lambda U: solve(U.mT, b), L.mT, {"U": "upper_triangular"})
    assert {r["verdict"] for r in rows} == {"agrees"}


def test_a_triangular_gradient_that_is_transposed_is_caught():
    class Transposed(torch.autograd.Function):
        @staticmethod
        def forward(ctx, L):
            ctx.save_for_backward(L)
            return (L**2).sum()

        @staticmethod
        def backward(ctx, g):
            return 2 * g * ctx.saved_tensors[0].mT

    (row,) = judged(Transposed.apply, L, {"L": "lower_triangular"}, methods="torch.reverse")
    assert row["verdict"] == "disagrees"


def test_a_disagreement_that_symmetry_takes_away_names_the_way_out():
    frame = xgrad.check(lambda A: torch.linalg.cholesky(A), S, methods="torch.reverse")
    (row,) = records(frame)
    assert row["verdict"] == "disagrees"
    assert row["hint"] == 'right along symmetric A only: structure={"A": "symmetric"}'
    wrong = xgrad.check(lambda A: Cholesky.apply(A, slightly_less), S, methods="torch.reverse")
    assert "structure" not in records(wrong)[0]["hint"]


def log_determinant(xp, A):
    return xp.log(xp.linalg.det(A))


def inverse(xp, A):
    return xp.linalg.inv(A)


def packed(xp, A):  # the derivative by the entries, written twice beside the diagonal
    return 2 * xp.linalg.inv(A) - xp.linalg.inv(A) * xp.eye(3)


def test_formulas_of_a_symmetric_matrix():
    given, word = {"A": S.numpy()}, {"A": "symmetric"}
    xgrad.assert_agreement(
        log_determinant, given, formula=inverse, structure=word, dtypes="float64"
    )
    with pytest.raises(AssertionError, match="constant factor 2"):
        xgrad.assert_agreement(log_determinant, given, formula=packed, structure=word)
    with pytest.raises(UsageError, match="does not go with a formula of hvp"):
        xgrad.check(log_determinant, given, formula={"hvp": inverse}, structure=word)


@pytest.mark.parametrize(
    ("structure", "said"),
    [
        ({"A": "symetric"}, "did you mean 'symmetric'"),
        ({"B": "symmetric"}, "unknown input .*'B'"),
        ({"A": "lower_triangular"}, r"A is not lower_triangular: entry \(\d, \d\) is"),
        ({"b": "symmetric"}, r"b has shape \(3, 2\): symmetric are square"),
        ("symmetric", r'give structure=\{"A": "symmetric"\}'),
    ],
)
def test_what_is_no_such_matrix_is_refused_in_words(structure, said):
    with pytest.raises(UsageError, match=said):
        xgrad.check(lambda A, b: (A @ b).sum(), (S, b), structure=structure)


def test_other_refusals():
    with pytest.raises(UsageError, match="not positive_definite: its smallest eigenvalue is -"):
        xgrad.check(torch.logdet, S - 50, structure={"x0": "positive_definite"})
    with pytest.raises(UsageError, match="does not go with like="):
        xgrad.check(torch.logdet, S, like=torch.logdet, structure={"x0": "symmetric"})
    with pytest.raises(UsageError, match="for differentiated inputs, and A is none"):
        xgrad.check(lambda A, b: (A @ b).sum(), (S, b), wrt="b", structure={"A": "symmetric"})
