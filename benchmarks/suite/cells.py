"""What asv tracks: the numbers of each cell, looked up in what was measured once.

`setup_cache` measures the whole profile in one process through xgrad's timer; each `track_`
function reads one number of it. Where there is nothing to read (a method that a case does not
have, or the time of a result that is wrong), `setup` skips: asv shows no point. Higher is worse in
every series, which is how asv compares.
"""

import math
from typing import Any

from . import measure, profiles

HOUR = 3600.0
DIGITS = {"float64": 15.65, "float32": 6.92, "float16": 3.01, "bfloat16": 2.11}  # −log10 ε
SKIPPED = (measure.ABSENT, "unsupported", "unavailable")
FAILED = ("error", "timeout", "crashed")

Cache = dict[str, Any]


class Cells:
    """A cell by asv's parameters; what is measured is shared by all that is tracked."""

    params = profiles.find_profile().axes
    param_names = profiles.AXES
    timeout = 60.0

    def setup_cache(self) -> Cache:
        """All rows of the profile, by their place."""
        rows, about = measure.measure_profile()
        places = profiles.find_profile().places()
        return {"rows": dict(zip(places, rows, strict=True)), "about": about}

    setup_cache.timeout = 6 * HOUR

    def row(self, cache: Cache, *values: str) -> dict[str, Any]:
        """The row of a cell; raises `NotImplementedError`, which skips it, where it has none."""
        found = cache["rows"][profiles.Place.of(*values)]
        if found["status"] in SKIPPED:
            raise NotImplementedError(found["message"] or found["status"])
        return found


class Times(Cells):
    """What a right derivative costs."""

    def setup(self, cache: Cache, *values: str) -> None:
        """Skip what was not timed: it is no time that is missing, but a right result."""
        self.found = self.row(cache, *values)
        if not _is_number(self.found.get("derivative")):
            raise NotImplementedError(f"not timed: {self.found.get('verdict')}")

    def track_steady(self, cache: Cache, *values: str) -> dict[str, Any]:
        """Seconds of one call, with all samples: asv makes its own statistics of them."""
        import json

        return {"samples": json.loads(self.found["samples"]), "number": self.found["calls"]}

    def track_first_call(self, cache: Cache, *values: str) -> float:
        """Seconds of the first call: tracing, compiling, one run."""
        return _number(self.found["first_call"])

    def track_ratio(self, cache: Cache, *values: str) -> float:
        """Derivative over value, in the same framework."""
        return round(_number(self.found["ratio"]), 4)

    def track_peak_memory(self, cache: Cache, *values: str) -> float:
        """Bytes at the peak of one call beyond those before it."""
        return _number(self.found["peak_memory"])

    track_steady.unit = track_first_call.unit = "seconds"
    track_ratio.unit = "value"
    track_peak_memory.unit = "bytes"
    track_steady.version = track_first_call.version = "1"
    track_ratio.version = track_peak_memory.version = "1"


class Verdicts(Cells):
    """How right a derivative is."""

    def setup(self, cache: Cache, *values: str) -> None:
        """Skip what was not judged."""
        self.found = self.row(cache, *values)

    def track_digits_lost(self, cache: Cache, *values: str) -> float:
        """Digits that the type has and the result does not; all of them where there is none."""
        return round(digits_lost(self.found), 3)

    def track_failures(self, cache: Cache, *values: str) -> int:
        """1 where the result is wrong, not finite, or not there; 0 where it is right."""
        return failures(self.found)

    track_digits_lost.unit = "digits"
    track_failures.unit = "failures"
    track_digits_lost.version = track_failures.version = "1"


class Plan:
    """Whether all that was planned was measured."""

    setup_cache = Cells.setup_cache
    timeout = 60.0

    def track_missing(self, cache: Cache) -> int:
        """Planned cells that this commit has no row for."""
        return sum(row["status"] == measure.ABSENT for row in cache["rows"].values())

    track_missing.unit = "cells"
    track_missing.version = "1"


def digits_lost(row: dict[str, Any]) -> float:
    """Digits of the dtype less those of the result; none where the truth is zero and met."""
    most = DIGITS[row["dtype"]]
    if _is_number(row.get("digits")):
        return max(0.0, most - row["digits"])
    return most if failures(row) else 0.0


def failures(row: dict[str, Any]) -> int:
    """1 for a wrong result, an error, or numbers that are not finite; none for what is known."""
    if row.get("message", "").startswith("known: "):
        return 0
    wrong = row.get("verdict") in ("disagrees", "unstable")
    nonfinite = row["status"] == "nonfinite" and not row.get("verdict")
    return int(row["status"] in FAILED or wrong or nonfinite)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _number(value: Any) -> float:
    """A number, or NaN, which asv takes for skipped: nothing was measured here."""
    return float(value) if _is_number(value) else math.nan
