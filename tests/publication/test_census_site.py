"""A census of the size of torch's, as a reader meets it in a browser."""

import pytest
import saved_runs as saved
from browsing import FILTER_SECONDS, NO_BROWSER, By, choose, press, seconds_of_a_filter, visit, walk
from site_pages import only_run

from xgrad.publication import reading
from xgrad.publication.census_pages import CensusPages
from xgrad.publication.site import Site

OPERATIONS, MOST = 550, 300_000  # bytes of a page
DTYPES = ("float64", "float32", "bfloat16", "float16")


@pytest.fixture(scope="module")
def big(tmp_path_factory):
    """The front page of 550 operations × 12 columns, some of them not right."""
    folder = tmp_path_factory.mktemp("big")
    names = [f"torch.nn.functional.operation_{k:03d}" for k in range(OPERATIONS)]
    rows = saved.census_rows(names, samples=("sample 1", "halves"), dtypes=DTYPES)
    for k, row in enumerate(rows):
        if k % 17 == 0:
            row |= {"verdict": "unstable", "digits": 2.0}
        if k % 1009 == 0:
            row |= {"verdict": "disagrees", "digits": 0.5, "message": "off by a factor"}
    cases = [saved.described(name, field="census", code="", formulas=[]) for name in names]
    (run,) = reading.read_runs([saved.save(folder / "run", rows, cases=cases)])
    pages = CensusPages(run, folder / "site" / "runs" / "a", Site(folder / "site").render)
    title, template, context = pages._index()
    pages._page("index.html", template, title, **context)
    return folder / "site" / "runs" / "a" / "index.html"


def test_the_page_of_a_whole_framework_is_small(big):
    assert big.stat().st_size < MOST


def lines(browser):
    """The operations that are shown."""
    script = """
        const lines = [...document.querySelectorAll(".matrix tbody tr")];
        return lines.filter(r => !r.hidden).map(r => r.querySelector("a").textContent);
    """
    return browser.execute_script(script)


@NO_BROWSER
def test_filters_leave_the_outcomes_asked_for(browser, census):
    visit(browser, only_run(census) / "index.html")
    assert len(lines(browser)) == 8
    choose(browser, "outcome", "wrong")
    assert lines(browser) == ["t.wrong", "t.long"]
    choose(browser, "derivative", "jvp by forward")
    assert lines(browser) == ["t.long"]
    assert len(browser.find_elements(By.CSS_SELECTOR, ".matrix thead th")) == 7
    visible = [
        e for e in browser.find_elements(By.CSS_SELECTOR, ".matrix thead th") if e.is_displayed()
    ]
    assert len(visible) == 3
    choose(browser, "outcome", "any")
    choose(browser, "text", "unst")
    assert lines(browser) == ["t.unstable"]
    assert "derivative=jvp" in browser.current_url


@NO_BROWSER
def test_a_column_is_sorted_by_outcome_and_digits(browser, census):
    visit(browser, only_run(census) / "index.html")
    press(browser, ".matrix thead th:nth-child(3) button")  # vjp by reverse in float32
    assert lines(browser)[:4] == ["t.wrong", "t.known", "t.unstable", "t.vague"]
    assert lines(browser)[-1] == "t.absent"
    press(browser, ".matrix thead th:nth-child(3) button")
    assert lines(browser)[-2:] == ["t.wrong", "t.absent"]  # what is not there stands last


@NO_BROWSER
def test_a_filter_of_550_operations_answers_in_a_tenth_of_a_second(browser, big):
    visit(browser, big)
    for name, on in (("outcome", "wrong"), ("derivative", "jvp by forward"), ("text", "_01")):
        spent = seconds_of_a_filter(browser, name, on, "")
        print(f"{name}: {1000 * spent:.0f} ms")
        assert spent < FILTER_SECONDS


@NO_BROWSER
def test_pages_of_a_census_fit_the_width_and_log_nothing(browser, census, big):
    pages = [p for p in sorted(census.rglob("*.html")) if p.parent.name != "guide"]
    walked = walk(browser, [*pages, big])
    assert walked.wide == {}
    assert walked.logged == []


@NO_BROWSER
def test_without_a_script_the_operations_can_be_read(browser, census):
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        visit(browser, only_run(census) / "index.html")
        assert "1 of 3 disagrees" in browser.find_element(By.CSS_SELECTOR, ".matrix").text
        press(browser, ".matrix tbody tr:nth-child(2) a")
        assert browser.find_element(By.TAG_NAME, "h1").text == "t.wrong"
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
