"""Lines over decades as small SVG: hundreds of pages have one, which tells its numbers."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from markupsafe import Markup

WIDTH, HEIGHT = 680.0, 380.0  # of the whole, in its own units
LEFT, RIGHT, TOP, BOTTOM = 78.0, 150.0, 12.0, 52.0  # of the plane: the names of lines stand right
ROW = 19.0  # from one name to the next
TICKS = 9  # at most, on an axis
COLOURS = 6  # of the style sheet
DASHES = ("", "7 3", "2 3", "9 3 2 3")  # of lines that share a colour
# A mark is what follows its place in a path: a disc and a square are the caps of a line without
# length, whose width the style sheet has. A colour is not all that tells lines apart.
MARKS = {"disc": "z", "square": "h0", "diamond": "m0-3l3 3-3 3-3-3z", "triangle": "m0-3l3 6h-6z"}
SHAPES = tuple(MARKS)
Text = Callable[[float], str]


class Mark(NamedTuple):
    """A point of a line, and what hovering says of it."""

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
    head: Text,
    *,
    falling: bool = False,
    joined: bool = True,
) -> Markup:
    """An <svg> of lines by name; `names` and `texts` are of the axes and of their ticks.

    Hovering tells the numbers of all marks in a column, below what `head` says of it.

    All coordinates are positive. A `falling` x axis has its largest value on the left. Marks that
    are not `joined` have no line from one to the next. The plane grows with the names beside it.
    """
    marks = [mark for line in lines.values() for mark in line]
    ends = (LEFT, WIDTH - RIGHT)
    across = Axis.of([m.x for m in marks], *(reversed(ends) if falling else ends))
    low = max(HEIGHT - BOTTOM, TOP + len(lines) * ROW)
    up = Axis.of([m.y for m in marks], low, TOP)
    parts = [*_frame(across, up, names, texts), *_columns(marks, across, up, head)]
    for k, (name, line) in enumerate(lines.items()):
        parts += _line(k, name, sorted(line), across, up, joined)
    told, size = html.escape(label), f"{WIDTH:g} {low + BOTTOM:g}"
    whole = f'<svg class="plot" role="img" aria-label="{told}" viewBox="0 0 {size}">'
    return Markup(f"{whole}{''.join(parts)}</svg>")


def _frame(across: Axis, up: Axis, names: tuple[str, str], texts: tuple[Text, Text]) -> list[str]:
    """Grid, ticks and the names of the axes."""
    low, right = up.start, WIDTH - RIGHT
    columns = [(_number(across.at(t)), texts[0](t)) for t in across.ticks]
    lines = [(up.at(t), texts[1](t)) for t in up.ticks]
    grid = [f"M{x} {TOP:g}V{low:g}" for x, _ in columns]
    grid += [f"M{LEFT:g} {_number(y)}H{right:g}" for y, _ in lines]
    return [
        f'<path class="grid" d="{"".join(grid)}"/><path class="axes" d="M{LEFT:g} {TOP:g}V{low:g}',
        f'H{right:g}"/><g class="middle">',
        *(_text(x, _number(low + 17), text) for x, text in columns),
        _text(_number((LEFT + right) / 2), _number(low + BOTTOM - 10), names[0]),
        f'<text transform="translate(14 {_number((TOP + low) / 2)})rotate(-90)">',
        f'{html.escape(names[1])}</text></g><g class="end">',
        *(_text(_number(LEFT - 7), _number(y + 4), text) for y, text in lines),
        "</g>",
    ]


def _columns(marks: list[Mark], across: Axis, up: Axis, head: Text) -> Iterator[str]:
    """For each place of marks an upright line, seen on hovering, that tells their numbers."""
    found: dict[float, list[str]] = {}
    for mark in marks:
        found.setdefault(mark.x, [head(mark.x)]).append(mark.title)
    yield '<g class="told">'
    for x, titles in found.items():
        text = html.escape("\n".join(titles), quote=False)
        path = f"M{_number(across.at(x))} {TOP:g}V{up.start:g}"
        yield f'<path d="{path}"><title>{text}</title></path>'
    yield "</g>"


def _line(k: int, name: str, line: list[Mark], across: Axis, up: Axis, joined: bool) -> list[str]:
    """One line with its marks, and its name beside the plane."""
    points = [f"{_number(across.at(m.x))} {_number(up.at(m.y))}" for m in line]
    x, y = WIDTH - RIGHT + 14, TOP + 12 + k * ROW
    dashes = DASHES[k // COLOURS % len(DASHES)]
    style = f' stroke-dasharray="{dashes}"' if dashes else ""
    shape = SHAPES[k % len(SHAPES)]
    marks = "".join(f"M{point}{MARKS[shape]}" for point in (*points, f"{_number(x)} {_number(y)}"))
    drawn = f'<path class="line" d="M{" ".join(points)}"{style}/>' if joined else ""
    return [
        f'<g class="s{k % COLOURS + 1} {shape}" data-name="{html.escape(name)}">',
        f'{drawn}<path d="{marks}"/></g>',
        _text(_number(x + 9), _number(y + 4), name),
    ]


def _number(value: float) -> str:
    """A place to a tenth of a unit."""
    return f"{value:.1f}".removesuffix(".0")


def _text(x: str, y: str, text: str) -> str:
    return f'<text x="{x}" y="{y}">{html.escape(text)}</text>'
