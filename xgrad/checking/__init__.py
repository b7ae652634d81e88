"""Checks in code and in pytest, in the caller's own process."""

from xgrad.checking import checks
from xgrad.frameworks import guest

assert_agreement = guest(checks.assert_agreement)
check = guest(checks.check)
