"""Lines over decades as small SVG: hundreds of pages have one, each mark tells its numbers."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from markupsafe import Markup

WIDTH, HEIGHT = 680.0, 380.0  # of the whole, in its own units
LEFT, RIGHT, TOP, BOTTOM = 78.0, 150.0, 12.0, 52.0  # of the plane: the names of lines stand right
ROW = 19.0  # from one name to the next
TICKS = 9  # at most, on an axis
COLOURS = 6  # of the style sheet
DASHES = ("", "7 3", "2 3", "9 3 2 3")  # of lines that share a colour
MARK = 3.0  # half the size of one
Text = Callable[[float], str]


class Mark(NamedTuple):
    """A point of a line and what it says on hovering."""

    x: float
    y: float
    title: str


@dataclass(frozen=True)
class Axis:
    """The decades of one axis, between two ends of the plane."""

    low: float
    high: float
    start: float
    end: float

    @classmethod
    def of(cls, values: Sequence[float], start: float, end: float) -> Axis:
        """From the decade below to the one above what is there."""
        low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
        return cls(low, max(high, low + 1), start, end)

    def at(self, value: float) -> float:
        """Where a value stands."""
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    @property
    def ticks(self) -> list[float]:
        """Powers of ten, as many as fit."""
        step = math.ceil((self.high - self.low) / TICKS)
        return [10.0**k for k in range(int(self.low), int(self.high) + 1) if k % step == 0]


def draw_lines(
    lines: dict[str, list[Mark]],
    label: str,
    names: tuple[str, str],
    texts: tuple[Text, Text],
    *,
    falling: bool = False,
) -> Markup:
    """An <svg> of lines by name; `names` and `texts` are of the axes and of their ticks.

    All coordinates are positive. A `falling` x axis has its largest value on the left.
    """
    marks = [mark for line in lines.values() for mark in line]
    ends = (LEFT, WIDTH - RIGHT)
    across = Axis.of([m.x for m in marks], *(reversed(ends) if falling else ends))
    up = Axis.of([m.y for m in marks], HEIGHT - BOTTOM, TOP)
    parts = [*_frame(across, up, names, texts)]
    for k, (name, line) in enumerate(lines.items()):
        parts += _line(k, name, sorted(line), across, up)
    told = html.escape(label)
    whole = f'<svg class="plot" role="img" aria-label="{told}" viewBox="0 0 {WIDTH:g} {HEIGHT:g}">'
    return Markup(f"{whole}{''.join(parts)}</svg>")


def _frame(across: Axis, up: Axis, names: tuple[str, str], texts: tuple[Text, Text]) -> list[str]:
    """Grid, ticks and the names of the axes."""
    low, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    grid = [f"M{across.at(t):.1f} {TOP:g}V{low:g}" for t in across.ticks]
    grid += [f"M{LEFT:g} {up.at(t):.1f}H{right:g}" for t in up.ticks]
    made = [f'<path class="grid" d="{"".join(grid)}"/>']
    made.append(f'<path class="axes" d="M{LEFT:g} {TOP:g}V{low:g}H{right:g}"/>')
    made += [_text(across.at(t), low + 17, texts[0](t), "middle") for t in across.ticks]
    made += [_text(LEFT - 7, up.at(t) + 4, texts[1](t), "end") for t in up.ticks]
    made.append(_text((LEFT + right) / 2, HEIGHT - 10, names[0], "middle"))
    turned = _text(-(TOP + low) / 2, 14, names[1], "middle")
    return [*made, turned.replace("<text ", '<text transform="rotate(-90)" ', 1)]


def _line(k: int, name: str, line: list[Mark], across: Axis, up: Axis) -> list[str]:
    """One line with its marks, and its name beside the plane."""
    points = [(across.at(m.x), up.at(m.y)) for m in line]
    path = " ".join(f"{x:.1f} {y:.1f}" for x, y in points)
    dashes = DASHES[k // COLOURS % len(DASHES)]
    style = f' stroke-dasharray="{dashes}"' if dashes else ""
    here = WIDTH - RIGHT + 14, TOP + 12 + k * ROW
    return [
        f'<g class="s{k % COLOURS + 1}"><path class="line" d="M{path}"{style}/>',
        *(f"<g>{_mark(k, x, y)}<title>{html.escape(m.title)}</title></g>"
          for (x, y), m in zip(points, line, strict=True)),
        f"{_mark(k, *here)}</g>", _text(here[0] + 9, here[1] + 4, name, "start"),
    ]  # fmt: skip


def _mark(k: int, x: float, y: float) -> str:
    """A disc, a square, a diamond or a triangle: a colour is not all that tells lines apart."""
    r = MARK
    shapes = (f"M{x - r:.1f} {y:.1f}a{r:g} {r:g} 0 1 0 {2 * r:g} 0a{r:g} {r:g} 0 1 0 -{2 * r:g} 0",
              f"M{x - r:.1f} {y - r:.1f}h{2 * r:g}v{2 * r:g}h-{2 * r:g}z",
              f"M{x:.1f} {y - r:.1f}l{r:g} {r:g}l-{r:g} {r:g}l-{r:g} -{r:g}z",
              f"M{x:.1f} {y - r:.1f}l{r:g} {2 * r:g}h-{2 * r:g}z")  # fmt: skip
    return f'<path d="{shapes[k % len(shapes)]}"/>'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{html.escape(text)}</text>'
