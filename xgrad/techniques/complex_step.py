"""The complex step: f(x + ihv) has the derivative in its imaginary part, without a difference.

Squire and Trapp 1998, Using complex variables to estimate derivatives of real functions, SIAM
Review 40(1), 110-112. Right where f is analytic; operations that are not say so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from xgrad.errors import Unsupported
from xgrad.frameworks import Framework, Transforms
from xgrad.numbers import Complex, Dual
from xgrad.problem import Arguments, Case, Operator, Setting
from xgrad.techniques.base import Compute, Staged, Technique
from xgrad.techniques.transforms import FromJvp

# Its square is far below rounding, and small derivatives times it do not underflow.
STEP = {"float64": 2.0**-128, "float32": 2.0**-24}


class _Step(Transforms):
    """jvp by one complex evaluation."""

    def __init__(self, xp: Complex, dtype: str):
        self.xp = xp
        self.dtype = dtype

    def jvp(self, f: Any, xs: tuple[Any, ...], vs: tuple[Any, ...]) -> Any:
        """Im f(x + ihv) / h."""
        h = STEP[self.dtype]
        with np.errstate(all="ignore"):
            y = f(*(Dual(x + (1j * h) * v, self.xp) for x, v in zip(xs, vs, strict=True)))
            data = y.data if isinstance(y, Dual) else np.asarray(y)
            slope = np.where(np.isfinite(data.real), data.imag / h, np.nan)
            return np.asarray(slope, dtype=self.dtype)

    def vmap(self, f: Callable[..., Any]) -> Callable[..., Any]:
        """A loop."""
        return lambda rows: np.stack([f(row) for row in rows])


class ComplexStep(Technique):
    """First-order operators of analytic functions, to the last digit."""

    name = "complex_step"

    def variants(self, framework: Framework, case: Case | None) -> dict[str, bool]:
        """Where the framework has a complex namespace."""
        return {"": True} if framework.analytic else {}

    def applies(self, variant: str, operator: Operator, case: Case) -> bool:
        """A second derivative would need a difference again."""
        return operator.order == 1

    def prepare(
        self, framework: Framework, variant: str, operator: Operator, setting: Setting, device: str
    ) -> Compute:
        """The operator derived from complex evaluations; raises `Unsupported` otherwise."""
        if operator.order != 1:
            raise Unsupported("the complex step has first derivatives only")
        if setting.dtype not in STEP:
            raise Unsupported(f"there is no complex type for {setting.dtype}")
        real = framework.namespace(setting.dtype, device)
        xp = Complex(real)
        d = FromJvp(real, _Step(xp, setting.dtype))

        def put(at: Setting) -> tuple[Any, ...]:
            given = at.arguments(framework, device)
            return at, given, *at.directions(operator, framework, device)

        def run(at: Setting, given: Arguments, v: Any, w: Any) -> Any:
            f = at.function(given._replace(xp=xp))
            return operator.derive(d, f, v, w, at.x_shapes[0])(*given.xs)

        return Staged(put, run)


TECHNIQUE = ComplexStep()
