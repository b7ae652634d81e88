"""Mistakes planted in a result, and the hint that is given for it: for the tests of hints."""

import numpy as np

import xgrad
from xgrad.judging.hints import find_hint
from xgrad.judging.pieces import Elsewhere, Evidence
from xgrad.numbers import EPS
from xgrad.problem import OPERATORS, Setting

BOTH = ("float64", "float32")
SUM, MEAN = "a sum in place of a mean", "a mean in place of a sum"
SHAPES = {"W": (6, 7), "S": (5, 5), "b": (9,), "c": (9,), "s": (), "t": ()}


def setting(*names, dtype="float64", n=12, longer=0):
    """A scalar function of arrays with these names, whose size says n = 12."""
    parameters = ", ".join(names)
    function = eval(f"lambda xp, {parameters}: 0.0")
    rng = np.random.default_rng(3)
    drawn = {
        name: np.asarray(rng.normal(size=[length + longer for length in SHAPES[name]]))
        for name in names
    }
    case = xgrad.case(function, wrt=names, name="planted", sizes={"small": {"n": n}})
    case.inputs(lambda rng, n: drawn)
    made = Setting.make(case, "small", "random", dtype, 0)
    made.__dict__["y_shape"] = ()
    return made


def evidence(got, want, at, operator="gradient", **elsewhere):
    """A flat result beside the truth, with the tolerance of a few roundings."""
    tolerance = 32 * EPS[at.dtype] * np.abs(want)
    found = Elsewhere(**{name: (lambda e=e: e) for name, e in elsewhere.items()})
    return Evidence(got, want, tolerance, OPERATORS[operator], at, found)


def hint(got, want, at, operator="gradient", **elsewhere):
    """The hint for a flat result, with no other place to look at unless one is given."""
    return find_hint(evidence(got, want, at, operator, **elsewhere))


def planted_hint(plant, at, sizes=(), operator="gradient", noise="", shape=None):
    """The hint for a mistake that is made alike at points nearby, far away, and at other sizes."""

    def there(seed, at=at, off=0.0):
        moved = 1 + off * np.random.default_rng(seed).uniform(0.5, 1, shape or at.x_size)
        want = truth(at, 1 if off else seed, shape) * moved
        got = plant(want) if plant.__code__.co_argcount == 1 else plant(want, at)
        return noisy(got, noise, seed) if noise else got, want, at, operator

    near = [evidence(*there(seed, off=off)) for seed, off in ((11, 2**-6), (12, -(2**-6)))]
    far = [evidence(*there(13))]
    others = [evidence(*there(14 + k, at)) for k, at in enumerate(sizes)]
    return hint(*there(1), near=near, far=far, sizes=others)


def truth(at, seed=1, size=None):
    """Numbers of both signs, none near zero, none alike."""
    rng = np.random.default_rng(seed)
    size = at.x_size if size is None else size
    return rng.uniform(0.5, 2.0, size) * rng.choice([-1, 1], size)


def noisy(values, dtype, seed=2):
    """The values with rounding errors of the dtype."""
    rng = np.random.default_rng(seed)
    return values * (1 + EPS[dtype] * rng.uniform(-1, 1, values.shape))


def changed(k, by):
    """A mistake in some elements."""

    def plant(g):
        g = g.copy()
        g[k] = by(g[k])
        return g

    return plant


def rolled(by, fill=None):
    def plant(g):
        g = np.roll(g, by)
        if fill is not None:
            g[0 if by > 0 else -1] = fill
        return g

    return plant
