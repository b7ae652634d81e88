"""The matrix draws the lines in view only: scrolled, filtered and by keyboard the right ones."""

import pytest
import saved_runs as saved
from browsing import (
    FILTER_SECONDS,
    NO_BROWSER,
    By,
    Keys,
    choose,
    press,
    seconds_of_a_filter,
    visit,
)

from xgrad.publication import reading
from xgrad.publication.run_pages import RunPages
from xgrad.publication.site import Site

pytestmark = NO_BROWSER

LINES, METHODS = 1_000, 6
DRAWN = 60  # rows at most, in a window of 900 pixels


def digits_of(line, method):
    """What the cell shows: no two neighbours alike."""
    return 1.0 + (7 * line + 3 * method) % 140 / 10


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The front page of a run of 1,000 lines × 6 methods; every fifth lacks its second method."""
    folder = tmp_path_factory.mktemp("lines")
    names = [f"case_{k:04d}" for k in range(LINES)]
    rows = [
        saved.row(name, technique=f"reverse:{m}", digits=digits_of(k, m), dtype="float64")
        for k, name in enumerate(names) for m in range(METHODS) if m != 1 or k % 5 != 4
    ]  # fmt: skip
    cases = [saved.described(name, field="many", code="", formulas=[]) for name in names]
    (run,) = reading.read_runs([saved.save(folder / "run", rows, cases=cases)])
    pages = RunPages(run, folder / "site" / "runs" / "a", Site(folder / "site").render)
    title, template, context = pages._index()
    pages._page("index.html", template, title, **context)
    return folder / "site" / "runs" / "a" / "index.html"


@pytest.fixture
def opened(browser, page):
    visit(browser, page)
    return browser


def drawn(browser):
    """Of each row in the page: its place, its case, and the number in each of its columns."""
    return browser.execute_script("""
        return [...document.querySelectorAll(".matrix tbody tr:not(.space)")].map((tr) => [
            Number(tr.getAttribute("aria-rowindex")) - 2, tr.querySelector("a").textContent,
            [...tr.cells].slice(1).map((td) => td.querySelector("b")?.textContent ?? "")]);
    """)


def in_view(browser):
    """The cases whose rows a reader sees, below the headings."""
    return browser.execute_script("""
        const frame = document.querySelector(".matrix").getBoundingClientRect();
        const top = document.querySelector(".matrix thead th").getBoundingClientRect().bottom;
        return [...document.querySelectorAll(".matrix tbody tr:not(.space)")].filter((tr) => {
            const box = tr.getBoundingClientRect();
            return box.bottom > top && box.top < frame.bottom;
        }).map((tr) => tr.querySelector("a").textContent);
    """)


def scroll(browser, pixels):
    browser.execute_async_script(
        """
        document.querySelector(".matrix").scrollTop = arguments[0];
        requestAnimationFrame(() => requestAnimationFrame(arguments[1]));
        """,
        pixels,
    )


def require_right(browser, lines):
    """Every row that is drawn stands where its line is, with the numbers of its line."""
    found = drawn(browser)
    assert len(found) <= DRAWN
    assert [place for place, *_ in found] == sorted(place for place, *_ in found)
    for place, name, numbers in found:
        k = lines[place]
        assert name == f"case_{k:04d}"
        want = [f"{digits_of(k, m):.1f}" for m in range(METHODS)]
        assert numbers == [n if m != 1 or k % 5 != 4 else "" for m, n in enumerate(want)]


@pytest.mark.parametrize("share", [0.0, 0.37, 0.8, 1.0])
def test_scrolling_shows_the_lines_of_that_place(opened, share):
    height = opened.execute_script("return document.querySelector('.matrix').scrollHeight")
    assert height == pytest.approx(44 * LINES, rel=0.01)
    scroll(opened, share * height)
    require_right(opened, range(LINES))
    seen = in_view(opened)
    room = height - opened.execute_script("return document.querySelector('.matrix').clientHeight")
    first = round(min(share * height, room) / 44)
    assert abs(int(seen[0][-4:]) - first) <= 1
    assert seen == [f"case_{int(seen[0][-4:]) + k:04d}" for k in range(len(seen))]
    assert 10 < len(seen) < 20
    assert opened.execute_script("return document.querySelector('.matrix').scrollHeight") == height


def test_a_filter_shows_its_lines_from_the_first(opened):
    scroll(opened, 40_000)
    choose(opened, "text", "7 gradient")
    lines = [k for k in range(LINES) if "7" in f"{k:04d}"]
    require_right(opened, lines)
    assert in_view(opened)[0] == "case_0007"
    scroll(opened, 3_000)
    require_right(opened, lines)
    rows = opened.find_element(By.CSS_SELECTOR, ".matrix table").get_attribute("aria-rowcount")
    assert int(rows) == len(lines) + 1
    assert opened.find_element(By.ID, "count").text == f"{len(lines)} of {LINES} lines"


def test_sorted_lines_stand_in_their_order(opened):
    press(opened, ".matrix thead th:nth-child(4) button")
    lines = sorted(range(LINES), key=lambda k: (digits_of(k, 2), k))
    require_right(opened, lines)
    scroll(opened, 30_000)
    require_right(opened, lines)
    press(opened, ".matrix thead th:nth-child(4) button")
    require_right(opened, sorted(range(LINES), key=lambda k: (-digits_of(k, 2), k)))


def test_columns_without_a_row_are_hidden_and_the_others_keep_their_width(opened):
    choose(opened, "text", "case_0004")
    script = """
        return [...document.querySelectorAll(".matrix thead th")].map((th) => th.offsetWidth);
    """
    widths = opened.execute_script(script)
    assert [w > 0 for w in widths] == [True, True, False] + [True] * (METHODS - 2)
    choose(opened, "text", "")
    scroll(opened, 9_000)
    assert min(opened.execute_script(script)) > 80


def test_the_cell_with_the_focus_keeps_it_when_scrolled_out_of_view_and_arrows_lead_back(opened):
    press(opened, ".matrix tbody tr:not(.space) td button")
    opened.switch_to.active_element.send_keys(Keys.ESCAPE)
    focus = "return document.activeElement.closest('tr')?.querySelector('a').textContent"
    assert opened.execute_script(focus) == "case_0000"
    scroll(opened, 40_000)
    assert opened.execute_script(focus) == "case_0000"
    assert "case_0000" not in in_view(opened)
    require_right(opened, range(LINES))
    for _ in range(44):
        opened.switch_to.active_element.send_keys(Keys.ARROW_DOWN)
    opened.switch_to.active_element.send_keys(Keys.ARROW_RIGHT)  # line 44 lacks its second method
    opened.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")
    assert opened.execute_script(focus) == "case_0044"
    assert "case_0044" in in_view(opened)
    require_right(opened, range(LINES))
    opened.switch_to.active_element.send_keys(Keys.ENTER)
    title = opened.find_element(By.ID, "details-title").text
    assert title == "case_0044 gradient, torch.reverse:2"
    tab_stops = "return document.querySelectorAll('.matrix td button[tabindex=\"0\"]').length"
    assert opened.execute_script(tab_stops) == 1


def test_a_printer_gets_every_line(opened):
    opened.execute_script("window.dispatchEvent(new Event('beforeprint'))")
    assert [name for _, name, _ in drawn(opened)] == [f"case_{k:04d}" for k in range(LINES)]
    assert not opened.find_elements(By.CSS_SELECTOR, ".matrix .space")
    opened.execute_script("window.dispatchEvent(new Event('afterprint'))")
    require_right(opened, range(LINES))


def test_a_filter_answers_in_a_tenth_of_a_second(browser, page):
    """From the choice to the finished layout, in 1,000 lines."""
    visit(browser, page)
    for on in ("case_1", "77", "nothing"):
        spent = seconds_of_a_filter(browser, "text", on, "")
        print(f"{on}: {1000 * spent:.0f} ms")
        assert spent < FILTER_SECONDS
