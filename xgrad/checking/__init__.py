"""Checks in code and in pytest."""

from xgrad.checking.checks import assert_agreement, check
