"""Reverse mode: everything from the framework's vjp."""

from __future__ import annotations

from typing import Any

from xgrad.errors import Unsupported
from xgrad.frameworks import Framework
from xgrad.problem import Case, Function, Operator, Setting
from xgrad.techniques.base import Compute, Technique
from xgrad.techniques.transforms import FromVjp, FromVjpOfJvp, find_target, prepare_transforms

COMPILED = "compiled"
TRANSFORMED = "func"  # the vjp that a compiler sees through, where a tape is hidden from it
OVER_FORWARD = "over_forward"  # second derivatives, the vjp of a gradient made by jvps
ONES = "ones"  # the divergence by the shortcut that is right for a diagonal Jacobian only


_TRANSFORMS = {  # mode and variant of the framework's, where they are not the technique's own
    COMPILED: ("reverse", TRANSFORMED),
    OVER_FORWARD: ("forward", ""),
}


def _ones_shortcut(d: Any, f: Function, v: Any, w: Any, shape: Any) -> Function:
    """Σ (1ᵀJ): the divergence where J is diagonal, and something else where it is not."""

    def shortcut(x: Any) -> Any:
        (pulled,) = d.vjp(f, d.xp.ones_like(x))(x)
        return d.xp.sum(pulled)

    return shortcut


class Reverse(Technique):
    """The framework's vjp; variants: `func`, `compiled`, `over_forward`, `ones`, a case's own."""

    name = "reverse"

    def variants(self, framework: Framework, case: Case | None) -> dict[str, bool]:
        """Every vjp that the framework offers, compiled where asked for, library functions."""
        if not framework.reverse:
            return {}
        found = dict.fromkeys(framework.reverse, True)
        if framework.compiled:
            found[COMPILED] = False
        found[ONES] = False
        if framework.forward:
            found[OVER_FORWARD] = False
        for each in case.implementations if case else ():
            if each.framework == framework.name:
                found[each.name] = True
        return found

    def applies(self, variant: str, operator: Operator, case: Case) -> bool:
        """The shortcut is for divergence only; an implementation has a value of its own."""
        if variant == ONES:
            return operator.name == "divergence"
        if variant == OVER_FORWARD:
            return operator.order > 1
        return operator.order > 0 or any(variant == i.name for i in case.implementations)

    def prepare(
        self, framework: Framework, variant: str, operator: Operator, setting: Setting, device: str
    ) -> Compute:
        """The operator derived from vjp, compiled where the framework does that."""
        if variant == ONES and operator.name != "divergence":
            raise Unsupported("the shortcut of a vector of ones is for divergence")
        if variant == OVER_FORWARD and operator.order < 2:
            raise Unsupported("reverse over forward is for second derivatives")
        transforms = framework.transforms(*_TRANSFORMS.get(variant, (self.name, variant)))
        again = operator.order > 1 or operator.name in ("jvp", "derivative")
        place = framework, variant, operator, setting, device
        target = find_target(framework, variant, setting.case)
        shortcut = _ones_shortcut if variant == ONES else None
        make = FromVjpOfJvp if variant == OVER_FORWARD else FromVjp
        return prepare_transforms(*place, lambda xp: make(xp, transforms, again), target, shortcut)


TECHNIQUE = Reverse()
