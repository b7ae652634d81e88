"""What a call of torch's and JAX's own checks asks, in the words of `xgrad.check`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from xgrad.checking.checks import Question, answers
from xgrad.errors import UsageError
from xgrad.problem import ORDERS, Case, name_of
from xgrad.referee import Budget
from xgrad.running import Row, rows_of, run

Options = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """A function with its inputs, or a case, and the options of each check that answers a call.

    Made and answered inside of `as_guest`.
    """

    subject: Callable[..., Any] | Case
    inputs: Any
    checks: tuple[Options, ...]

    def rows(self, budget: Budget | None = None) -> list[Row]:
        """All rows; raises `UsageError` where the call cannot be judged as it is given."""
        if isinstance(self.subject, Case):
            judged = partial(run, self.subject, budget=budget)
            return [row for each in self.checks for row in rows_of(judged(**each))]
        questions = [Question(**each) for each in self.checks]
        return answers(self.subject, self.inputs, questions, budget or Budget())


# --- torch ----------------------------------------------------------------------------------------

# Options of `gradcheck` and `gradgradcheck`, and what they ask: a method, or a presentation.
_FIRST = {"check_backward_ad": "torch.reverse", "check_forward_ad": "torch.forward"}
_SECOND = {"check_rev_over_rev": "torch.reverse", "check_fwd_over_rev": "torch.forward"}
_PRESENTED = {
    "check_undefined_grad": "cotangent undefined",
    "check_batched_grad": "vmap cotangents",
    "check_batched_forward_grad": "vmap",
}
_PRESENTED_TWICE = {
    "check_rev_over_rev": "double backward",
    "check_undefined_grad": "double backward cotangent",
    "check_batched_grad": "vmap cotangents",
    "gen_non_contig_grad_outputs": "cotangent strided",
}


def asked_by_gradcheck(
    func: Callable[..., Any], inputs: Any, *, nondet_tol: float = 0.0, **options: Any
) -> Asked:
    """Reverse mode, forward mode where `check_forward_ad`, and what else the options name."""
    methods, shown = _chosen(_FIRST, options), _chosen(_PRESENTED, options)
    if not options.get("check_backward_ad"):
        shown = tuple(name for name in shown if name == "vmap")  # the others are of reverse mode
    elif not nondet_tol:
        shown = (*shown, "backward twice")
    given = _points(inputs)
    return Asked(_of_inputs(func, given), given, _once(methods, shown))


def asked_by_gradgradcheck(
    func: Callable[..., Any], inputs: Any, grad_outputs: Any = None, **options: Any
) -> Asked:
    """Products of the Hessian of ⟨w, f⟩, with w random or `grad_outputs`."""
    asked: Options = {"operators": ("weighted_hvp",), "methods": _chosen(_SECOND, options)}
    asked["invariances"] = _chosen(_PRESENTED_TWICE, options)
    given = _points(inputs)
    function = _of_inputs(func, given)
    if grad_outputs is not None:
        function = _weighed(function, _as_tuple(grad_outputs))
        asked |= {"operators": ("hvp",), "invariances": asked["invariances"][:1]}
    return Asked(function, given, (asked,))


def _once(methods: tuple[str, ...], shown: tuple[str, ...] = ()) -> tuple[Options, ...]:
    """A product with a random cotangent, and one with a random direction: no table of all."""
    backward = tuple(m for m in methods if ".reverse" in m)
    forward = tuple(m for m in methods if m not in backward)
    asked: list[Options] = []
    if backward:
        asked.append({"quick": True, "methods": backward, "invariances": shown})
    if forward:
        rest = () if backward else shown
        asked.append(
            {"quick": True, "operators": ("jvp",), "methods": forward, "invariances": rest}
        )
    return tuple(asked)


def _chosen(table: dict[str, str], options: Options) -> tuple[str, ...]:
    return tuple(asked for name, asked in table.items() if options.get(name))


def _as_tuple(inputs: Any) -> tuple[Any, ...]:
    return tuple(inputs) if isinstance(inputs, (list, tuple)) else (inputs,)


def _points(inputs: Any) -> tuple[Any, ...]:
    """The inputs; raises `UsageError` where there is no derivative, which torch's checks let be."""
    import torch

    given = _as_tuple(inputs)
    for k, t in enumerate(given):
        if not (isinstance(t, torch.Tensor) and t.requires_grad) or t.layout != torch.strided:
            continue
        if not t.numel():
            raise UsageError(f"input {k} has shape {tuple(t.shape)}: nothing to differentiate by")
        if not torch.isfinite(t).all():
            raise UsageError(f"input {k} is NaN or infinite: there is no derivative")
    return given


def _of_inputs(func: Callable[..., Any], inputs: tuple[Any, ...]) -> Callable[..., Any]:
    """What `gradcheck` looks at: values that require a gradient, of the inputs alone.

    A module's parameters are held; values that a function detaches make no claim.
    """
    import torch

    kept = _claimed(func, inputs)
    if kept:
        return _named(lambda *args: tuple(func(*args)[k] for k in kept), func)
    return _named(lambda *args: func(*args), func) if isinstance(func, torch.nn.Module) else func


def _claimed(func: Callable[..., Any], inputs: tuple[Any, ...]) -> list[int]:
    """The places of the values that require a gradient, where others do not; else none."""
    import torch

    with torch.enable_grad():
        try:
            ys = func(*inputs)
        except Exception:
            return []  # told where it is judged
    if not isinstance(ys, (list, tuple)):
        return []
    kept = [k for k, y in enumerate(ys) if isinstance(y, torch.Tensor) and y.requires_grad]
    return kept if len(kept) < len(ys) else []


def _weighed(func: Callable[..., Any], weights: tuple[Any, ...]) -> Callable[..., Any]:
    """⟨w, f⟩ for the cotangents that `gradgradcheck` was given."""
    import torch

    def weighed(*args: Any) -> Any:
        ys = [y for y in _as_tuple(func(*args)) if y.is_floating_point() or y.is_complex()]
        pairs = zip(weights, ys, strict=True)
        return sum(torch.real(w.detach().to(y).conj() * y).sum() for w, y in pairs)

    return _named(weighed, func)


def _named(function: Callable[..., Any], like: Callable[..., Any]) -> Callable[..., Any]:
    function.__name__ = name_of(like)
    return function


# --- JAX ------------------------------------------------------------------------------------------

_TWICE = {"fwd": ("forward:twice",), "rev": ("reverse",)}
_MIXED = ("forward", "reverse:over_forward")
_ONCE = {"fwd": ("forward",), "rev": ("reverse",), "lin": ("reverse",)}


def asked_by_check_grads(
    f: Callable[..., Any], args: Sequence[Any], order: int, modes: Iterable[str], **_: Any
) -> Asked:
    """The modes at each order up to `order`: both orders of composition where both are named."""
    named = tuple(modes)
    linear = ("linearize",) if "lin" in named else ()
    methods = _ways(_ONCE, named)
    checks = [*_once(methods, linear)]
    if order > 1:
        mixed = _MIXED if {"fwd", "rev"} <= set(named) else ()
        ways = _ways(_TWICE, named, mixed) or methods
        checks.append({"operators": ("weighted_hvp",), "methods": ways})
    if order > 2:
        along = tuple(f"directional_{k}" for k in ORDERS if 2 < k <= order)
        checks.append({"operators": along, "methods": methods})
    return Asked(f, _with_arrays(args), tuple(checks))


def asked_by_check_vjp(f: Callable[..., Any], f_vjp: Any, args: Sequence[Any], **_: Any) -> Asked:
    """Reverse mode of f, whose rule is `f_vjp` where that is not JAX's own."""
    import jax

    function = f
    if not _is_partial_of(f_vjp, jax.vjp, f):
        function = jax.custom_vjp(_plain(f))
        function.defvjp(lambda *xs: f_vjp(*xs), lambda back, w: back(w))
    return Asked(function, _with_arrays(args), _once(("jax.reverse",)))


def asked_by_check_jvp(f: Callable[..., Any], f_jvp: Any, args: Sequence[Any], **_: Any) -> Asked:
    """Forward mode of f, whose rule is `f_jvp` where that is not JAX's own."""
    import jax

    function = f
    if not _is_partial_of(f_jvp, jax.jvp, f):
        function = jax.custom_jvp(_plain(f))
        function.defjvp(f_jvp)
    return Asked(function, _with_arrays(args), _once(("jax.forward",)))


def _ways(table: Mapping[str, tuple[str, ...]], modes: Iterable[str], more: Any = ()) -> Any:
    ways = [way for mode in modes for way in table.get(mode, ())]
    return tuple(dict.fromkeys(f"jax.{way}" for way in (*ways, *more)))


def _is_partial_of(made: Any, transform: Any, f: Any) -> bool:
    return isinstance(made, partial) and (made.func, made.args) == (transform, (f,))


def _plain(f: Callable[..., Any]) -> Callable[..., Any]:
    return _named(lambda *xs: f(*xs), f)  # JAX reads the signature of what it wraps


def _with_arrays(args: Sequence[Any]) -> tuple[Any, ...]:
    """The arguments with numbers as arrays: `check_grads` differentiates them."""
    import jax

    def array(leaf: Any) -> Any:
        return jax.numpy.asarray(leaf) if isinstance(leaf, (float, complex)) else leaf

    return tuple(jax.tree_util.tree_map(array, tuple(args)))
