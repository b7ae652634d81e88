"""Forward mode: everything from the framework's jvp."""

from __future__ import annotations

from xgrad.frameworks import Framework
from xgrad.operators import Operator
from xgrad.problem import Case
from xgrad.setting import Setting
from xgrad.techniques import Compute, Technique
from xgrad.techniques._transforms import FromJvp, prepare_transforms


class Forward(Technique):
    """The framework's jvp."""

    name = "forward"

    def variants(self, framework: Framework, case: Case | None) -> dict[str, bool]:
        """One for each jvp that the framework offers."""
        return dict.fromkeys(framework.forward, True)

    def prepare(
        self, framework: Framework, variant: str, operator: Operator, setting: Setting, device: str
    ) -> Compute:
        """The operator derived from jvp, compiled where the framework does that."""
        transforms = framework.transforms(self.name, variant)
        return prepare_transforms(
            framework, variant, operator, setting, device, lambda xp: FromJvp(xp, transforms)
        )


TECHNIQUE = Forward()
