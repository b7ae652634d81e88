"""A guest in somebody's process: undisturbed by what is switched on there, and leaving no trace."""

from __future__ import annotations

import random
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import ParamSpec, TypeVar

import numpy as np

from xgrad.frameworks.registry import frameworks

P = ParamSpec("P")
T = TypeVar("T")


@contextmanager
def as_guest() -> Iterator[None]:
    """Settings of the caller's that would change numbers are set aside; all is restored.

    Raises `UsageError` where the caller is inside a transform of a framework.
    """
    with ExitStack() as stack:
        for framework in frameworks().values():
            if framework.package in sys.modules:
                stack.enter_context(framework.undisturbed())
        stack.enter_context(np.errstate(all="ignore"))
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")  # where they are errors, a notice would end a method
        stack.enter_context(random_numbers_kept())
        yield


_KEPT: ContextVar[bool] = ContextVar("kept", default=False)


@contextmanager
def random_numbers_kept() -> Iterator[None]:
    """The generators that all of a process share, as found once the outermost use ends."""
    if _KEPT.get():
        yield
        return
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - others draw from it
    token = _KEPT.set(True)
    try:
        yield
    finally:
        _KEPT.reset(token)
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002


def guest(function: Callable[P, T]) -> Callable[P, T]:
    """Decorate a function that others call in their process: it runs in `as_guest()`.

    Random numbers, gradient modes and defaults of torch and JAX are the caller's again afterwards,
    whether it returns or raises.
    """

    @wraps(function)
    def called(*args: P.args, **keywords: P.kwargs) -> T:
        __tracebackhide__ = True  # pytest shows the caller's line
        with as_guest():
            return function(*args, **keywords)

    return called
