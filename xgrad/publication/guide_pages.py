"""The guide as pages of the site, from the Markdown that a terminal shows."""

from __future__ import annotations

import re
from collections.abc import Iterator

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from xgrad.publication.tables import framed
from xgrad.telling import guide_page, guide_topics

INDEX = "index"
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")


def guide_pages() -> dict[str, Markup]:
    """The pages by their names, the topics' and an index of them."""
    lines = [f"- [{topic}]({topic}.md): {said}" for topic, said in guide_topics().items()]
    index = "\n".join(["# Guide", "", *lines])
    return {INDEX: _page(index)} | {t: _page(guide_page(t)) for t in guide_topics()}


def _page(text: str) -> Markup:
    tokens = _MARKDOWN.parse(text)
    for token in tokens:
        if token.children:
            token.children = list(_kept(token.children))
    made = str(_MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {}))
    return Markup(re.sub(r"<table>.*?</table>", _framed, made, flags=re.DOTALL))


def _framed(found: re.Match[str]) -> str:
    return framed(found[0].replace("<table>", '<table class="prose">', 1), "table")


def _kept(inline: list[Token]) -> Iterator[Token]:
    """Links to pages of the guide alone: a site knows no repository, and leads to no other place.

    A picture leaves its words.
    """
    linked = False
    for token in inline:
        if token.type == "link_open":
            topic = re.fullmatch(r"([\w-]+)\.md", str(token.attrs["href"]))
            linked = topic is not None
            if topic:
                token.attrs["href"] = f"{topic[1]}.html"
        if token.type == "image":
            yield Token("text", "", 0, content=token.content)
        elif linked or token.type not in ("link_open", "link_close"):
            yield token
