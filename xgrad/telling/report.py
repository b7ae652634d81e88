"""Verdicts as text for a terminal: a matrix of digits, a summary, and messages about failures."""

from __future__ import annotations

import math
import shlex
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from xgrad.errors import counted
from xgrad.judging import LEAST, VERDICTS, is_failure
from xgrad.table import FAILED, KNOWN, records

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

WIDTH = 150  # of a table that goes to a file or a pipe
SHOWN = 10  # failures told in full after a run
LIST = 4  # methods named in a message
REASONS = 3  # told of rows without a referee

# What a cell shows in place of digits, and in which colour.
_STATUSES = {
    "unsupported": ("–", "dim"),
    "unavailable": ("absent", "dim"),
    "error": ("error", "bold red"),
    "nonfinite": ("NaN", "bold red"),
    "timeout": ("time", "bold red"),
    "crashed": ("crash", "bold red"),
}
EVIDENCE = {
    "certified": "a certified formula",
    "definition": "the definition itself",
    "probes": "the definition along random directions",
    "kink": "the slopes at a kink",
    "none": "nobody: no referee",
}
LEGEND = (
    "digits of agreement with the referee (for a truth of zero, the error); ✗ disagrees "
    "(✗° known, with the reason in the row), ≤ differences within their bound, ~ inconclusive, "
    "≈ unstable, ± convention, ? no referee, – not here"
)


def cell_text(row: Mapping[str, Any]) -> tuple[str, str]:
    """What the matrix shows for a row, and its colour."""
    if row["status"] in _STATUSES and not (row["status"] == "nonfinite" and row["verdict"]):
        return _STATUSES[row["status"]]
    verdict = VERDICTS.get(row["verdict"])
    mark, colour = (verdict.mark, verdict.colour) if verdict else ("?", "dim")
    if row["message"].startswith(KNOWN):
        mark, colour = f"{mark}°", "yellow"
    if row["status"] == "nonfinite":
        return f"NaN{mark}", colour
    digits = row["digits"]
    if row["referee"].startswith("none"):
        return "?", colour
    if math.isnan(digits):
        return error_text(row["error"]) + mark, colour
    return f"{digits:.1f}{mark}", colour


def error_text(error: float) -> str:
    """An error where digits are undefined; nothing where it was not measured."""
    return "" if math.isnan(error) else "exact" if error == 0 else f"{error:.0e}"


def matrices(frame: pd.DataFrame, width: int) -> list[Table]:
    """One table for each dtype, device and size: cases down, methods across.

    Where a table is wider than `width`, one for each framework. Methods of few cases come last,
    one a row.
    """
    frame = frame[frame["framework"] != ""]
    frame = frame.assign(method=frame["framework"] + "." + frame["technique"])
    rare = _rare_methods(frame)
    found = []
    for (dtype, device, size), part in frame.groupby(["dtype", "device", "size"], sort=False):
        title = f"{dtype} on {device}, size {size}"
        common = part[~part["method"].isin(rare)]
        if not common.empty and _width(common) <= width:
            found.append(_matrix(title, common))
        elif not common.empty:
            for framework, share in common.groupby("framework", sort=False):
                found.append(_matrix(f"{title}: {framework}", share))
    few = frame[frame["method"].isin(rare)]
    return found + ([_few_methods(few)] if len(few) else [])


def _rare_methods(frame: pd.DataFrame) -> set[str]:
    """Methods of less than a third of the cases, where there are several cases."""
    cases = frame["case"].nunique()
    share = frame.groupby("method")["case"].nunique()
    return {str(m) for m in share.index[share < cases / 3]}


def label_of(row: Mapping[str, Any]) -> str:
    """The case, with its point where it is a fixed one."""
    return row["case"] if row["point"] in ("random", "") else f"{row['case']} at {row['point']}"


def labels_of(rows: Iterable[Mapping[str, Any]]) -> dict[tuple[str, int], str]:
    """What names each line: the label, and the seed where a label has several."""
    seeds: dict[str, set[int]] = {}
    for row in rows:
        seeds.setdefault(label_of(row), set()).add(row["seed"])
    return {
        (label, seed): f"{label}, seed {seed}" if len(several) > 1 else label
        for label, several in seeds.items()
        for seed in several
    }


def _heading(method: str) -> str:
    framework, _, technique = method.partition(".")
    words = technique.replace("differences", "differ-\nences").replace("complex_", "complex\n")
    return f"{framework}\n" + words.replace(":", "\n").replace("@", "\n@")


def _width(part: pd.DataFrame) -> int:
    headings = [_heading(m) for m in part["method"].unique()]
    columns = sum(max(5, *(len(word) for word in h.split("\n"))) + 2 for h in headings)
    rows = records(part)
    labels = labels_of(rows)
    names = [len(labels[label_of(r), r["seed"]]) + len(r["operator"]) for r in rows]
    return int(columns + max(names) + 4)


def _table(title: str, names: Iterable[str]) -> Table:
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for name in names:
        table.add_column(name, no_wrap=True, vertical="bottom")
    return table


def _matrix(title: str, part: pd.DataFrame) -> Table:
    rows = records(part)
    methods = sorted(dict.fromkeys(r["method"] for r in rows), key=_by_framework(rows))
    table = _table(title, ("case", "operator"))
    for method in methods:
        table.add_column(_heading(method), justify="right", no_wrap=True)
    lines: dict[Any, dict[str, Any]] = {}
    labels = labels_of(rows)
    for r in rows:
        key = labels[label_of(r), r["seed"]], r["operator"]
        lines.setdefault(key, {})[r["method"]] = r
    for (label, operator), row in lines.items():
        cells = [_styled(*cell_text(row[m])) if m in row else "" for m in methods]
        table.add_row(label, operator, *cells)
    return table


def _by_framework(rows: list[dict[str, Any]]) -> Any:
    order = {f: k for k, f in enumerate(dict.fromkeys(r["framework"] for r in rows))}
    return lambda method: order[method.partition(".")[0]]


def _few_methods(few: pd.DataFrame) -> Table:
    """Methods that belong to single cases: one a row, the dtypes across."""
    places = list(dict.fromkeys(zip(few["dtype"], few["device"], strict=True)))
    table = _table("methods of single cases", ("case", "operator", "method"))
    for dtype, device in places:
        table.add_column(dtype if device == "cpu" else f"{dtype}\n{device}", justify="right")
    lines: dict[Any, dict[Any, Any]] = {}
    rows = records(few)
    labels = labels_of(rows)
    for r in rows:
        key = labels[label_of(r), r["seed"]], r["operator"], r["method"], r["size"]
        lines.setdefault(key, {})[r["dtype"], r["device"]] = r
    for (label, operator, method, _), row in lines.items():
        cells = [_styled(*cell_text(row[p])) if p in row else "" for p in places]
        table.add_row(label, operator, method, *cells)
    return table


def _styled(text: str, colour: str) -> str:
    return f"[{colour}]{text}[/]"


def summarise(frame: pd.DataFrame) -> list[str]:
    """Verdicts and statuses counted, the referee's evidence, and the worst row."""
    rows = records(frame)
    judged = Counter(r["verdict"] for r in rows if r["verdict"])
    verdicts = ", ".join(
        f"{n:,} {v.name if n == 1 else v.plural}"
        for v in VERDICTS.values()
        if (n := judged[v.name])
    )
    known = sum(r["message"].startswith(KNOWN) for r in rows)
    if known:
        verdicts += f" ({known:,} of them known differences)"
    others = Counter(r["status"] for r in rows if not r["verdict"])
    missing = ", ".join(f"{n:,} {status}" for status, n in others.most_common())
    lines = [f"{counted(len(rows), 'row')}: {'; '.join(filter(None, (verdicts, missing)))}"]
    evidence = Counter(r["referee"].partition(":")[0] for r in rows if r["referee"])
    if evidence:
        said = ", ".join(f"{n:,} {EVIDENCE.get(k, k)}" for k, n in evidence.most_common())
        lines.append(f"judged by {said}")
    lines += _unjudged(rows)
    lines += sorted({r["message"] for r in rows if r["status"] == "unavailable"})
    worst = worst_row(frame)
    if worst is not None:
        share = worst["error"] / worst["tolerance"] if worst["tolerance"] else math.inf
        lines.append(
            f"worst: {title(worst)}: {worst['verdict']}, {worst['worst']} at "
            f"{share:.2g} × tolerance"
        )
    return lines


def _unjudged(rows: list[dict[str, Any]]) -> list[str]:
    """Why there is no referee, for the most common reasons."""
    none = Counter(r["referee"].partition(": ")[2] for r in rows if r["referee"].startswith("none"))
    return [
        f"no referee for {counted(n, 'row')}: {reason}" for reason, n in none.most_common(REASONS)
    ]


def worst_row(frame: pd.DataFrame) -> dict[str, Any] | None:
    """The row furthest beyond its tolerance: differences count only where they disagree."""
    told = frame[frame["verdict"].isin(["agrees", "unstable", "disagrees"])]
    told = told[~told["message"].str.startswith(KNOWN)]
    told = told[(told["verdict"] == "disagrees") | ~told["technique"].str.startswith("differences")]
    if told.empty:
        return None
    off = (told["got"] - told["want"]).abs()
    share = (off / told["tolerance"]).where(told["tolerance"] > 0, off.where(off == 0, math.inf))
    share = share.where(told["verdict"] != "disagrees", share + 1e9)
    found = records(told)[int(share.fillna(math.inf).argmax())]
    found["error"] = abs(found["got"] - found["want"])
    return found


def title(row: Mapping[str, Any]) -> str:
    """`tsne_kl gradient, torch.formula float32 cpu`, and point and seed that are not the usual."""
    method = f", {method_of(row)}" if row["framework"] else ""
    point = f"at {row['point']}" if row["point"] not in ("", "random") else ""
    what = " ".join(filter(None, (row["case"], row["operator"])))
    seed = f"seed {row['seed']}" if row["seed"] else ""
    return " ".join(filter(None, (what + method, row["dtype"], row["device"], point, seed)))


def method_of(row: Mapping[str, Any]) -> str:
    """`torch.reverse:func`."""
    return f"{row['framework']}.{row['technique']}"


def failure_text(
    row: Mapping[str, Any], others: Iterable[Mapping[str, Any]], identifier: str
) -> str:
    """What is wrong, where, how it looks, who is right, and how to see it again: under 20 lines.

    `identifier` names the case on the command line; it is empty for a function at hand.
    """
    verdict = row["verdict"] or row["status"]
    lines = [f"{title(row)}: {verdict}"]
    if row["verdict"] == "disagrees" and row["worst"]:
        off = abs(row["got"] - row["want"])
        share = off / row["tolerance"] if row["tolerance"] else math.inf
        lines.append(
            f"  worst {row['worst']}: {apart(row['got'], row['want'])} "
            f"(error {share:.1e} × tolerance {row['tolerance']:.1e})"
        )
    if row["message"]:
        lines.append(f"  {row['message']}")
    if row["hint"]:
        lines.append(f"  looks like: {row['hint']}")
    right, wrong = _neighbours(row, others)
    if right:
        evidence = f" ({row['referee']})" if row["referee"] else ""
        lines.append(f"  agree with the referee{evidence}: {_listed(right)}")
    if wrong:
        lines.append(f"  disagree as well: {_listed(wrong)}")
    if identifier:
        lines.append(f"  reproduce: {reproduction(row, identifier)}")
    return "\n".join(lines)


def apart(got: float, want: float) -> str:
    """Both numbers, with as many digits as it takes to tell them apart."""
    for digits in (4, 8, 12, 16):
        texts = f"{got:.{digits}e}", f"{want:.{digits}e}"
        if texts[0] != texts[1]:
            break
    return f"got {texts[0]}, want {texts[1]}"


def _listed(names: list[str]) -> str:
    more = len(names) - LIST
    return ", ".join(names[:LIST]) + (f" and {more} more" if more > 0 else "")


def _neighbours(
    row: Mapping[str, Any], others: Iterable[Mapping[str, Any]]
) -> tuple[list[str], list[str]]:
    """Methods that are right, and wrong, about the same thing."""
    same = ("case", "size", "point", "operator", "device", "dtype", "seed")
    right, wrong = [], []
    for other in others:
        if any(other[k] != row[k] for k in same) or method_of(other) == method_of(row):
            continue
        if other["verdict"] == "agrees":
            right.append(method_of(other))
        elif other["verdict"] == "disagrees":
            wrong.append(method_of(other))
    return right, wrong


def reproduction(row: Mapping[str, Any], identifier: str) -> str:
    """The command that shows a row again, quoted for a shell."""
    if not row["framework"]:
        return shlex.join(["xgrad", "run", identifier])
    words = ["xgrad", "explain", identifier, row["operator"], method_of(row)]
    words += ["--dtype", row["dtype"]]
    for option, usual in (("size", "small"), ("point", "random"), ("device", "cpu"), ("seed", 0)):
        if row[option] not in ("", usual):
            words += [f"--{option}", str(row[option])]
    return shlex.join(words)


def failures(rows: Iterable[dict[str, Any]], least: float = LEAST) -> list[dict[str, Any]]:
    """The rows that make a run fail, those that disagree first."""
    return sorted((r for r in rows if is_failure(r, least)), key=lambda r: r["status"] in FAILED)


def grouped_failures(frame: pd.DataFrame, least: float = LEAST) -> list[tuple[dict[str, Any], int]]:
    """Failures with the same case, operator and reason told once, with how many more there are."""
    first: dict[Any, dict[str, Any]] = {}
    count: dict[Any, int] = {}
    for row in failures(records(frame), least):
        reason = row["message"] if row["status"] in FAILED else (row["technique"], row["hint"])
        key = row["case"], row["operator"], reason
        first.setdefault(key, row)
        count[key] = count.get(key, 0) + 1
    return [(row, count[key] - 1) for key, row in first.items()]
