"""torch's sparse operations in balls: as in floats, in every layout, duplicates among them."""

import numpy as np
import pytest

import xgrad
from xgrad.table import records

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore:Sparse")
from xgrad.programs.constants import exact_array  # noqa: E402
from xgrad.programs.torch.boxes import (  # noqa: E402
    TABLE,
    decode,
    encode,
    filled,
    midpoints,
    places,
    stored,
)

S = torch.sparse
VALUES = torch.tensor([0.6, 1.4, 0.9, -0.8], dtype=torch.float64)
PLACES = torch.tensor([[0, 0, 1, 2], [0, 2, 1, 0]])
TWICE = torch.tensor([[0, 0, 1, 2], [0, 0, 1, 0]])
x = torch.tensor([[0.3, -1.1], [0.7, 0.2], [1.9, 0.5]], dtype=torch.float64)


def coo(places, coalesced=None):
    return torch.sparse_coo_tensor(
        places, VALUES, (3, 3), is_coalesced=coalesced, check_invariants=True
    )


LAYOUTS = {
    "coo": lambda: coo(PLACES, True),
    "uncoalesced": lambda: coo(PLACES),
    "duplicates": lambda: coo(TWICE),
    "csr": lambda: coo(PLACES, True).to_sparse_csr(),
}
EVERYWHERE = {
    "mm": lambda A, x: S.mm(A, x),
    "product": lambda A, x: A @ x,
    "product with a vector": lambda A, x: A @ x[:, 0],
    "product from the left": lambda A, x: x.T @ A,
    "transposed": lambda A, x: A.t() @ x,
    "addmm": lambda A, x: S.addmm(x, A, x, beta=0.5, alpha=2.0),
    "to_dense": lambda A, x: A.to_dense() ** 2,
    "sum": lambda A, x: A.sum(),
    "scaled": lambda A, x: A * 2,
    "added": lambda A, x: A + A,
    "squared": lambda A, x: (A * A).to_dense(),
    "relu": lambda A, x: torch.relu(A),
    "to_sparse_csr": lambda A, x: A.to_sparse_csr() @ x,
    "to_sparse_coo": lambda A, x: A.to_sparse_coo() @ x,
}
OF_COO = {
    "sparse.sum": lambda A, x: S.sum(A),
    "sums of rows": lambda A, x: S.sum(A, dim=1),
    "softmax": lambda A, x: S.softmax(A, 1),
    "coalesce": lambda A, x: A.coalesce().values() ** 2,
    "power": lambda A, x: A**2,
    "times dense": lambda A, x: A * (x @ x.T),
    "product of two": lambda A, x: S.mm(A, A),
}
ASKED = [
    *((name, layout) for name in EVERYWHERE for layout in LAYOUTS),
    *((name, layout) for name in OF_COO for layout in LAYOUTS if layout != "csr"),
    ("log_softmax", "coo"),
    ("sampled_addmm", "csr"),
]
FUNCTIONS = {
    **EVERYWHERE,
    **OF_COO,
    "log_softmax": lambda A, x: S.log_softmax(A, 1),
    "sampled_addmm": lambda A, x: S.sampled_addmm(A, x, x.T, beta=0.5, alpha=2.0),
}


@pytest.mark.many(12)
@pytest.mark.parametrize(("name", "layout"), ASKED)
def test_operations_are_certified(name, layout):
    given = (LAYOUTS[layout](), x)
    frame = xgrad.check(FUNCTIONS[name], given, methods="torch.reverse", dtypes="float64")
    (row,) = records(frame)
    assert (row["verdict"], row["referee"]) == ("agrees", "certified"), row["message"]


def test_an_operation_without_a_rule_is_named_and_judged_by_differences():
    given = (LAYOUTS["csr"](), x)
    frame = xgrad.check(
        lambda A, x: S.mm(A, x, "amax"), given, methods="torch.reverse", dtypes="float64"
    )
    (row,) = records(frame)
    assert (row["verdict"], row["referee"]) == ("agrees", "definition")
    assert "NoBallRule: aten._sparse_mm_reduce_impl" in row["message"]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_is_stored_twice_is_added(layout):
    A = LAYOUTS[layout]()
    with TABLE.open():
        boxed = filled(A, encode(exact_array(stored(A).numpy())))
        assert torch.equal(places(boxed), places(A))
        assert np.allclose(midpoints(decode(boxed)), A.to_dense().numpy(), rtol=1e-15, atol=0)
