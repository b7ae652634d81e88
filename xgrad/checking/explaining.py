"""One verdict in detail, of a case or of a function at hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from xgrad.checking.checks import Names, require_absent
from xgrad.checking.mathematics import Formulas
from xgrad.checking.subjects import Subject, make_subjects
from xgrad.errors import UsageError
from xgrad.frameworks import guest
from xgrad.problem import Case, load_cases, name_of
from xgrad.referee import Budget
from xgrad.running import Dtypes, dtype_names, names_in, require_kind, worded
from xgrad.telling import Explanation, explain_named


@worded
@guest
def explain(
    subject: Case | Callable[..., Any] | str | Path,
    operator: str,
    method: str,
    *,
    inputs: Any = None,
    wrt: Names = None,
    formula: Formulas = None,
    like: Callable[..., Any] | None = None,
    detached: str | None = None,
    structure: Mapping[str, str] | None = None,
    dtype: Dtypes | None = None,
    size: str | None = None,
    point: str | None = None,
    device: str | None = None,
    seed: int = 0,
    budget: Budget | None = None,
) -> Explanation:
    """One verdict in detail: worst elements, hint, what the other methods say, the step curve.

    `subject` is a case, `path::name` as on the command line, or a function with its `inputs` (and
    `wrt`, `formula`, `like`, `detached`, `structure`, as of `check`). `dtype` defaults to float64,
    of a function to that of its inputs; `size` and `point` go with a case. What it returns prints
    as `xgrad explain` does; a notebook draws the step curve below. Raises `UsageError`.
    """
    require_kind("operator", operator, str, 'its name: "gradient"')
    require_kind("method", method, str, 'its name: "torch.reverse"')
    require_kind("budget", budget, Budget, "xgrad.Budget(seconds=5)")
    require_kind("seed", seed, int, "a whole number, 0 or more")
    dtypes = dtype_names(dtype)
    if dtypes and len(dtypes) > 1:
        raise UsageError(f"explain takes one dtype, got {', '.join(dtypes)}")
    own: dict[str, Any] = {"wrt": names_in("wrt", wrt), "formula": formula, "like": like,
                           "detached": detached, "structure": structure}  # fmt: skip
    at = {"size": size, "point": point, "device": device, "dtype": dtypes and dtypes[0]}
    if isinstance(subject, (Case, str, Path)):
        require_absent("a case", "a function", inputs=inputs, **own)
        case = _one_case(subject)
    else:
        name = name_of(subject)
        require_absent(name, "a case", size=size, point=point)
        if not callable(subject) or inputs is None:
            raise UsageError(f"explain({name}, …): give a case, or a function and inputs=")
        own |= {"wrt": own["wrt"] or ()}
        found = _judging(make_subjects(subject, inputs, dtypes=dtypes, seed=seed, **own), method)
        case = found.case
        at |= {"dtype": found.dtypes[0], "device": device or (found.devices or ("cpu",))[0]}
    given: dict[str, Any] = {k: v for k, v in at.items() if v is not None}
    return explain_named(case, operator, method, seed=seed, budget=budget, **given)


def _judging(subjects: list[Subject], method: str) -> Subject:
    """The one that has the method, of a port and its original."""
    own = method.partition(".")[0]
    return next((s for s in subjects if s.framework and s.framework.name == own), subjects[0])


def _one_case(given: Case | str | Path) -> Case:
    if isinstance(given, Case):
        return given
    cases = load_cases(given)
    if len(cases) != 1:
        names = ", ".join(c.name for c in cases)
        raise UsageError(f"{given} holds {len(cases)} cases; name one: {given}::NAME of {names}")
    return cases[0]
