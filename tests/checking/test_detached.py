"""Values behind a `detach`: part of the function, or held fixed where its author claims so."""

import numpy as np
import pytest

import xgrad
from xgrad.table import records

torch = pytest.importorskip("torch")
jax = pytest.importorskip("jax")
jnp = jax.numpy

RNG = np.random.default_rng(5)
X = RNG.normal(size=(3, 4)) * 2
CODES = RNG.normal(size=(5, 4))
STATES, REWARDS = RNG.normal(size=(2, 6, 4)), RNG.normal(size=6)
ADVICE = 'detached="constant" judges the derivative with these held fixed'
stop = jax.lax.stop_gradient


class Scaled(torch.autograd.Function):
    """x, whose gradient is off by 1e-9."""

    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, g):
        return g * (1 + 1e-9)


@jax.custom_vjp
def scaled(x):
    return x


scaled.defvjp(lambda x: (x, None), lambda _, g: (g * (1 + 1e-9),))


def torch_straight_through(x):
    return ((x + (torch.round(x) - x).detach()) ** 2).sum()


def jax_straight_through(x):
    return jnp.sum((x + stop(jnp.round(x) - x)) ** 2)


def torch_quantiser(z, codes):
    nearest = codes[torch.cdist(z, codes).argmin(1)]
    through = z + (nearest - z).detach()
    return (
        torch.sin(through).sum()
        + ((z.detach() - nearest) ** 2).mean()
        + ((z - nearest.detach()) ** 2).mean() / 4
    )


def jax_quantiser(z, codes):
    nearest = codes[jnp.argmin(jnp.sum((z[:, None] - codes) ** 2, axis=-1), axis=1)]
    through = z + stop(nearest - z)
    return (
        jnp.sum(jnp.sin(through))
        + jnp.mean((stop(z) - nearest) ** 2)
        + jnp.mean((z - stop(nearest)) ** 2) / 4
    )


def torch_target(weights, states, rewards):
    values, following = torch.tanh(states[0] @ weights), torch.tanh(states[1] @ weights)
    target = (rewards + 0.5 * following.max(1).values).detach()
    return ((values[:, 0] - target) ** 2).mean()


def jax_target(weights, states, rewards):
    values, following = jnp.tanh(states[0] @ weights), jnp.tanh(states[1] @ weights)
    target = stop(rewards + 0.5 * jnp.max(following, axis=1))
    return jnp.mean((values[:, 0] - target) ** 2)


def torch_softmax(x):
    e = torch.exp(x - x.max().detach())
    return (e / e.sum()).square().sum()


def jax_softmax(x):
    e = jnp.exp(x - stop(jnp.max(x)))
    return jnp.sum((e / jnp.sum(e)) ** 2)


def torch_wrong(x):
    return ((Scaled.apply(x) + (torch.round(x) - x).detach()) ** 2).sum()


def jax_wrong(x):
    return jnp.sum((scaled(x) + stop(jnp.round(x) - x)) ** 2)


def given(function, *arrays):
    make = torch.tensor if function.__name__.startswith("torch") else jnp.asarray
    with jax.enable_x64(True):
        return tuple(make(a) for a in arrays)


def judged(function, *arrays, methods=("torch.reverse", "jax.reverse"), **options):
    own = [m for m in methods if m.startswith(function.__name__.partition("_")[0])]
    frame = xgrad.check(function, given(function, *arrays), methods=own, **options)
    return next(row for row in records(frame) if row["dtype"] == "float64")


MEANT = [
    pytest.param(function, arrays, wrt, id=function.__name__)
    for functions, arrays, wrt in (
        ((torch_straight_through, jax_straight_through), (X,), None),
        ((torch_quantiser, jax_quantiser), (X, CODES), None),
        ((torch_target, jax_target), (CODES.T, STATES, REWARDS), "weights"),
    )
    for function in functions
]


@pytest.mark.parametrize(("function", "arrays", "wrt"), MEANT)
def test_what_was_meant_is_certified_and_the_plain_verdict_names_the_option(function, arrays, wrt):
    row = judged(function, *arrays, wrt=wrt)
    assert row["verdict"] == "disagrees"
    assert row["message"].split("; not differentiated")[0].endswith(ADVICE)
    assert "test_detached.py:" in row["message"]
    row = judged(function, *arrays, wrt=wrt, detached="constant")
    assert (row["verdict"], row["referee"]) == ("agrees", "certified")
    assert "are held fixed" in row["message"]


@pytest.mark.parametrize("function", [torch_softmax, jax_softmax])
def test_a_detach_that_changes_nothing_agrees_either_way(function):
    for options in ({}, {"detached": "constant"}):
        assert judged(function, X, **options)["referee"] == "certified"


@pytest.mark.parametrize("function", [torch_wrong, jax_wrong])
def test_a_straight_through_estimator_with_a_wrong_rule_is_refuted(function):
    row = judged(function, X, detached="constant")
    assert row["verdict"] == "disagrees"
    assert "agrees with the definition to 10 digits" in row["message"]
    assert ADVICE not in row["message"]


def test_a_harmless_detach_is_not_named_beside_a_mistake():
    def torch_both(x):
        return Scaled.apply(torch_softmax(x))

    row = judged(torch_both, X)
    assert row["verdict"] == "disagrees"
    assert "detach" not in row["message"].replace("test_detached.py", "")


@pytest.mark.parametrize("order", ["hvp", "hessian"])
@pytest.mark.parametrize("function", [torch_straight_through, jax_straight_through])
def test_second_derivatives_hold_the_same_values(function, order):
    def torch_fourth(x):
        return torch_straight_through(x) ** 2

    def jax_fourth(x):
        return jax_straight_through(x) ** 2

    fourth = torch_fourth if function is torch_straight_through else jax_fourth
    row = judged(fourth, X[0], operators=order, detached="constant")
    assert (row["verdict"], row["referee"]) == ("agrees", "certified")


# --- other words for it ---------------------------------------------------------------------------


def torch_no_grad(x):
    with torch.no_grad():
        rest = torch.nn.functional.normalize(torch.round(x)) - x
    return ((x + rest) ** 2).sum()


@torch.no_grad()
def rest_of(x):
    return torch.round(x) - x


def torch_decorated(x):
    return ((x + rest_of(x)) ** 2).sum()


def torch_data(x):
    return ((x + (torch.round(x) - x).data) ** 2).sum()


def torch_inference(x):
    with torch.inference_mode():
        rest = torch.round(x) - x
    return ((x + rest) ** 2).sum()


def torch_gumbel(x):
    return (torch.nn.functional.gumbel_softmax(x, hard=True) * torch.arange(4.0)).sum()


@pytest.mark.parametrize(
    "function", [torch_no_grad, torch_decorated, torch_data, torch_inference, torch_gumbel]
)
def test_other_ways_to_stop_a_gradient_are_the_same_claim(function):
    row = judged(function, X)
    assert row["verdict"] == "disagrees"
    assert ADVICE in row["message"]
    row = judged(function, X, detached="constant")
    assert (row["verdict"], row["referee"]) == ("agrees", "certified")


def test_spectral_norm_holds_its_power_iteration():
    torch.manual_seed(0)
    layer = torch.nn.utils.parametrizations.spectral_norm(torch.nn.Linear(4, 3).double())
    assert ADVICE in judged_module(layer)["message"]
    row = judged_module(layer, detached="constant")
    assert (row["verdict"], row["referee"]) == ("agrees", "certified")


def judged_module(layer, **options):
    frame = xgrad.check(layer, torch.tensor(X), methods="torch.reverse", **options)
    return records(frame)[0]


def test_forward_mode_that_no_grad_does_not_stop_says_so():
    row = judged(torch_no_grad, X, methods=("torch.forward",), detached="constant")
    assert row["verdict"] == "disagrees"
    assert "no_grad stops reverse mode, not forward mode" in row["message"]


def torch_written(x):
    y = x * 1
    with torch.no_grad():
        y.clamp_(-1, 1)
    return (y**2).sum()


def torch_alias(x):
    y = x * 1
    y.detach().mul_(2)
    return (y**2).sum()


@pytest.mark.parametrize("function", [torch_written, torch_alias])
def test_what_cannot_be_held_is_inconclusive_and_the_plain_row_says_so(function):
    assert "cannot be held fixed" in judged(function, X)["message"]
    row = judged(function, X, detached="constant")
    assert row["verdict"] == "inconclusive"
    assert "written to" in row["message"]


def test_without_balls_there_is_no_weaker_evidence():
    def torch_unruled(x):
        return torch.special.airy_ai(x).detach().sum() + (x**2).sum()

    row = judged(torch_unruled, X, detached="constant")
    assert row["verdict"] == "inconclusive"
    assert "airy" in row["message"]
    with pytest.raises(AssertionError, match="airy"):
        xgrad.assert_agreement(torch_unruled, torch.tensor(X), detached="constant")


# --- the option -----------------------------------------------------------------------------------


def test_values_in_loops_transforms_and_ports_are_held_too():
    def jax_scan(x):
        def step(total, each):
            total = total + each + stop(jnp.round(each) - each)
            return total, total**2

        return jnp.sum(jax.lax.scan(step, 0.0, x)[1])

    def torch_vmap(x):
        return torch.func.vmap(lambda t: (t + (torch.round(t) - t).detach()) ** 2)(x).sum()

    for function in (jax_scan, torch_vmap):
        row = judged(function, X[0], detached="constant")
        assert (row["verdict"], row["referee"]) == ("agrees", "certified")
    xgrad.assert_agreement(
        torch_straight_through, torch.tensor(X), like=jax_straight_through, detached="constant"
    )


def test_the_option_in_an_assertion():
    xgrad.assert_agreement(torch_straight_through, torch.tensor(X), detached="constant")
    with pytest.raises(AssertionError, match="judges the derivative with these held fixed"):
        xgrad.assert_agreement(torch_straight_through, torch.tensor(X))


def test_a_function_that_detaches_nothing_says_so():
    def torch_squares(x):
        return (x**2).sum()

    row = judged(torch_squares, X, detached="constant")
    assert row["verdict"] == "agrees"
    assert "the function detaches nothing" in row["message"]


def test_wrong_uses_of_the_option_are_told():
    with pytest.raises(xgrad.UsageError, match='give "constant"'):
        xgrad.check(torch_straight_through, torch.tensor(X), detached="zero")
    with pytest.raises(xgrad.UsageError, match="a function of torch or JAX"):
        xgrad.check(lambda xp, x: xp.sum(x), {"x": X}, detached="constant")
    with pytest.raises(xgrad.UsageError, match="like= is the mathematics"):
        xgrad.check(
            lambda x: (x**2).sum(),
            {"x": torch.tensor(X)},
            like=lambda xp, x: xp.sum(x**2),
            detached="constant",
        )
