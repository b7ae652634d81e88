"""A run as small tables for a text: Markdown to read in a diff, LaTeX for a paper."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pandas as pd

from xgrad.errors import counted
from xgrad.judging import AGREES, is_failure
from xgrad.publication.cells import look_of
from xgrad.publication.matrix import Matrix
from xgrad.publication.operations import (
    Finding,
    Operations,
    counts_frame,
    findings_frame,
    right_frame,
)
from xgrad.publication.reading import Run
from xgrad.publication.tables import to_latex, to_markdown
from xgrad.table import KNOWN
from xgrad.telling import summarise

ABSENT = ("not here", "unavailable")
METHODS = 6  # columns of a LaTeX table that fit a page


def summary_frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """A line for each case and operator; for each place how many agree, and with what digits."""
    rows = [r for r in rows if r["method"]]
    places = list(dict.fromkeys(_place(r) for r in rows))
    lines: dict[tuple[str, str], dict[str, list[dict[str, Any]]]] = {}
    for r in rows:
        line = lines.setdefault((r["label"], r["operator"]), {})
        line.setdefault(_place(r), []).append(r)
    told = [
        {"case": label, "operator": operator, **{p: _share(line.get(p, [])) for p in places}}
        for (label, operator), line in lines.items()
    ]
    return pd.DataFrame(told)


def _place(row: dict[str, Any]) -> str:
    return f"{row['dtype']} {row['device']} {row['size']}"


def _share(rows: list[dict[str, Any]]) -> str:
    """`15.1 to 15.7, 11 agree, 3 inconclusive`."""
    looks = Counter(map(look_of, rows))
    digits = [r["digits"] for r in rows if r["word"] == "agrees" and r["digits"] == r["digits"]]
    low, high = (f"{f(digits):.1f}" for f in (min, max)) if digits else ("", "")
    span = low if low == high else f"{low} to {high}"
    told = sorted((k for k in looks if k.word not in ABSENT), key=lambda k: k.word != AGREES)
    parts = [span, *(f"{looks[k]} {k.counted(looks[k])}" for k in told)]
    return ", ".join(p for p in parts if p)


def trouble_frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """The rows that a reader of a diff should see: what disagrees, is unstable, or failed."""
    found = [r for r in rows if _is_trouble(r)]
    return pd.DataFrame(
        {
            "case": [r["label"] for r in found],
            "operator": [r["operator"] for r in found],
            "method": [r["method"] for r in found],
            "place": [_place(r) + (f" seed {r['seed']}" if r["seed"] else "") for r in found],
            "verdict": [r["word"] for r in found],
            "digits": [r["number"] for r in found],
            "why": [(r["hint"] or r["message"])[:160] for r in found],
        }
    )


def _is_trouble(row: dict[str, Any]) -> bool:
    return is_failure(row) or row["verdict"] == "unstable" or row["message"].startswith(KNOWN)


def made(run: Run) -> str:
    """Where a run was made: commit, processor, versions."""
    env = run.environment
    versions = dict(env.get("versions") or {})
    named = ", ".join(f"{k} {versions[k]}" for k in ("torch", "jax", "numpy") if versions.get(k))
    where = "; ".join(filter(None, (str(env.get("processor") or ""), named)))
    return f"Commit {run.commit}{f'; {where}' if where else ''}."


def markdown(run: Run, rows: list[dict[str, Any]]) -> str:
    """A run in a page of Markdown."""
    parts = [
        f"# Agreement with the referee, {run.date}",
        made(run),
        "\n".join(f"- {line}" for line in summarise(run.rows)),
        "Digits of agreement from the least to the most of the methods that agree, and how many "
        "there are of each verdict.",
        to_markdown(summary_frame(rows)),
    ]
    trouble = trouble_frame(rows)
    if len(trouble):
        parts += ["## What does not simply agree", to_markdown(trouble)]
    return "\n\n".join(parts) + "\n"


def census_markdown(run: Run, operations: Operations, findings: list[Finding]) -> str:
    """A census in a page of Markdown: counts, what is not right, and what is."""
    right = right_frame(operations)
    parts = [
        f"# Every derivative of {run.census}, {run.date}",
        made(run),
        f"{counted(len(operations.lines), 'operation')} at sample calls, each derivative beside "
        "the referee. An operation shows what its worst sample shows.",
        to_markdown(counts_frame(operations)),
    ]
    if findings:
        parts += ["## What is not simply right", to_markdown(findings_frame(findings))]
    if len(right):
        parts += [
            "## Right at every sample",
            "The fewest digits of agreement by dtype, over all derivatives and samples, and the "
            "processor time that all of their verdicts took.",
            to_markdown(right),
        ]
    return "\n\n".join(parts) + "\n"


def matrix_frame(matrix: Matrix) -> pd.DataFrame:
    """The matrix as a table of what its cells show."""
    names = {"label": "case", "operator": "operator", "dtype": "dtype", "device": "device",
             "size": "size", "seed": "seed"}  # fmt: skip
    lines = [
        {new: line.place[old] for old, new in names.items()}
        | {
            m: f"{c['number']} {c['word']}".strip() if c else ""
            for m, c in zip(matrix.methods, line.cells, strict=True)
        }
        for line in matrix.lines
    ]
    return pd.DataFrame(lines)


def latex(run: Run, matrix: Matrix) -> str:
    """The matrix as booktabs tables, `METHODS` methods each, for \\input in a paper."""
    tables = []
    for dtype, device, size in dict.fromkeys(
        (x.place["dtype"], x.place["device"], x.place["size"]) for x in matrix.lines
    ):
        here = [
            x for x in matrix.lines
            if (x.place["dtype"], x.place["device"], x.place["size"]) == (dtype, device, size)
        ]  # fmt: skip
        used = [k for k in range(len(matrix.methods)) if any(x.cells[k] for x in here)]
        for part in (used[i : i + METHODS] for i in range(0, len(used), METHODS)):
            frame = pd.DataFrame([_latex_line(x, matrix, part) for x in here])
            caption = f"Digits of agreement, {dtype} on {device}, size {size}; {run.label}"
            label = f"tab:{dtype}-{device}-{size}-{matrix.methods[part[0]]}"
            plain = "".join(c if c.isascii() and c.isalnum() else "-" for c in label[4:])
            tables.append(to_latex(frame, caption, f"tab:{plain}"))
    note = "% needs \\usepackage{booktabs}; * beside digits: any verdict but agrees\n"
    return note + "\n".join(tables)


def _latex_line(line: Any, matrix: Matrix, part: list[int]) -> dict[str, str]:
    seed = f", seed {line.place['seed']}" if line.place["seed"] else ""
    told = {"case": line.place["label"] + seed, "operator": line.place["operator"]}
    for k in part:
        cell = line.cells[k]
        told[matrix.methods[k]] = "" if cell is None else _latex_cell(cell)
    return told


def _latex_cell(cell: dict[str, Any]) -> str:
    if not cell["number"]:
        return str(cell["word"])
    return cell["number"] + ("" if cell["word"] == "agrees" else " *")
