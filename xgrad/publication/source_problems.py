"""Published derivative checks, quoted, beside what the saved rows find today."""

# ruff: noqa: E501  the table of problems reads as one

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import pandas as pd

from xgrad.publication.case_pages import FORMATS, short
from xgrad.publication.reading import Run, slug
from xgrad.publication.tables import to_html


@dataclass(frozen=True)
class Wanted:
    """Rows to show: of a case and an operator, those of some methods, with a caption."""

    case: str
    operator: str
    methods: tuple[str, ...]
    caption: str
    dtypes: tuple[str, ...] = ()
    point: str = ""


@dataclass(frozen=True)
class Problem:
    """One published check: what was printed, why it came out so, and which rows redo it."""

    title: str
    published: str
    explanation: str
    wanted: tuple[Wanted, ...]
    timed: str = ""  # the case whose timings stand beside published ones
    note: str = ""


AUTODIFF = ("*.reverse", "*.forward", "*.formula")
PROBLEMS = (
    Problem(
        "t-SNE: the gradient that is printed with a 4 and coded without",
        "Equation 5 of the t-SNE paper is 4 Σⱼ (pᵢⱼ − qᵢⱼ) wᵢⱼ (yᵢ − yⱼ). The reference "
        "implementation published beside it leaves out the 4.",
        "The direction is the same, and the step size absorbs the factor. "
        "Against the referee it is a constant factor 4. The printed formula itself is right only "
        "where Σp = 1 exactly, which floats meet to rounding; the case has the one for any Σp.",
        (Wanted("tsne_kl", "gradient", (*AUTODIFF, "*.formula:*", "numpy.differences"),
                "the gradient of the Kullback–Leibler divergence"),),
        note="The formula without the 4 is judged only where a run names it: xgrad run tsne_kl "
        "--method '*.formula*'. Its rows are then below, as formula:original.",
    ),
    Problem(
        "A sigmoid layer: formula, differences and gap in three columns",
        "The well-known exercise prints formula, central difference (ε = 1e-4, float32) and their "
        "gap; the gaps are 1e-3 to 2e-2, and a reader wonders which side is wrong.",
        "The difference is. In float32, rounding of the loss divided by the step is about as large "
        "as that gap: the method is inconclusive there, and the formula agrees within its tolerance.",
        (Wanted("sigmoid_layer", "gradient", ("numpy.formula", "numpy.differences:central@1e-4"),
                "the worst element: what was returned, the truth, the gap"),
         Wanted("linear_layer", "gradient", ("numpy.formula", "numpy.differences:central@1e-4"),
                "the linear layer likewise"),
         Wanted("mean_squared_error", "gradient", ("numpy.formula*", "numpy.differences:central@1e-4"),
                "the mean squared error likewise: half a sum in place of a mean is a constant factor")),
    ),
    Problem(
        "A trained network by its input: −0.0149 or −0.0095",
        "For one input of a trained network a difference in float32 with dx = 1e-6 gave −0.0149 "
        "where automatic differentiation gave −0.0095, and automatic differentiation was doubted.",
        "The difference is what was wrong: the rounding of f in float32, divided by a step of 1e-6, is "
        "as large as such slopes are. The notes below have both numbers. That network and its "
        "weights were not published; the case is another small trained one, where the same happens.",
        (Wanted("mlp_input", "gradient",
                ("numpy.differences:*@1e-6", "numpy.differences", "torch.reverse", "jax.reverse",
                 "numpy.formula"),
                "the worst element of the gradient by the input"),),
    ),
    Problem(
        "Softmax cross-entropy: 1.1e-7, 2.0e-16, and four timings",
        "Summed |difference| of the hand-derived gradient and autograd: 1.1e-7 in float32, 2.0e-16 "
        "in float64. The four timings, formula and autograd in both dtypes at 3200 × 3200, put the "
        "formula ahead by 1.24 times in float32 and 2.05 times in float64.",
        "Both are right to the last digits of their dtype. Below, each against the truth: the error "
        "is the largest over all elements, and the sum of two errors is at least the largest "
        "difference between the two methods. The plain formula spends its time on fresh memory, a "
        "one-hot matrix and a difference; formula:in_place is the same in one array, as one writes a "
        "backward pass by hand.",
        (Wanted("softmax_cross_entropy", "gradient", ("torch.formula*", "torch.reverse*",
                "jax.formula", "jax.reverse"), "each method against the truth"),),
        timed="softmax_cross_entropy",
    ),
    Problem(
        "Calculus with autograd: 0, 5, 8 and 6",
        "The error of sin′ and sin″ by autograd against cos and −sin: 0. The partial derivatives of "
        "(x + y)(y + 3) at (1, 2): 5 and 8. The divergence of ∇(x·x) in three dimensions, with the "
        "shortcut of a vector of ones: 6.",
        "All four are right. The 0 says that autograd and formula round alike: against the truth "
        "both have the half spacing that rounding leaves. The shortcut sums a row of the Jacobian "
        "per output, and is right only where that is diagonal; on a full Jacobian it is wrong.",
        (Wanted("sine", "derivative", ("torch.reverse", "torch.formula", "numpy.formula"), "sin′"),
         Wanted("sine", "second_derivative", ("torch.reverse", "torch.formula", "numpy.formula"), "sin″"),
         Wanted("product", "gradient", ("torch.reverse", "jax.reverse", "*.differences"),
                "the partial derivatives at (1, 2): of each method its worst element, the first "
                "where all are exact", point="textbook"),
         Wanted("square_gradient_field", "divergence", ("*.reverse", "*.reverse:ones"),
                "the divergence of ∇(x·x)"),
         Wanted("cyclic_field", "divergence", ("*.reverse", "*.reverse:ones"),
                "a field with a full Jacobian")),
    ),
)  # fmt: skip


def redo(run: Run, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The problems of which this run has rows, each with its tables."""
    found = []
    for problem in PROBLEMS:
        tables = [t for t in (_table(rows, wanted) for wanted in problem.wanted) if t]
        if not tables:
            continue
        present = {r["case"] for r in rows}
        found.append(
            {
                "id": slug(problem.title.partition(":")[0]),
                "title": problem.title,
                "published": problem.published,
                "explanation": problem.explanation,
                "tables": tables + _timings(run, problem.timed),
                "notes": [problem.note] if problem.note else [],
                "cases": [c for c in dict.fromkeys(w.case for w in problem.wanted) if c in present],
            }
        )
    return found


def _table(rows: Sequence[dict[str, Any]], wanted: Wanted) -> Any:
    mine = [
        r
        for r in rows
        if r["case"] == wanted.case
        and r["operator"] == wanted.operator
        and (not wanted.point or r["point"] == wanted.point)
        and any(fnmatchcase(r["method"], m) for m in wanted.methods)
        and r["status"] == "ok"
    ]
    if not mine:
        return None
    frame = pd.DataFrame(
        {
            "method": [r["method"] for r in mine],
            "dtype": [r["dtype"] for r in mine],
            "point": [r["point"] for r in mine],
            "size": [r["size"] for r in mine],
            "element": [r["worst"] for r in mine],
            "got": [r["got"] for r in mine],
            "truth": [r["want"] for r in mine],
            "gap": [abs(r["got"] - r["want"]) for r in mine],
            "error of all": [r["error"] for r in mine],
            "digits": [r["number"] for r in mine],
            "verdict": [f"{r['symbol']} {r['word']}" for r in mine],
            "notes": [f"looks like: {r['hint']}" if r["hint"] else r["message"] for r in mine],
        }
    )
    alike = [c for c in ("point", "size") if frame[c].nunique() == 1]
    frame = frame.drop(columns=alike + ([] if frame["notes"].any() else ["notes"]))
    styles = pd.DataFrame("", index=frame.index, columns=frame.columns)
    styles["verdict"] = [f"chip {r['style']}" for r in mine]
    caption = f"{wanted.case} {wanted.operator}: {wanted.caption}"
    formats = FORMATS | {"gap": short, "error of all": short}
    return to_html(frame, caption, formats=formats, styles=styles)


def _timings(run: Run, case: str) -> list[Any]:
    if run.timings is None or not case:
        return []
    part = run.timings[(run.timings["case"] == case) & (run.timings["derivative"] > 0)]
    if part.empty:
        return []
    from xgrad.publication.speed import timing_table

    return [timing_table(part, f"{case}: timings of this machine")]
