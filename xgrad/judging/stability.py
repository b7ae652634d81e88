"""What rounding does to a method: how its result and its error change with point and precision."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property

import numpy as np

from xgrad.judging.findings import Findings
from xgrad.numbers import EPS, SMALLEST, Ball, rounded
from xgrad.problem import Operator, Setting, generator
from xgrad.referee import Truth
from xgrad.techniques import OK, Method, Prepared, choose_methods, evaluate

MOVES = 4  # one-ulp perturbations that show a method's movement
SAMPLES = 8  # points around that show the rounding of a method in its dtype
PAIRS = 5  # of points around, where rounding errors differ and mistakes hardly
DISTANCE = 2.0**-6  # of those points, relative to the inputs
COARSE = {"float64": "float32", "float32": "bfloat16"}
SHORT = {"bfloat16": "float16", "float16": "bfloat16"}  # 16-bit types, eight times apart
GAIN = 10.0  # by which a dtype must be more accurate than the coarse one, or is not used inside
SHRINKS = 2.0  # by which an error of rounding shrinks at least in a type eight times finer
FEW = 8  # elements along an axis whose mean shows what they share
ROUNDING = 0.29  # root mean square of one rounding to nearest, in spacings: 1/√12


class Stability:
    """Movement, spread, and errors in other precisions, of the methods at one setting."""

    def __init__(self, findings: Findings):
        self.findings = findings
        self.setting = findings.setting
        self._movements: dict[tuple[Method, str], np.ndarray | None] = {}
        self._roundings: dict[tuple[Method, str], np.ndarray | None] = {}
        self._prepared_wide: Prepared = {}

    # --- at points one spacing away --------------------------------------------------------------

    def typical_movement(self, operator: Operator, truth: Truth) -> np.ndarray:
        """The median over the usual methods of their movement under one-ulp perturbations."""
        case, moved = self.setting.case, []
        own = [Method(case.framework, "reverse")] if case.framework else None
        for method in own or choose_methods(case, None):
            if method.technique == "differences" or method.framework == "ball":
                continue
            movement = self.movement(method, operator)
            if movement is not None and np.all(np.isfinite(movement)):
                moved.append(truth.seen(movement) if truth.directions else movement)
        if not moved:
            return np.zeros(truth.high.shape)
        return np.abs(np.median(moved, axis=0)).reshape(truth.high.shape)

    def movement(self, method: Method, operator: Operator) -> np.ndarray | None:
        """How far a result moves when every float input moves by one spacing; None if it fails."""
        key = method, operator.name
        if key not in self._movements:
            self._movements[key] = self._moved(method, operator)
        return self._movements[key]

    def _moved(self, method: Method, operator: Operator) -> np.ndarray | None:
        here = self.findings.outcome(method, operator)
        if here.status != OK or isinstance(here.flat, Ball):
            return None
        largest = np.zeros(here.flat.shape)
        for at in self.beside[:MOVES]:
            there = self._evaluated(method, operator, at)
            if there is None:
                return None
            largest = np.maximum(largest, np.abs(there - here.flat))
        return largest

    @cached_property
    def beside(self) -> list[Setting]:
        """Settings where every float input is one spacing off."""
        setting = self.setting
        rng = generator(setting.seed, setting.case.name, "moves")
        return [
            setting.moved(
                {
                    k: a + rng.choice([-1, 1], a.shape) * self._spacings(a) if _is_float(a) else a
                    for k, a in setting.inputs.items()
                }
            )
            for _ in range(SAMPLES)
        ]

    def _evaluated(self, method: Method, operator: Operator, at: Setting) -> np.ndarray | None:
        found = evaluate(method, operator, at, self.findings.device, self.findings.prepared)
        return None if found.status != OK else np.asarray(found.flat)

    # --- against itself in float64 ---------------------------------------------------------------

    def rounding(self, method: Method, operator: Operator) -> np.ndarray | None:
        """The largest error that a method's own rounding makes here and at points beside.

        It is seen against the method itself in float64: a mistake is in both, and cancels. None
        in float64, or where the method fails in either.
        """
        key = method, operator.name
        if key not in self._roundings:
            self._roundings[key] = self._rounded(method, operator)
        return self._roundings[key]

    def _rounded(self, method: Method, operator: Operator) -> np.ndarray | None:
        if self.setting.dtype == "float64":
            return None
        errors = []
        for at in [self.setting, *self.beside]:
            short, long = self._evaluated(method, operator, at), self._wide(method, operator, at)
            if short is None or long is None:
                return None
            errors.append(np.abs(short - long))
        return np.asarray(np.max(errors, axis=0))

    def _wide(self, method: Method, operator: Operator, at: Setting) -> np.ndarray | None:
        """The result in float64 at inputs that the dtype holds."""
        wide = at.in_dtype("float64")
        found = evaluate(method, operator, wide, self.findings.device, self._prepared_wide)
        return None if found.status != OK else np.asarray(found.flat)

    # --- at points around ------------------------------------------------------------------------

    def spread(self, method: Method, operator: Operator) -> np.ndarray | None:
        """How far the error is from its mean at two points around; None where that is unknown.

        Rounding errors at neighbouring points are unrelated; those of a wrong derivative lie on a
        smooth curve, however the derivative itself moves.
        """
        here = self.findings.signed_error(method, operator)
        if here is None:
            return None
        found = []
        for pair in self.nearby:
            ahead, behind = (each.signed_error(method, operator) for each in pair)
            if ahead is not None and behind is not None:
                found.append(np.abs((ahead + behind) / 2 - here))
        return np.max(found, axis=0) if len(found) > 1 else None

    @cached_property
    def nearby(self) -> list[tuple[Findings, Findings]]:
        """Findings at points a little off on either side, which share what is compiled."""
        rng = generator(self.setting.seed, self.setting.case.name, "nearby")
        return [self._pair(self.setting.draw_direction(rng)) for _ in range(PAIRS)]

    def _pair(self, direction: tuple[np.ndarray, ...]) -> tuple[Findings, Findings]:
        setting, limits = self.setting, self.findings.limits
        less = replace(limits, seconds=limits.seconds / (2 * PAIRS))
        step = max(DISTANCE, 2 * EPS[setting.dtype])
        made = []
        for side in (step, -step):
            inputs = dict(setting.inputs)
            for name, x, d in zip(setting.case.wrt, setting.x, direction, strict=True):
                free = d if setting.case.legal else np.where(x == 0, 0.0, d)
                inputs[name] = rounded(x + side * free, setting.dtype)
            made.append(self.findings.at(setting.moved(inputs), less))
        return made[0], made[1]

    # --- in other precisions ---------------------------------------------------------------------

    @cached_property
    def coarse(self) -> Findings | None:
        """Findings at the same point in a shorter dtype."""
        s = self.setting
        if s.dtype not in COARSE:
            return None
        at = Setting.make(s.case, s.size, s.point, COARSE[s.dtype], s.seed)
        return Findings(at, self.findings.device, self.findings.limits)

    def same_in_fewer_digits(self, method: Method, operator: Operator, relative: float) -> bool:
        """Whether a shorter dtype is nearly as accurate: then the longer one is not used inside."""
        error = self.coarse.signed_error(method, operator) if self.coarse else None
        if self.coarse is None or error is None or not relative > 0:
            return False
        top = np.max(np.abs(self.coarse.truth(operator).high), initial=0.0)
        return bool(np.max(np.abs(error)) < GAIN * relative * top)

    def shrinks(self, method: Method, operator: Operator) -> bool:
        """Whether the error of a 16-bit type follows its epsilon, as one of rounding does.

        True too where the other 16-bit type cannot tell.
        """
        s = self.setting
        here = self._relative_error(self.findings, method, operator)
        inputs = {k: rounded(a, SHORT[s.dtype]) if _is_float(a) else a for k, a in s.inputs.items()}
        other = s.moved(inputs).in_dtype(SHORT[s.dtype])
        there = self._relative_error(
            Findings(other, self.findings.device, self.findings.limits), method, operator
        )
        if here is None or there is None or not np.isfinite(there):
            return True
        fine, rough = (there, here) if EPS[other.dtype] < EPS[s.dtype] else (here, there)
        return fine * SHRINKS <= rough

    def _relative_error(
        self, findings: Findings, method: Method, operator: Operator
    ) -> float | None:
        error = findings.signed_error(method, operator)
        if error is None:
            return None
        top = float(np.max(np.abs(findings.truth(operator).high), initial=0.0))
        return float(np.sqrt(np.mean(error**2))) / top if top and error.size else None

    # --- beside the plain implementation ---------------------------------------------------------

    def multiple(self, method: Method, operator: Operator, unit: np.ndarray) -> float:
        """A method's error over that of the plain one of its framework, in the same dtype.

        The largest, over the inputs, of root mean squares in units of `unit`, and of those of
        means along an axis: a short sum that a row of elements shares moves all of them alike. The
        plain error is at least that of one rounding, and raised by three of its own standard
        errors, so that chance makes no multiple. For the plain method itself the stick is what one
        rounding of the inputs and of the result makes. NaN where there is none.
        """
        plain = Method(method.framework, "reverse")
        error = self.findings.signed_error(method, operator)
        stick = (
            self._conditioning(method, operator)
            if method == plain
            else self.findings.signed_error(plain, operator)
        )
        if error is None or stick is None or not error.size or not np.all(unit > 0):
            return float("nan")
        truth = self.findings.truth(operator).high
        sign = np.where(truth < 0, -1.0, 1.0) / unit.reshape(truth.shape)
        least = ROUNDING * self._spacings(truth) * np.abs(sign)
        along = method != plain  # the plain sums themselves are no better than they are
        found = [
            _ratio(*(part.reshape(-1, *shape) for part in parts), along=along)
            for parts, shape in self._parts(operator, error * sign, stick * sign, least)
        ]
        return max(found, default=float("nan"))

    def _spacings(self, array: np.ndarray) -> np.ndarray:
        """The distance to the next number that the dtype holds, none from zero."""
        size = np.abs(array)
        with np.errstate(divide="ignore"):
            step = 2.0 ** np.floor(np.log2(size)) * EPS[self.setting.dtype]
        return np.where(size > 0, np.maximum(step, SMALLEST[self.setting.dtype]), 0.0)

    def _parts(
        self, operator: Operator, *arrays: np.ndarray
    ) -> Iterator[tuple[list[np.ndarray], tuple[int, ...]]]:
        """Flat results cut where their last axis has another meaning, and the shape of each."""
        if not operator.layout.endswith("x"):
            yield list(arrays), self.setting.y_shape if operator.layout else ()
            return
        edges = np.cumsum([a.size for a in self.setting.x])[:-1]
        cut = [np.split(a, edges, axis=-1) for a in arrays]
        for k, shape in enumerate(self.setting.x_shapes):
            yield [each[k] for each in cut], shape

    def _conditioning(self, method: Method, operator: Operator) -> np.ndarray | None:
        """What half a spacing in every float input makes of the result, computed in float64."""
        if self.setting.dtype == "float64":
            return None
        here = self._wide(method, operator, self.setting)
        there = [self._wide(method, operator, at) for at in self.beside[:MOVES]]
        if here is None or any(each is None for each in there):
            return None
        return np.asarray(np.sqrt(np.mean([(each - here) ** 2 for each in there], axis=0)) / 2)


def _ratio(error: np.ndarray, stick: np.ndarray, least: np.ndarray, *, along: bool) -> float:
    """The largest of error over stick, and of their means along an axis: shape (rows, *shape)."""
    found = [_over(error, stick, _rms(least))]
    for axis in range(1, error.ndim) if along else ():
        n = error.shape[axis]
        if n >= FEW:
            found.append(_over(error.mean(axis), stick.mean(axis), _rms(least) / np.sqrt(n)))
    return max(found)


def _over(error: np.ndarray, stick: np.ndarray, least: float) -> float:
    """Root mean squares, one over the other, beyond what chance may add."""
    size = max(_rms(stick), least) * (1 + 3 / np.sqrt(error.size))
    return _rms(error) / size if size > 0 else float("nan")


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2)))


def _is_float(value: object) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"
