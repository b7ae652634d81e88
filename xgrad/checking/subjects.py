"""What is checked: a function at hand as a case, with the dtypes, devices and methods it is for."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from xgrad.checking.mathematics import WIDE, Formulas, given_dtype, make_case, takes_xp
from xgrad.checking.ports import Taken, frameworks_of_port, take_port, tell_sameness
from xgrad.errors import UsageError, unknown
from xgrad.frameworks import Framework
from xgrad.problem import (
    AtHand,
    Case,
    bind,
    find_framework_of,
    name_of,
    require_no_state,
    settle,
    take_at_hand,
    why_not_in,
)


@dataclass(frozen=True)
class Subject:
    """A case of a function at hand; `framework` is the one whose function it is, if any."""

    case: Case
    dtypes: tuple[str, ...]
    devices: tuple[str, ...] | None = None
    framework: Framework | None = None
    like: bool = False


def make_subjects(
    function: Callable[..., Any],
    inputs: Any,
    *,
    wrt: tuple[str, ...] = (),
    formula: Formulas = None,
    like: Callable[..., Any] | None = None,
    dtypes: tuple[str, ...] | None = None,
    seed: int = 0,
    detached: str | None = None,
    structure: Mapping[str, str] | None = None,
) -> list[Subject]:
    """The function as a case, and its original beside where `like` is of the other framework.

    Raises `UsageError` where it cannot be judged as it is given.
    """
    if like is not None and structure:
        raise UsageError(f"{name_of(function)}: structure= does not go with like=; make the matrix "
                         "of its entries inside of both functions")  # fmt: skip
    pair = None
    if like is not None and not takes_xp(function) and not takes_xp(like):
        pair = frameworks_of_port(function, inputs, like)
    if like is not None and pair is not None:
        return _ported(_port(function, inputs, like, pair, wrt, formula), detached, dtypes, seed)
    foreign = None if takes_xp(function) else find_framework_of(function, inputs)
    if foreign is None:
        for option, value in (("like", like), ("detached", detached)):
            if value is not None:
                raise UsageError(
                    f"{name_of(function)}: {option}= goes with a function of torch or JAX"
                )
        made = make_case(function, inputs, wrt=wrt, formula=formula, structure=structure)
        return [Subject(made, dtypes or _beside(given_dtype(inputs, made.wrt)))]
    foreign.require()
    if like is not None and takes_xp(like):
        made, functions = _beside_mathematics(function, inputs, foreign, wrt, like, formula)
    elif formula is not None:
        raise UsageError(
            f"{name_of(function)}: a formula is NumPy-style math; write the function so too, "
            "f(xp, ...)"
        )
    else:
        made, functions = take_at_hand(function, inputs, foreign, wrt, like, structure)
    if detached is not None and not made.framework:
        raise UsageError(
            f"{name_of(function)}: detached= goes with a function of torch or JAX, and like= is "
            "the mathematics that is judged here"
        )
    made.detached = detached or ""
    return [_settled(made, functions, dtypes, seed, like=like is not None)]


def _port(
    function: Callable[..., Any],
    inputs: Any,
    like: Callable[..., Any],
    pair: tuple[Framework, Framework],
    wrt: tuple[str, ...],
    formula: Formulas,
) -> tuple[Taken, Taken]:
    """A port and its original as cases of the same numbers."""
    if formula is not None:
        raise UsageError(f"{name_of(function)}: a formula is NumPy-style math, f(xp, ...)")
    for each in pair:
        each.require()
    return take_port(function, inputs, like, pair, wrt)


def _ported(
    taken: tuple[Taken, Taken], detached: str | None, dtypes: tuple[str, ...] | None, seed: int
) -> list[Subject]:
    """Both as subjects, whose rows say whether they are the same function."""
    made = []
    for k, (case, functions) in enumerate(taken):
        case.detached = detached or ""
        made.append(_settled(case, functions, dtypes, seed, like=k == 0))
    tell_sameness(taken[0][0], taken[1][0], made[0].dtypes[0])
    return made


def _settled(
    made: Case, functions: list[AtHand], dtypes: tuple[str, ...] | None, seed: int, *, like: bool
) -> Subject:
    """Calls that start alike; float64 as a witness, where the functions can be run in it."""
    first, own = functions[-1], functions[-1].framework
    given, device = first.dtype(made.wrt), first.device
    settle(made, functions, device, (dtypes or (given,))[0], seed)
    if dtypes is None:
        dtypes = _beside(given)
        reason = why_not_in(made, functions, device, WIDE) if given != WIDE else ""
        if reason:
            dtypes = (given,)
            made.notes.append(f"judged in {given} alone, {WIDE} cannot be run: {reason}")
    return Subject(made, dtypes, (device,), own, like)


def _beside(given: str) -> tuple[str, ...]:
    """The dtype that the user gave, and float64 as a witness."""
    return tuple(dict.fromkeys((given, WIDE)))


# --- a kernel beside mathematics ------------------------------------------------------------------


def _beside_mathematics(
    function: Callable[..., Any],
    inputs: Any,
    framework: Framework,
    wrt: tuple[str, ...],
    like: Callable[..., Any],
    formula: Formulas,
) -> tuple[Case, list[AtHand]]:
    """The case of NumPy-style math, and a framework's own function as its implementation."""
    require_no_state(function)
    call = bind(like, inputs, skip=1)
    own = bind(function, inputs) if isinstance(inputs, Mapping) else call
    kernel = AtHand.of(function, framework, own)
    for name in (k for k in wrt if k not in kernel.inputs):
        raise unknown(f"input of {name_of(function)}", name, kernel.inputs)
    chosen = wrt or tuple(k for k in call.values if k in kernel.differentiated)
    on_host = kernel.on_host
    made = make_case(
        like, {k: on_host.get(k, v) for k, v in call.values.items()}, wrt=chosen, formula=formula
    )
    left = {} if wrt else kernel.left_out(made.wrt)
    made.notes += [f"not differentiated: {k} ({why})" for k, why in left.items()]
    made.implementation(framework.name, name=name_of(function))(functools.partial(kernel, None))
    return made, [kernel]
