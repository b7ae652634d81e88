"""A real headless browser for the tests of pages: opening, choosing, and what a filter costs."""

import json
import shutil
import statistics
from contextlib import contextmanager
from typing import NamedTuple

import pytest

webdriver = pytest.importorskip("selenium.webdriver", reason="pip install selenium")
By = pytest.importorskip("selenium.webdriver.common.by").By
Keys = pytest.importorskip("selenium.webdriver.common.keys").Keys
Select = pytest.importorskip("selenium.webdriver.support.ui").Select

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
DRIVER = shutil.which("chromedriver")
NO_BROWSER = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="no browser: apt-get install chromium chromium-driver"
)
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
FILTER_SECONDS = 0.1


@contextmanager
def opened(profile):
    """A headless browser with a profile of its own."""
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.chrome.service.Service(DRIVER)
    driver = webdriver.Chrome(options=options, service=service)
    yield driver
    driver.quit()


def show_at(browser, width, dark):
    """Give the page a width and a colour scheme."""
    scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme})
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def visit(browser, path, *, width=1440, dark=False):
    """Open a page at a width and in a colour scheme."""
    show_at(browser, width, dark)
    browser.get("about:blank")
    browser.get(path.as_uri())


class Walk(NamedTuple):
    """What pages did: which are wider than they should be, what they logged, whom they asked."""

    pages: int
    wide: dict[tuple[str, int], list[int]]
    logged: list[str]
    asked: set[str]


def walk(browser, pages):
    """Visit each page once, and look at it on a desk and, dark, on a phone."""
    for log in ("browser", "performance"):
        browser.get_log(log)
    wide = {}
    for path in pages:
        visit(browser, path)
        for width in (1440, 375):
            show_at(browser, width, dark=width < 500)
            found = browser.execute_script(
                "return [document.documentElement.scrollWidth, innerWidth]"
            )
            if found[0] > width or found[1] != width:
                wide[path.name[:40], width] = found
    events = [json.loads(e["message"])["message"] for e in browser.get_log("performance")]
    sent = [e["params"] for e in events if e["method"] == "Network.requestWillBeSent"]
    logged = [entry["message"] for entry in browser.get_log("browser")]
    return Walk(len(pages), wide, logged, {each["request"]["url"] for each in sent})


def choose(browser, name, value):
    """Choose in a filter, as a reader does; returns nothing."""
    field = browser.find_element(By.NAME, name)
    if field.tag_name == "select":
        Select(field).select_by_visible_text(value)
    else:
        field.clear()
        field.send_keys(value)


def press(browser, css):
    browser.find_element(By.CSS_SELECTOR, css).click()


def busy(browser):
    """Seconds that the page's own thread has worked: other processes do not count."""
    found = browser.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
    spent = {m["name"]: m["value"] for m in found}
    return sum(spent[f"{k}Duration"] for k in ("Script", "Layout", "RecalcStyle"))


def seconds_of_a_filter(browser, name, on, off):
    """The median that a filter keeps the page busy, from the choice to the finished layout.

    Of the quietest of three rounds: two busy cores share more than their time.
    """
    browser.execute_cdp_cmd("Performance.enable", {"timeDomain": "threadTicks"})
    script = """
        const [name, value] = arguments, field = document.getElementsByName(name)[0];
        const started = performance.now();
        field.value = value;
        field.dispatchEvent(new Event("input", {bubbles: true}));
        document.querySelector(".matrix table").getBoundingClientRect();
        return performance.now() - started;
    """

    def spent(value):
        before = busy(browser)
        browser.execute_script(script, name, value)
        return busy(browser) - before

    return min(statistics.median(spent(v) for v in (on, off) * 5) for _ in range(3))
