"""Kepler's equation, solved by Newton steps: a derivative through an implicit function."""

import numpy as np

import xgrad

STEPS = 12  # more than 256 bits need


@xgrad.case(
    wrt="M",
    sizes={"small": {"n": 20}, "medium": {"n": 500}, "large": {"n": 20_000}},
    operators=("derivative", "second_derivative"),
    source="Murray & Dermott 1999, Solar System Dynamics, section 2.4",
)
def eccentric_anomaly(xp, M, e):  # M (n,), e (n,) -> (n,)
    """E with E − e sin E = M."""

    def newton(E, _):
        return E - (E - e * xp.sin(E) - M) / (1 - e * xp.cos(E)), None

    return xp.scan(newton, M + e * xp.sin(M), None, length=STEPS)[0]


@eccentric_anomaly.inputs
def draw(rng, n):
    return {"M": rng.uniform(-np.pi, np.pi, size=n), "e": rng.uniform(0.05, 0.7, size=n)}


@eccentric_anomaly.formula("derivative")
def speed(xp, M, e):
    """1 / (1 − e cos E): the implicit function theorem."""
    return 1 / (1 - e * xp.cos(eccentric_anomaly(xp, M, e)))


@eccentric_anomaly.formula("second_derivative")
def acceleration(xp, M, e):
    """−e sin E / (1 − e cos E)³."""
    E = eccentric_anomaly(xp, M, e)
    return -e * xp.sin(E) / (1 - e * xp.cos(E)) ** 3
