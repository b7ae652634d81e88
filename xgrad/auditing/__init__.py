"""Mistakes planted in right results, and how many the judge catches and accuses."""

from xgrad.auditing.cells import audit_frame, audit_plan, audit_text, is_clean
