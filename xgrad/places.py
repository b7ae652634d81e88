"""Where results lie, as the command line takes it: a path, or a URL that stays as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


def is_url(place: str | Path) -> bool:
    """Whether a place is a URL rather than a path."""
    return isinstance(place, str) and "://" in place


class Place(click.ParamType):
    """A folder: `results/a` becomes a path, `s3://bucket/a` stays a text."""

    name = "folder or URL"

    def convert(self, value: Any, param: Any, ctx: Any) -> Path | str:
        """The path or the URL."""
        return str(value) if is_url(value) else Path(value)


PLACE = Place()
