"""What programs of both frameworks share: constants, ranks, and functions of elements."""

import math
import subprocess
import sys

import numpy as np
import pytest
import scipy.special
from flint import acb, arb

from xgrad.numbers import precision
from xgrad.programs import exactly, recognised_constants
from xgrad.programs.constants import CONSTANTS, exact_array
from xgrad.programs.ranks import Ranks
from xgrad.programs.scalars import BINARY, UNARY


@pytest.fixture(autouse=True)
def digits():
    """256 bits."""
    with precision(256):
        yield


MEANT = {
    "π/2": (math.pi / 2, lambda: arb.pi() / 2),
    "−√(2/π)": (-math.sqrt(2 / math.pi), lambda: -(2 / arb.pi()).sqrt()),
    "√π/2, rounded twice": (math.sqrt(math.pi) / 2, lambda: arb.pi().sqrt() / 2),
    "1/3": (1 / 3, lambda: arb(1) / 3),
    "√(3/7)": (math.sqrt(3 / 7), lambda: (arb(3) / 7).sqrt()),
    "0.044715": (0.044715, lambda: arb("0.044715")),
    "3 · 0.044715": (3 * 0.044715, lambda: 3 * arb("0.044715")),
    "1e-5": (1e-5, lambda: arb(1) / 100_000),
}


@pytest.mark.parametrize("name", MEANT)
def test_floats_are_read_as_what_they_were_rounded_from_where_that_is_asked(name):
    value, meant = MEANT[name]
    assert exactly(value) == arb(value)
    with recognised_constants():
        assert exactly(value).overlaps(meant())
        assert not exactly(value) == arb(value)  # noqa: SIM201 - balls overlap or do not
    assert exactly(value) == arb(value)


def test_floats_that_mean_nothing_stay_what_they_are():
    rng = np.random.default_rng(0)
    with recognised_constants():
        for value in (*rng.normal(size=100).tolist(), 2.0, -0.0, math.inf):
            assert exactly(value) == arb(value)


def test_constants_are_known_at_any_precision():
    with precision(600), recognised_constants():
        for name, make in CONSTANTS.items():
            assert exactly(float(make())).overlaps(make()), name
            assert exactly(float(make())).rel_accuracy_bits() > 590


def test_ranks_order_what_floats_cannot_tell_apart():
    tiny = arb(2) ** -200
    x = exact_array(np.array([1.0, -2.0, 0.0, 1.0, np.inf, 1.0]))
    x[3] += tiny
    x[5] -= tiny
    ranks = Ranks([x, exact_array(np.array(-5.0))])
    assert ranks.arrays[0].tolist() == [2.0, -1.0, 0.0, 3.0, math.inf, 1.0]
    assert ranks.arrays[1].tolist() == -2.0
    assert (ranks.elements(np.array([3.0, -2.0])) == np.array([x[3], arb(-5)])).all()
    assert ranks.elements(np.array([0.0, np.inf]))[0] == 0


SPECIAL = {
    "erfcx": scipy.special.erfcx,
    "ndtr": scipy.special.ndtr,
    "ndtri": scipy.special.ndtri,
    "log_ndtr": scipy.special.log_ndtr,
    "entr": scipy.special.entr,
    "i0": scipy.special.i0,
    "i1e": scipy.special.i1e,
    "sinc_pi": np.sinc,
    "lgamma": scipy.special.gammaln,
    "digamma": scipy.special.digamma,
    "softplus": lambda x: np.logaddexp(0, x),
    "sigmoid": scipy.special.expit,
    "erfinv": scipy.special.erfinv,
    "frac": lambda x: x - np.trunc(x),
}


@pytest.mark.parametrize("name", SPECIAL)
def test_functions_of_an_element_are_those_of_scipy(name):
    x = np.linspace(0.05, 0.95, 7)
    got = np.array([float(b) for b in UNARY[name](exact_array(x))])
    np.testing.assert_allclose(got, SPECIAL[name](x), rtol=1e-12)


PAIRS = {
    "power": np.power,
    "xlogy": scipy.special.xlogy,
    "xlog1py": scipy.special.xlog1py,
    "zeta": lambda s, a: scipy.special.zeta(s + 1, a),
    "gammainc": scipy.special.gammainc,
    "gammaincc": scipy.special.gammaincc,
    "logaddexp": np.logaddexp,
    "logaddexp2": np.logaddexp2,
    "atan2": np.arctan2,
    "remainder": np.remainder,
    "fmod": np.fmod,
    "hypot": np.hypot,
}


@pytest.mark.parametrize("name", PAIRS)
def test_functions_of_two_elements_are_those_of_scipy(name):
    x, y = np.linspace(0.3, 3, 7), np.linspace(2.2, 0.4, 7)
    a = exact_array(x) + 1 if name == "zeta" else exact_array(x)
    got = np.array([float(b) for b in BINARY[name](a, exact_array(y))])
    np.testing.assert_allclose(got, PAIRS[name](x, y), rtol=1e-12)


def test_functions_of_complex_elements_are_those_of_numpy():
    z = np.array([0.3 + 0.4j, -1.2 + 0.1j])
    balls = exact_array(z)
    for name, function in {"exp": np.exp, "log": np.log, "sqrt": np.sqrt, "tanh": np.tanh,
                           "neg": np.negative, "abs": np.abs, "conj": np.conj, "sign": np.sign,
                           "angle": np.angle, "square": np.square}.items():  # fmt: skip
        got = np.array([complex(acb(b)) for b in UNARY[name](balls)])
        np.testing.assert_allclose(got, function(z), rtol=1e-13, err_msg=name)


def test_infinities_are_those_of_floats_where_programs_rely_on_them():
    zero, one = exact_array(np.zeros(1)), exact_array(np.ones(1))
    low = exact_array(np.array([-np.finfo(float).max]))
    assert UNARY["log"](zero)[0] == arb.neg_inf()
    assert UNARY["rsqrt"](zero)[0] == arb.pos_inf()
    assert UNARY["exp"](low)[0] == 0
    assert BINARY["divide"](-one, zero)[0] == arb.neg_inf()
    assert BINARY["xlogy"](zero, zero)[0] == 0
    assert BINARY["power"](zero, zero)[0] == 1
    assert BINARY["logaddexp"](low, one)[0] == 1


def test_programs_load_no_framework_before_it_is_used():
    code = "import sys, xgrad.programs; print({'torch', 'jax'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "set()", done.stderr
