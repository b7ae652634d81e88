"""A case with methods of every kind."""

import pytest
from outcomes import X

import xgrad


@pytest.fixture
def case():
    @xgrad.case(wrt="x", methods=("numpy.differences:central@1e-4",))
    def square(xp, x):
        return xp.sum(x * x)

    square.inputs(lambda rng: {"x": X})
    square.formula("gradient")(lambda xp, x: 2 * x)
    square.formula("gradient", name="naive", default=False)(lambda xp, x: x + x)
    square.formula("gradient", name="library", frameworks=("torch",))(lambda xp, x: 2.0 * x)
    square.implementation("torch", name="F.square")(lambda x: (x**2).sum())
    return square
