"""The extras: every framework has them, and they are right, do not overflow and keep the dtype."""

import numpy as np
import pytest
import scipy.special
from expressions import DATA, FLOATS, NAMES, evaluate, host, lines, require_agreement

from xgrad.frameworks import find_framework
from xgrad.numbers import EXTRAS

CALLS = """
    xp.angle(xp.complex(x, y))
    xp.angle(xp.complex(-p, 0 * p))
    xp.real(xp.complex(x, y) * xp.complex(y, x))
    xp.logsumexp(x)
    xp.logsumexp(x, axis=1)
    xp.logsumexp(t, axis=(0, 2))
    xp.logsumexp(x, axis=-1, keepdims=True)
    xp.logsumexp(x, keepdims=True)
    xp.logsumexp(z)
    xp.softmax(x)
    xp.softmax(t, axis=1)
    xp.log_softmax(x)
    xp.log_softmax(t, axis=0)
    xp.softplus(3 * x)
    xp.expit(3 * x)
    xp.erf(x)
    xp.erfc(x)
    xp.lgamma(p)
    xp.digamma(p)
    xp.lgamma(q - 1)
    xp.digamma(q - 1)
    xp.polygamma(0, p)
    xp.polygamma(2, q - 1)
    xp.polygamma(3, p)
    xp.expm(a)
    xp.expm(m / 3)
    xp.expm(xp.linalg.diagonal(m)[:, :, None] * xp.eye(4))
    xp.segment_sum(c, i, 3)
    xp.segment_sum(w[i], i, num_segments=4)
    xp.segment_sum(k, xp.asarray([1, 1, 0]), 2)
    xp.segment_sum(t, i[:2], 5)
    xp.segment_sum(o, i[:0], 2)
    xp.scan(lambda total, row: (total + row, total * row), v, x)
    xp.scan(lambda total, row: (total + row[0], (row[1], total)), v, (x, y))
    xp.scan(lambda total, row: (total * row, None), v, x)[0]
    xp.scan(lambda total, _: (total / 2, total), v, None, length=3)
    xp.einsum('ij,kj->ik', x, y)
    xp.einsum('ij,j', x, v)
    xp.einsum('ij,ij->ij', x, y)
    xp.einsum('ij,ij->i', x, y)
    xp.einsum('ij,ij->', x, y)
    xp.einsum('i,j->ij', w, v)
    xp.einsum('i,j->ji', w, v)
    xp.einsum('bij,bjk->bik', m, m)
    xp.einsum('bij,j->bi', t, v)
    xp.einsum('bij,kj->kbi', t, x)
    xp.einsum('ii->i', a)
    xp.einsum('ii', a)
    xp.einsum('ii->', a)
    xp.einsum('bii->b', m)
    xp.einsum('ij->ji', x)
    xp.einsum('ji', x)
    xp.einsum('ij->j', x)
    xp.einsum('ij->', x)
    xp.einsum('ii,ij->j', a, s)
    xp.einsum('ij,jk,kl->il', x, a, s)
    xp.einsum('i,ij,j->', w, x, v)
    xp.einsum('i,i,i->i', u, v, u)
    xp.einsum('i,j,k->kji', w, u, w)
    xp.einsum('ij,kj,lj->ikl', x, x, y)
    xp.einsum('...ij,...j->...i', t, v)
    xp.einsum('...ij,jk->...ik', t, a)
    xp.einsum('...ii->...i', m)
    xp.einsum('...ij->...', t)
    xp.einsum('ij,jk->ik', o, a)
    xp.einsum('ij,ik->jk', o, o)
    xp.einsum('ij,ij->ij', x, w[:, None])
    xp.einsum('ij->', o)
    xp.scan(lambda total, i: (total + x[i, 0], total), z, xp.arange(3))
"""


@pytest.mark.many(40)
@pytest.mark.parametrize("expression", lines(CALLS))
@pytest.mark.parametrize("name", ["torch", "jax", "ball"])
def test_frameworks_agree_with_numpy(name, expression):
    require_agreement(name, expression)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("extra", EXTRAS)
def test_every_framework_has_every_extra_and_the_table_tries_it(name, extra):
    assert callable(getattr(find_framework(name).namespace("float64"), extra))
    assert f"xp.{extra}(" in CALLS


REFERENCES = {
    "xp.logsumexp(x, axis=1)": scipy.special.logsumexp(DATA["x"], axis=1),
    "xp.softmax(x)": scipy.special.softmax(DATA["x"], axis=-1),
    "xp.log_softmax(x)": scipy.special.log_softmax(DATA["x"], axis=-1),
    "xp.softplus(x)": np.logaddexp(0, DATA["x"]),
    "xp.expit(x)": scipy.special.expit(DATA["x"]),
    "xp.scan(lambda c, r: (c + r, c + r), 0 * v, x)[1]": np.cumsum(DATA["x"], axis=0),
    "xp.softplus(800 * r)": np.maximum(0, 800 * DATA["r"]) + np.log(2) * (DATA["r"] == 0),
    "xp.expit(800 * r)": np.sign(DATA["r"]) / 2 + 0.5,
    "xp.logsumexp(1000 * r)": 1000 * DATA["r"].max() + np.log((DATA["r"] == DATA["r"].max()).sum()),
    "xp.logsumexp(xp.where(b, x, -xp.inf))": np.log(np.exp(DATA["x"])[DATA["b"]].sum()),
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("expression", REFERENCES)
def test_extras_are_right_and_do_not_overflow(name, expression):
    (got,) = host(name, evaluate(name, expression))
    np.testing.assert_allclose(got, REFERENCES[expression], rtol=1e-14, atol=1e-14)


SPECIAL = {
    "complex": "xp.real(xp.complex(p, p))",
    "einsum": "xp.einsum('ij,ij', p, p)",
    "expm": "xp.expm(s)",
    "polygamma": "xp.polygamma(2, p)",
    "scan": "xp.scan(lambda c, r: (c * r, c), p[0, :], p)",
    "segment_sum": "xp.segment_sum(c, i, 4)",
}
KEEP_DTYPE = [SPECIAL.get(f, f"xp.{f}(p)") for f in EXTRAS]


@pytest.mark.many(3)
@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_extras_keep_the_dtype(name, dtype):
    for expression in KEEP_DTYPE:
        if expression == SPECIAL["expm"] and dtype == "float16" and name != "torch":
            continue  # there is none
        if expression == SPECIAL["complex"] and dtype == "float16":
            continue
        for result in evaluate(name, expression, dtype):
            assert find_framework(name).describe(result)[1] == dtype, expression
