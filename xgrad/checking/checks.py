"""Checks of functions at hand, without registering a case."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from fnmatch import fnmatchcase
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from xgrad.checking.mathematics import Formulas
from xgrad.checking.parts import (
    along_one,
    is_presented,
    parts_of,
    with_presentations,
    without_absent,
    without_idle,
)
from xgrad.checking.sizes import judged_sizes
from xgrad.checking.subjects import Subject, make_subjects
from xgrad.errors import UsageError, unknown
from xgrad.frameworks import guest
from xgrad.judging import LEAST, is_judged, share_of_digits
from xgrad.problem import OPERATORS, Case, name_of
from xgrad.referee import Budget
from xgrad.running import (
    Dtypes,
    Row,
    dtype_names,
    names_in,
    require_kind,
    results_at_hand,
    rows_here,
    rows_of,
    run,
    worded,
)
from xgrad.techniques import USUAL
from xgrad.telling import failure_text, failures

if TYPE_CHECKING:
    from xgrad.running import Results

Names = str | Iterable[str] | None


@worded
@guest
def check(
    function: Callable[..., Any],
    inputs: Any,
    *,
    wrt: Names = None,
    formula: Formulas = None,
    like: Callable[..., Any] | None = None,
    operators: Names = None,
    dtypes: Dtypes | None = None,
    methods: Names = None,
    devices: Names = None,
    seed: int = 0,
    budget: Budget | None = None,
    detached: str | None = None,
    structure: Mapping[str, str] | None = None,
    invariances: Names = None,
    sizes: Callable[[int], Any] | None = None,
    quick: bool = False,
) -> Results:
    """Judge the derivatives of a function at given inputs, in this process, as `run` does.

    NumPy-style, `function(xp, **inputs)`: `inputs` are arrays by name, `formula` is a hand-written
    gradient (jacobian where the value is no scalar), or a mapping of operators to formulas.

    A torch function or module, or a JAX function: `inputs` are its arguments, one, a tuple in
    order, or a dict by name, nested as they come; a dict or list that the function takes as a whole
    is one argument. What is no array is passed on as it is. Its own reverse and forward mode are
    judged by its own program in balls, and where that cannot be run by differences in float64 with
    their bound, which is weaker evidence. `like` is a plain implementation of the same function, of
    the same framework or NumPy-style: value and derivative are then those of `like`, and the column
    `multiple` sets the error beside that of `like` in the same dtype. Where `like` is of the other
    framework, the function is a port: its value must be that of `like` in balls, here and nearby,
    each row says to how many digits, and both derivatives are judged by their own programs.

    `wrt` names the inputs to differentiate (default: all floats, of torch those that require a
    gradient where some do, and a module's parameters), in whose order formulas return a tuple.
    `dtypes` defaults to the one that was given, and float64 beside it where the function can be
    run in it. `detached="constant"` holds fixed what a function of torch or JAX detaches (`detach`,
    `no_grad`, `stop_gradient`), as a straight-through estimator means it; without it the derivative
    is that of the values. `structure={"A": "symmetric"}`, `hermitian`, `positive_definite`,
    `lower_triangular` or `upper_triangular` judges along such matrices only. `invariances` are
    presentations of the same numbers that must not change the derivative of a function of torch or
    JAX, by name, by patterns, or `all`; each is a row, in the first dtype. A few
    cheap ones run unasked beside the usual methods; () turns them off.
    `sizes` is a function of n that returns inputs for a batch of n, which adds batches of 0, of 1
    and around powers of two.
    `quick` is for checks inside of other tests: reverse mode alone, unless methods are named, in
    the dtype that was given, certified along a random direction in double-double to 20 digits and
    more where a torch function can be run so.
    `devices`, `seed` and `budget` are those of `run`. Raises `UsageError`.
    """
    _require_callables(function, formula, like, sizes)
    require_kind("budget", budget, Budget, "xgrad.Budget(seconds=5)")
    require_kind("seed", seed, int, "a whole number, 0 or more")
    if detached not in (None, "constant"):
        raise UsageError(
            f'detached={detached!r}: give "constant", which holds fixed what the function '
            "detaches, or leave it out"
        )
    require_kind("structure", structure or {}, Mapping, 'structure={"A": "symmetric"}')
    asked = names_in("operators", operators)
    for name in (n for n in asked or () if n not in OPERATORS):
        raise unknown("operator", name, OPERATORS)
    given: dict[str, Any] = {
        "wrt": names_in("wrt", wrt) or (),
        "formula": formula,
        "like": like,
        "dtypes": dtype_names(dtypes),
        "seed": seed,
        "detached": detached,
        "structure": structure,
    }
    subjects = make_subjects(function, inputs, **given)
    shown = names_in("invariances", invariances)
    if quick:
        methods = "*.reverse" if methods is None else methods
        subjects = [s if dtypes else replace(s, dtypes=s.dtypes[:1]) for s in subjects]
    if shown is None:
        shown = (USUAL,) if asked is None and methods is None else ()
    elif shown and not all(s.framework for s in subjects):
        raise UsageError(f"{name_of(function)}: invariances= goes with a function of torch or JAX")
    rows, named = list[Row](), names_in("methods", methods)
    budget = replace(budget or Budget(), quick=True) if quick else budget
    options: dict[str, Any] = {"seed": seed, "budget": budget}
    if named is not None and len(subjects) > 1:  # a port and its original have their own
        subjects = [s for s in subjects if _asked_of(s, named)] or subjects
    for subject in subjects:
        options["devices"] = names_in("devices", devices) or subject.devices
        rows += _judged(subject, Question(asked, named, shown, quick), **options)
    if sizes is not None:
        if len(subjects) > 1 or subjects[0].framework is None:
            raise UsageError(f"{name_of(function)}: sizes= goes with a function of torch or JAX")
        rows += judged_sizes(function, sizes, given, **options)
    return results_at_hand(rows, [s.case for s in subjects], budget)


class Question(NamedTuple):
    """What is asked of a function: names, or None for the usual ones."""

    operators: tuple[str, ...] | None = None
    methods: tuple[str, ...] | None = None
    invariances: tuple[str, ...] = ()
    quick: bool = False


def answers(
    function: Callable[..., Any], inputs: Any, questions: Iterable[Question], budget: Budget
) -> list[Row]:
    """The rows of `check` for each question about one function, which is taken apart once."""
    _require_callables(function, None, None, None)
    (subject,) = make_subjects(function, inputs)
    short = replace(subject, dtypes=subject.dtypes[:1])
    options: dict[str, Any] = {"seed": 0, "devices": subject.devices}
    rows = list[Row]()
    for quick, of_a_kind in groupby(questions, lambda each: each.quick):
        made = replace(budget, quick=quick)
        rows += _judged(short if quick else subject, *of_a_kind, budget=made, **options)
    return rows


def _judged(subject: Subject, *questions: Question, **options: Any) -> list[Row]:
    """The rows of all parts; those of what does not exist are told in others."""
    own = subject.framework
    with own.scope() if own is not None else nullcontext():  # inside of it others cost little
        parts = [part for each in questions for part in _parts(subject, each)]
        rows = rows_here(subject.case, *parts, **options)
    if any(each.invariances == (USUAL,) for each in questions):
        rows = without_idle(rows)
    if subject.framework is None or all(each.methods is not None for each in questions):
        return rows
    return without_absent(rows, [name for each in questions for name in each.operators or ()])


def _parts(subject: Subject, question: Question) -> list[dict[str, Any]]:
    """What runs together, in each dtype."""
    own, first, others = subject.framework is not None, subject.dtypes[:1], subject.dtypes[1:]
    asked, shown = question.operators, question.invariances if own else ()
    if question.quick and asked is None:
        asked = along_one(subject)
    parts = with_presentations(parts_of(subject, asked, question.methods), shown)
    return [
        {"dtypes": dtypes, **part._asdict(), "invariances": part.invariances if here else ()}
        for part in parts
        for here, dtypes in ((True, first), (False, others))
        if dtypes
    ]


def _asked_of(subject: Subject, methods: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the methods, by patterns, that are its framework's."""
    assert subject.framework is not None
    own = subject.framework.name
    return tuple(m for m in methods if fnmatchcase(own, m.partition(".")[0]))


def _require_callables(function: Any, formula: Any, like: Any, sizes: Any) -> None:
    several = formula.values() if isinstance(formula, Mapping) else [formula]
    named = [("like", like), ("sizes", sizes), *(("formula", f) for f in several)]
    if not callable(function):
        raise UsageError(f"check(function, inputs): {type(function).__name__} is no function")
    if isinstance(function, Case):
        raise UsageError(f"{function.name} is a case: xgrad.run({function.name}) judges it")
    for option, value in named:
        if value is not None and not callable(value):
            raise UsageError(f"{option}={value!r}: give a function")


@worded
def assert_agreement(
    subject: Case | Callable[..., Any],
    inputs: Any = None,
    *,
    wrt: Names = None,
    formula: Formulas = None,
    like: Callable[..., Any] | None = None,
    operators: Names = None,
    dtypes: Dtypes | None = None,
    methods: Names = None,
    devices: Names = None,
    sizes: Any = None,
    seed: int = 0,
    budget: Budget | None = None,
    detached: str | None = None,
    structure: Mapping[str, str] | None = None,
    invariances: Names = None,
    least_digits: float = LEAST,
) -> None:
    """Raise `AssertionError` where a derivative disagrees with the referee or failed.

    `subject` is a case (with `sizes`, and the other options of `run`), or a function with its
    `inputs` (with `wrt`, `formula`, `like`, `detached`, `structure`, a function as `sizes`, as of
    `check`). The message leads with the verdict, the worst element and the likely cause. An
    `unstable` result with less than `least_digits` of the dtype's digits left, a share from 0 to 1,
    fails too. Raises `UsageError` for a wrong call.
    """
    __tracebackhide__ = True
    least = share_of_digits("least_digits", least_digits)
    common: dict[str, Any] = {"operators": operators, "dtypes": dtypes, "methods": methods,
                              "devices": devices, "seed": seed, "budget": budget,
                              "invariances": invariances}  # fmt: skip
    own: dict[str, Any] = {"wrt": wrt, "formula": formula, "like": like,
                           "detached": detached, "structure": structure}  # fmt: skip
    if isinstance(subject, Case):
        require_absent(f"case {subject.name}", "check of a function", inputs=inputs, **own)
        frame, identifier = run(subject, sizes=sizes, **common), subject.identifier
    elif inputs is None:
        raise UsageError("assert_agreement(function, inputs): the inputs are missing")
    else:
        if not callable(sizes):
            require_absent(name_of(subject), "a case", sizes=sizes)
        frame, identifier = check(subject, inputs, sizes=sizes, **own, **common), ""
    _assert_judged(rows_of(frame), identifier, subject, least)


def require_absent(name: str, where: str, **options: Any) -> None:
    """Raise `UsageError` for an option that was given and goes with something else."""
    for option, value in options.items():
        if value is not None:
            raise UsageError(f"{name}: {option}= goes with {where}")


def _assert_judged(rows: list[Row], identifier: str, subject: Any, least: float) -> None:
    """Raise where a row failed, or where none was judged."""
    __tracebackhide__ = True
    failed = failure_in(rows, identifier, least)
    if failed:
        raise AssertionError(failed)
    reason = why_unjudged(rows)
    if reason:
        name = subject.name if isinstance(subject, Case) else name_of(subject)
        raise AssertionError(f"{name}: no derivative could be judged: {reason}")


def failure_in(rows: list[Row], identifier: str = "", least: float = LEAST) -> str:
    """What failed, the worst row in full; nothing where none did."""
    found = failures(rows, least)
    if not found:
        return ""
    others = len(found) - 1
    more = f"\n  {others} more of {len(rows)} rows failed" if others else ""
    return failure_text(found[0], rows, identifier) + more


def why_unjudged(rows: list[Row]) -> str:
    """Why nothing was compared with the truth; nothing where something was."""
    if any(map(is_judged, rows)):
        return ""
    reasons = dict.fromkeys(row["message"] or row["referee"] for row in rows)
    return "; ".join(filter(None, reasons)) or "no method applies"


def why_unjudged_in_part(rows: list[Row]) -> str:
    """Why some operator was not compared with the truth, for the first of those."""
    plain = [r for r in rows if not is_presented(r)]
    names = dict.fromkeys(r["operator"] for r in plain)
    apart = ([r for r in plain if r["operator"] == name] for name in names)
    return next(filter(None, map(why_unjudged, apart)), "")
