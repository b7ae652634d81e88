"""What other distributions add by entry points; one that is broken costs itself only."""

from __future__ import annotations

import importlib.metadata
import inspect
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

CASES, FRAMEWORKS, TECHNIQUES = "xgrad.cases", "xgrad.frameworks", "xgrad.techniques"


@dataclass(frozen=True)
class BrokenPlugin:
    """An entry point that could not be used, with the distribution that it comes from."""

    group: str
    name: str
    distribution: str
    reason: str

    @property
    def origin(self) -> str:
        """`plugin 'ours' (xgrad.cases) of ours 1.2`."""
        return f"plugin {self.name!r} ({self.group}) of {self.distribution}"

    def __str__(self) -> str:
        return f"{self.origin} is left out: {self.reason}"


_BROKEN: dict[tuple[str, str, str], BrokenPlugin] = {}


def plugins(group: str, use: Callable[[str, Any], None]) -> list[BrokenPlugin]:
    """Load the entry points of a group and hand each with its name to `use`.

    Whatever goes wrong, there or in `use`, costs that one: they are returned, and kept for
    `broken_plugins`.
    """
    broken = []
    for entry in importlib.metadata.entry_points(group=group):
        try:
            use(entry.name, entry.load())
        except (Exception, SystemExit) as error:
            broken.append(_leave_out(entry, error))
    return broken


def leave_out(group: str, name: str, error: BaseException) -> None:
    """Keep for `broken_plugins` what a plugin did wrong after it was loaded."""
    for entry in importlib.metadata.entry_points(group=group, name=name):
        _leave_out(entry, error)


def _leave_out(entry: importlib.metadata.EntryPoint, error: BaseException) -> BrokenPlugin:
    about = entry.dist
    distribution = f"{about.name} {about.version}" if about else "an unknown distribution"
    said = str(error) if isinstance(error, Refused) else f"{type(error).__name__}: {error}"
    found = BrokenPlugin(entry.group, entry.name, distribution, " ".join(said.split()))
    _BROKEN[found.group, found.name, found.distribution] = found
    return found


def broken_plugins(name: str = "") -> list[BrokenPlugin]:
    """Those of the groups loaded so far, or those of a name."""
    return [b for b in _BROKEN.values() if name in ("", b.name)]


class Refused(Exception):
    """A plugin that loads and is not what its group holds; the message says what it should be."""


def require_named(name: str, value: Any, kind: type, taken: Collection[str]) -> None:
    """Raise `Refused` where a framework or technique is none, or has no name of its own."""
    wanted = kind.__name__
    if inspect.isclass(value) and issubclass(value, kind):
        raise Refused(f"it is the class {value.__name__}; name an object of it, {wanted}()")
    if not isinstance(value, kind):
        raise Refused(f"it is of type {type(value).__name__}; name a xgrad {wanted}")
    called = getattr(value, "name", None)
    if called != name:
        raise Refused(f"its {wanted} is called {called!r}; give the entry point the same name")
    if name in taken:
        raise Refused(f"the name {name!r} is taken; give its {wanted} another one")
