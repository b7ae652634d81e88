"""What a function at hand does when it is called: whether it is random, what it cannot run in."""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any

import numpy as np

from xgrad.errors import UsageError
from xgrad.frameworks import Framework
from xgrad.problem.cases import Case
from xgrad.problem.foreign import AtHand
from xgrad.problem.modules import changed_by, modules_in
from xgrad.problem.randomness import draws
from xgrad.problem.setting import Setting

LONGEST = 120  # characters of what an error says, in a note


def settle(made: Case, functions: list[AtHand], device: str, dtype: str, seed: int = 0) -> None:
    """Make every call of a function at hand start alike, and say so in the notes of its case.

    Modules that it reaches get the buffers that they had; a random one is seeded. A function that
    fails is left to the methods. Where calls are traced, nothing changes from one to the next.
    """
    for at_hand in functions:
        if not at_hand.framework.traces(""):
            try:
                _settle(made, at_hand, device, dtype, seed)
            except Exception:
                continue  # the methods tell


def _settle(made: Case, at_hand: AtHand, device: str, dtype: str, seed: int) -> None:
    def value() -> np.ndarray:
        return at_hand.framework.get(value_at(made, at_hand, device, dtype))

    modules = modules_in(at_hand.function, at_hand.call.values.values())
    modules = [m for m in modules if m is not at_hand.function]
    at_hand.changing = changed_by(modules, value) if modules else []
    if not draws(partial(_leave_out_constants, made, at_hand, device, dtype)):
        return
    at_hand.seed = seed
    if np.array_equal(value(), value(), equal_nan=True):
        made.notes.append(f"the function is random: seed {seed} is set before each call")
    else:
        made.notes.append(f"two calls differ with seed {seed} set before each, too")


def _leave_out_constants(made: Case, at_hand: AtHand, device: str, dtype: str) -> None:
    """Of several values those that the framework differentiates: the others are no part of it."""
    setting, own = Setting.make(made, "small", "given", dtype, 0), at_hand.framework
    with own.scope(device), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        arguments = setting.arguments(own, device, dtype)

        def values(*xs: Any) -> list[Any]:
            return at_hand.outputs(arguments.xp, **setting.named(arguments, xs))

        found = own.connected(values, arguments.xs)
    if any(found) and not all(found):
        at_hand.constant = frozenset(k for k, on in enumerate(found) if not on)
        names = ", ".join(f"y[{k}]" for k in sorted(at_hand.constant))
        made.notes.append(f"left out, for it requires no gradient: {names}")


def value_at(made: Case, at_hand: AtHand, device: str, dtype: str) -> Any:
    """The function's value at its arguments in a dtype."""
    setting = Setting.make(made, "small", "given", dtype, 0)
    with at_hand.framework.scope(device), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        arguments = setting.arguments(at_hand.framework, device, dtype)
        return setting.function(arguments, at_hand)(*arguments.xs)


def why_not_in(made: Case, functions: list[AtHand], device: str, dtype: str) -> str:
    """Why a function cannot be judged in a dtype that its arguments do not have; or nothing."""
    for at_hand in functions:
        try:
            found = _dtype(at_hand.framework, value_at(made, at_hand, device, dtype))
        except UsageError:
            return ""  # as in the dtype that was given: told there
        except Exception as error:
            said = " ".join(str(error).split())[:LONGEST]
            return f"{type(error).__name__}: {said}"
        if found not in (dtype, ""):
            return f"its value is {found} there"
    return ""


def _dtype(framework: Framework, value: Any) -> str:
    return framework.describe(value)[1] if framework.is_array(value) else ""
