"""Pages of a published site: what they hold, and the command that makes them."""

import html.parser

from click.testing import CliRunner

from xgrad.cli import main


class Page(html.parser.HTMLParser):
    """The tags of a page: ids, links, whatever would load something, and texts by tag."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.loads, self.handlers, self.tags = [], [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.tags.append((tag, given))
        if "id" in given:
            self.ids.append(given["id"])
        if tag == "a":
            self.links.append(given.get("href", ""))
        elif tag != "link" or not given.get("href", "").startswith("data:"):
            self.loads += [given[k] for k in ("src", "href") if given.get(k, "#")[:1] != "#"]
        self.handlers += [k for k in given if k.startswith("on")]


def pages_of(site):
    """Every page of a site."""
    return {p: Page(p.read_text()) for p in sorted(site.rglob("*.html"))}


def only_run(site, date="2026-11-21"):
    (found,) = site.glob(f"runs/{date}-*")
    return found


def called(*words):
    return CliRunner().invoke(main, ["publish", *map(str, words)])
