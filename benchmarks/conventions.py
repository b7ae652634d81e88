"""What each framework returns where a derivative is a matter of convention, or a trap.

    python benchmarks/conventions.py > results/conventions.md

One row for each kinked or trapped element of the cases in `cases/conventions`: the slopes that the
referee found on either side, and the value that each framework returns in reverse and in forward
mode, and through its own library function.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

import xgrad
from xgrad.judging import Judge
from xgrad.problem import OPERATORS, Setting
from xgrad.running import environment
from xgrad.techniques import choose_methods, element_name

CASES = Path(__file__).parent.parent / "cases" / "conventions"
OPERATOR = OPERATORS["gradient"]
COLUMNS = {
    "torch.reverse": "torch reverse",
    "torch.forward": "torch forward",
    "jax.reverse": "jax reverse",
    "jax.forward": "jax forward",
}


def number(value):
    """A number as a reader writes it."""
    return "NaN" if np.isnan(value) else f"{value:.6g}"


def marked(value, low, high):
    """The value, bold where it is NaN or outside the slopes."""
    inside = low - 1e-9 <= value <= high + 1e-9
    return number(value) if inside else f"**{number(value)}**"


def slopes_of(truth, k):
    """Left and right slope of an element; the derivative twice where it is smooth."""
    if truth.left is None:
        return float(truth.high[k]), float(truth.high[k])
    return float(np.ravel(truth.left)[k]), float(np.ravel(truth.right)[k])


def rows_of(case):
    """One row for each element of each point that is kinked, or on which methods differ."""
    for size, point in case.places(list(case.sizes)):
        judge = Judge(Setting.make(case, size, point, "float64", 0), "cpu")
        truth = judge.truth(OPERATOR)
        methods = [m for m in choose_methods(case, None) if m.technique in ("reverse", "forward")]
        found = {m: judge.outcome(m, OPERATOR) for m in methods}
        values = {m: np.ravel(o.flat) for m, o in found.items() if o.flat is not None}
        for k in range(judge.setting.x_size):
            yield from row_of(case, judge, truth, values, point, k)


def row_of(case, judge, truth, values, point, k):
    """The row of one element, none where nothing is to be told."""
    left, right = slopes_of(truth, k) if truth.kind != "none" else (np.nan, np.nan)
    low, high = np.fmin(left, right), np.fmax(left, right)
    got = {str(m): float(v[k]) for m, v in values.items()}
    main = [got[m] for m in COLUMNS if m in got]
    differ = len({number(v + 0.0) for v in main}) > 1
    if left == right and np.allclose(main, left, rtol=1e-9):
        return  # smooth, and nobody is trapped
    row = {
        "function": case.title.partition(":")[0].rstrip(".").replace("|", "\\|"),
        "at": point,
        "element": element_name(OPERATOR, judge.setting, k),
        "left": number(left),
        "right": number(right),
    }
    for method, title in COLUMNS.items():
        row[title] = marked(got[method], low, high) if method in got else "–"
    others = {m: v for m, v in got.items() if ":" in m and not m.endswith(":func")}
    row["library functions"] = "; ".join(
        f"{m.partition('.')[0]} {m.partition(':')[2]} {marked(v, low, high)}"
        for m, v in others.items()
    )
    sides = {f: [v for m, v in others.items() if m.startswith(f)] for f in ("torch", "jax")}
    apart = all(sides.values()) and number(sides["torch"][0]) != number(sides["jax"][0])
    row["differ"] = "≠" if differ or apart else ""
    yield row


def main():
    cases = xgrad.load_cases(CASES)
    frame = pd.DataFrame([row for case in cases for row in rows_of(case)])
    about = environment.describe_machine()["versions"]
    print("# Derivatives by convention\n")
    print(
        f"{len(cases)} functions, torch {about['torch']}, jax {about['jax']}, float64 on the CPU. "
        "Left and right are the slopes on either side, from the definition in ball arithmetic "
        "(the same twice where the function is smooth: a trap, not a convention). **Bold**: NaN, "
        "or outside the set of slopes. ≠: the four columns, or the library functions, do not "
        "agree.\n"
    )
    print(frame.to_markdown(index=False, disable_numparse=True))


if __name__ == "__main__":
    sys.exit(main())
