"""Growth curves: certificate, candidate, noise and verdict over four decades of inputs.

    OMP_NUM_THREADS=1 python benchmarks/growth.py > results/growth.md

The picture goes to `results/growth.png`. Exponents are fitted to all sizes; beside them the one of
the last decade, where what a check costs at any size no longer counts.
"""

import math
import sys
from collections.abc import Iterator
from pathlib import Path

from suite.growth import STAGES, SUBJECTS, exponents, seconds

SIZES = (10, 100, 1_000, 10_000, 100_000)
PICTURE = Path(__file__).parents[1] / "results" / "growth.png"
HEAD = """# How a check grows with its inputs

Made by `OMP_NUM_THREADS=1 python benchmarks/growth.py` on {about}.

A whole `xgrad.check` in float64, asked a second time, in numbers that the referee picks itself:
balls where they are cheap, double-double beyond. Inside of it the candidate (the derivative in
exact numbers), the certificate (the function against it, without the candidate) and the rounding
noise; beside it one call of the function and of its gradient in the framework. Noise is not drawn
where nobody asks: a derivative within a unit of its last place needs none. Exponents p are of
seconds ≈ c nᵖ over all sizes; "last" is of the last decade alone.

![Seconds against inputs, log-log](growth.png)
"""


def table(subject: str, found: list[dict[str, float]]) -> Iterator[str]:
    """The lines of one function: seconds by size, and the exponents."""
    fitted, last = exponents(SIZES, found), exponents_of_last(found)
    yield f"\n## {subject}\n\n{SUBJECTS[subject].__doc__}\n"
    yield f"| seconds | {' | '.join(f'{n:,}' for n in SIZES)} | p | last |"
    yield f"| --- | {' | '.join('---:' for _ in (*SIZES, 0, 0))} |"
    for stage in STAGES:
        cells = [told(row[stage]) for row in found]
        powers = [told(p[stage], ".2f") for p in (fitted, last)]
        yield f"| {stage} | {' | '.join([*cells, *powers])} |"


def told(value: float, form: str = ".2g") -> str:
    """A number, or a dash where there is none."""
    return format(value, form) if math.isfinite(value) else "–"


def exponents_of_last(found: list[dict[str, float]]) -> dict[str, float]:
    """Of the step from the last size but one to the last."""
    decade = math.log(SIZES[-1] / SIZES[-2])
    return {s: math.log(found[-1][s] / found[-2][s]) / decade for s in STAGES}


def draw(measured: dict[str, list[dict[str, float]]]) -> None:
    """A panel for each function, a line for each stage."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 7.5), layout="constrained")
    for axes, (subject, found) in zip(figure.subplots(2, 2).flat, measured.items(), strict=True):
        for stage in STAGES:
            axes.loglog(SIZES, [row[stage] for row in found], "o-", label=stage, markersize=3)
        axes.set_title(subject)
        axes.set_xlabel("inputs")
        axes.set_ylabel("seconds")
        axes.grid(True, alpha=0.3)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=len(STAGES))
    figure.savefig(PICTURE, dpi=110)


def main() -> None:
    """The page on standard output, the picture beside the results."""
    from xgrad.running import describe_machine

    machine = describe_machine()
    versions = ", ".join(f"{name} {machine['versions'][name]}" for name in ("torch", "jax"))
    print(HEAD.format(about=f"{machine['processor']}, {versions}"), end="")
    measured = {}
    for subject in SUBJECTS:
        measured[subject] = [seconds(subject, n) for n in SIZES]
        print("\n".join(table(subject, measured[subject])), flush=True)
        print(f"{subject} done", file=sys.stderr)
    draw(measured)


if __name__ == "__main__":
    main()
