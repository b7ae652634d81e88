"""Hand-derived formulas, on every framework."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Container
from typing import Any

from xgrad.errors import CaseError, Unsupported
from xgrad.frameworks import Framework
from xgrad.problem import (
    Arguments,
    Case,
    Formula,
    Operator,
    Setting,
    is_complex,
    parted,
    parted_block,
)
from xgrad.techniques.base import Compute, Technique
from xgrad.techniques.transforms import compiled


def apply_formula(
    formula: Callable[..., Any],
    operator: Operator,
    setting: Setting,
    arguments: Arguments,
    v: Any = None,
    w: Any = None,
) -> Any:
    """The formula's result, as the operators have it: tuples in `wrt` order along x axes.

    A formula of one input returns an array; directions are passed as `v` and `w`, `v` as an array
    where there is one input, and by another name where an input has that one.
    """
    names, given = setting.case.wrt, setting.named(arguments)
    single, along = len(names) == 1, {}
    for d in operator.directions:
        whole = setting.joined(arguments.xp, *((v,) if d == "v" else (None, w)))
        name = _direction_name(formula, d, given, setting.case)
        along[name] = whole[0] if d == "v" and single else whole
    result = formula(arguments.xp, **given, **along)
    if operator.layout.count("x") == 0:
        return parted(arguments.xp, result)
    if single:
        parts = _in_pairs(operator, setting, arguments.xp, (result,))
        return (parts,) if operator.layout == "xx" else parts
    if not isinstance(result, tuple) or len(result) != len(names):
        raise CaseError(
            f"case {setting.case.name}: the formula for {operator.name} returned "
            f"{type(result).__name__}; return a tuple in the order of wrt: {', '.join(names)}"
        )
    return _in_pairs(operator, setting, arguments.xp, result)


def _in_pairs(
    operator: Operator, setting: Setting, xp: Any, parts: tuple[Any, ...]
) -> tuple[Any, ...]:
    """Complex parts, one for each input, as pairs of reals; real ones, in pairs or not, as given.

    A gradient is ∂/∂re + i ∂/∂im; of a complex value by a complex input it is the derivative of a
    holomorphic function.
    """
    if operator.layout != "yx":
        return tuple(parted(xp, part) for part in parts)
    rows = len(setting.y_shape) - setting.y_complex
    made = []
    for name, part in zip(setting.case.wrt, parts, strict=True):
        both = setting.y_complex and name in setting.complexes
        at = rows if setting.y_complex else part.ndim
        made.append(parted_block(xp, part, at, both=both) if is_complex(part) else part)
    return tuple(made)


def _direction_name(
    formula: Callable[..., Any], usual: str, inputs: Container[str], case: Case
) -> str:
    """The formula's parameter of the direction: `v` or `w`, or what an input leaves for it."""
    if usual not in inputs:
        return usual
    (_, *parameters) = inspect.signature(formula).parameters
    others = [n for n in parameters if n not in inputs and (n == usual or n not in ("v", "w"))]
    if len(others) != 1:
        raise CaseError(
            f"case {case.name}: an input is called {usual}, as the direction of formulas is: give "
            "its formula one parameter of another name for the direction"
        )
    return others[0]


class HandDerived(Technique):
    """The case's formulas; a named one is the variant of that name."""

    name = "formula"

    def variants(self, framework: Framework, case: Case | None) -> dict[str, bool]:
        """One for each name of a formula that the framework may run.

        The plain one is the same mathematics everywhere: it runs by default where nothing has to
        be compiled for it.
        """
        usual = not framework.traces("")
        found = {"": usual}
        for formula in case.formulas if case else ():
            if formula.frameworks is None or framework.name in formula.frameworks:
                default = formula.default and (usual or formula.name != "")
                found[formula.name] = found.get(formula.name, False) or default
        return found

    def applies(self, variant: str, operator: Operator, case: Case) -> bool:
        """Where the case has such a formula, and for the value, which is the function itself."""
        plain_value = operator.order == 0 and not variant
        return plain_value or case.find_formula(operator.name, variant) is not None

    def prepare(
        self, framework: Framework, variant: str, operator: Operator, setting: Setting, device: str
    ) -> Compute:
        """The formula of this name; the value's is the function itself."""
        formula = _formula(setting, operator, variant)
        if formula.frameworks is not None and framework.name not in formula.frameworks:
            raise Unsupported(f"this formula runs on {', '.join(formula.frameworks)} only")
        xp, static = framework.namespace(setting.dtype, device), setting.static

        def whole(xs: Any, rest: Any, v: Any, w: Any) -> Any:
            given = Arguments(xp, xs, rest, static)
            return apply_formula(formula.function, operator, setting, given, v, w)

        return compiled(framework, whole, operator, device)


def _formula(setting: Setting, operator: Operator, variant: str) -> Formula:
    case = setting.case
    found = case.find_formula(operator.name, variant)
    if found is None and operator.order == 0 and not variant:
        return Formula(case.function, "value", "", None, True)
    if found is None:
        raise Unsupported(f"case {case.name} has no formula for {operator.name}")
    return found


TECHNIQUE = HandDerived()
