"""The guide as a part of the site."""

from pages import blocks
from site_pages import Page

from xgrad.publication import guide_pages
from xgrad.telling import guide_page, guide_topics


def test_the_index_of_the_site_leads_to_the_guide_and_that_to_every_topic(many):
    site, _ = many
    assert "guide/index.html" in Page((site / "index.html").read_text()).links
    linked = Page((site / "guide" / "index.html").read_text()).links
    assert [link for link in linked if "/" not in link and link != "#content"] == [
        "index.html",  # of the guide itself, above
        *(f"{topic}.html" for topic in guide_topics()),
    ]


def test_what_a_page_of_the_guide_says_is_on_its_page_of_the_site(many):
    site, _ = many
    for topic, said in guide_topics().items():
        text = (site / "guide" / f"{topic}.html").read_text()
        page = Page(text)
        count = len(blocks(guide_page(topic), "python"))
        assert (
            sum(tag == "code" and "python" in a.get("class", "") for tag, a in page.tags) == count
        )
        assert said.split("`")[0] in text
        assert "|\n" not in text  # a table that was not seen as one


def test_links_that_leave_the_guide_and_pictures_leave_their_words(monkeypatch):
    text = "# T\n\nA [file](../../a.md), [a page](kinks.md), ![a curve](c.png), <b>x</b>.\n"
    monkeypatch.setattr(guide_pages, "guide_page", lambda topic: text)
    made = guide_pages.guide_pages()["evidence"]
    assert 'A file, <a href="kinks.html">a page</a>, a curve, &lt;b&gt;x&lt;/b&gt;.' in made
