"""The page of timings: plots first, which a reader narrows to a case and a method."""

import re

import pytest
import saved_runs as saved
from browsing import NO_BROWSER, By, choose, visit

from xgrad.publication import publish, reading, speed


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The page of a run of two cases that was timed."""
    folder = tmp_path_factory.mktemp("speed")
    rows = [saved.row(), saved.row("other")]
    runs = [saved.save(folder / "r", rows)]
    runs += [saved.save_timings(folder / "t", case="problem")]
    publish(runs, folder / "site")
    return next((folder / "site").rglob("speed.html"))


def test_plots_stand_before_tables_and_hovering_tells_what_a_mark_is_of(page):
    text = page.read_text()
    assert text.index("derivative ÷ function") < text.index("time of the first call")
    assert text.index("time of the first call") < text.index('id="tables"')
    titles = re.findall(r"<title>function: .*?</title>", text, re.DOTALL)
    assert titles
    assert all("torch.reverse, problem" in t or "torch.formula, problem" in t for t in titles)
    assert text.count("data-case=") >= 2  # a plot and a table


def test_what_was_not_timed_has_no_mark(tmp_path):
    run = saved.save(tmp_path / "r", [saved.row()])
    timed = reading.read_runs([run, saved.save_timings(tmp_path / "t")])[-1].timings
    assert len(list(speed.whole_plots(timed))) == 2
    assert not list(speed.whole_plots(timed.assign(derivative=0.0)))
    (only, _) = next(iter(speed.whole_plots(timed.assign(first_call=float("nan")))))
    assert "function itself" in only


@NO_BROWSER
def test_a_method_that_is_chosen_stays_and_the_others_fade(page, browser):
    visit(browser, page)
    names = {
        g.get_attribute("data-name") for g in browser.find_elements(By.CSS_SELECTOR, "[data-name]")
    }
    chosen = sorted(names)[0]
    choose(browser, "method", chosen)
    for line in browser.find_elements(By.CSS_SELECTOR, "[data-name]"):
        faded = line.value_of_css_property("opacity") != "1"
        assert faded == (line.get_attribute("data-name") != chosen)
    assert not [e for e in browser.get_log("browser") if e["level"] == "SEVERE"]
