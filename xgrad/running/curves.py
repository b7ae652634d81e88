"""The step curve: the error of a plain difference against its step, in each precision."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xgrad.frameworks import find_framework
from xgrad.numbers import ball, midpoint, precision, spacing
from xgrad.problem import OPERATORS, Operator, Setting
from xgrad.table import COLUMNS, Column, make_frame
from xgrad.techniques import (
    BASIS,
    Definition,
    Method,
    Sampler,
    Stencil,
    combine,
    element_name,
    flat_function,
    plan,
    points,
)

if TYPE_CHECKING:
    import pandas as pd

    from xgrad.problem import Case
    from xgrad.running.planning import Plan, Row

STEPS = tuple(10.0**-k for k in np.arange(0, 16.5, 0.5))
_SCHEMES = {"central": "(f(x + h) − f(x − h)) / 2h", "forward": "(f(x + h) − f(x)) / h"}
PRECISIONS = ("float32", "float64", "256 bits")
CURVES = "curves"  # of a run, as Parquet and CSV
AT = ("case", "size", "point", "operator", "seed")
CURVE_COLUMNS = (
    *(c for c in COLUMNS if c.name in AT),
    Column("element", "str", "", "the element that the difference is of: the largest"),
    Column("truth", "float64", "of the result", "its value, in 256 bits"),
    Column("scheme", "str", "", "the difference"),
    Column("precision", "str", "", "of the arithmetic that evaluates it"),
    Column("step", "float64", "of the input", "h"),
    Column("relative_error", "float64", "1", "|difference − truth| over |truth|"),
)


@dataclass
class StepCurve:
    """|difference − truth| / |truth| of a plain scheme, step by step, in each precision.

    `spacing` is the distance of neighbouring numbers of the dtype at f: differences are multiples
    of it.
    """

    scheme: str
    element: str
    want: float
    steps: tuple[float, ...]
    errors: dict[str, list[float]]
    marked: float | None = None
    spacing: float = math.nan

    @property
    def formula(self) -> str:
        """The scheme as it is written by hand."""
        return _SCHEMES[self.scheme]

    def best(self, name: str) -> tuple[float, float]:
        """The step with the least error, and that error."""
        errors = np.array(self.errors[name])
        k = int(np.nanargmin(errors))
        return self.steps[k], float(errors[k])

    def at(self, name: str, step: float) -> float:
        """The error at the step nearest to a given one."""
        k = int(np.argmin([abs(math.log10(s / step)) for s in self.steps]))
        return self.errors[name][k]


def has_curve(setting: Setting, operator: Operator) -> bool:
    """Whether a plain difference along one input makes sense."""
    return operator.order == 1 and setting.case.legal is None and not setting.case.framework


def step_curve(
    setting: Setting,
    operator: Operator,
    k: int,
    *,
    framework: str = "numpy",
    scheme: str = "central",
    marked: float | None = None,
) -> StepCurve:
    """The k-th element of an operator by a plain difference, for steps from 1 down.

    Raises what the function raises.
    """
    stencil, name, pick = _one_element(setting, operator, k)
    errors: dict[str, list[float]] = {}
    library = find_framework(framework)
    want = apart = math.nan
    for dtype in ("float32", "float64"):
        at = Setting.make(setting.case, setting.size, setting.point, dtype, setting.seed)
        exact = _exact_slope(at, stencil, pick)
        if dtype == setting.dtype:
            want = exact
        with library.scope(), np.errstate(all="ignore"):
            sample = Sampler(library, at, "cpu")
            errors[dtype] = _float_errors(sample, stencil, pick, exact, scheme)
            if dtype == setting.dtype:
                value = sample(at.flat_x[None, :])[0]
                apart = spacing(float(_value(stencil, value, pick)), dtype)
    errors["256 bits"] = _ball_errors(setting, stencil, pick, scheme)
    return StepCurve(scheme, name, want, STEPS, errors, marked, apart)


def _one_element(setting: Setting, operator: Operator, k: int) -> tuple[Stencil, str, int]:
    """The stencil of one element alone, its name, and which value it takes."""
    stencil, n = plan(operator, setting), setting.x_size
    if operator.layout == "x":
        return Stencil((_unit(n, k),), stencil.weights), element_name(operator, setting, k), 0
    if operator.layout == "yx":
        value, k_x = divmod(k, n)
        return Stencil((_unit(n, k_x),)), element_name(operator, setting, k), value
    if stencil.elementwise:
        return Stencil((_unit(n, k),)), element_name(operator, setting, k), k
    if stencil.coefficients is None:
        return stencil, element_name(operator, setting, k), k
    return Stencil((_unit(n, 0),)), "y[0]/x[0]", 0


def _unit(n: int, k: int) -> np.ndarray:
    ((row,),) = Stencil((BASIS,)).block(np.array([k]), n)
    return np.asarray(row)


def _value(stencil: Stencil, slope: Any, pick: int) -> Any:
    if stencil.weights is not None:
        return np.dot(stencil.weights, slope)
    return slope[pick]


def _exact_slope(setting: Setting, stencil: Stencil, pick: int) -> float:
    arguments = setting.arguments(find_framework("ball"), "cpu")
    slopes = Definition(flat_function(setting, arguments), setting.flat_x).slopes(stencil)
    return float(midpoint(slopes.central).reshape(-1)[pick if stencil.weights is None else 0])


def _relative(found: float, exact: float) -> float:
    return abs(found - exact) / abs(exact) if exact else abs(found)


def _pair(scheme: str, x: Any, step: Any) -> list[Any]:
    """The two points of a scheme."""
    return points(x, (step,)) if scheme == "central" else [x + step, x]


def _float_errors(
    sample: Sampler, stencil: Stencil, pick: int, exact: float, scheme: str
) -> list[float]:
    """As written by hand, in the dtype."""
    (direction,) = stencil.slots
    rows = [sample.held(p) for h in STEPS for p in _pair(scheme, sample.x, h * direction)]
    values = sample(np.array(rows))
    width = 2 if scheme == "central" else 1
    return [
        _relative(float(_value(stencil, combine([plus, minus], width * h), pick)), exact)
        for h, plus, minus in zip(STEPS, values[0::2], values[1::2], strict=True)
    ]


def _ball_errors(setting: Setting, stencil: Stencil, pick: int, scheme: str) -> list[float]:
    exact_function = flat_function(setting, setting.arguments(find_framework("ball"), "cpu"))
    definition = Definition(exact_function, setting.flat_x)
    truth = definition.slopes(stencil).central
    (direction,) = stencil.slots
    with precision(definition.bits(1)):
        x = ball(setting.flat_x)
        exact = truth.data.reshape(-1)[pick if stencil.weights is None else 0]
        out = []
        for h in STEPS:
            values = [exact_function(p) for p in _pair(scheme, x, ball(direction) * h)]
            slope = combine(values, ball(h if scheme == "forward" else 2 * h)).data
            gap = abs(float(_value(stencil, slope, pick) - exact))
            out.append(gap / abs(float(exact)) if float(exact) else gap)
        return out


# --- of a run ------------------------------------------------------------------------------------


def curves_of(plan: Plan, rows: Iterable[Row]) -> pd.DataFrame:
    """A curve for each case of a run: the largest element of its first operator that has one.

    One row for each precision and step, in float64 inputs at the first size, point and seed that
    was right there; cases whose functions fail have none.
    """
    cases = {case.name: case for case in plan.cases.values()}
    found: list[Row] = []
    done: set[str] = set()
    tried: set[tuple[Any, ...]] = set()
    for row in rows:
        right = row["status"] == "ok" and row["dtype"] == "float64" and row["device"] == "cpu"
        if not right or row["case"] in done or row["operator"] not in OPERATORS:
            continue
        place = {k: row[k] for k in AT}
        if tuple(place.values()) in tried:
            continue  # the rows of other methods
        tried.add(tuple(place.values()))
        if curve := _curve_at(cases[row["case"]], place):
            done.add(row["case"])
            found += curve
    return make_frame(found, CURVE_COLUMNS)


def _curve_at(case: Case, place: Row) -> list[Row]:
    operator = OPERATORS[place["operator"]]
    setting = Setting.make(case, place["size"], place["point"], "float64", place["seed"])
    if not has_curve(setting, operator):
        return []
    try:
        curve = step_curve(setting, operator, _largest(setting, operator))
    except Exception:
        return []  # a function that fails has no curve; its rows say how it fails
    about = {**place, "element": curve.element, "truth": curve.want, "scheme": curve.formula}
    return [
        {**about, "precision": name, "step": h, "relative_error": error}
        for name in PRECISIONS
        for h, error in zip(curve.steps, curve.errors[name], strict=True)
    ]


def _largest(setting: Setting, operator: Operator) -> int:
    """The element with the largest magnitude, by NumPy's extrapolated differences."""
    numpy = find_framework("numpy")
    with numpy.scope():
        result = Method("numpy", "differences").prepare(operator, setting, "cpu")(setting)
    return int(np.argmax(np.abs(np.nan_to_num(result.flat))))
