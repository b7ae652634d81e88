"""The guide: a page of Markdown for each topic, beside this file."""

from __future__ import annotations

from pathlib import Path

from xgrad.errors import unknown

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
)
_FOLDER = Path(__file__).parent


def guide_page(topic: str) -> str:
    """The page of a topic in Markdown; raises `UsageError` with the nearest ones."""
    if topic not in TOPICS:
        raise unknown("topic", topic, TOPICS)
    return (_FOLDER / f"{topic}.md").read_text(encoding="utf-8")


def guide_text() -> str:
    """The topics, one a line, each with the sentence that its page begins with."""
    return "\n".join(f"{topic:<18} {_sentence(topic)}" for topic in TOPICS)


def _sentence(topic: str) -> str:
    """The paragraph below the heading, in one line."""
    return " ".join(guide_page(topic).split("\n\n")[1].split())
