"""Checks in code and in pytest, in the caller's own process."""

from xgrad.checking.checks import assert_agreement, check
