"""xgrad cross-validates derivatives against a referee that is right to forty digits."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xgrad.checking import (
        assert_agreement,
        check,
        check_grads,
        explain,
        gradcheck,
        gradgradcheck,
    )
    from xgrad.errors import CaseError, UsageError
    from xgrad.problem import Case, case, load_cases
    from xgrad.publication import paper_table
    from xgrad.referee import Budget
    from xgrad.running import run

__all__ = [
    "Budget",
    "Case",
    "CaseError",
    "UsageError",
    "assert_agreement",
    "case",
    "check",
    "check_grads",
    "explain",
    "gradcheck",
    "gradgradcheck",
    "load_cases",
    "paper_table",
    "run",
]

# Loaded at first use: pytest loads the plugin wherever xgrad is installed.
_ROOMS = {
    "checking": (
        "assert_agreement",
        "check",
        "check_grads",
        "explain",
        "gradcheck",
        "gradgradcheck",
    ),
    "errors": ("CaseError", "UsageError"),
    "problem": ("Case", "case", "load_cases"),
    "publication": ("paper_table",),
    "referee": ("Budget",),
    "running": ("run",),
}
_HOMES = {name: room for room, names in _ROOMS.items() for name in names}


@contextmanager
def _to_stay() -> Iterator[None]:
    """What is loaded is no garbage: it joins what is old at once.

    Otherwise Python looks through all that a framework has loaded, for as long as a check takes.
    """
    collects, frozen = gc.isenabled(), gc.get_freeze_count()
    gc.disable()
    try:
        yield
    finally:
        if not frozen:  # else what somebody froze would thaw
            gc.freeze()
            gc.unfreeze()
        if collects:
            gc.enable()


def __getattr__(name: str) -> Any:
    """A public name, or a room; a name is looked for once."""
    if name in _HOMES:
        with _to_stay():
            globals()[name] = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        return globals()[name]
    try:
        return import_module(f"{__name__}.{name}")
    except ModuleNotFoundError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
