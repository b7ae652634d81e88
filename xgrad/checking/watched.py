"""The checks that shadow mode watches: where each is, how a call is read, what it says."""

# ruff: noqa: E501  the table reads as one

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

PASSED, FAILED, RAISED = "passed", "failed", "raised"


@dataclass(frozen=True)
class Original:
    """One check: its module and name, the reader of its calls (`module:function`, loaded late).

    `fails` names the exceptions by which it says that a derivative is wrong. Where it is `curried`,
    `check(f, …)` returns the function that checks at a point; where it `measures`, it returns an
    error that others compare.
    """

    home: str
    name: str
    known_as: str
    reader: str
    fails: tuple[str, ...] = ("AssertionError",)
    curried: bool = False
    measures: bool = False

    def read(self, signature: inspect.Signature, args: Any, keywords: Any) -> Any:
        """What a call asks; raises `UsageError` where it cannot be judged."""
        module, _, function = self.reader.partition(":")
        bound = signature.bind(*args, **keywords)
        bound.apply_defaults()
        return getattr(import_module(module), function)(**bound.arguments)

    def said(self, result: Any, error: BaseException | None) -> str:
        """The outcome of a call in a word, or the number that it returned."""
        if error is not None:
            kinds = {k.__name__ for k in type(error).__mro__}
            return FAILED if kinds & set(self.fails) else RAISED
        if self.measures:
            return f"{float(result):.1e}"
        return FAILED if result is False else PASSED


_TORCH, _JAX = "torch.autograd.gradcheck", "jax._src.public_test_util"
_OF_TORCH = ("GradcheckError",)
_READ, _READ_NUMPY = "xgrad.checking.originals", "xgrad.checking.numpy_originals"

# fmt: off
ORIGINALS = (
    Original(_TORCH, "gradcheck",     "torch.autograd.gradcheck",     f"{_READ}:asked_by_gradcheck", _OF_TORCH),
    Original(_TORCH, "gradgradcheck", "torch.autograd.gradgradcheck", f"{_READ}:asked_by_gradgradcheck", _OF_TORCH),
    Original(_JAX,   "check_grads",   "jax.test_util.check_grads",    f"{_READ}:asked_by_check_grads"),
    Original(_JAX,   "check_jvp",     "jax.test_util.check_jvp",      f"{_READ}:asked_by_check_jvp"),
    Original(_JAX,   "check_vjp",     "jax.test_util.check_vjp",      f"{_READ}:asked_by_check_vjp"),
    Original("scipy.optimize._optimize", "check_grad",  "scipy.optimize.check_grad",      f"{_READ_NUMPY}:asked_by_check_grad", measures=True),
    Original("autograd.test_util",       "check_grads", "autograd.test_util.check_grads", f"{_READ_NUMPY}:asked_by_autograd", curried=True),
)
# fmt: on

Watch = Callable[[Original, Callable[..., Any]], Callable[..., Any]]


def homes(tell: Callable[[Original, Any], None]) -> dict[str, Callable[[Any], None]]:
    """By module, what to do when it is there: `tell` each of its checks, as a function."""

    def of(home: str) -> Callable[[Any], None]:
        def found(module: Any) -> None:
            for each in ORIGINALS:
                if each.home == home and inspect.isfunction(getattr(module, each.name, None)):
                    tell(each, getattr(module, each.name))

        return found

    return {each.home: of(each.home) for each in ORIGINALS}
