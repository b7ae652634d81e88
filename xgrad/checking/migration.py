"""`gradcheck`, `gradgradcheck` and `check_grads` as torch and JAX have them, judged by xgrad."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import lru_cache, partial
from typing import Any

from xgrad.checking.checks import failure_in, why_unjudged_in_part
from xgrad.checking.originals import (
    Asked,
    asked_by_check_grads,
    asked_by_gradcheck,
    asked_by_gradgradcheck,
)
from xgrad.errors import UsageError
from xgrad.frameworks import as_guest
from xgrad.problem import name_of

_said: set[str] = set()


class Unjudged(UserWarning):
    """Nothing was found wrong, where not all could be judged; as an error it is strict."""


class Unneeded(UserWarning):
    """Options that say how exact differences are, which nothing here rests on."""


def gradcheck(
    func: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """`torch.autograd.gradcheck`, judged against a truth of forty digits.

    Reverse mode, and forward mode where `check_forward_ad`; `check_undefined_grad`,
    `check_batched_grad`, `check_batched_forward_grad` and a `nondet_tol` of 0 ask for the
    presentations "cotangent undefined", "vmap cotangents", "vmap" and "backward twice". The other
    options change nothing: every element of the values that require a gradient is judged, by the
    rounding of its own dtype. True where nothing is wrong; where something could not be judged
    too, with the warning `Unjudged`. Raises a `GradcheckError` that is an `AssertionError` too, or
    returns False without `raise_exception`; raises `UsageError`.
    """
    __tracebackhide__ = True
    _require("check_backward_ad or check_forward_ad", check_backward_ad or check_forward_ad)
    _note("gradcheck", eps=(eps, 1e-6), atol=(atol, 1e-5), rtol=(rtol, 1e-3))
    ask = partial(
        asked_by_gradcheck,
        func,
        inputs,
        nondet_tol=nondet_tol,
        check_undefined_grad=check_undefined_grad,
        check_batched_grad=check_batched_grad,
        check_batched_forward_grad=check_batched_forward_grad,
        check_forward_ad=check_forward_ad,
        check_backward_ad=check_backward_ad,
    )
    return _answered(func, ask, _gradcheck_error() if raise_exception else None)


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
) -> bool:
    """`torch.autograd.gradgradcheck`, judged against a truth of forty digits.

    Products of the Hessian of ⟨w, f⟩ with a random direction, w being `grad_outputs` or random:
    reverse over reverse mode, forward over reverse where `check_fwd_over_rev`, and the derivative
    by w. Options, result and errors are those of `gradcheck`; `gen_non_contig_grad_outputs` asks
    for the presentation "cotangent strided".
    """
    __tracebackhide__ = True
    _require("check_rev_over_rev or check_fwd_over_rev", check_rev_over_rev or check_fwd_over_rev)
    _note("gradgradcheck", eps=(eps, 1e-6), atol=(atol, 1e-5), rtol=(rtol, 1e-3))
    ask = partial(
        asked_by_gradgradcheck,
        func,
        inputs,
        grad_outputs,
        gen_non_contig_grad_outputs=gen_non_contig_grad_outputs,
        check_undefined_grad=check_undefined_grad,
        check_batched_grad=check_batched_grad,
        check_fwd_over_rev=check_fwd_over_rev,
        check_rev_over_rev=check_rev_over_rev,
    )
    return _answered(func, ask, _gradcheck_error() if raise_exception else None)


def check_grads(
    f: Callable[..., Any],
    args: Sequence[Any],
    order: int,
    modes: Iterable[str] = ("fwd", "rev"),
    atol: Any = None,
    rtol: Any = None,
    eps: float | None = None,
) -> None:
    """`jax.test_util.check_grads`, judged against a truth of forty digits.

    All elements of the first derivative, products of the Hessian at order 2, derivatives along a
    direction from order 3 to 6, in the modes that are named and, where both are, composed in both
    orders; "lin" asks for the presentation "linearize". `atol`, `rtol` and `eps` change nothing.
    Where something could not be judged, the warning is `Unjudged`. Raises `AssertionError` and
    `UsageError`.
    """
    __tracebackhide__ = True
    named = (modes,) if isinstance(modes, str) else tuple(modes)
    if not named or not set(named) <= {"fwd", "rev", "lin"}:
        raise UsageError(f"check_grads: modes={modes!r}: name some of 'fwd', 'rev', 'lin'")
    _note("check_grads", eps=(eps, None), atol=(atol, None), rtol=(rtol, None))
    _answered(f, partial(asked_by_check_grads, f, args, order, named), AssertionError)


def _answered(
    func: Callable[..., Any], ask: Callable[[], Asked], error: type[Exception] | None
) -> bool:
    """Whether nothing is wrong; where something is, the error is raised, if there is one."""
    __tracebackhide__ = True
    with as_guest():
        rows = ask().rows()
    wrong = failure_in(rows)
    if wrong and error is not None:
        raise error(wrong)
    reason = "" if wrong else why_unjudged_in_part(rows)
    if reason:
        said = f"{name_of(func)}: no derivative could be judged: {reason}"
        warnings.warn(said, Unjudged, stacklevel=3)
    return not wrong


@lru_cache
def _gradcheck_error() -> type[Exception]:
    """An error for those who expect torch's and those who expect a failed assertion."""
    from torch.autograd.gradcheck import GradcheckError

    return type("Disagreement", (GradcheckError, AssertionError), {"__module__": __name__})


def _require(options: str, given: bool) -> None:
    if not given:
        raise UsageError(f"nothing to check: set {options}")


def _note(name: str, **options: tuple[Any, Any]) -> None:
    """Say once that tolerances and steps are not needed; where warnings are errors, nothing."""
    given = [option for option, (value, usual) in options.items() if value != usual]
    if given and name not in _said:
        _said.add(name)
        with suppress(Unneeded):
            warnings.warn(
                f"xgrad.{name} needs no {', '.join(given)}: how far rounding may take a right "
                "result is measured, element by element",
                Unneeded,
                stacklevel=3,
            )
