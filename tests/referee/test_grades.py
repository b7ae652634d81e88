"""To how many digits a rule is right, and what the row says and does with it."""

import numpy as np
import pytest

import xgrad
from xgrad.referee import GRADES, grade_of
from xgrad.table import records

jax = pytest.importorskip("jax")
jnp = pytest.importorskip("jax.numpy")
torch = pytest.importorskip("torch")

X = np.array([0.3, -0.7, 1.2])
SAYS = {
    16: "a float64 approximation or a loop's tolerance inside, judged by the definition",
    30: "in balls, a truncated rule, ample for float64: 30 digits",
}


def off_by(digits, right=False):
    """Two functions of JAX and torch, sin x, whose rules are off from the digit that is given."""
    small = 0.0 if right else 2.0 ** -round(digits * np.log2(10))

    @jax.custom_vjp
    def sine(x):
        return jnp.sin(x)

    def pull(x, g):
        return (g * jnp.cos(x) + g * jnp.cos(x) * small,)

    sine.defvjp(lambda x: (sine(x), x), pull)

    class Sine(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return torch.sin(x)

        @staticmethod
        def backward(ctx, g):
            slope = g * torch.cos(ctx.saved_tensors[0])
            return slope + slope * small

    return {"jax": sine, "torch": Sine.apply}


INPUTS = {"jax": jnp.asarray(X, jnp.float32), "torch": torch.tensor(X, dtype=torch.float32)}


def rows_of(framework, digits, right=False):
    function = off_by(digits, right)[framework]
    return records(xgrad.check(function, INPUTS[framework], methods=f"{framework}.reverse"))


@pytest.mark.parametrize("framework", INPUTS)
def test_a_rule_that_is_right_is_certified(framework):
    for row in rows_of(framework, 9, right=True):
        assert (row["verdict"], row["referee"]) == ("agrees", "certified")
        assert f"{framework}'s own derivative in balls, 5" in row["message"]


@pytest.mark.parametrize("framework", INPUTS)
def test_a_truncated_rule_is_certified_and_told(framework):
    for row in rows_of(framework, 30):
        assert (row["verdict"], row["referee"]) == ("agrees", "certified")
        assert SAYS[30] in row["message"]


@pytest.mark.parametrize("framework", INPUTS)
@pytest.mark.parametrize("digits", [15, 16])
def test_an_approximation_is_judged_by_the_definition_and_told(framework, digits):
    for row in rows_of(framework, digits):
        assert (row["verdict"], row["referee"]) == ("agrees", "definition")
        assert f"agrees with the definition to {digits} digits: {SAYS[16]}" in row["message"]


@pytest.mark.parametrize("framework", INPUTS)
@pytest.mark.parametrize("digits", [9, 12])
def test_fewer_digits_are_refuted_in_every_dtype(framework, digits):
    rows = rows_of(framework, digits)
    assert {row["dtype"] for row in rows} == {"float32", "float64"}
    for row in rows:
        assert row["verdict"] == "disagrees"
        assert f"agrees with the definition to {digits} digits" in row["message"]


def test_a_series_that_stops_where_float64_does_is_one():
    def series(terms):
        @jax.custom_jvp
        def exponential(x):
            return jnp.exp(x)

        @exponential.defjvp
        def push(x, t):
            made = term = jnp.ones_like(x[0])
            for k in range(1, terms):
                term = term * x[0] / k
                made = made + term
            return exponential(x[0]), made * t[0]

        return exponential

    x = jnp.asarray([0.25, 0.5, 1.0])
    found = {
        terms: records(xgrad.check(series(terms), x, methods="jax.reverse", dtypes="float64"))[0]
        for terms in (12, 19, 26)
    }
    assert found[12]["verdict"] == "disagrees"  # 1 / 12! is 2e-9
    assert "agrees with the definition to 17 digits: a float64 approx" in found[19]["message"]
    assert "a truncated rule, ample for float64: 27 digits" in found[26]["message"]
    assert {found[n]["verdict"] for n in (19, 26)} == {"agrees"}


def test_the_table_covers_every_number_of_digits():
    assert [grade.least for grade in GRADES] == sorted((g.least for g in GRADES), reverse=True)
    assert [grade_of(d).word for d in (52, 33, 17, 12.9, 0, np.nan)] == [
        "certified", "ample for float64", "float64 approximation inside", *["refuted"] * 3,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("digits", "said"), [(0.6, "1 digit"), (2.0, "2 digits"), (np.inf, "inf digits")]
)
def test_one_digit_is_no_digits(digits, said):
    assert grade_of(digits if digits < np.inf else 1.0).told("a rule", digits).endswith(said)
