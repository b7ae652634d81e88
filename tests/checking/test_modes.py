"""What was asked is what runs: forward rules, both modes, both orders of composition."""

import pytest

import xgrad
from xgrad.table import records

torch = pytest.importorskip("torch")
jax = pytest.importorskip("jax")
X = torch.tensor([0.5, 1.5], dtype=torch.float64)


def cube(forward, transformed=True):
    """x³ with a right backward, and a jvp that is off by a factor."""

    class Cube(torch.autograd.Function):
        generate_vmap_rule = True

        @staticmethod
        def backward(ctx, g):
            return 3 * ctx.saved_tensors[0] ** 2 * g

        @staticmethod
        def jvp(ctx, t):
            return 3 * forward * ctx.saved_tensors[0] ** 2 * t

    def save(ctx, inputs, output):
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    def both(ctx, x):
        save(ctx, (x,), None)
        return x**3

    if transformed:
        Cube.forward, Cube.setup_context = staticmethod(lambda x: x**3), staticmethod(save)
    else:
        Cube.forward = staticmethod(both)
    return Cube.apply


@pytest.mark.parametrize("transformed", [True, False])
@pytest.mark.parametrize("factor", [1.0, 2 / 3])
def test_a_jvp_runs_the_forward_rule(factor, transformed):
    (row,) = records(xgrad.check(cube(factor, transformed), X, operators="jvp"))
    assert row["technique"] == "forward"
    assert row["verdict"] == ("agrees" if factor == 1 else "disagrees")


@pytest.mark.parametrize("factor", [1.0, 2 / 3])
def test_a_plain_check_runs_both_modes(factor):
    found = xgrad.check(cube(factor), X, invariances=()).set_index("technique")["verdict"].to_dict()
    assert found == {"reverse": "agrees", "forward": "agrees" if factor == 1 else "disagrees"}


def test_a_jvp_of_jax_runs_the_forward_rule():
    @jax.custom_jvp
    def sine(x):
        return jax.numpy.sin(x)

    sine.defjvps(lambda t, y, x: 2 * t * jax.numpy.cos(x))
    inputs = (jax.numpy.asarray([0.3, 0.4]),)
    (row,) = records(xgrad.check(sine, inputs, operators="jvp", dtypes="float64"))
    assert (row["technique"], row["verdict"]) == ("forward", "disagrees")


def test_of_many_inputs_forward_mode_is_judged_along_one_direction():
    x = torch.linspace(-1, 1, 300, dtype=torch.float64)
    frame = xgrad.check(lambda x: cube(2 / 3)(x).sum(), x, invariances=())
    assert list(frame["operator"]) == ["gradient", "jvp"]
    assert list(frame["verdict"]) == ["agrees", "disagrees"]


def test_second_derivatives_are_composed_in_both_orders():
    frame = xgrad.check(lambda x: (x**3).sum(), X, operators="hessian")
    assert set(frame["verdict"]) == {"agrees"}
    orders = {"reverse", "forward", "forward:twice", "reverse:over_forward"}
    assert set(frame["technique"]) == orders
    wrong = xgrad.check(lambda x: cube(2 / 3)(x).sum(), X, operators="hessian")
    found = wrong.set_index("technique")["verdict"].to_dict()
    assert found["reverse"] == found["forward"] == "agrees"
    assert found["forward:twice"] == found["reverse:over_forward"] == "disagrees"


@pytest.mark.parametrize("operator", ["hvp", "laplacian"])
def test_reverse_over_forward_of_the_other_second_derivatives(operator):
    options = {"operators": operator, "methods": "*.reverse:over_forward"}
    frame = xgrad.check(lambda x: (x**3).sum(), X, **options)
    assert list(frame["verdict"]) == ["agrees"]


def test_a_mode_that_does_not_exist_is_told_and_fails_nobody():
    class Old(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**2

        @staticmethod
        def backward(ctx, g):
            return 2 * g * ctx.saved_tensors[0]

    (row,) = records(xgrad.check(Old.apply, X, invariances=()))
    assert (row["technique"], row["verdict"]) == ("reverse", "agrees")
    assert "torch.forward does not exist here" in row["message"]
    (row,) = records(xgrad.check(Old.apply, X, operators="jvp"))
    assert row["status"] == "unsupported"
    with pytest.raises(AssertionError, match="no derivative could be judged"):
        xgrad.assert_agreement(Old.apply, X, operators="jvp")


def test_methods_that_are_named_are_the_ones_that_run():
    frame = xgrad.check(torch.exp, X, methods="torch.reverse")
    assert list(frame["technique"]) == ["reverse"]


@pytest.mark.parametrize("branch", [lambda x: x.sum().item() > 0, lambda x: bool(x.sum() > 0)])
def test_a_branch_on_values_is_no_obstacle_for_forward_mode(branch):
    frame = xgrad.check(lambda x: x.exp() if branch(x) else x, X, invariances=())
    assert list(frame["verdict"]) == ["agrees", "agrees"]
