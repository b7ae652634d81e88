"""Two saved timing runs side by side: what changed beyond noise."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from xgrad.errors import UsageError
from xgrad.problem import generator
from xgrad.table import PLACE, records
from xgrad.timing.spread import ratio
from xgrad.timing.table import read_samples, read_timings

if TYPE_CHECKING:
    import pandas as pd

COMPARED = (*PLACE, "before", "after", "ratio", "ratio_low", "ratio_high", "change")
LEAST = {"cpu": 0.10}  # of change that counts, on a device
LEAST_ELSEWHERE = 0.15
SLOWER, FASTER, SAME, LOST = "slower", "faster", "", "no longer timed"
ONLY = "only in one"
MACHINE = ("processor", "system", "cores", "threads")  # what must be alike


def compare_timings(
    before: str | Path, after: str | Path, *, across: bool = False
) -> tuple[pd.DataFrame, list[str]]:
    """Rows of two saved runs by place, and what else differs between them as texts.

    `change` is `slower` or `faster` where the 95% interval of the ratio after ÷ before excludes 1,
    the ratio is beyond 10% (15% off the CPU), and the difference exceeds both interquartile
    ranges together; `no longer timed` where a method lost its right verdict. Raises `UsageError`
    where machine or threads differ and `across` does not allow it, and where no row is in both.
    """
    import pandas as pd

    (first, here), (second, there) = read_timings(before), read_timings(after)
    apart = differences(here, there, MACHINE)
    if apart and not across:
        raise UsageError(
            f"{'; '.join(apart)}: that would be what changed; --across compares all the same"
        )
    old, new = ({tuple(r[k] for k in PLACE): r for r in records(f)} for f in (first, second))
    if not set(old) & set(new):
        raise UsageError(f"{before} and {after} have no row in common")
    rows = [compared_rows(place, old.get(place), new.get(place)) for place in {**old, **new}]
    return pd.DataFrame(rows, columns=list(COMPARED)), apart + version_differences(here, there)


def differences(here: dict[str, Any], there: dict[str, Any], names: tuple[str, ...]) -> list[str]:
    """The names under which two environments are not alike, with both values."""
    return [
        f"{name} {here.get(name, 'unknown')} and {there.get(name, 'unknown')}"
        for name in names
        if here.get(name) != there.get(name)
    ]


def version_differences(here: dict[str, Any], there: dict[str, Any]) -> list[str]:
    """Packages, Python and commit likewise."""
    old, new = here.get("versions", {}), there.get("versions", {})
    return differences(here, there, ("python", "commit")) + differences(
        old, new, tuple(dict.fromkeys([*old, *new]))
    )


def compared_rows(
    place: tuple[Any, ...], old: dict[str, Any] | None, new: dict[str, Any] | None
) -> dict[str, Any]:
    """A row of both runs at a place, None where one lacks it: seconds, ratio, and what changed."""
    row: dict[str, Any] = dict(zip(PLACE, place, strict=True))
    if old is None or new is None:
        return row | {"change": ONLY}
    row |= {"before": old["derivative"], "after": new["derivative"]}
    if not old["derivative"] > 0 or not new["derivative"] > 0:
        return row | {"change": LOST if old["derivative"] > 0 else SAME}
    rng = generator(0, *map(str, place), "comparison")
    found = ratio(read_samples(new), read_samples(old), rng)
    row |= {"ratio": found.value, "ratio_low": found.low, "ratio_high": found.high}
    noise = old["iqr"] + new["iqr"]
    least = 1 + LEAST.get(row["device"], LEAST_ELSEWHERE)
    sure = not found.low <= 1 <= found.high and abs(row["after"] - row["before"]) > noise
    if not sure or 1 / least <= found.value <= least:
        return row | {"change": SAME}
    return row | {"change": SLOWER if found.value > 1 else FASTER}
