"""Dropout with a given mask, scaled so that the expected output is the input."""

import xgrad

RATE = 0.25


@xgrad.case(
    wrt="x",
    sizes={
        "small": {"n": 4, "d": 5},
        "medium": {"n": 16, "d": 32},
        "large": {"n": 512, "d": 512},
    },
    operators=("vjp", "jvp"),
    source="Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov 2014, Dropout, JMLR 15, "
    "section 4 and section 10",
)
def dropout(xp, x, keep):  # x (n, d), keep (n, d) of 0 and 1 -> (n, d)
    """x ∘ keep / (1 − p), p = 1/4."""
    return x * xp.astype(keep, x.dtype) / (1 - RATE)


@dropout.inputs
def draw(rng, n, d):
    keep = (rng.uniform(size=(n, d)) >= RATE).astype(int)
    return {"x": rng.normal(size=(n, d)), "keep": keep}


@dropout.formula("vjp")
def vjp(xp, x, keep, w):
    """w ∘ keep / (1 − p)."""
    return dropout(xp, w, keep)


@dropout.formula("jvp")
def jvp(xp, x, keep, v):
    """v ∘ keep / (1 − p)."""
    return dropout(xp, v, keep)
