from __future__ import annotations

import math
from io import BytesIO
from pathlib import Path

import numpy as np

from xgrad.running import PRECISIONS, StepCurve

FALL = 1e3  # of the exact error from one step to the next, where curvature makes 10

# --- as text and as a picture --------------------------------------------------------------------


def to_lines(curve: StepCurve, dtype: str) -> list[str]:
    """The curve as numbers, every second step, and what it says."""
    lines = [
        f"step curve of {curve.element} = {curve.want:.8g}: relative error of {curve.formula}",
        f"  {'h':>8}" + "".join(f"{name:>12}" for name in PRECISIONS),
    ]
    for k in range(0, len(curve.steps), 2):
        here = "  <" if curve.marked and _near(curve.steps[k], curve.marked) else ""
        numbers = "".join(f"{curve.errors[name][k]:>12.1e}" for name in PRECISIONS)
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
    """Which of rounding, a kink and curvature is the cause, and the remedy."""
    assert curve.marked
    smooth = _beside_a_kink(curve)
    if mine > 3 * exact:
        width = curve.marked * (2 if curve.scheme == "central" else 1)
        return (
            f"the rest is rounding: {dtype} numbers near f are {curve.spacing:.2e} apart, so the "
            f"difference comes in multiples of {curve.spacing / width:.2g}; "
            "take a longer step or a wider type"
        )
    if smooth:
        return f"a kink or a jump lies within the step; take one of {smooth:.0e} or shorter"
    return "the step is too long for the curvature; take a shorter one"


def _beside_a_kink(curve: StepCurve) -> float | None:
    """The longest step that stays beside a kink which the marked one crosses; None without one.

    There the exact error falls at once, for good, and by more than any power of the step.
    """
    assert curve.marked
    errors = np.maximum(curve.errors["256 bits"], 1e-300)
    for k in range(1, len(errors)):
        crossed = curve.steps[k - 1] <= curve.marked * 1.01
        if crossed and np.all(errors[k:] < errors[k - 1] / FALL):
            return curve.steps[k]
    return None


def save_picture(curve: StepCurve, case: str, path: Path | BytesIO) -> None:
    """The curve as PNG, SVG or PDF, by the file's ending; as PNG where it is no file."""
    from matplotlib.figure import Figure  # not pyplot, whose backend is the caller's

    figure = Figure(figsize=(7.2, 4.6), layout="constrained")
    axes = figure.subplots()
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
    axes.set_title(f"{case}: {curve.element} = {curve.want:.6g}", loc="left")
    axes.grid(True, which="major", color="0.9")
    axes.legend(frameon=False)
    figure.savefig(path, dpi=150)
