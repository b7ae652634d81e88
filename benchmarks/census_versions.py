"""Two versions of a framework, each with its census: what got better, and what got worse.

    python benchmarks/census_versions.py OLD NEW [OLD NEW …] > results/census_versions.md

OLD and NEW are folders that `xgrad census --out` wrote. Operations are compared by their outcome,
the worst of their samples, and by digits where that is the same; only what was asked in both.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

from xgrad.publication.comparison import LEAST, compare_operations
from xgrad.publication.reading import Run, read_runs
from xgrad.table import records

TITLE = "# Two versions of torch and of JAX, derivative by derivative"
SAID = """\
Made by `python benchmarks/census_versions.py OLD NEW …` from the folders of two censuses each.
torch's samples are those of each version's own test database: where a version draws other numbers,
digits are of these. What is wrong and what is known to be are one: the list of these is xgrad's."""
SHOWN = 60  # lines of a table
KEYS = ["case", "size", "point", "operator", "framework", "technique", "dtype", "device"]


def in_common(old: Run, new: Run) -> tuple[Run, Run]:
    """The rows of both that the other has too: samples that one version lacks tell nothing."""
    frames = old.rows, new.rows
    both = pd.merge(*(f[KEYS].drop_duplicates() for f in frames), on=KEYS)
    old.rows, new.rows = (f.merge(both, on=KEYS) for f in frames)
    return old, new


def section(old: Run, new: Run) -> str:
    """What changed from one census to the other, the worst first."""
    names = [f"{name} {version}" for run in (old, new)
             for name, version in (run.environment.get("versions") or {}).items()
             if name == run.rows["framework"].iloc[0]]  # fmt: skip
    before, after = (len(run.rows) for run in (old, new))
    commits = dict.fromkeys(str(run.environment.get("commit", "")) for run in (old, new))
    old, new = in_common(old, new)
    told = compare_operations(old, new)
    if len(told):  # what is listed as known is no property of a framework
        states = told[["outcome before", "outcome after"]].isin(["known", "wrong"])
        told = told[~states.all(axis=1) | (told["change"].abs() >= LEAST)]
    counts = told["what"].value_counts().to_dict() if len(told) else {}
    shown = pd.DataFrame(
        {
            "what": r["what"],
            "operation": r["operation"],
            "derivative": f"{r['operator']} by {r['technique']}",
            "dtype": r["dtype"],
            "before": _state(r, "before"),
            "after": _state(r, "after"),
        }
        for r in records(told)
    )
    asked = new.rows[["case", "operator", "technique", "dtype"]].drop_duplicates()
    lines = [
        f"## {' beside '.join(names)}",
        "",
        f"{len(new.rows):,} verdicts on {new.rows['case'].nunique():,} operations are in both "
        f"({before:,} and {after:,} in each), {len(asked):,} derivatives of an operation in a "
        f"dtype. Of these {counts.get('worse', 0)} got worse, {counts.get('better', 0)} better, "
        f"{counts.get('gone', 0)} are gone, {counts.get('new', 0)} are new. "
        f"xgrad at {' and '.join(commits)}.",
        "",
    ]
    for what, part in shown.groupby("what", sort=False) if len(shown) else ():
        lines += [part.head(SHOWN).drop(columns="what").to_markdown(index=False), ""]
        lines[-2] = f"**{str(what).capitalize()}**\n\n{lines[-2]}"
        if len(part) > SHOWN:
            lines += [f"and {len(part) - SHOWN} more.", ""]
    return "\n".join(lines)


def _state(row: dict[str, object], when: str) -> str:
    digits = row[f"digits {when}"]
    known = isinstance(digits, float) and digits == digits
    return f"{row[f'outcome {when}']}" + (f", {digits:.1f} digits" if known else "")


def main(folders: list[str]) -> None:
    """Print a section for each pair of folders."""
    runs = [read_runs([Path(folder)])[0] for folder in folders]
    sections = [section(*pair) for pair in zip(runs[::2], runs[1::2], strict=True)]
    print("\n".join([TITLE, "", SAID, "", *sections]))


if __name__ == "__main__":
    main(sys.argv[1:])
