"""`gradcheck`, `gradgradcheck` and `check_grads`: only the import changes, and more is seen."""

import inspect
import subprocess
import sys
import warnings

import jax
import jax.numpy as jnp
import pytest
import torch
from jax import test_util
from torch.autograd.gradcheck import GradcheckError, gradcheck, gradgradcheck

import xgrad
from xgrad.checking.migration import Unjudged, Unneeded, _said

X = torch.linspace(-1, 1, 4, dtype=torch.float64, requires_grad=True)
W = torch.linspace(1, 2, 4, dtype=torch.float64, requires_grad=True)
NEARLY = 1 + 1e-9  # which gradcheck lets pass


def sine(once=1.0, twice=1.0, tangent=1.0, *, undefined=True, writes=False):
    """torch's sine by rules of our own, each off by a factor."""

    class Backward(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, g):
            ctx.save_for_backward(x, g)
            return g * torch.cos(x) * once

        @staticmethod
        def backward(ctx, h):
            x, g = ctx.saved_tensors
            return -h * g * torch.sin(x) * once * twice, h * torch.cos(x) * once

    class Sine(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.set_materialize_grads(undefined)
            ctx.save_for_backward(x)
            ctx.save_for_forward(x)
            ctx.calls = 0
            return torch.sin(x)

        @staticmethod
        def backward(ctx, g):
            ctx.calls += writes
            return Backward.apply(ctx.saved_tensors[0], g * (1.0 + (ctx.calls > 1)))

        @staticmethod
        def jvp(ctx, v):
            return v * torch.cos(ctx.saved_tensors[0]) * tangent

    return Sine.apply


def summed(function):
    """With one value, so that its gradient takes one call of backward."""
    return lambda x: function(x).sum()


RIGHT = sine()

FORWARD = {"check_forward_ad": True}

# A call, what is wrong there, and what the message names.
CAUGHT = {
    "reverse mode": (xgrad.gradcheck, sine(once=NEARLY), {}, "torch.reverse"),
    "forward mode": (xgrad.gradcheck, sine(tangent=NEARLY), FORWARD, "torch.forward"),
    "forward mode alone": (
        xgrad.gradcheck,
        sine(tangent=NEARLY),
        FORWARD | {"check_backward_ad": False},
        "torch.forward",
    ),
    "an undefined cotangent": (xgrad.gradcheck, sine(undefined=False), {}, "cotangent undefined"),
    "a second call": (xgrad.gradcheck, summed(sine(writes=True)), {}, "backward twice"),
    "the second derivative": (xgrad.gradgradcheck, sine(twice=NEARLY), {}, "weighted_hvp"),
    "that along given cotangents": (
        xgrad.gradgradcheck,
        sine(twice=NEARLY),
        {"grad_outputs": W},
        "hvp",
    ),
    "forward over reverse mode": (
        xgrad.gradgradcheck,
        sine(twice=NEARLY),
        {"check_fwd_over_rev": True, "gen_non_contig_grad_outputs": True},
        "weighted_hvp",
    ),
}  # fmt: skip


@pytest.mark.many(3)
@pytest.mark.parametrize("name", CAUGHT)
def test_what_is_nearly_right_is_caught_and_its_right_twin_passes(name):
    check, wrong, options, said = CAUGHT[name]
    assert check(RIGHT, (X,), **options) is True
    with pytest.raises(GradcheckError, match=said) as raised:
        check(wrong, (X,), **options)
    assert isinstance(raised.value, AssertionError)
    assert check(wrong, X, raise_exception=False, **options) is False


def test_what_is_not_asked_does_not_fail():
    assert xgrad.gradcheck(sine(tangent=NEARLY), X)
    assert xgrad.gradcheck(sine(once=NEARLY), X, check_forward_ad=True, check_backward_ad=False)
    assert xgrad.gradcheck(sine(twice=NEARLY), X)
    assert xgrad.gradcheck(sine(undefined=False), X, check_undefined_grad=False)
    assert xgrad.gradcheck(summed(sine(writes=True)), X, nondet_tol=1.0)


def test_a_module_is_a_function_of_its_inputs_alone():
    module = torch.nn.Linear(4, 2, dtype=torch.float64)
    module.weight.register_hook(lambda g: 2 * g)  # a wrong gradient, of what was not asked
    assert xgrad.gradcheck(module, X)


def test_a_value_that_requires_no_gradient_makes_no_claim():
    assert xgrad.gradcheck(lambda x: (torch.sin(x), x.detach().max()), X)
    with pytest.raises(GradcheckError, match="disagrees"):
        xgrad.gradcheck(lambda x: (torch.sin(x), x.detach().max() * x), X)


def test_nothing_to_check_is_a_wrong_call():
    with pytest.raises(xgrad.UsageError, match="set check_backward_ad or check_forward_ad"):
        xgrad.gradcheck(RIGHT, X, check_backward_ad=False)
    with pytest.raises(xgrad.UsageError, match="name some of 'fwd', 'rev', 'lin'"):
        xgrad.check_grads(jnp.sin, (0.5,), 1, modes=("forward",))


# --- JAX ------------------------------------------------------------------------------------------


def jax_sine(order):
    """JAX's sine by rules of our own, of which that of one order is off."""

    def derivative(k):
        plain = (jnp.sin, jnp.cos, lambda x: -jnp.sin(x), lambda x: -jnp.cos(x))[k]
        if k == order:
            return lambda x: 1.001 * plain(x)
        made = jax.custom_jvp(plain)
        made.defjvp(lambda xs, vs: (made(*xs), derivative(k + 1)(*xs) * vs[0]))
        return made

    return derivative(0)


MODES = {1: ("fwd", "rev", ("lin",)), 2: ("rev", ["fwd"], ("fwd", "rev")), 3: ("fwd", "rev")}


@pytest.mark.many(2)
@pytest.mark.parametrize("order", MODES)
def test_check_grads_sees_the_order_that_is_wrong_and_no_further(order):
    for modes in MODES[order]:
        with pytest.raises(AssertionError, match=r"disagrees\n  worst"):
            xgrad.check_grads(jax_sine(order), (0.5,), order, modes=modes)
    if order > 1:
        xgrad.check_grads(jax_sine(order), (0.5,), order - 1)


# --- as the originals are -------------------------------------------------------------------------

PAIRS = {
    xgrad.gradcheck: gradcheck,
    xgrad.gradgradcheck: gradgradcheck,
    xgrad.check_grads: test_util.check_grads,
}


@pytest.mark.parametrize("ours", PAIRS, ids=lambda f: f.__name__)
def test_signatures_are_those_of_the_originals(ours):
    def described(function):
        found = inspect.signature(function).parameters.values()
        return [(p.name, p.kind, p.default) for p in found]

    assert described(ours) == described(PAIRS[ours])


def test_tolerances_are_said_once_to_be_unneeded():
    _said.clear()
    with pytest.warns(Unneeded, match="xgrad.gradcheck needs no atol, rtol: "):
        xgrad.gradcheck(RIGHT, X, atol=1e-2, rtol=1e-2)
    assert xgrad.gradcheck(RIGHT, X, atol=1e-2, rtol=1e-2)  # a warning is an error here


def test_where_warnings_are_errors_an_unneeded_tolerance_is_none():
    _said.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert xgrad.gradcheck(RIGHT, X, eps=1e-4)


def rough(x):
    """No digits are left in the value: differences say nothing, and balls cannot follow."""
    return torch.from_numpy((x.detach().numpy() + 1e16) - 1e16) + 0 * x


def test_what_could_not_be_judged_passes_with_a_warning():
    with pytest.warns(Unjudged, match="rough: no derivative could be judged: "):
        assert xgrad.gradcheck(rough, X, check_undefined_grad=False, nondet_tol=1.0)


def test_loading_xgrad_loads_no_framework():
    code = "import sys, xgrad; xgrad.gradcheck; print({'torch', 'jax'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "set()\n"
