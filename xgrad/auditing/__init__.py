"""Audits: of the judge, by mistakes planted in right results; of a framework, by what it offers."""

from xgrad.auditing.cells import audit_frame, audit_plan, audit_text, is_clean
from xgrad.auditing.conformance import WRONG, Finding, check_framework, conformance_text
