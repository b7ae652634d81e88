"""Links lead somewhere, and colours can be told apart in light and dark."""

import re
from urllib.parse import unquote, urlsplit

import pytest
from site_pages import only_run, pages_of

from xgrad.judging import VERDICTS
from xgrad.publication import reading, tables


@pytest.mark.parametrize("which", ["many", "odd"])
def test_links_and_anchors_lead_somewhere(which, request):
    found = request.getfixturevalue(which)
    pages = pages_of(found[0] if which == "many" else found)
    for path, page in pages.items():
        assert len(page.ids) == len(set(page.ids)), path
        for link in page.links:
            parts = urlsplit(link)
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            assert target.exists(), (path, link)
            if parts.fragment:
                assert parts.fragment in pages[target].ids, (path, link)


def _luminance(colour):
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(a, b):
    """Of two colours, as the Web Content Accessibility Guidelines define it."""
    low, high = sorted((_luminance(a), _luminance(b)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_enough_in_light_and_dark():
    css = (reading.Path(tables.__file__).parent / "static" / "style.css").read_text()
    light, dark = (
        dict(re.findall(r"--([\w-]+): (#\w{6});", part)) for part in css.split("@media (prefers", 1)
    )
    assert light.keys() <= dark.keys()
    for colours in (light, dark):
        pairs = [(k, k.replace("-fg", "-bg")) for k in colours if k.endswith("-fg")]
        pairs += [(k, on) for k in ("text", "muted", "link") for on in ("bg", "panel")]
        assert len(pairs) > 8
        low = {p: contrast(colours[p[0]], colours[p[1]]) for p in pairs}
        assert {p: c for p, c in low.items() if c < 4.5} == {}
        series = {k: contrast(colours[k], colours["bg"]) for k in colours if k.startswith("series")}
        assert {k: c for k, c in series.items() if c < 3} == {}  # graphics need 3:1
    shades = {(v.name, shade): getattr(v, shade) for v in VERDICTS.values() for shade in NAMES}
    assert {k: contrast(*pair) for k, pair in shades.items() if contrast(*pair) < 4.5} == {}


NAMES = ("day", "night")


def test_every_verdict_has_its_colours_on_the_pages(odd):
    (sheet,) = odd.glob("style-*.css")
    assert f'href="../../{sheet.name}"' in (only_run(odd) / "index.html").read_text()
    page = sheet.read_text()
    for verdict in VERDICTS.values():
        for ground, text in (verdict.day, verdict.night):
            assert f".{verdict.name}{{background:{ground};color:{text}}}" in page
