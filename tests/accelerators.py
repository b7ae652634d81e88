"""The accelerators of this machine."""

import pytest

from xgrad.frameworks import find_framework


def seen(framework):
    """The accelerators that a framework sees, by kind; none where it is not installed."""
    found = find_framework(framework)
    try:
        found.require()
    except Exception:
        return []
    return [d for d in found.devices() if d != "cpu" and ":" not in d]


def require_accelerator(framework):
    """An accelerator of the framework, or a skip that says what is missing."""
    devices = seen(framework)
    if not devices:
        pytest.skip(f"{framework} sees no accelerator on this machine")
    return devices[0]
