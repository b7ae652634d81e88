"""The audit: mistakes planted in right results, and how many the judge catches and accuses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from xgrad import running
from xgrad.auditing.mutation import MUTANTS, Mutant, plant
from xgrad.auditing.tampering import SPOILINGS, count_targets, detached, tampered
from xgrad.errors import Unavailable, Unsupported, counted
from xgrad.frameworks import find_framework
from xgrad.judging import AGREES, DISAGREES, Again, Findings, Judge
from xgrad.numbers import Ball, Spoiling, ball, midpoint, precision, rounded
from xgrad.problem import Case, Operator, Setting, generator
from xgrad.referee import Truth, find_candidate
from xgrad.table import KNOWN
from xgrad.techniques import ERROR, OK, Method, Outcome

if TYPE_CHECKING:
    import pandas as pd

CAUGHT, MISSED, EQUAL, BELOW, ACCUSED = "caught", "missed", "equal", "below", "accused"
WRONG = "wrong"  # a formula that the definition refutes in balls: no right result
ASIDE = "set aside"  # a point without one truth for each element: nothing can be planted there
RIGHT = "right"  # the mutant's name in rows about right results
SAME = 1e-13  # relative: a mistake smaller than this in float64 is none
BITS = 256
FORMULA = Method("numpy", "formula")

Row = dict[str, Any]


@dataclass(frozen=True)
class Planted:
    """One mistaken result, and how far from the truth it is in exact arithmetic.

    `again` makes the same mistake at another place and in float64, or there is none; `exact` is
    what a formula with the mistake makes in balls.
    """

    name: str
    flat: np.ndarray
    effect: np.ndarray
    again: Again | None
    named: tuple[str, ...] = ()
    exact: Ball | None = None

    @classmethod
    def in_formula(
        cls, name: str, exact: Ball, again: Again, judge: Judge, truth: Truth,
        named: tuple[str, ...] = (),
    ) -> Planted:  # fmt: skip
        """A formula with a mistake, and its result in balls."""
        return cls(name, again(judge.findings).flat, truth.error(exact), again, named, exact)


def audit_cell(case: Case, cell: running.Cell) -> list[Row]:
    """All mistakes planted at one cell: a row for each, and one for each right result.

    A cell that cannot be judged is one row, and no success.
    """
    try:
        return _audited(case, cell)
    except Exception as error:
        return [
            {
                **cell.place,
                "mutant": RIGHT,
                "result": ERROR,
                "hint": running.describe_failure(case, cell, error),
            }
        ]


def _audited(case: Case, cell: running.Cell) -> list[Row]:
    setting = Setting.make(case, cell.size, cell.point, cell.dtype, cell.seed)
    judge = running.make_judge(setting, cell)
    rows: list[Row] = []
    for operator in running.operators_at(case, setting, cell.operators):
        truth = judge.truth(operator)
        if not operator.order:
            continue
        if truth.kind in ("certified", "definition") and not truth.directions:
            rows += _right_rows(judge, operator, cell)
            rows += _mutant_rows(judge, operator, truth)
        else:
            rows.append({**_place(setting, operator), "mutant": RIGHT, "result": ASIDE,
                         "hint": truth.label})  # fmt: skip
    return rows


def _place(setting: Setting, operator: Operator) -> Row:
    return {
        "case": setting.case.name,
        "size": setting.size,
        "point": setting.point,
        "operator": operator.name,
        "dtype": setting.dtype,
        "seed": setting.seed,
    }


def _right_rows(judge: Judge, operator: Operator, cell: running.Cell) -> Iterator[Row]:
    """Every usual method is right here but a wrong formula: whichever else disagrees is accused."""
    for method in running.methods_at(judge.setting.case, operator, cell):
        made = judge.judge(method, operator)
        if made.outcome.status != OK:
            continue
        accused = made.row["verdict"] == DISAGREES and not made.row["message"].startswith(KNOWN)
        yield {
            **_place(judge.setting, operator),
            "mutant": RIGHT,
            "method": str(method),
            "result": (WRONG if _refuted(judge, method, operator) else ACCUSED)
            if accused
            else AGREES,
            **_bound_counts(made),
        }


def _refuted(judge: Judge, method: Method, operator: Operator) -> bool:
    """Whether a method is a formula that is wrong in balls too; False where they cannot run it."""
    if method.technique != FORMULA.technique:
        return False
    exact = Method("ball", method.technique, method.variant)
    return bool(judge.judge(exact, operator).row["verdict"] == DISAGREES)


def _bound_counts(made: Any) -> Row:
    """Of differences: elements, those within the claimed bound, and the median of bound / error."""
    bound = made.outcome.bound
    if bound is None or not made.error.size:
        return {}
    held = made.error <= np.maximum(bound.reshape(made.error.shape), made.tolerance)
    off = made.error > 0
    ratio = bound.reshape(made.error.shape)[off] / made.error[off]
    return {
        "elements": int(held.size),
        "within": int(held.sum()),
        "looseness": float(np.median(ratio)) if off.any() else float("nan"),
    }


def _mutant_rows(judge: Judge, operator: Operator, truth: Truth) -> Iterator[Row]:
    setting = judge.setting
    for planted in _planted(judge, operator, truth):
        size = np.max(np.abs(truth.high), initial=0.0)
        row = {**_place(setting, operator), "mutant": planted.name, "method": str(FORMULA)}
        if np.max(planted.effect, initial=0.0) <= SAME * size:
            yield {**row, "result": EQUAL}
            continue
        outcome = Outcome(OK, planted.flat)
        made = judge.weigh(FORMULA, operator, outcome, planted.again, planted.exact)
        with np.errstate(all="ignore"):
            share = float(np.nanmax(planted.effect / made.tolerance))
        caught = made.row["verdict"] == DISAGREES
        hint = made.row["hint"]
        yield {
            **row,
            "result": CAUGHT if caught else BELOW if share <= 1 else MISSED,
            "verdict": made.row["verdict"],
            "share": share,
            "hint": hint,
            "named": any(word in hint for word in planted.named)
            if planted.named and planted.flat.size > 1
            else None,
        }


def _planted(judge: Judge, operator: Operator, truth: Truth) -> Iterator[Planted]:
    """Mistakes in the result, in the formula, at another point, and in the recorded graph."""
    setting, right = judge.setting, truth.high
    compute = find_candidate(operator, setting)
    for mutant in MUTANTS:
        flat = plant(mutant, right, operator, setting)
        if flat is not None:
            again, exact = partial(mistaken, mutant, operator), ball(flat) if compute else None
            yield Planted(mutant.name, flat, truth.error(flat), again, mutant.named, exact)
    if truth.kind == "certified" and compute is not None:
        yield _stale(compute, truth, judge)
        for spoiling in SPOILINGS:
            yield from _spoiled(spoiling, compute, truth, judge)
    if operator.name == "gradient":
        yield from _detached(truth, setting)


def mistaken(mutant: Mutant, operator: Operator, there: Findings) -> Outcome:
    """The mistake in the right result at another place."""
    flat = plant(mutant, there.truth(operator).high, operator, there.setting)
    return Outcome(ERROR) if flat is None else Outcome(OK, flat)


def _stale(compute: Any, truth: Truth, judge: Judge) -> Planted:
    """The formula at the point of one step before."""

    def again(there: Findings) -> Outcome:
        flat = midpoint(_before(compute, there.setting))
        return Outcome(OK, rounded(flat, there.setting.dtype))

    return Planted.in_formula("stale point", _before(compute, judge.setting), again, judge, truth)


def _before(compute: Any, setting: Setting) -> Ball:
    rng = generator(setting.seed, setting.case.name, "stale")
    inputs = dict(setting.inputs)
    for name in setting.case.wrt:
        near = inputs[name] * (1 + 1e-2 * rng.uniform(-1, 1, inputs[name].shape))
        inputs[name] = rounded(np.asarray(near), setting.dtype)
    there = setting.moved(inputs)
    framework = find_framework("ball")
    with precision(BITS):
        arguments = there.arguments(framework, "cpu")
        v = tuple(ball(a) for a in setting.v)
        return ball(compute(arguments, v, ball(setting.w)))


def _spoiled(spoiling: Spoiling, compute: Any, truth: Truth, judge: Judge) -> Iterator[Planted]:
    """One operation of the formula spoiled, the one with the least effect that is one."""
    setting = judge.setting
    if spoiling.name == "float32 inside" and setting.dtype != "float64":
        return
    try:
        count = count_targets(spoiling, compute, setting)
        made = {k: _in_balls(spoiling, k, compute, truth, setting) for k in range(count)}
    except Exception:
        return  # a formula that only its own arithmetic can run has no inside to spoil
    size = float(np.max(np.abs(truth.high), initial=0.0))
    known = {k: exact for k, exact in made.items() if exact is not None}
    effects = {k: float(np.max(truth.error(exact))) for k, exact in known.items()}
    felt = {k: effect for k, effect in effects.items() if effect > SAME * size}
    if not felt:
        if made:
            yield Planted(spoiling.name, truth.high, np.zeros(truth.high.shape), None)
        return
    least = min(felt, key=felt.__getitem__)

    def again(there: Findings) -> Outcome:
        with np.errstate(all="ignore"):
            flat = tampered(spoiling, least, compute, there.setting, "numpy")
        return Outcome(OK, np.asarray(flat, dtype=np.float64))

    named = ("lower precision",) if spoiling.name == "float32 inside" else ()
    yield Planted.in_formula(spoiling.name, known[least], again, judge, truth, named)


def _in_balls(
    spoiling: Spoiling, target: int, compute: Any, truth: Truth, setting: Setting
) -> Ball | None:
    """The formula with an operation spoiled in balls; None where it is no number of its shape."""
    with precision(BITS):
        exact = ball(tampered(spoiling, target, compute, setting, "ball"))
        effect = truth.error(exact)
    return exact if effect.shape == truth.high.shape and np.all(np.isfinite(effect)) else None


def _detached(truth: Truth, setting: Setting) -> Iterator[Planted]:
    """Autograd's gradient with one operation cut off the graph, the least that is felt."""
    try:
        find_framework("torch").require()
        _, count = detached(-1, setting)
        found = [detached(k, setting)[0] for k in range(count)]
    except (Unavailable, Unsupported, RuntimeError, TypeError, NotImplementedError):
        return
    size = float(np.max(np.abs(truth.high), initial=0.0))
    effects = [(float(np.max(truth.error(f))), k) for k, f in enumerate(found)]
    felt = [(e, k) for e, k in effects if 1e-5 * size < e < np.inf]
    if felt:
        k = min(felt)[1]

        def again(there: Findings) -> Outcome:
            return Outcome(OK, detached(k, there.setting)[0])

        yield Planted("detached branch", found[k], truth.error(found[k]), again)


# --- many cells ----------------------------------------------------------------------------------


def audit_plan(plan: running.Plan, workers: int | None = None) -> Iterator[running.Ended]:
    """Each cell of a plan as it ends, audited in worker processes as a run does."""
    return running.map_cells(_steps, plan, plan.cells, workers)


def _steps(case: Case, cell: running.Cell, skip: frozenset[running.Step]) -> Iterator[Row]:
    """A cell's audit as the work of a worker: in one step."""
    yield from audit_cell(case, cell)


def audit_frame(rows: Iterable[Row]) -> pd.DataFrame:
    """The rows as a frame, one for each mistake and each right result."""
    import pandas as pd

    columns = ["case", "size", "point", "operator", "dtype", "seed", "mutant", "method", "result",
               "verdict", "share", "hint", "named", "elements", "within", "looseness"]  # fmt: skip
    return pd.DataFrame(list(rows), columns=columns)


def summarise(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Tables by title: mistakes by kind and dtype, by operator, and what differences claim."""
    planted, right = frame[frame["mutant"] != RIGHT], frame[frame["mutant"] == RIGHT]
    right = right[right["result"] != WRONG]
    tables = {"mistakes by kind": _counts(planted, ["mutant", "dtype"])}
    caught = planted[(planted["result"] == CAUGHT) & planted["named"].notna()]
    named = caught.groupby(["mutant", "dtype"])["named"].mean().mul(100).round(1)
    tables["mistakes by kind"]["named by the hint, %"] = named
    tables["mistakes by operator"] = _counts(planted, ["operator", "dtype"])
    tables["right results"] = _counts(right, ["dtype"])
    bounds = right[right["elements"].notna()].groupby("dtype")
    if len(bounds):
        tables["bounds of differences"] = bounds.agg(
            elements=("elements", "sum"),
            within=("within", "sum"),
            looseness=("looseness", "median"),
        )
    return tables


def _counts(frame: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    return frame.groupby([*keys, "result"]).size().unstack(fill_value=0)


def notable(frame: pd.DataFrame) -> pd.DataFrame:
    """Mistakes missed or below what the dtype resolves, right results accused, wrong formulas.

    One row for those of a kind: at how many seeds, and the largest share of the tolerance.
    """
    chosen = frame[frame["result"].isin([MISSED, BELOW, ACCUSED, WRONG, ERROR])]
    keys = ["case", "size", "point", "operator", "dtype", "mutant", "method", "result"]
    groups = chosen.groupby(keys, dropna=False, sort=False)
    return groups.agg(seeds=("seed", "nunique"), share=("share", "max")).reset_index()


def is_clean(frame: pd.DataFrame) -> bool:
    """Whether nothing was missed, nobody accused, and no formula wrong."""
    return not frame["result"].isin([MISSED, ACCUSED, WRONG, ERROR]).any()


def audit_text(frame: pd.DataFrame, style: str = "table") -> str:
    """The audit for a terminal or a page."""
    tables = {**summarise(frame), "missed, below resolution, accused, wrong": notable(frame)}
    parts = []
    for title, table in tables.items():
        if len(table):
            shown = table.reset_index() if table.index.names[0] else table
            body = (
                shown.to_markdown(index=False)
                if style == "markdown"
                else shown.to_string(index=False)
            )
            parts.append(f"## {title}\n\n{body}" if style == "markdown" else f"{title}\n{body}")
    planted = frame[frame["mutant"] != RIGHT]["result"].value_counts()
    right = frame[frame["mutant"] == RIGHT]["result"].value_counts()
    judged = right.get(AGREES, 0) + right.get(ACCUSED, 0)
    wrong = counted(int(right[WRONG]), "result") if WRONG in right else ""
    wrong = f"\n{wrong} of formulas that the definition refutes: xgrad run tells" if wrong else ""
    aside = f"; {right[ASIDE]:,} kinks and probes set aside" if ASIDE in right else ""
    said = ", ".join(f"{planted.get(r, 0):,} {r}" for r in (CAUGHT, MISSED, EQUAL, BELOW))
    parts.append(
        f"{int(planted.sum()):,} mistakes: {said} (equal: no mistake in exact arithmetic; below: "
        f"less than the dtype resolves there)\n{judged:,} right results: "
        f"{right.get(ACCUSED, 0):,} accused{aside}{wrong}"
    )
    return "\n\n".join(parts)
