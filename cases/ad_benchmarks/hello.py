"""The smallest program for a differentiation tool: x²."""

import xgrad


@xgrad.case(
    wrt="x",
    sizes={"small": {"n": 4}, "medium": {"n": 1_000}, "large": {"n": 1_000_000}},
    operators="derivative",
    source="GradBench 2025, evals/hello/README.md, https://github.com/gradbench/gradbench",
)
def hello(xp, x):  # x (n,) -> (n,)
    """x², element by element."""
    return x * x


@hello.inputs
def draw(rng, n):
    return {"x": rng.normal(size=n)}


@hello.formula("derivative")
def double(xp, x):
    """2x."""
    return 2 * x
