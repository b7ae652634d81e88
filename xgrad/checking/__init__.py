"""Checks in code and in pytest, in the caller's own process; loaded at first use."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xgrad.checking.checks import assert_agreement, check
    from xgrad.checking.explaining import explain
    from xgrad.checking.migration import check_grads, gradcheck, gradgradcheck

_AT_FIRST_USE = {
    "assert_agreement": "checks",
    "check": "checks",
    "check_grads": "migration",
    "explain": "explaining",
    "gradcheck": "migration",
    "gradgradcheck": "migration",
}


def __getattr__(name: str) -> Any:
    if name not in _AT_FIRST_USE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_AT_FIRST_USE[name]}"), name)
