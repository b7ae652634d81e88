"""One verdict in detail: worst elements, what the others say, and the step curve."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from xgrad.definition import Definition, flat_function
from xgrad.evaluation import OK, element_name
from xgrad.frameworks import find_framework
from xgrad.frameworks.ball import Ball, ball, midpoint, precision
from xgrad.operators import Operator
from xgrad.report import method_of, title
from xgrad.setting import Setting, spacing
from xgrad.techniques import Method, choose_methods, parse_step
from xgrad.techniques._stencil import Stencil, combine, plan, points
from xgrad.techniques.differences import Sampler
from xgrad.verdict import Judge, Judgement

ELEMENTS = 8  # shown of a result
STEPS = tuple(10.0**-k for k in np.arange(0, 16.5, 0.5))
_SCHEMES = {"central": "(f(x + h) − f(x − h)) / 2h", "forward": "(f(x + h) − f(x)) / h"}
CURVES = ("float32", "float64", "256 bits")


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


@dataclass
class Explanation:
    """All that `xgrad explain` shows about one method at one setting."""

    setting: Setting
    operator: Operator
    method: Method
    judgement: Judgement
    others: list[dict[str, Any]]
    gaps: dict[str, float | None]
    elements: list[tuple[str, float, float, float, float]] = field(default_factory=list)
    curve: StepCurve | None = None

    @property
    def row(self) -> dict[str, Any]:
        """The row of the agreement table."""
        return self.judgement.row


def explain(
    setting: Setting, operator: Operator, method: Method, judge: Judge, *, curve: bool = True
) -> Explanation:
    """Judge a method and gather what tells why; raises nothing that the method did."""
    judgement = judge.judge(method, operator)
    others, gaps = [], {}
    for other in choose_methods(setting.case, None):
        if other != method:
            row = judge.judge(other, operator).row
            if row["status"] != "unsupported":
                others.append(row)
                gaps[str(other)] = _gap(judge, method, other, operator)
    made = Explanation(setting, operator, method, judgement, others, gaps)
    made.elements = _worst_elements(judge, made)
    if curve and operator.order == 1 and setting.case.legal is None:
        made.curve = _step_curve(judge, made)
    return made


def _gap(judge: Judge, method: Method, other: Method, operator: Operator) -> float | None:
    """The largest difference between two methods, None where one has no array."""
    mine, theirs = judge.outcome(method, operator), judge.outcome(other, operator)
    if OK not in (mine.status, theirs.status) or mine.flat is None or theirs.flat is None:
        return None
    a, b = (midpoint(o.flat) if isinstance(o.flat, Ball) else o.flat for o in (mine, theirs))
    return float(np.max(np.abs(a - b), initial=0.0)) if a.shape == b.shape else None


def _worst_elements(
    judge: Judge, made: Explanation
) -> list[tuple[str, float, float, float, float]]:
    """Name, got, want, error and tolerance of the elements furthest beyond tolerance."""
    found = made.judgement
    if not found.error.size:
        return []
    truth = found.truth
    got = truth.seen(found.outcome.flat)
    values = (midpoint(got) if isinstance(got, Ball) else np.asarray(got)).reshape(-1)
    error, tolerance = found.error.reshape(-1), found.tolerance.reshape(-1)
    with np.errstate(all="ignore"):
        excess = np.nan_to_num(error / tolerance, nan=np.inf)
    return [
        (
            judge.element(made.operator, truth, int(k)),
            float(values[k]),
            float(truth.high.reshape(-1)[k]),
            float(error[k]),
            float(tolerance[k]),
        )
        for k in np.argsort(-excess, kind="stable")[:ELEMENTS]
    ]


# --- the step curve ------------------------------------------------------------------------------


def _step_curve(judge: Judge, made: Explanation) -> StepCurve | None:
    """Central differences of the worst element, for steps from 1 down, in each precision."""
    try:
        return _curve_of(made)
    except Exception:
        return None  # a function that fails has no curve; the verdict says how it fails


def _curve_of(made: Explanation) -> StepCurve:
    setting = made.setting
    scheme = "forward" if made.method.variant.startswith("forward") else "central"
    stencil, name, pick = _one_element(made)
    errors: dict[str, list[float]] = {}
    framework = find_framework(
        "numpy" if made.method.framework == "ball" else made.method.framework
    )
    want = apart = math.nan
    for dtype in ("float32", "float64"):
        at = Setting.make(setting.case, setting.size, setting.point, dtype, setting.seed)
        exact = _exact_slope(at, stencil, pick)
        if dtype == setting.dtype:
            want = exact
        with framework.scope(), np.errstate(all="ignore"):
            sample = Sampler(framework, at, "cpu")
            errors[dtype] = _float_errors(sample, stencil, pick, exact, scheme)
            if dtype == setting.dtype:
                value = sample(at.flat_x[None, :])[0]
                apart = spacing(float(_value(stencil, value, pick)), dtype)
    errors["256 bits"] = _ball_errors(setting, stencil, pick, scheme)
    step = made.method.variant.partition("@")[2]
    marked = parse_step(str(made.method), step) if step else None
    return StepCurve(scheme, name, want, STEPS, errors, marked, apart)


def _one_element(made: Explanation) -> tuple[Stencil, str, int]:
    """The stencil of the worst element alone, its name, and which value it takes."""
    setting, operator = made.setting, made.operator
    stencil = plan(operator, setting)
    flat = made.judgement.error
    k = int(np.argmax(flat)) if flat.size and not made.judgement.truth.directions else 0
    if operator.layout == "x":
        unit = np.eye(setting.x_size)[k]
        return Stencil((unit,), stencil.weights), element_name(operator, setting, k), 0
    if operator.layout == "yx":
        value, k_x = divmod(k, setting.x_size)
        return Stencil((np.eye(setting.x_size)[k_x],)), element_name(operator, setting, k), value
    if stencil.elementwise:
        return Stencil((np.eye(setting.x_size)[k],)), element_name(operator, setting, k), k
    if stencil.coefficients is None:
        return stencil, element_name(operator, setting, k), k
    return Stencil((np.eye(setting.x_size)[0],)), "y[0]/x[0]", 0


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


# --- as text and as a picture --------------------------------------------------------------------


def to_text(made: Explanation) -> str:
    """The explanation for a terminal."""
    row, case = made.row, made.setting.case
    lines = [f"{title(row)}: {row['verdict'] or row['status']}", f"  {case.title}"]
    if case.source:
        lines.append(f"  source: {case.source}")
    lines += _numbers(made)
    if row["message"]:
        lines.append(f"  {row['message']}")
    if row["hint"]:
        lines.append(f"  looks like: {row['hint']}")
    lines += ["", *_element_lines(made), "", *_other_lines(made)]
    if made.curve is not None:
        lines += ["", *_curve_lines(made.curve, made.setting.dtype)]
    return "\n".join(lines)


def _numbers(made: Explanation) -> list[str]:
    row, truth = made.row, made.judgement.truth
    lines = []
    if truth.kind == "certified":
        lines.append(
            f"  referee: the formula, certified: it agrees with the definition to "
            f"{truth.digits:.0f} digits along a random direction"
        )
    elif row.get("referee"):
        lines.append(f"  referee: {row['referee']}")
    if made.judgement.error.size:
        digits = "undefined" if math.isnan(row["digits"]) else f"{row['digits']:.1f}"
        lines.append(
            f"  error {row['error']:.2e} (relative {row['relative_error']:.2e}, "
            f"{row['ulps']:.3g} ulps): {digits} digits"
        )
        lines.append(
            f"  tolerance at the worst element {row['tolerance']:.2e}, rounding noise "
            f"there {row['noise']:.2e}"
        )
    return lines


def _element_lines(made: Explanation) -> list[str]:
    """Truth, result and gap in columns, the worst first."""
    if not made.elements:
        return ["no result to show"]
    labels = ("element", "truth", str(made.method), "gap", "gap / tolerance")
    width = max(14, len(labels[2]))
    lines = [f"{labels[0]:<18}{labels[1]:>16}  {labels[2]:>{width}}{labels[3]:>12}{labels[4]:>17}"]
    for name, got, want, error, tolerance in made.elements:
        share = error / tolerance if tolerance else (0.0 if error == 0 else math.inf)
        lines.append(f"{name:<18}{want:>16.8g}  {got:>{width}.8g}{error:>12.2e}{share:>17.2g}")
    hidden = made.judgement.error.size - len(made.elements)
    if hidden > 0:
        lines.append(f"… and {hidden:,} more, nearer to their tolerance")
    return lines


def _other_lines(made: Explanation) -> list[str]:
    """Every other method's verdict, and how far this one is from it."""
    width = max([18, *(len(method_of(r)) for r in made.others)])
    heading = f"{'what the others say':<{width + 16}}{'digits':>7}"
    lines = [f"{heading}  largest difference from {made.method}"]
    for row in made.others:
        name, gap = method_of(row), made.gaps.get(method_of(row))
        digits = "" if math.isnan(row.get("digits", math.nan)) else f"{row['digits']:.1f}"
        far = "" if gap is None else "0, bit for bit" if gap == 0 else f"{gap:.2e}"
        said = row["verdict"] or row["status"]
        lines.append(f"  {name:<{width}} {said:<13}{digits:>7}  {far}")
    return lines


def _curve_lines(curve: StepCurve, dtype: str) -> list[str]:
    """The curve as numbers, every second step, and what it says."""
    lines = [
        f"step curve of {curve.element} = {curve.want:.8g}: relative error of {curve.formula}",
        f"  {'h':>8}" + "".join(f"{name:>12}" for name in CURVES),
    ]
    for k in range(0, len(curve.steps), 2):
        here = "  <" if curve.marked and _near(curve.steps[k], curve.marked) else ""
        numbers = "".join(f"{curve.errors[name][k]:>12.1e}" for name in CURVES)
        lines.append(f"  {curve.steps[k]:>8.0e}{numbers}{here}")
    for name in ("float32", "float64"):
        step, error = curve.best(name)
        lines.append(f"  best in {name}: h = {step:.0e}, relative error {error:.1e}")
    if curve.marked and dtype in curve.errors:
        step, error = curve.best(dtype)
        mine, exact = curve.at(dtype, curve.marked), curve.at("256 bits", curve.marked)
        lines.append(
            f"  at h = {curve.marked:.0e} {dtype} is off by {mine:.1e} of the slope, where the "
            f"step itself costs {exact:.1e}:"
        )
        lines.append(f"  {_blame(mine, exact, dtype, curve)}")
    return lines


def _near(a: float, b: float) -> bool:
    return abs(math.log10(a / b)) < 0.25


def _blame(mine: float, exact: float, dtype: str, curve: StepCurve) -> str:
    """Which of rounding and curvature is the cause, and the remedy."""
    assert curve.marked
    if mine > 3 * exact:
        width = curve.marked * (2 if curve.scheme == "central" else 1)
        return (
            f"the rest is rounding: {dtype} numbers near f are {curve.spacing:.2e} apart, so the "
            f"difference comes in multiples of {curve.spacing / width:.2g}; "
            "take a longer step or a wider type"
        )
    return "the step is too long for the curvature; take a shorter one"


def save_picture(made: Explanation, path: Path) -> None:
    """The step curve as PNG, SVG or PDF, by the file's ending."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    curve = made.curve
    assert curve is not None
    figure, axes = plt.subplots(figsize=(7.2, 4.6), layout="constrained")
    styles = (
        ("float32", "#d55e00", "o-"),
        ("float64", "#0072b2", "s-"),
        ("256 bits", "#009e73", "^-"),
    )
    for name, colour, style in styles:
        errors = np.maximum(curve.errors[name], 1e-35)
        axes.loglog(curve.steps, errors, style, color=colour, markersize=4, label=name)
    if curve.marked:
        axes.axvline(curve.marked, color="0.4", linestyle="--", linewidth=1)
        label = f"  h = {curve.marked:.0e}"
        at = (curve.marked, 0.02)
        axes.annotate(label, at, xycoords=("data", "axes fraction"), color="0.3", fontsize=9)
    axes.invert_xaxis()
    axes.set_xlabel("step h (absolute)")
    axes.set_ylabel(f"relative error of {curve.formula}")
    axes.set_title(f"{made.setting.case.name}: {curve.element} = {curve.want:.6g}", loc="left")
    axes.grid(True, which="major", color="0.9")
    axes.legend(frameon=False)
    figure.savefig(path, dpi=150)
    plt.close(figure)
