"""Functions of torch and JAX at hand: right ones agree, wrong ones are told, without a case."""

import numpy as np
import pytest

import xgrad
from xgrad.errors import UsageError
from xgrad.frameworks import find_framework
from xgrad.problem import Setting
from xgrad.problem.foreign import make_foreign_case
from xgrad.problem.trees import take_apart
from xgrad.table import records

torch = pytest.importorskip("torch")
jax = pytest.importorskip("jax")
jnp = jax.numpy
RNG = np.random.default_rng(0)


def product(factor):
    """A torch.autograd.Function of Σ x² w whose backward pass is off by a factor in x."""

    class Product(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, w):
            ctx.save_for_backward(x, w)
            return (x * x * w).sum()

        @staticmethod
        def backward(ctx, g):
            x, w = ctx.saved_tensors
            return factor * g * 2 * x * w, g * x * x

    return Product.apply


def log_sum_exp(factor):
    """A jax.custom_vjp of a dictionary and a tuple whose backward pass is off by a factor."""

    @jax.custom_vjp
    def loss(p):
        return jnp.log(jnp.sum(jnp.exp(p["a"]))) + p["b"][0] ** 2

    def backward(p, g):
        return ({"a": factor * g * jax.nn.softmax(p["a"]), "b": (2 * g * p["b"][0],)},)

    loss.defvjp(lambda p: (loss(p), p), backward)
    return loss


def vectors():
    return tuple(torch.tensor(RNG.normal(size=5)) for _ in range(2))


TREE = ({"a": jnp.arange(4.0), "b": (jnp.asarray(2.0),)},)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_right_backward_pass_is_certified(dtype):
    for function, inputs in ((product(1.0), vectors()), (log_sum_exp(1.0), TREE)):
        (row,) = records(xgrad.check(function, inputs, dtypes=(dtype,), invariances=()))
        assert (row["verdict"], row["referee"]) == ("agrees", "certified")


@pytest.mark.many(2)
@pytest.mark.parametrize("factor", [2.0, -1.0, 1.001, 1 + 1e-5])
def test_a_wrong_backward_pass_disagrees_and_its_input_is_named(factor):
    for function, inputs, name in (
        (product(factor), vectors(), "x"),
        (log_sum_exp(factor), TREE, "p.a"),
    ):
        (row,) = records(xgrad.check(function, inputs, dtypes=("float64",), invariances=()))
        assert row["verdict"] == "disagrees"
        assert row["worst"].startswith(name)
        assert f"the gradient of {name} alone" in row["hint"]


def test_a_module_is_judged_in_its_parameters():
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1))
    rows = records(xgrad.check(module, (torch.randn(2, 3),), dtypes=("float64",), invariances=()))
    assert [row["technique"] for row in rows] == ["reverse", "forward"]
    assert {row["verdict"] for row in rows} == {"agrees"}
    assert {row["operator"] for row in rows} == {"jacobian"}


def test_as_in_gradcheck_what_requires_a_gradient_is_differentiated():
    x, w = vectors()
    (row,) = records(
        xgrad.check(product(2.0), (x, w.requires_grad_()), dtypes=("float64",), invariances=())
    )
    assert row["verdict"] == "agrees"  # the mistake is in x, which nobody asked for


def test_wrt_names_an_input_and_a_wrong_name_is_told():
    xgrad.assert_agreement(product(2.0), vectors(), wrt="w")
    with pytest.raises(UsageError, match="wrt 'y' is no input: x, w"):
        xgrad.check(product(2.0), vectors(), wrt="y")


def test_one_line_replaces_a_call_of_gradcheck():
    xgrad.assert_agreement(lambda x: torch.nn.functional.softplus(x).sum(), torch.randn(4))
    with pytest.raises(AssertionError, match=r"worst x\[\d\]: got"):
        xgrad.assert_agreement(product(2.0), vectors())


def test_the_inputs_of_a_function_have_the_names_that_its_forward_gives_them():
    class Square(torch.autograd.Function):
        @staticmethod
        def forward(z):
            return (z * z).sum()

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx, g):
            return 3 * g * ctx.saved_tensors[0]

    (row,) = records(xgrad.check(Square.apply, torch.randn(3), dtypes=("float64",), invariances=()))
    assert (row["case"], row["verdict"], row["worst"][:2]) == ("Square", "disagrees", "z[")


def test_integers_pass_and_nothing_to_differentiate_is_told():
    labels = torch.tensor([0, 2])
    xgrad.assert_agreement(torch.nn.functional.cross_entropy, (torch.randn(2, 3), labels))
    with pytest.raises(UsageError, match="no input is an array of floats"):
        xgrad.check(lambda k: k, (labels,))


def test_several_values_are_joined():
    given = {"dtypes": ("float64",), "invariances": ()}
    frame = xgrad.check(lambda x: (x.sum(), x * x), torch.randn(3), **given)
    assert set(frame["operator"]) == {"jacobian"}
    assert set(frame["verdict"]) == {"agrees"}


def test_a_formula_of_a_torch_function_is_refused_with_the_remedy():
    with pytest.raises(UsageError, match=r"f\(xp"):
        xgrad.check(torch.sum, torch.randn(3), formula=lambda x: x)


def test_a_custom_jvp_is_judged_in_forward_mode_too():
    @jax.custom_jvp
    def sine(x):
        return jnp.sin(x)

    sine.defjvps(lambda t, y, x: 2 * t * jnp.cos(x))
    inputs = (jnp.asarray([0.3, 0.4]),)
    frame = xgrad.check(lambda x: jnp.sum(sine(x)), inputs, methods=("jax.reverse", "jax.forward"))
    assert set(frame["verdict"]) == {"disagrees"}


def test_trees_are_taken_apart_and_put_together():
    tree = take_apart({"a": [1, (2, 3)], "b": 4}, "x")
    assert list(tree.leaves) == ["x.a[0]", "x.a[1][0]", "x.a[1][1]", "x.b"]
    assert tree.rebuild(tree.leaves) == {"a": [1, (2, 3)], "b": 4}


@pytest.mark.parametrize("operator", ["jvp", "vjp"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_truth_in_float64_is_along_the_very_direction_that_the_dtype_holds(operator, dtype):
    inputs = (torch.tensor(RNG.normal(size=6)),)
    case = make_foreign_case(lambda x: x * 3, inputs, find_framework("torch"), ())
    setting = Setting.make(case, "small", "given", dtype, 0)
    wide = setting.in_dtype("float64")
    assert np.array_equal(wide.v[0], setting.v[0])
    assert np.array_equal(wide.w, setting.w)
    frame = xgrad.check(lambda x: x * 3, inputs, operators=(operator,), dtypes=(dtype,))
    assert list(frame["verdict"]) == ["agrees"]
