"""The checkers with their settings, each wrapped so that it judges a given gradient."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import xgrad
from detection.places import GRADIENT, Place, again
from xgrad.auditing.cells import FORMULA
from xgrad.frameworks import find_framework
from xgrad.judging import DISAGREES
from xgrad.techniques import OK, Outcome

# --- the checkers: whether each accepts a gradient ------------------------------------------------


def passes(check: Callable[[], Any]) -> bool:
    """Whether a check that asserts is content."""
    try:
        check()
    except AssertionError:
        return False
    return True


def claimed_in_torch(place: Place, g: np.ndarray) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """An `autograd.Function` whose backward pass is the gradient, and its inputs."""
    import torch

    f, xs, parts = place.meet("torch", g)

    class Claimed(torch.autograd.Function):
        @staticmethod
        def forward(ctx, *xs):
            return f(*xs)

        @staticmethod
        def backward(ctx, w):
            return tuple(w * p for p in parts)

    return Claimed.apply, tuple(x.requires_grad_() for x in xs)


def torch_gradcheck(place: Place, g: np.ndarray, **options: Any) -> bool:
    """PyTorch's own."""
    import torch

    claimed, inputs = claimed_in_torch(place, g)
    return torch.autograd.gradcheck(claimed, inputs, raise_exception=False, **options)


def jax_check_grads(place: Place, g: np.ndarray, **options: Any) -> bool:
    """JAX: the gradient is a `custom_vjp`, which has a reverse mode only."""
    import jax
    from jax.test_util import check_grads

    with find_framework("jax").scope():
        f, xs, parts = place.meet("jax", g)
        claimed = jax.custom_vjp(f)
        claimed.defvjp(lambda *xs: (f(*xs), None), lambda _, w: tuple(w * p for p in parts))
        return passes(lambda: check_grads(claimed, xs, order=1, modes=("rev",), **options))


def scipy_check_grad(
    place: Place, g: np.ndarray, *, atol: float, rtol: float = 0.0, **options: Any
) -> bool:
    """SciPy: it returns the norm of the error, and what is small is for the user to say."""
    from scipy.optimize import check_grad

    error = check_grad(place.flat(), lambda x: g, place.setting.flat_x, **options)
    return bool(error < atol + rtol * np.linalg.norm(g))


def numdifftools_gradient(place: Place, **options: Any) -> tuple[np.ndarray, np.ndarray]:
    """The gradient by extrapolated differences, and its own estimate of the error."""
    import numdifftools

    def compute() -> tuple[np.ndarray, np.ndarray]:
        differences = numdifftools.Gradient(place.flat(), full_output=True, **options)
        found = differences(place.setting.flat_x)
        return np.ravel(found.estimate), np.ravel(found.error_estimate)

    return place.once(tuple(options.items()), compute)


def numdifftools_allclose(place: Place, g: np.ndarray) -> bool:
    """numdifftools as its documentation compares."""
    found, _ = numdifftools_gradient(place)
    return bool(np.allclose(g, found))


def numdifftools_estimated(
    place: Place, g: np.ndarray, *, times: float, rtol: float, **options: Any
) -> bool:
    """numdifftools within so many of its own error estimates and a share of each element."""
    found, error = numdifftools_gradient(place, **options)
    return bool(np.all(np.abs(found - g) <= times * error + rtol * np.abs(g)))


def autograd_check_grads(place: Place, g: np.ndarray, **options: Any) -> bool:
    """HIPS autograd: a primitive with both modes, so that its inside is plain NumPy."""
    import autograd.numpy as anp
    from autograd.extend import defjvp, defvjp, primitive
    from autograd.test_util import check_grads

    f, xs, parts = place.meet("numpy", g)
    claimed = primitive(lambda *xs: f(*xs))
    defvjp(claimed, *(lambda y, *xs, p=p: lambda w: w * p for p in parts))
    defjvp(claimed, *(lambda v, y, *xs, p=p: anp.sum(v * p) for p in parts))
    np.random.seed(place.setting.seed)  # noqa: NPY002  its directions come from there
    return passes(lambda: check_grads(claimed, tuple(range(len(xs))), **options)(*xs))


def xgrad_quick(place: Place, g: np.ndarray) -> bool:
    """xgrad as inside of a training test: the torch function as it is, and `quick`."""
    claimed, inputs = claimed_in_torch(place, g)
    return DISAGREES not in set(xgrad.check(claimed, inputs, quick=True)["verdict"])


def xgrad_weigh(place: Place, g: np.ndarray) -> bool:
    """xgrad with the case's formula, which it certifies first."""
    made = place.judge.weigh(FORMULA, GRADIENT, Outcome(OK, g), again(g))
    return made.row["verdict"] != DISAGREES


def xgrad_weigh_bare(place: Place, g: np.ndarray) -> bool:
    """xgrad without a formula: the definition along every coordinate."""
    made = place.bare_judge.weigh(FORMULA, GRADIENT, Outcome(OK, g), again(g))
    return made.row["verdict"] != DISAGREES


# --- the table of checkers ------------------------------------------------------------------------

Options = dict[str, Any]


@dataclass(frozen=True)
class Peer:
    """One checker with one setting: the options in each dtype, and where they are from."""

    name: str
    setting: str
    package: str
    check: Callable[..., bool]
    why: str
    float64: Options = field(default_factory=dict)
    float32: Options = field(default_factory=dict)
    dtypes: tuple[str, ...] = ("float64", "float32")

    @property
    def missing(self) -> bool:
        """Whether it is not installed."""
        return importlib.util.find_spec(self.package) is None

    def accepts(self, place: Place, g: np.ndarray, options: Options | None = None) -> bool:
        """Whether the checker takes a gradient for right; its warnings are dropped."""
        chosen = getattr(self, place.setting.dtype) if options is None else options
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return bool(self.check(place, g, **chosen))


SEARCHED = "best of a grid at other points"
FAST = {"fast_mode": True}
ABSOLUTE = {"atol": 1e-5}
REVERSE = {"modes": ["rev"], "order": 1}
PEERS = (
    Peer("torch gradcheck", "default", "torch", torch_gradcheck,
         "eps 1e-6, rtol 1e-3, atol 1e-5: for double precision, says its documentation"),
    Peer("torch gradcheck", "fast mode", "torch", torch_gradcheck, "one random direction",
         FAST, FAST),
    Peer("torch gradcheck", "best", "torch", torch_gradcheck,
         SEARCHED + "; eps 3e-4, atol 5e-5 of PyTorch's PR 168902 for float32 is on it",
         {"eps": 1e-6, "rtol": 1e-6, "atol": 1e-8}, {"eps": 3e-3, "rtol": 1e-2, "atol": 5e-5}),
    Peer("jax check_grads", "default", "jax", jax_check_grads,
         "modes rev, order 1; eps 1e-4, tolerances 1e-5 or 2e-3 by dtype; not jitted"),
    Peer("jax check_grads", "best", "jax", jax_check_grads,
         SEARCHED + "; modes rev, order 1; not jitted",
         {"eps": 1e-6, "rtol": 1e-9, "atol": 1e-9}, {"eps": 1e-3, "rtol": 2e-3, "atol": 5e-4}),
    Peer("scipy check_grad", "below 1e-5", "scipy", scipy_check_grad,
         "epsilon 1.49e-8, and the error below 1e-5 as people ask", ABSOLUTE, ABSOLUTE),
    Peer("scipy check_grad", "best", "scipy", scipy_check_grad,
         SEARCHED + "; error below atol + rtol ‖g‖; there is no central difference",
         {"epsilon": 1e-8, "rtol": 1e-6, "atol": 1e-8},
         {"epsilon": 3.45e-4, "rtol": 1e-2, "atol": 1e-3}),
    Peer("numdifftools", "allclose", "numdifftools", numdifftools_allclose,
         "Gradient, and np.allclose as its documentation compares"),
    Peer("numdifftools", "best", "numdifftools", numdifftools_estimated,
         SEARCHED + "; error within `times` its own estimate + rtol times the element",
         {"order": 6, "base_step": 0.5, "times": 10, "rtol": 1e-7},
         {"order": 2, "base_step": 0.5, "num_steps": 5, "times": 10, "rtol": 0}),
    Peer("autograd check_grads", "reverse", "autograd", autograd_check_grads, "one mode, order 1",
         REVERSE, REVERSE),
    Peer("autograd check_grads", "default", "autograd", autograd_check_grads,
         "both modes, order 2; a step and tolerances of 1e-6 are fixed"),
    Peer("xgrad", "quick", "xgrad", xgrad_quick,
         "`xgrad.check(function, inputs, quick=True)` of the same `autograd.Function`; a backward "
         "pass of numbers rounded to float32 is wrong in exact arithmetic",
         dtypes=("float64",)),
    Peer("xgrad", "function alone", "xgrad", xgrad_weigh_bare,
         "what the others get: torch's own derivative, confirmed by the definition, and its "
         "rounding, sampled where an element asks for it"),
    Peer("xgrad", "with formula", "xgrad", xgrad_weigh,
         "the case's formula is certified; this is what the costs are relative to"),
)  # fmt: skip
