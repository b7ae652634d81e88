"""Plots as SVG inside a page, in its colours, with titles on hovering."""

from __future__ import annotations

import html
import io
import math
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from xgrad.publication.cells import FULL
from xgrad.publication.loglog import Mark, draw_lines
from xgrad.table import records
from xgrad.telling import label_of, method_of, quantity

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

INK = "#010203"  # stands for the page's text colour
PAPER = "#fefdfc"  # stands for what is behind it
SERIES = tuple(f"#01020{k}" for k in range(4, 10))  # stand for --series-1 … of the style sheet
MARKERS = "osD^vP"
SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none", "svg.hashsalt": "xgrad", "font.size": 10, "font.family": "sans-serif",
    "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": INK, "xtick.color": INK,
    "ytick.color": INK, "axes.spines.top": False, "axes.spines.right": False,
    "text.parse_math": False,
}  # fmt: skip


@contextmanager
def drawing(width: float, height: float, rows: int = 0) -> Iterator[tuple[Figure, Any]]:
    """A figure and its axes, a list of them for so many rows; away from any global state."""
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasSVG(figure)
        panels = [figure.add_subplot(max(rows, 1), 1, k + 1) for k in range(max(rows, 1))]
        for axes in panels:
            axes.grid(True, alpha=0.25, linewidth=0.6, color=INK)
            axes.set_axisbelow(True)
        yield figure, panels if rows else panels[0]


def to_svg(figure: Figure, titles: dict[str, str], label: str) -> Markup:
    """The figure as an <svg>; `label` tells of all, `titles` of artists by their `gid`."""
    out = io.StringIO()
    figure.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = out.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r' xmlns(:xlink)?="[^"]*"', "", text).replace("xlink:href", "href")
    text = _shorter(text).replace(INK, "currentColor").replace(PAPER, "var(--bg)")
    for k, colour in enumerate(SERIES, start=1):
        text = text.replace(colour, f"var(--series-{k})")
    for gid, title in titles.items():
        text = text.replace(f'<g id="{gid}">', f"<g><title>{html.escape(title)}</title>", 1)
    text = _own_ids(text, label)
    text = re.sub(r'<svg width="[^"]*" height="[^"]*"', "<svg", text, count=1)
    text = re.sub(r"<svg ", f'<svg role="img" aria-label="{html.escape(label)}" ', text, count=1)
    return Markup(text)


def _shorter(text: str) -> str:
    """Without what changes nothing: spaces, digits beyond a hundredth of a pixel, the font."""
    text = re.sub(r">\s+<", "><", text)
    text = re.sub(r'(?<=[\s"])(-?\d+\.\d\d)\d+(?=[\s"])', r"\1", text)
    text = re.sub(r" font-family: [^;\"]*;", "", text)
    return re.sub(r' transform="rotate\(-0 [^)]*\)"', "", text)


def _own_ids(text: str, label: str) -> str:
    """Ids that other plots of the page do not share; those that nothing uses are dropped."""
    mine = f"p{zlib.crc32(label.encode()):08x}-"
    used = set(re.findall(r'href="#([^"]+)"', text)) | set(re.findall(r"url\(#([^)]+)\)", text))
    text = re.sub(r' id="([^"]+)"', lambda m: f' id="{mine}{m[1]}"' if m[1] in used else "", text)
    return re.sub(r'(href="#|url\(#)', rf"\1{mine}", text)


def draw_digits(frame: pd.DataFrame, methods: list[str]) -> Markup:
    """For each method its digits of agreement: a line from least to most, a mark at the median."""
    judged = frame[frame["digits"].notna() & (frame["framework"] != "")]
    judged = judged.assign(method=[method_of(r) for r in records(judged)])
    dtypes = [d for d in FULL if d in set(judged["dtype"])]
    methods = [m for m in methods if m in set(judged["method"])]
    titles: dict[str, str] = {}
    with drawing(8.4, 0.9 + 0.27 * len(methods)) as (figure, axes):
        for k, dtype in enumerate(dtypes):
            for gid, place, part in _by_method(judged, dtype, methods):
                at = place + 0.22 * (k - (len(dtypes) - 1) / 2)
                low, high, middle = part.min(), part.max(), part.median()
                style = {"color": SERIES[k % 6], "solid_capstyle": "round"}
                axes.plot([low, high], [at, at], linewidth=2.2, alpha=0.55, **style)
                axes.plot(
                    [middle], [at], MARKERS[k % 6], color=SERIES[k % 6], markersize=6, gid=gid
                )
                least = _place(judged.iloc[judged.index.get_loc(part.idxmin())])
                titles[gid] = (
                    f"{methods[place]}, {dtype}: median {middle:.1f}, from {low:.1f} to {high:.1f} "
                    f"digits in {len(part):,} rows; least: {least}"
                )
            axes.plot([], [], MARKERS[k % 6] + "-", color=SERIES[k % 6], label=dtype)
        axes.set_yticks(range(len(methods)), methods)
        axes.invert_yaxis()
        axes.set_xlabel("digits of agreement with the referee: least, median, most")
        if dtypes:
            axes.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=4)
        return to_svg(figure, titles, "Digits of agreement of each method")


def _by_method(
    judged: pd.DataFrame, dtype: str, methods: list[str]
) -> Iterator[tuple[str, int, pd.Series]]:
    here = judged[judged["dtype"] == dtype]
    for place, method in enumerate(methods):
        part = here.loc[here["method"] == method, "digits"]
        if len(part):
            yield f"point-{dtype}-{place}", place, part


def _place(row: Any) -> str:
    return f"{label_of(row)} {row['operator']}"


def draw_times(timings: pd.DataFrame, label: str) -> Markup:
    """Seconds of one derivative against the number of inputs, log-log, a line for each method."""

    def told(row: Any) -> str:
        return (
            f"{row['series']}: {row['derivative']:.4g} s (± {row['iqr']:.2g} s), "
            f"{row['ratio']:.3g} × value"
        )

    lines = _lines(timings, ("series", "inputs", "derivative"), told)
    names, texts = ("inputs", "time of one derivative"), (_count, _seconds)
    return draw_lines(lines, label, names, texts, lambda n: f"{_count(n)} inputs")


def draw_ratios(timings: pd.DataFrame, label: str) -> Markup:
    """A derivative's time over the function's own, against that, a mark for each timing."""
    lines = _lines(timings, ("series", "value", "ratio"), _timed)
    names, texts = ("time of the function", "derivative ÷ function"), (_seconds, _times)
    return draw_lines(lines, label, names, texts, lambda s: f"function: {s:.3g} s", joined=False)


def draw_first_calls(timings: pd.DataFrame, label: str) -> Markup:
    """The first call's time against that of later ones, a mark for each timing."""
    lines = _lines(timings, ("series", "derivative", "first_call"), _timed)
    names, texts = ("time of one derivative", "time of the first call"), (_seconds, _seconds)
    return draw_lines(lines, label, names, texts, lambda s: f"later calls: {s:.3g} s", joined=False)


def _timed(row: Any) -> str:
    """What a mark is of, and its numbers."""
    return (
        f"{row['series']}, {row['case']} {row['operator']} {row['size']}: {row['ratio']:.3g} × "
        f"function, first call {row['first_call']:.3g} s"
    )


def draw_curve(curve: pd.DataFrame, label: str) -> Markup:
    """The error of a plain difference against its step, log-log, a line for each precision."""

    def told(row: Any) -> str:
        return f"{row['precision']}: {row['relative_error']:.2e}"

    shown = curve[curve["relative_error"].between(0.0, math.inf, inclusive="neither")]
    lines = _lines(shown, ("precision", "step", "relative_error"), told)
    names, texts = ("step h", "relative error"), (_power, _power)
    return draw_lines(lines, label, names, texts, lambda h: f"h = {h:.1e}", falling=True)


def _lines(
    frame: pd.DataFrame, columns: tuple[str, str, str], told: Callable[[Any], str]
) -> dict[str, list[Mark]]:
    """A line for each group of a frame."""
    group, x, y = columns
    return {
        str(name): [Mark(row[x], row[y], told(row)) for row in records(part)]
        for name, part in frame.groupby(group, sort=False)
    }


def _times(value: float) -> str:
    return f"{value:g} ×"


def _count(value: float) -> str:
    return f"{value:,.0f}"


def _seconds(value: float) -> str:
    return re.sub(r"\.0+ ", " ", quantity(value, "s"))


def _power(value: float) -> str:
    return f"{value:.0e}"
