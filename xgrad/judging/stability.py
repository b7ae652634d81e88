"""What rounding does to a method: how its result and its error change with point and precision."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from itertools import islice
from math import comb
from typing import Any

import numpy as np

from xgrad.judging.findings import Again, Findings
from xgrad.numbers import EPS, SMALLEST, Ball, rounded
from xgrad.problem import Operator, Setting
from xgrad.programs import PROGRAMS
from xgrad.referee import Budget, Truth, contracted
from xgrad.techniques import OK, Method, choose_methods, evaluate

FEW = 8  # inputs, up to which a way that takes them one by one is asked too
BASES = 2  # generic points at which the noise of a method is looked for
TYPICAL = 3  # methods whose noise is the typical one
COUNT = 8  # points on a short line from each, whose high differences are its noise
MOVES = 3  # random moves of all inputs by one spacing, that show the conditioning of the truth
SAMPLES = 4  # points one spacing away, for a method beside itself in float64
PAIRS = 5  # of points around, where rounding errors differ and mistakes hardly
DISTANCE = 2.0**-6  # of those points, relative to the inputs
LONG = DISTANCE / 4  # between points of a line, relative to the inputs
COARSE = {"float64": "float32", "float32": "bfloat16"}
SHORT = {"bfloat16": "float16", "float16": "bfloat16"}  # 16-bit types, eight times apart
GAIN = 10.0  # by which a dtype must be more accurate than the coarse one, or is not used inside
WIDER = 1e3  # times smaller is an error in float64, if no mathematics is wrong
SHRINKS = 2.0  # by which an error of rounding shrinks at least in a type eight times finer
ROW = 8  # elements along an axis whose mean shows what they share
ROUNDING = 0.29  # root mean square of one rounding to nearest, in spacings: 1/√12


class Stability:
    """What rounding does to the methods at one setting, seen where no mistake can pose as it.

    The noise of a method is measured at generic points nearby, by high differences of its results
    along short lines: whatever is smooth cancels, mistakes too. It never comes from what happens
    at the point itself, where a wrong result may jump. What one spacing of the inputs does to the
    truth there is asked of the referee.
    """

    def __init__(self, findings: Findings):
        self.findings = findings
        self.setting = findings.setting
        self._noises: dict[tuple[Method, str], np.ndarray | None] = {}

    # --- at generic points nearby ----------------------------------------------------------------

    def typical_noise(self, operator: Operator, truth: Truth) -> np.ndarray | None:
        """The median over the usual methods of their noise, as the truth sees it; None without."""
        noises = (self.noise(method, operator) for method in self._usual(operator))
        known = (each for each in noises if each is not None and np.all(np.isfinite(each)))
        enough = 1 if self.setting.case.framework else TYPICAL  # another may cost a pass an input
        found = [self.seen(each, truth) for each in islice(known, enough)]
        return np.median(found, axis=0).reshape(truth.high.shape) if found else None

    def _usual(self, operator: Operator) -> list[Method]:
        """Methods of typical rounding; of a function in one framework the nearer way first."""
        case = self.setting.case
        if case.framework in PROGRAMS:
            ways = sorted(("reverse", "forward"), reverse=operator.name != "jvp")
            return [Method(case.framework, way) for way in ways]
        usual = [m for m in choose_methods(case, None)
                 if m.technique != "differences" and m.framework != "ball"]  # fmt: skip
        quick = [m for m in usual if m.technique != "complex_step"]
        return quick if quick and self.setting.x_size > FEW else usual

    def seen(self, noise: np.ndarray, truth: Truth) -> np.ndarray:
        """The noise of independent elements in what the truth is known of."""
        if not truth.directions:
            return noise
        squares = [contracted(noise**2, [v**2 for v in d]) for d in truth.directions]
        return np.asarray(np.sqrt(np.array(squares)).reshape(-1))

    def noise(self, method: Method, operator: Operator) -> np.ndarray | None:
        """The noise of a method's results, element by element; None where it fails nearby."""
        key = method, operator.name
        if key not in self._noises:
            lines = [self._along(method, operator, line) for line in self.lines]
            found = [each for each in lines if each is not None]
            self._noises[key] = np.max(found, axis=0) if found else None
        return self._noises[key]

    def roughness(self, method: Method, operator: Operator) -> np.ndarray | None:
        """How far errors over the truth are from any smooth function, as shares of the truth.

        On lines so long that what is rounded alike all along a short one, as 1 + erf(x) where that
        is 0, is not: a wrong factor, sign or term is smooth there too.
        """
        limits, found = self.share(BASES * COUNT), []
        for line in self._lines(LONG):
            along = [self.findings.at(at, limits) for at in line]
            every = [each.signed_error(method, operator) for each in along]
            errors = [error for error in every if error is not None]
            if len(errors) == len(line):
                truths = [each.truth(operator).high for each in along]
                found.append(_roughness(np.array(errors) / np.reshape(truths, np.shape(errors))))
        return np.asarray(np.max(found, axis=0)) if found else None

    def _along(self, method: Method, operator: Operator, line: list[Setting]) -> np.ndarray | None:
        values = [self._evaluated(method, operator, at) for at in line]
        return None if any(v is None for v in values) else _roughness(np.array(values))

    @cached_property
    def lines(self) -> list[list[Setting]]:
        """Settings on short and longer lines from generic points."""
        eps = EPS[self.setting.dtype]
        return self._lines(eps**0.5 / 4, eps**0.25 / 2)

    def _lines(self, *spacings: float) -> list[list[Setting]]:
        rng, made = self.setting.generator("lines"), []
        for _ in range(BASES):
            start, along = (self.setting.draw_direction(rng) for _ in range(2))
            for spacing in spacings:
                steps = spacing * np.arange(COUNT)
                made.append([self.moved(DISTANCE, start, step, along) for step in steps])
        return made

    def moved(self, far: float, start: Any, step: float = 0.0, along: Any = None) -> Setting:
        """The setting at x + far · start + step · along, as the dtype holds it."""
        inputs = dict(self.setting.inputs)
        for k, (name, x) in enumerate(zip(self.setting.case.wrt, self.setting.x, strict=True)):
            there = x + far * start[k] + (step * along[k] if along is not None else 0.0)
            inputs[name] = rounded(np.asarray(there), self.setting.dtype)
        return self.setting.moved(inputs)

    def _evaluated(self, method: Method, operator: Operator, at: Setting) -> np.ndarray | None:
        found = evaluate(method, operator, at, self.findings.device, self.findings.prepared)
        return (
            None if found.status != OK or isinstance(found.flat, Ball) else np.asarray(found.flat)
        )

    # --- at points one spacing away --------------------------------------------------------------

    def conditioning(self, operator: Operator) -> np.ndarray | None:
        """How far the truth moves when all inputs do by one spacing; None where it has none there.

        An element whose truth jumps there, as beside a kink, moves without end.
        """
        here, found = self.findings.truth(operator), []
        for at in self.beside[:MOVES]:
            there = self.findings.at(at, self.share(MOVES)).truth(operator)
            if there.kind not in ("certified", "definition", "kink"):
                return None
            moved = np.abs((there.high - here.high) + (there.low - here.low))
            found.append(np.where(np.isfinite(moved), moved, np.inf))
        return np.asarray(np.max(found, axis=0))

    def share(self, parts: int) -> Budget:
        """A part of the referee's budget."""
        limits = self.findings.limits
        return replace(limits, seconds=limits.seconds / parts)

    @cached_property
    def beside(self) -> list[Setting]:
        """Settings where every float input is one spacing off."""
        rng = self.setting.generator("moves")
        return [
            self.setting.moved(
                {
                    k: np.asarray(a + rng.choice([-1, 1], a.shape) * self._spacings(a))
                    if _is_float(a)
                    else a
                    for k, a in self.setting.inputs.items()
                }
            )
            for _ in range(SAMPLES)
        ]

    def _wide(self, method: Method, operator: Operator, at: Setting) -> np.ndarray | None:
        """The result in float64 at inputs that the dtype holds."""
        wide = at.in_dtype("float64")
        prepared = self.findings.compiled.setdefault(wide.dtype, {})
        found = evaluate(method, operator, wide, self.findings.device, prepared)
        return None if found.status != OK else np.asarray(found.flat)

    # --- at points around ------------------------------------------------------------------------

    def spread(self, method: Method, operator: Operator) -> np.ndarray | None:
        """How errors at two points around differ; None where that is unknown.

        Rounding errors at neighbouring points are unrelated; those of a wrong derivative are alike.
        """
        found = []
        for pair in self.nearby:
            ahead, behind = (each.signed_error(method, operator) for each in pair)
            if ahead is not None and behind is not None:
                found.append(np.abs(ahead - behind) / 2)
        return np.max(found, axis=0) if len(found) > 1 else None

    @cached_property
    def nearby(self) -> list[tuple[Findings, Findings]]:
        """Findings at points a little off on either side, which share what is compiled."""
        rng, step = self.setting.generator("nearby"), max(DISTANCE, 2 * EPS[self.setting.dtype])
        directions = [self.setting.draw_direction(rng) for _ in range(PAIRS)]
        limits = self.share(2 * PAIRS)
        return [
            (
                self.findings.at(self.moved(step, d), limits),
                self.findings.at(self.moved(-step, d), limits),
            )
            for d in directions
        ]

    # --- in other precisions ---------------------------------------------------------------------

    @cached_property
    def coarse(self) -> Findings | None:
        """Findings at the same point in a shorter dtype."""
        s = self.setting
        if s.dtype not in COARSE:
            return None
        at = Setting.make(s.case, s.size, s.point, COARSE[s.dtype], s.seed)
        return self.findings.at(at)

    def same_in_fewer_digits(self, method: Method, operator: Operator, relative: float) -> bool:
        """Whether a shorter dtype is nearly as accurate: then the longer one is not used inside."""
        error = self.coarse.signed_error(method, operator) if self.coarse else None
        if self.coarse is None or error is None or not relative > 0:
            return False
        top = np.max(np.abs(self.coarse.truth(operator).high), initial=0.0)
        return bool(np.max(np.abs(error)) < GAIN * relative * top)

    def goes_in_float64(self, again: Again, operator: Operator, error: np.ndarray) -> np.ndarray:
        """The elements whose error is of this dtype alone: float64 at the same inputs has none.

        `again` computes there what has the error here.
        """
        truth, none = self.findings.truth(operator), np.zeros(error.shape, dtype=bool)
        if truth.directions or self.setting.dtype == "float64":
            return none
        wide = again(self.findings.in_dtype("float64"))
        if wide.status != OK:
            return none
        flat = np.asarray(wide.flat).reshape(truth.high.shape)
        left = np.abs((flat - truth.high) - truth.low)
        return np.asarray(WIDER * left.reshape(error.shape) <= error)

    def shrinks(self, method: Method, operator: Operator) -> bool:
        """Whether the error of a 16-bit type follows its epsilon, as one of rounding does.

        True too where the other 16-bit type cannot tell.
        """
        s = self.setting
        here = self._relative_error(self.findings, method, operator)
        inputs = {k: rounded(a, SHORT[s.dtype]) if _is_float(a) else a for k, a in s.inputs.items()}
        other = s.moved(inputs).in_dtype(SHORT[s.dtype])
        there = self._relative_error(self.findings.at(other), method, operator)
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
        if method == plain:  # its own rounding inside, too, is no worse than it is
            least = np.maximum(least, ROUNDING)
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
        there = [self._wide(method, operator, at) for at in self.beside]
        if here is None or any(each is None for each in there):
            return None
        return np.asarray(np.sqrt(np.mean([(each - here) ** 2 for each in there], axis=0)) / 2)


def _roughness(table: np.ndarray) -> np.ndarray:
    """Of each column by its high differences: whatever is smooth cancels.

    The k-th difference of independent noise of variance s² has variance s² C(2k, k).
    """
    found = []
    for k in range(1, len(table) - 1):
        table = np.diff(table, axis=0)
        if k > 3:
            found.append(np.sqrt(np.mean(table**2, axis=0) / comb(2 * k, k)))
    return np.asarray(np.min(found, axis=0))


def _ratio(error: np.ndarray, stick: np.ndarray, least: np.ndarray, *, along: bool) -> float:
    """The largest of error over stick, and of their means along an axis: shape (rows, *shape)."""
    found = [_over(error, stick, _rms(least))]
    for axis in range(1, error.ndim) if along else ():
        n = error.shape[axis]
        if n >= ROW:
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
