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
from xgrad.numbers import EPS, SMALLEST, Complex, Dual
from xgrad.problem import Arguments, Case, Operator, Setting
from xgrad.techniques.base import Compute, Staged, Technique
from xgrad.techniques.transforms import FromJvp

# Steps in units of the inputs. The first one's square is far below rounding, and small derivatives
# times it do not underflow; the longest is for those that do, its square just below rounding.
STEP = {"float64": 2.0**-128, "float32": 2.0**-24}
LONGEST = {"float64": 2.0**-30, "float32": 2.0**-14}
APART = 2.0**-30  # of an input that moves: inputs that are smaller still do not shorten its step


class _Step(Transforms):
    """jvp by one complex evaluation, by two where the first one's imaginary part underflows."""

    def __init__(self, xp: Complex, dtype: str):
        self.xp = xp
        self.dtype = dtype

    def jvp(self, f: Any, xs: tuple[Any, ...], vs: tuple[Any, ...]) -> Any:
        """Im f(x + ihv) / h."""
        least, room = self._room(xs, vs)
        value, slope, lost = self._slope(f, xs, vs, self._within(STEP, min(least, 1.0), room))
        if lost.any():
            longer = self._slope(f, xs, vs, self._within(LONGEST, room, room))[1]
            slope = np.where(lost, longer, slope)
        return np.asarray(np.where(np.isfinite(value), slope, np.nan), dtype=self.dtype)

    @np.errstate(all="ignore")
    def _slope(self, f: Any, xs: Any, vs: Any, h: float) -> tuple[Any, Any, Any]:
        """f(x), its slope by a step of h, and where the slope times h leaves the type's range."""
        y = f(*(Dual(x + (1j * h) * v, self.xp) for x, v in zip(xs, vs, strict=True)))
        data = y.data if isinstance(y, Dual) else np.asarray(y)
        size, floor = np.abs(data.imag), SMALLEST[self.dtype]
        vanished = (size == 0) & (data.real != 0) & (STEP[self.dtype] * np.abs(data.real) < floor)
        return data.real, data.imag / h, vanished | ((size > 0) & (size < floor))

    def _room(self, xs: tuple[Any, ...], vs: tuple[Any, ...]) -> tuple[float, float]:
        """What the inputs leave for h: beside the smallest of all, and of those that move."""
        x, v = (np.concatenate([np.abs(np.ravel(a)).astype(float) for a in each])
                for each in (xs, vs))  # fmt: skip
        smallest = np.min(x, where=x > 0, initial=np.inf)
        smallest = smallest if np.isfinite(smallest) else 1.0
        size = np.where(x > 0, x, min(smallest, 1.0))[v > 0] / v[v > 0]
        least = np.maximum(smallest / v[v > 0], APART * size)
        return float(np.min(least, initial=1.0)), float(np.min(size, initial=1.0))

    def _within(self, steps: dict[str, float], scale: float, room: float) -> float:
        """A power of two, so that dividing by it is exact, and no shorter than squares allow.

        Raises `Unsupported` for inputs so small that the type has none.
        """
        longest = LONGEST[self.dtype] * room
        if longest < SMALLEST[self.dtype] / EPS[self.dtype]:
            raise Unsupported(f"{self.dtype} has no step that is small beside inputs of {room:.0e}")
        h = max(steps[self.dtype] * scale, min(SMALLEST[self.dtype] ** 0.5, longest))
        return float(2.0 ** np.floor(np.log2(h)))

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
        if setting.complexes:
            raise Unsupported("complex inputs: the complex step needs the imaginary part itself")
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
