"""One verdict in detail: worst elements, what the others say, and the step curve."""

from __future__ import annotations

import math
from base64 import b64encode
from dataclasses import dataclass, field
from html import escape
from io import BytesIO
from typing import Any

import numpy as np

from xgrad.errors import digits_told
from xgrad.judging import Judge, Judgement
from xgrad.numbers import Ball, midpoint
from xgrad.problem import Operator, Setting
from xgrad.running import StepCurve, has_curve, step_curve
from xgrad.techniques import OK, Method, choose_methods, parse_step
from xgrad.telling.report import method_of, title
from xgrad.telling.stepcurve import save_picture, to_lines

ELEMENTS = 8  # shown of a result
FAULTS = 3  # wrong rules of a backward program
STEPS = tuple(10.0**-k for k in np.arange(0, 16.5, 0.5))
_SCHEMES = {"central": "(f(x + h) − f(x − h)) / 2h", "forward": "(f(x + h) − f(x)) / h"}
CURVES = ("float32", "float64", "256 bits")


@dataclass(repr=False)
class Explanation:
    """All that `xgrad explain` shows about one method at one setting.

    Printed it is the terminal's text; a notebook draws the step curve below it.
    """

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

    def __repr__(self) -> str:
        return explanation_text(self)

    def _repr_html_(self) -> str:
        text = f"<pre style='line-height:1.3'>{escape(str(self))}</pre>"
        if self.curve is None:
            return text
        picture = BytesIO()
        save_picture(self.curve, self.setting.case.name, picture)
        data = b64encode(picture.getvalue()).decode()
        said = escape(f"the step curve of {self.curve.element}", quote=True)
        return f'{text}<img alt="{said}" width="540" src="data:image/png;base64,{data}">'


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
    if curve and has_curve(setting, operator):
        made.curve = _curve_of(made)
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


def _curve_of(made: Explanation) -> StepCurve | None:
    """The curve of the worst element; None where the function fails, as the verdict says."""
    flat, variant = made.judgement.error, made.method.variant
    worst = int(np.argmax(flat)) if flat.size and not made.judgement.truth.directions else 0
    step = variant.partition("@")[2]
    try:
        return step_curve(
            made.setting,
            made.operator,
            worst,
            framework="numpy" if made.method.framework == "ball" else made.method.framework,
            scheme="forward" if variant.startswith("forward") else "central",
            marked=parse_step(str(made.method), step) if step else None,
        )
    except Exception:
        return None


# --- as text -------------------------------------------------------------------------------------


def explanation_text(made: Explanation) -> str:
    """The explanation for a terminal."""
    row, case = made.row, made.setting.case
    lines = [f"{title(row)}: {row['verdict'] or row['status']}"]
    if case.title:
        lines.append(f"  {case.title}")
    if case.source:
        lines.append(f"  source: {case.source}")
    lines += _numbers(made)
    if row.get("rule"):
        lines.append(f"  decided by the rule: {row['rule']}")
    if row["message"]:
        lines.append(f"  {row['message']}")
    if row["hint"]:
        lines.append(f"  looks like: {row['hint']}")
    lines += _fault_lines(made)
    lines += ["", *_element_lines(made), "", *_other_lines(made)]
    if made.curve is not None:
        lines += ["", *to_lines(made.curve, made.setting.dtype)]
    return "\n".join(lines)


def _numbers(made: Explanation) -> list[str]:
    row, truth = made.row, made.judgement.truth
    lines = []
    if truth.kind == "certified":
        lines.append(
            f"  referee: {truth.by}, certified: it agrees with the definition to "
            f"{digits_told(truth.digits)} along a random direction"
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


def _fault_lines(made: Explanation) -> list[str]:
    """The rules at fault, each with the way down to it from the output."""
    lines = []
    for fault in made.judgement.faults[:FAULTS]:
        lines += ["", f"the wrong rule: {fault}", "  from the output down to it:"]
        lines += [f"    {step}" for step in fault.chain]
    left = len(made.judgement.faults) - FAULTS
    return lines + ([f"… and {left} more"] if left > 0 else [])


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
