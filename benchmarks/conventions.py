"""What each framework returns where a derivative is a matter of convention, or a trap.

    python benchmarks/conventions.py > results/conventions.md
    python benchmarks/conventions.py --complex  # the part on complex numbers alone

One row for each kinked or trapped element of the cases in `cases/conventions`: the slopes that the
referee found on either side, and the value that each framework returns in reverse and in forward
mode, and through its own library function.
"""

import argparse
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


COMPLEX = """## Complex numbers

A derivative by complex numbers is judged as that of real functions of the pairs (re, im). Of a
cotangent w = a + ib of y = u + iv torch's vjp returns ∂/∂re + i ∂/∂im of Re Σ w̅ y = Σ a u + b v,
and JAX's ∂/∂re − i ∂/∂im of Re Σ w y = Σ a u − b v: the conjugate of torch's at the conjugate
cotangent. Gradients of real functions are so conjugates of each other, and twice ∂/∂z̄ and twice
∂/∂z. Tangents (jvp) are the same in both: no conjugate. `jax.grad(holomorphic=True)` is f' where
the Cauchy–Riemann equations hold. At z = 1 − 2i, with w = 3 + i where there is a cotangent, in
pairs what xgrad judges:
"""
POINT, COTANGENT = 1.0 - 2.0j, 3.0 + 1.0j
FUNCTIONS = {  # by name: with xp, and whether the value is complex
    "abs(z)**2": (lambda xp, z: xp.abs(z) ** 2, False),
    "real(z**2)": (lambda xp, z: xp.real(z * z), False),
    "angle(z)": (lambda xp, z: xp.angle(z), False),
    "z**3": (lambda xp, z: z * z * z, True),
    "conj(z)": (lambda xp, z: xp.conj(z), True),
    "exp(z)": (lambda xp, z: xp.exp(z), True),
}


def complex_rows():
    """What each framework itself returns, beside the truth in pairs of reals."""
    import jax
    import jax.numpy as jnp
    import torch

    for name, (function, has_complex_value) in FUNCTIONS.items():
        case = xgrad.case(name=name)(lambda xp, z, f=function: f(xp, z))
        case.point("here")(lambda: {"z": np.array(POINT)})
        setting = Setting.make(case, "small", "here", "float64", 0)
        setting.__dict__["w"] = np.array([COTANGENT.real, COTANGENT.imag])
        operator = OPERATORS["vjp" if has_complex_value else "gradient"]
        truth = np.ravel(Judge(setting, "cpu").truth(operator).high)
        z, w = torch.tensor(POINT, requires_grad=True), torch.tensor(COTANGENT)
        y = function(torch, z)
        (by_torch,) = torch.autograd.grad(y, z, w if has_complex_value else None)
        with jax.enable_x64(True):
            y, pull = jax.vjp(lambda z, f=function: f(jnp, z), jnp.asarray(POINT))
            (by_jax,) = pull(jnp.asarray(COTANGENT) if has_complex_value else jnp.ones_like(y))
        yield {
            "function": name,
            "asked": operator.name,
            "∂/∂re, ∂/∂im": ", ".join(map(number, truth)),
            "torch returns": f"{complex(by_torch):.6g}",
            "JAX returns": f"{complex(by_jax):.6g}",
        }


def tell_complex():
    print(COMPLEX)
    print(pd.DataFrame(complex_rows()).to_markdown(index=False, disable_numparse=True))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--complex", action="store_true", help="complex numbers alone")
    if parser.parse_args().complex:
        return tell_complex()
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
    print()
    return tell_complex()


if __name__ == "__main__":
    sys.exit(main())
