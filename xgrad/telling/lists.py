"""The lists as text: a case, the operators, the methods, the columns, the functions of xp."""

from __future__ import annotations

from xgrad.numbers import DERIVATIVES, EXTRAS
from xgrad.problem import OPERATORS, Case
from xgrad.table import COLUMNS, Column
from xgrad.techniques import PRESENTATIONS, Presentation, methods_of, techniques


def case_text(case: Case, *, long: bool) -> str:
    """A case in one line, or whole: mathematics, formulas, twins, source."""
    operators = ", ".join(case.operators or ("gradient or jacobian",))
    if not long:
        return f"{case.name:<26} {operators:<44} {case.title}"
    lines = [f"{case.identifier}", *(f"  {line}" for line in case.mathematics.split("\n"))]
    lines.append(f"  operators: {operators}")
    sizes = "; ".join(
        f"{size} ({', '.join(f'{k}={v}' for k, v in given.items())})" if given else size
        for size, given in case.sizes.items()
    )
    lines.append(f"  sizes: {sizes}; differentiated: {', '.join(case.wrt)}")
    for formula in case.formulas:
        name = f" ({formula.name})" if formula.name else ""
        text = (formula.function.__doc__ or "").strip().split("\n")[0]
        lines.append(f"  {formula.operator}{name}: {text}".rstrip(": "))
    for each in case.implementations:
        lines.append(f"  as {each.framework} has it: {each.name}")
    for known in case.knowns:
        lines.append(f"  known: {known.methods}: {known.reason}")
    if case.points:
        lines.append(f"  points: {', '.join(case.points)}")
    if case.source:
        lines.append(f"  source: {case.source}")
    return "\n".join(lines) + "\n"


def list_text(what: str) -> str:
    """The operators, methods, columns or extras, one a line, from where they live."""
    return "\n".join(_LISTS[what]())


_MAPS = {
    "any": "any map",
    "scalar": "a map with a scalar value",
    "potential": "a scalar map of one input",
    "elementwise": "an elementwise map",
    "field": "a field, its value in the shape of its input",
    "field3": "a field of shape (3,)",
}


def _operators() -> list[str]:
    return [
        f"{o.name:<18} order {o.order}, of {_MAPS[o.of]}"
        + (f", along {' and '.join(o.directions)}" if o.directions else "")
        for o in OPERATORS.values()
    ]


def _methods() -> list[str]:
    """Each method, with what its technique is, and whether it runs unasked."""
    lines = []
    for method, usual in methods_of(None).items():
        about = (type(techniques()[method.technique]).__doc__ or "").split(":")[0].split("; ")[0]
        unasked = "" if usual and method.framework != "ball" else "  (only when asked for)"
        lines.append(f"{method!s:<28} {about.rstrip('.')}{unasked}")
    return lines


def _invariances() -> list[str]:
    """Each presentation of a framework, when it runs, and what is wrong where only it is."""
    return [
        f"{framework}  {row.name:<24} {_unasked(row)}{row.remedy}"
        for framework, rows in PRESENTATIONS.items()
        for row in rows.values()
    ]


def _unasked(row: Presentation) -> str:
    return "(only when named) " if row.named else "(unasked) " if row.unasked else ""


def _columns() -> list[str]:
    """Those of the agreement table, then those that `xgrad time` adds."""
    from xgrad.timing import TIMING_COLUMNS  # the timer is loaded by those who ask

    known = {c.name for c in COLUMNS}
    timing = [c for c in TIMING_COLUMNS if c.name not in known]
    return [*map(_column, COLUMNS), "", "xgrad time:", *map(_column, timing)]


def _column(column: Column) -> str:
    unit = f" [{column.unit}]" if column.unit else ""
    return f"{column.name:<16} {column.meaning}{unit}"


_LISTS = {
    "operators": _operators,
    "methods": _methods,
    "invariances": _invariances,
    "columns": _columns,
    "extras": lambda: [*EXTRAS, *(f"{name}(f)" for name in DERIVATIVES)],
}
