"""Forward mode: everything from the framework's jvp, second derivatives forward over reverse."""

from __future__ import annotations

from xgrad.frameworks import Framework
from xgrad.problem import Case, Operator, Setting
from xgrad.techniques.base import Compute, Technique
from xgrad.techniques.transforms import FromJvp, find_target, prepare_transforms

FORWARD_TWICE = "twice"  # second derivatives forward over forward, where usually a vjp is inside


class Forward(Technique):
    """The framework's jvp; variants: `twice`, and a case's implementations."""

    name = "forward"

    def variants(self, framework: Framework, case: Case | None) -> dict[str, bool]:
        """One for each jvp that the framework offers; nested, of library functions when asked."""
        found = dict.fromkeys(framework.forward, True)
        if found:
            found[FORWARD_TWICE] = False
            own = case.implementations if case else ()
            found |= {i.name: False for i in own if i.framework == framework.name}
        return found

    def applies(self, variant: str, operator: Operator, case: Case) -> bool:
        """Not for the vjp, which it makes from a whole Jacobian; asked for, it does."""
        return operator.order > (variant == FORWARD_TWICE) and operator.name != "vjp"

    def prepare(
        self, framework: Framework, variant: str, operator: Operator, setting: Setting, device: str
    ) -> Compute:
        """The operator derived from jvp, compiled where the framework does that.

        Second derivatives of a scalar are jvps of its reverse-mode gradient, as `jax.hessian` and
        `torch.func.hessian` take them.
        """
        offered = variant if variant in framework.forward else ""
        transforms = framework.transforms(self.name, offered)
        nested = operator.order > 1 and variant != FORWARD_TWICE
        place = framework, variant, operator, setting, device
        target = find_target(framework, variant, setting.case)
        return prepare_transforms(
            *place, lambda xp: FromJvp(xp, transforms, over_reverse=nested), target
        )


TECHNIQUE = Forward()
