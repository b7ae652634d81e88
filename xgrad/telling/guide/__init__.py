"""The guide: a page of Markdown for each topic, beside this file; the reference is made."""

from __future__ import annotations

from pathlib import Path

from xgrad.errors import unknown
from xgrad.telling.guide.reference import SENTENCE, reference_page

# In the order in which a newcomer may read them.
TOPICS = (
    "newcomer",
    "first-check",
    "torch-kernel",
    "jax-rule",
    "low-precision",
    "porting",
    "kinks",
    "detached",
    "matrices",
    "complex",
    "presentations",
    "failures",
    "evidence",
    "cases",
    "library",
    "methods",
    "audit",
    "census-and-shadow",
    "timing",
    "publishing",
    "paper",
    "nightly",
    "long-runs",
    "clusters",
    "accelerators",
    "extending",
    "reference",
)
_FOLDER = Path(__file__).parent


def guide_page(topic: str) -> str:
    """The page of a topic in Markdown; raises `UsageError` with the nearest ones."""
    if topic not in TOPICS:
        raise unknown("topic", topic, TOPICS)
    if topic == "reference":
        return reference_page()
    return (_FOLDER / f"{topic}.md").read_text(encoding="utf-8")


def guide_topics() -> dict[str, str]:
    """The topics, each with the sentence below the heading of its page."""
    written = [topic for topic in TOPICS if topic != "reference"]
    found = {topic: guide_page(topic).split("\n\n")[1] for topic in written}
    return found | {"reference": SENTENCE}


def guide_text() -> str:
    """The topics, one a line."""
    return "\n".join(f"{topic:<18} {said}" for topic, said in guide_topics().items())
