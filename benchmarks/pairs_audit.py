"""The audit with double-double numbers wherever they can be chosen, beside that in balls.

    OMP_NUM_THREADS=1 python benchmarks/pairs_audit.py cases/statistics cases/physics

Small problems are judged in balls, which are cheaper there, so that the audit of the library says
little of the other numbers. Here their price is none, for the referee of formulas in float64.
Mistakes are planted as ever; rows of both audits are set side by side.
"""

import sys
import time
from pathlib import Path

from xgrad.auditing import audit_frame, audit_plan, audit_text
from xgrad.problem import find_cases
from xgrad.referee import Budget, doubled
from xgrad.running import Selection, make_plan

KEY = ["case", "size", "point", "operator", "dtype", "seed", "mutant", "method"]


def audited(paths, in_pairs):
    """The audit's rows, and the truths that were found in double-double."""
    found = []
    asked = doubled.FormulaInPairs.truth

    def truth(self, operator):
        made = asked(self, operator)
        found.append((self.setting.case.name, operator.name, made is not None))
        return made

    doubled.FormulaInPairs.truth = truth
    before = doubled.WORTH, doubled.price_of_pairs
    if in_pairs:
        doubled.WORTH, doubled.price_of_pairs = 0, lambda operations, calls: 0
    try:
        selected = Selection(dtypes=("float64",), seeds=(0,), methods=("numpy.formula",))
        plan = make_plan(find_cases(paths), selected, Budget())
        rows = [*plan.broken, *(row for ended in audit_plan(plan, 0) for row in ended.rows)]
    finally:
        doubled.WORTH, doubled.price_of_pairs = before
        doubled.FormulaInPairs.truth = asked
    return audit_frame(rows), found


def main(paths):
    """A page, on standard output."""
    start = time.perf_counter()
    balls, _ = audited(paths, in_pairs=False)
    middle = time.perf_counter()
    pairs, found = audited(paths, in_pairs=True)
    end = time.perf_counter()
    both = balls.merge(pairs, on=KEY, how="outer", suffixes=(" in balls", " in pairs"))
    changed = both[both["result in balls"].ne(both["result in pairs"])]
    made = sum(ok for *_, ok in found)
    print("# The audit in double-double numbers\n")
    print(f"Made by `OMP_NUM_THREADS=1 python benchmarks/pairs_audit.py {' '.join(paths)}`: "
          f"{middle - start:.0f} s in balls, {end - middle:.0f} s with pairs wherever they can "
          f"be. Of {len(found):,} truths asked of pairs these had {made:,}, balls the "
          f"rest. Of {len(both):,} rows {len(changed):,} differ.\n")  # fmt: skip
    if len(changed):
        print(changed[[*KEY, "result in balls", "result in pairs"]].to_markdown(index=False), "\n")
    print(f"In balls:\n\n{summary(balls)}\n\nIn pairs:\n\n{summary(pairs)}")


def summary(frame):
    """The last lines of an audit's text: counts of mistakes and of right results."""
    return "\n".join(f"- {line}" for line in audit_text(frame, "markdown").splitlines()[-2:])


if __name__ == "__main__":
    main(sys.argv[1:] or [str(Path(__file__).parents[1] / "cases")])
