"""Lines over decades: where marks stand, what they say, and that nothing leaves the plane."""

import re
import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xgrad.publication.loglog import HEIGHT, LEFT, RIGHT, TICKS, TOP, WIDTH, Axis, Mark, draw_lines

SIZES = st.floats(1e-300, 1e300)


def drawn(lines, **options):
    """The picture, parsed."""
    names, texts = ("x", "y <&>"), (str, str)
    return ET.fromstring(
        str(draw_lines(lines, 'a "label" & more', names, texts, lambda x: f"x = {x}", **options))
    )


def corners(path):
    """The points of a line."""
    numbers = list(map(float, re.findall(r"-?[\d.]+", path.get("d"))))
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def line_of(picture):
    (path,) = picture.iterfind(".//path[@class='line']")
    return corners(path)


@given(st.lists(st.tuples(SIZES, SIZES), min_size=1, max_size=30))
def test_every_mark_is_in_the_plane_and_says_what_it_is(points):
    marks = [Mark(x, y, f"{x} & {y}") for x, y in points]
    picture = drawn({"line": marks})
    told: dict = {}
    for mark in marks:
        told.setdefault(mark.x, [f"x = {mark.x}"]).append(mark.title)
    assert [t.text for t in picture.iter("title")] == ["\n".join(t) for t in told.values()]
    for x, y in line_of(picture):
        assert LEFT - 0.1 <= x <= WIDTH - RIGHT + 0.1
        assert TOP - 0.1 <= y <= HEIGHT


@given(SIZES, SIZES)
def test_an_axis_has_whole_decades_and_few_ticks(a, b):
    axis = Axis.of([a, b], 0.0, 100.0)
    assert axis.high > axis.low
    assert axis.at(min(a, b)) == pytest.approx(0.0, abs=100.0 / (axis.high - axis.low))
    assert len(axis.ticks) <= TICKS + 1
    assert all(-1e-6 <= axis.at(tick) <= 100.0 + 1e-6 for tick in axis.ticks)


def test_equal_ratios_are_equal_distances_and_a_falling_axis_runs_left():
    marks = [Mark(10.0**-k, 10.0**-k, "") for k in range(4)]
    for falling, signs in ((False, 1), (True, -1)):
        points = line_of(drawn({"line": marks}, falling=falling))
        steps = [b[0] - a[0] for a, b in pairwise(points)]
        assert steps == pytest.approx([steps[0]] * 3, abs=0.11)
        assert steps[0] * signs > 0
        assert [b[1] < a[1] for a, b in pairwise(points)] == [True] * 3


def test_lines_are_told_apart_without_colours_and_named():
    marks = [Mark(1.0, 1.0, ""), Mark(10.0, 100.0, "")]
    picture = drawn({f"line {k}": marks for k in range(8)})
    groups = [g for g in picture.findall("g") if g.find("path[@class='line']") is not None]
    shapes = [
        g[-1].get("d").rpartition("M")[2].partition(" ")[2].lstrip("0123456789.") for g in groups
    ]
    caps = [g.get("class").split()[1] for g in groups]
    dashes = [g.find("path").get("stroke-dasharray") for g in groups]
    looks = set(zip(shapes, caps, dashes, strict=True))
    assert len(looks) >= 5
    texts = [t.text for t in picture.iter("text")]
    assert [t for t in texts if t.startswith("line")] == [f"line {k}" for k in range(8)]
    assert "y <&>" in texts
    assert picture.get("aria-label") == 'a "label" & more'
