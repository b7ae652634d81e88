"""Forward mode: everything from the framework's jvp, second derivatives forward over reverse.

Derivatives along one direction are nested jvps, or one Taylor series.
"""

from __future__ import annotations

from xgrad.frameworks import Framework
from xgrad.problem import Case, Operator, Setting
from xgrad.techniques.base import Compute, Technique
from xgrad.techniques.transforms import FromJvp, FromTaylor, find_target, prepare_transforms

FORWARD_TWICE = "twice"  # second derivatives forward over forward, where usually a vjp is inside
OVER_REVERSE = "over_reverse"  # of higher order along a direction, a vjp inside jvps
TAYLOR = "taylor"  # the same by a truncated series


class Forward(Technique):
    """The framework's jvp; variants: `twice`, `over_reverse`, `taylor`, a case's own."""

    name = "forward"

    def variants(self, framework: Framework, case: Case | None) -> dict[str, bool]:
        """One for each jvp that the framework offers; nested, of library functions when asked."""
        found = dict.fromkeys(framework.forward, True)
        if found:
            found |= {FORWARD_TWICE: False, OVER_REVERSE: False}
            if framework.taylor:
                found[TAYLOR] = True
            own = case.implementations if case else ()
            found |= {i.name: False for i in own if i.framework == framework.name}
        return found

    def applies(self, variant: str, operator: Operator, case: Case) -> bool:
        """Not for the vjp, which it makes from a whole Jacobian; asked for, it does."""
        if variant in (OVER_REVERSE, TAYLOR):
            return operator.directional
        if variant == FORWARD_TWICE:
            return operator.order > 1 and not operator.directional
        return operator.order > 0 and operator.name != "vjp"

    def prepare(
        self, framework: Framework, variant: str, operator: Operator, setting: Setting, device: str
    ) -> Compute:
        """The operator derived from jvp, compiled where the framework does that.

        Second derivatives of a scalar are jvps of its reverse-mode gradient, as `jax.hessian` and
        `torch.func.hessian` take them.
        """
        offered = variant if variant in framework.forward else ""
        transforms = framework.transforms(self.name, offered)
        nested = _over_reverse(variant, operator)
        make = FromTaylor if variant == TAYLOR else FromJvp
        place = framework, variant, operator, setting, device
        target = find_target(framework, variant, setting.case)
        return prepare_transforms(
            *place, lambda xp: make(xp, transforms, over_reverse=nested), target
        )


def _over_reverse(variant: str, operator: Operator) -> bool:
    """Whether a vjp is inside: of second derivatives usually, along a direction where asked."""
    if operator.directional:
        return variant == OVER_REVERSE
    return operator.order > 1 and variant != FORWARD_TWICE


TECHNIQUE = Forward()
