"""A whole run in one picture: methods down, cases across, verdicts and digits as colours."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup

from xgrad.errors import UsageError, counted
from xgrad.publication.cells import FULL, LOOKS, Look
from xgrad.publication.plots import INK, PAPER, drawing, to_svg

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# The colours of styles, in the hues of the pages, the worst first: a square has the worst of its
# case.
COLOURS = {
    "disagrees": "#b3261e", "failed": "#3b3b3b", "known": "#e0763a", "unstable": "#8e5bb5",
    "inconclusive": "#d8b41f", "convention": "#2aa198", "bounded": "#5a9e54",
    "agrees": "#2f74c0",
}  # fmt: skip
FAINTEST = 0.3  # of a colour, where no digit is left
SHARE = 1 / 8  # of the cases that a method needs for a line of its own
WIDTH = 12.0  # inches


def draw_overview(rows: list[dict[str, Any]], *, inline: bool = True) -> Markup | Figure:
    """The picture of rows as `cells.listed` gives them: an `<svg>` for a page, or a figure.

    Raises `UsageError` where no method has been judged.
    """
    rows = [r for r in rows if r["method"] and r["style"] in COLOURS]
    if not rows:
        raise UsageError("an overview needs rows with verdicts: this run has none")
    fields = {r["case"]: r["field"] for r in rows}
    cases = sorted(fields, key=lambda case: (fields[case], case))
    methods, dtypes = _common_methods(rows, len(cases)), _in_order(rows)
    height = 1.5 + len(dtypes) * (0.35 + 0.2 * len(methods))
    with drawing(WIDTH, height, rows=len(dtypes)) as (figure, panels):
        for dtype, axes in zip(dtypes, panels, strict=True):
            here = [r for r in rows if r["dtype"] == dtype]
            _panel(axes, _squares(here, methods, cases), methods, dtype)
        _name_fields(panels[0], [fields[case] for case in cases])
        figure.legend(handles=_key(rows), loc="outside lower center", ncols=8, frameon=False)
        label = f"{counted(len(cases), 'case')} by {counted(len(methods), 'method')}"
        return to_svg(figure, {}, f"Verdicts and digits of {label}") if inline else figure


def save_overview(rows: list[dict[str, Any]], file: Path) -> None:
    """The picture in a file whose ending says the format: png, svg or pdf.

    Raises `UsageError` for another ending.
    """
    from matplotlib.backend_bases import FigureCanvasBase

    known = sorted(FigureCanvasBase.filetypes)
    if file.suffix.removeprefix(".") not in known:
        raise UsageError(f"{file}: a picture ends in one of {', '.join(known)}")
    figure: Any = draw_overview(rows, inline=False)
    FigureCanvasBase(figure).print_figure(file, dpi=120, facecolor=PAPER)


def _common_methods(rows: list[dict[str, Any]], cases: int) -> list[str]:
    """Those of many cases; the framework's others are in the matrix."""
    found: dict[str, set[str]] = {}
    for row in rows:
        found.setdefault(row["method"], set()).add(row["case"])
    return [m for m in found if len(found[m]) >= SHARE * cases]


def _in_order(rows: list[dict[str, Any]]) -> list[str]:
    there = {r["dtype"] for r in rows}
    return [d for d in FULL if d in there]


def _squares(rows: list[dict[str, Any]], methods: list[str], cases: list[str]) -> np.ndarray:
    """Red, green, blue and opacity of each method at each case; nothing where it has no row."""
    from matplotlib.colors import to_rgb

    rank, at = list(COLOURS), {case: k for k, case in enumerate(cases)}
    worst: dict[tuple[int, int], tuple[int, float]] = {}
    for row in rows:
        if row["method"] in methods:
            place = methods.index(row["method"]), at[row["case"]]
            seen = rank.index(row["style"]), row["share"] / 100
            worst[place] = min(worst.get(place, seen), seen)
    made = np.zeros((len(methods), len(cases), 4))
    for place, (k, share) in worst.items():
        exact = rank[k] in ("agrees", "bounded") and not share  # a truth of zero has no digits
        strength = 1.0 if exact or k < rank.index("bounded") else FAINTEST + (1 - FAINTEST) * share
        made[place] = *to_rgb(COLOURS[rank[k]]), strength
    return made


def _panel(axes: Any, squares: np.ndarray, methods: list[str], dtype: str) -> None:
    axes.imshow(squares, aspect="auto", interpolation="nearest")
    axes.set_yticks(range(len(methods)), methods, fontsize=8)
    axes.set_xticks([])
    axes.set_ylabel(dtype)
    axes.grid(visible=False)
    axes.tick_params(length=0)
    for edge in np.arange(0.5, len(methods) - 1):
        axes.axhline(edge, color=PAPER, linewidth=1.5)


def _name_fields(axes: Any, fields: list[str]) -> None:
    """The fields above their cases, slanted, with a mark where each begins."""
    starts = [k for k, field in enumerate(fields) if not k or field != fields[k - 1]]
    names = [fields[k].replace("_", " ") for k in starts]
    above = axes.secondary_xaxis("top")
    above.set_xticks([k - 0.5 for k in starts], names, rotation=45, ha="left", fontsize=8)
    above.tick_params(length=4, color=INK)


def _key(rows: list[dict[str, Any]]) -> list[Any]:
    """A square for each style that is there, with how many rows have it."""
    from matplotlib.patches import Patch

    counts = Counter(r["style"] for r in rows)
    words: dict[str, Look] = {look.style: look for look in reversed(LOOKS.values())}
    shown = [style for style in reversed(COLOURS) if counts[style]]
    made = [
        Patch(color=COLOURS[s], label=f"{counts[s]:,} {words[s].counted(counts[s])}") for s in shown
    ]
    pale = Patch(color=COLOURS["agrees"], alpha=FAINTEST, label="paler: fewer digits")
    return [*made, pale] if counts["agrees"] or counts["bounded"] else made
