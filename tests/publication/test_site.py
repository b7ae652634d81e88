"""The site as a reader meets it: in a real headless browser, from files."""

import pytest
import saved_runs as saved
from browsing import (
    NO_BROWSER,
    By,
    Keys,
    choose,
    press,
    visit,
    walk,
)
from site_pages import only_run

pytestmark = NO_BROWSER


@pytest.fixture(scope="module")
def many(many):
    """The pages of the only run."""
    site, _ = many
    return only_run(site)


def print_all(browser):
    """Have the page draw all its lines, as it does for a printer."""
    browser.execute_script("window.dispatchEvent(new Event('beforeprint'))")


def shown(browser):
    """The labels of the lines that are shown, in view or not, once the page has drawn them."""
    script = """
        const [lines, done] = [".matrix tbody a", arguments[arguments.length - 1]];
        const look = (left) => {
            window.dispatchEvent(new Event("beforeprint"));
            const labels = [...document.querySelectorAll(lines)].map((a) => a.textContent);
            const said = parseInt(document.getElementById("count").textContent);
            if (labels.length === said || !left) done(labels);
            else setTimeout(look, 20, left - 1);
        };
        look(50);
    """
    labels = browser.execute_async_script(script)
    browser.execute_script("window.dispatchEvent(new Event('afterprint'))")
    return labels


def test_filters_leave_what_was_asked_for(browser, many):
    visit(browser, many / "index.html")
    assert len(shown(browser)) == 100  # one dtype at first
    choose(browser, "operator", "hvp")
    assert len(shown(browser)) == 50
    choose(browser, "text", "case_011")
    assert shown(browser) == ["case_011"]
    assert browser.find_element(By.ID, "count").text == "1 of 200 lines"
    assert "operator=hvp" in browser.current_url
    press(browser, "#filters button[type=reset]")
    browser.execute_async_script("setTimeout(arguments[0], 20)")
    assert len(shown(browser)) == 100


def test_filters_by_field_and_verdict(browser, many):
    visit(browser, many / "index.html")
    choose(browser, "field", "field_3")
    assert {name[-1] for name in shown(browser)} == {"3"}
    choose(browser, "field", "all")
    choose(browser, "verdict", "disagrees")
    lines = shown(browser)
    print_all(browser)
    cells = browser.find_elements(By.CSS_SELECTOR, ".matrix td.disagrees")
    assert len(cells) >= len(lines) > 0


def test_a_link_with_filters_opens_as_it_was_left(browser, many):
    visit(browser, many / "index.html")
    browser.get((many / "index.html").as_uri() + "#operator=hvp&dtype=float32&text=case_01")
    assert shown(browser) == [f"case_{k:03d}" for k in (11, 13, 15, 17, 19)]


def test_lines_are_sorted_by_the_digits_of_a_method(browser, many):
    visit(browser, many / "index.html")
    script = """
        window.dispatchEvent(new Event("beforeprint"));
        const cells = document.querySelectorAll(".matrix tbody td:nth-child(3) b");
        return [...cells].map(b => Number(b.textContent));
    """
    press(browser, ".matrix thead th:nth-child(3) button")
    digits = browser.execute_script(script)
    assert digits == sorted(digits)
    assert len(digits) == 100
    press(browser, ".matrix thead th:nth-child(3) button")
    assert browser.execute_script(script) == sorted(digits, reverse=True)
    heading = browser.find_element(By.CSS_SELECTOR, ".matrix thead th:nth-child(3)")
    assert heading.get_attribute("aria-sort") == "descending"


def test_a_cell_opens_its_details_and_the_command(browser, many):
    visit(browser, many / "index.html")
    press(browser, ".matrix tbody tr:not(.space) td:nth-child(3) button")
    dialog = browser.find_element(By.ID, "details")
    assert dialog.is_displayed()
    assert "case_000 gradient, numpy.forward" in dialog.text
    command = browser.find_element(By.ID, "command").text
    assert (
        command
        == "xgrad explain cases/field/case_000.py::case_000 gradient numpy.forward --dtype float64"
    )
    terms = [t.text for t in browser.find_elements(By.CSS_SELECTOR, "#details dt")]
    assert {"error", "tolerance", "ulps", "worst", "got", "want", "referee"} <= set(terms)
    dialog.send_keys(Keys.ESCAPE)
    assert not dialog.is_displayed()


def test_the_matrix_is_used_by_keyboard(browser, many):
    visit(browser, many / "index.html")
    tab_stops = "return document.querySelectorAll('.matrix td button[tabindex=\"0\"]').length"
    assert browser.execute_script(tab_stops) == 1
    browser.execute_script("document.querySelector('.matrix td button[tabindex=\"0\"]').focus()")
    browser.switch_to.active_element.send_keys(Keys.ARROW_RIGHT)
    browser.switch_to.active_element.send_keys(Keys.ARROW_DOWN)
    browser.switch_to.active_element.send_keys(Keys.ENTER)
    assert "case_010 gradient, numpy.forward" in browser.find_element(By.ID, "details").text
    assert browser.execute_script(tab_stops) == 1


@pytest.fixture(scope="module")
def walked(browser, odd, many):
    """Every page of one site, and two of another."""
    pages = [*sorted(odd.rglob("*.html")), many / "index.html", many / "cases" / "case_001.html"]
    return walk(browser, pages)


def test_no_page_logs_an_error(walked):
    assert walked.logged == []


def test_no_page_asks_another_machine(walked):
    assert len(walked.asked) >= walked.pages
    assert not {u for u in walked.asked if not u.startswith(("file:", "data:", "about:"))}


def test_pages_fit_a_desk_and_a_phone(walked):
    assert walked.wide == {}


def test_names_that_mean_harm_are_texts(browser, odd):
    (run,) = (odd / "runs").glob("2026-11-21*")
    visit(browser, run / "index.html")
    choose(browser, "text", "alert(1)")
    assert saved.EVIL in shown(browser)
    line = browser.find_elements(By.CSS_SELECTOR, ".matrix tbody tr:not(.space)")[
        shown(browser).index(saved.EVIL)
    ]
    line.find_element(By.CSS_SELECTOR, "td button").click()
    assert saved.EVIL in browser.find_element(By.ID, "details").text
    assert browser.execute_script("return document.querySelectorAll('img').length") == 0


@pytest.mark.parametrize("dark", [False, True])
def test_plots_are_drawn_in_the_colours_of_the_page(browser, odd, dark):
    (run,) = (odd / "runs").glob("2026-11-22*")
    visit(browser, run / "cases" / "problem.html", dark=dark)
    drawn = browser.execute_script("""
        const svg = document.querySelector("figure svg"), box = svg.getBoundingClientRect();
        const ink = getComputedStyle(svg.querySelector("text")).fill;
        return [box.width, box.height, ink, svg.querySelectorAll("title").length];
    """)
    assert drawn[0] > 300
    assert drawn[1] > 150
    assert drawn[2] == ("rgb(231, 234, 238)" if dark else "rgb(27, 31, 36)")
    assert drawn[3] == 3  # sizes, each with its lines


def test_without_a_script_a_run_can_be_read(browser, many):
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        visit(browser, many / "index.html")
        assert not browser.find_element(By.ID, "live").is_displayed()
        assert "each case's page has all its rows" in browser.find_element(By.ID, "content").text
        press(browser, "ul.list a")
        assert browser.find_element(By.TAG_NAME, "h1").text == "case_000"
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
