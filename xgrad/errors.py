"""What can be wrong with a call: each error names the offender and the remedy."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, distribution
from urllib.parse import unquote, urlsplit

LONG = 60  # names of a list that is not told whole beside the nearest


class UsageError(ValueError):
    """A call that cannot be carried out as written; the message names the remedy.

    The command line ends with status 2 on it.
    """


class CaseError(UsageError):
    """A case that is not well formed; the message names the case and the remedy.

    Raised where it is made (names that its signature has not) and where its inputs are drawn.
    """


class Unsupported(Exception):
    """A method that does not apply here, with the reason."""


class Unavailable(Exception):
    """A framework or device that is not on this machine, with what to install."""


class NotElementwise(ValueError):
    """A derivative was asked of a map whose Jacobian is not diagonal."""


class BudgetExceeded(Exception):
    """The referee would need more time or memory than it was given."""


def unknown(kind: str, name: str, known: Iterable[str]) -> UsageError:
    """The error for a name that is not in a list: what was asked, the nearest names, and all.

    Of a long list the nearest are enough.
    """
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(map(repr, near))}? " if near else ""
    listed = f"{len(names):,} names" if near and len(names) > LONG else ", ".join(names)
    return UsageError(f"unknown {kind} {name!r}: {hint}known: {listed or 'none'}")


def counted(count: int, noun: str) -> str:
    """`1 row`, `2,000 rows`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def digits_told(digits: float, form: str = ".0f") -> str:
    """`1 digit`, `45 digits`, `0.4 digits`."""
    text = f"{digits:{form}}"
    return f"{text} digit{'' if text == '1' else 's'}"


def agreeing(digits: float) -> str:
    """`1 digit agrees`, `45 digits agree`."""
    told = digits_told(digits)
    return f"{told} agree{'' if told.endswith('s') else 's'}"


def install_word(extra: str) -> str:
    """How pip names xgrad with an optional part: by the checkout, if it came from one."""
    try:
        text = distribution("xgrad").read_text("direct_url.json")
    except PackageNotFoundError:
        text = None
    about = json.loads(text) if text else {}
    url = urlsplit(about.get("url", ""))
    if url.scheme != "file":
        return f"'xgrad[{extra}]'"
    editable = "-e " if about.get("dir_info", {}).get("editable") else ""
    return f"{editable}'{unquote(url.path)}[{extra}]'"
