"""Sparse arrays: refused in words that name the way out, never made dense in silence."""

import pytest

import xgrad
from xgrad.errors import UsageError
from xgrad.table import records

torch = pytest.importorskip("torch")
P = torch.tensor([0.3, 0.9], dtype=torch.float64)
REVERSE = {"methods": "torch.reverse"}


def test_sparse_arguments_and_values_are_refused_in_words():
    import scipy.sparse

    coo = torch.eye(2, dtype=torch.float64).to_sparse()
    for sparse in (coo, scipy.sparse.eye_array(2)):
        with pytest.raises(UsageError, match=r"s is sparse.*make it sparse inside"):
            xgrad.check(lambda s, x: x.sum(), (sparse, P))
    with pytest.raises(UsageError, match="x is sparse"):
        xgrad.check(lambda xp, x: xp.sum(x), {"x": scipy.sparse.eye_array(2)})
    (row,) = records(xgrad.check(lambda x: x.to_sparse(), P, **REVERSE))
    assert "to_dense" in row["message"]
