"""Sparse arguments: judged by their stored values, whatever layout the gradient has."""

import pytest

import xgrad
from xgrad.errors import UsageError
from xgrad.table import records

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore:Sparse")
REVERSE = {"methods": "torch.reverse", "dtypes": "float64"}
PLACES = torch.tensor([[0, 0, 1, 2], [0, 2, 1, 0]])
TWICE = torch.tensor([[0, 0, 1, 2], [0, 0, 1, 0]])
x = torch.tensor([[0.3, -1.1], [0.7, 0.2], [1.9, 0.5]], dtype=torch.float64)


def coo(places=PLACES):
    values = torch.tensor([0.6, 1.4, 0.9, -0.8], dtype=torch.float64)
    return torch.sparse_coo_tensor(places, values, (3, 3), check_invariants=True)


LAYOUTS = {
    "coo": lambda: coo().coalesce(),
    "uncoalesced": coo,
    "duplicates": lambda: coo(TWICE),
    "csr": lambda: coo().coalesce().to_sparse_csr(),
    "csc": lambda: coo().coalesce().to_sparse_csc(),
}


class Product(torch.autograd.Function):
    """A x, whose gradient of A is laid out by `how` of the right dense one and of A."""

    @staticmethod
    def forward(ctx, A, x, how):
        ctx.save_for_backward(A, x)
        ctx.how = how
        return A.to_dense() @ x

    @staticmethod
    def backward(ctx, g):
        A, x = ctx.saved_tensors
        return ctx.how(g @ x.T, A), A.to_dense().T @ g, None


def at_places(dense, A):
    return torch.sparse_coo_tensor(A._indices(), dense[tuple(A._indices())], A.shape)


def in_halves(dense, A):
    places = torch.cat([A._indices(), A._indices()], dim=1)
    return torch.sparse_coo_tensor(places, dense[tuple(places)] / 2, A.shape)


def first_of_halves(dense, A):
    return in_halves(dense, A) * 0.5


def elsewhere_too(dense, A):
    return dense.to_sparse()


def whole(dense, A):
    return dense


def read_by_columns(dense, A):
    return at_places(dense.T, A)


def turned(dense, A):
    return torch.sparse_coo_tensor(A._indices().flip(0), at_places(dense, A)._values(), A.shape)


def out_of_order(dense, A):
    return torch.sparse_coo_tensor(A._indices(), at_places(dense, A)._values().flip(0), A.shape)


def without_the_last(dense, A):
    found = at_places(dense, A)
    return torch.sparse_coo_tensor(found._indices()[:, :-1], found._values()[:-1], A.shape)


def in_rows(dense, A):
    return dense.sparse_mask(A)


def in_rows_of_the_transpose(dense, A):
    return dense.T.contiguous().sparse_mask(A)


def product(how):
    return lambda A, x: Product.apply(A, x, how)


def judged(f, inputs, **options):
    (row,) = records(xgrad.check(f, inputs, **{**REVERSE, **options}))
    return row


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_product_is_certified_with_respect_to_the_stored_values(layout):
    A = LAYOUTS[layout]()
    row = judged(lambda A, x: A @ x, (A, x))
    assert (row["verdict"], row["referee"]) == ("agrees", "certified"), row["message"]
    assert "A is sparse: differentiated with respect to its 4 stored values" in row["message"]
    assert "masked" in row["message"]


def test_the_derivative_is_the_one_of_the_dense_matrix_at_the_stored_places():
    row = judged(lambda A: A.to_dense().pow(2).sum(), LAYOUTS["duplicates"]())
    summed = 2 * (0.6 + 1.4)
    assert row["verdict"] == "agrees"
    assert row["worst"].startswith("A.values[")
    wants = {"A.values[0]": summed, "A.values[1]": summed, "A.values[2]": 1.8, "A.values[3]": -1.6}
    assert row["want"] == pytest.approx(wants[row["worst"]])


@pytest.mark.parametrize("how", [at_places, in_halves, elsewhere_too, whole])
def test_right_gradients_agree_in_every_form(how):
    row = judged(product(how), (LAYOUTS["coo"](), x))
    assert (row["verdict"], row["referee"]) == ("agrees", "certified"), row["message"]


@pytest.mark.many(2)
@pytest.mark.parametrize(
    "how", [first_of_halves, read_by_columns, turned, out_of_order, without_the_last]
)
def test_wrong_gradients_of_a_sparse_matrix_are_caught(how):
    row = judged(product(how), (LAYOUTS["coo"](), x))
    assert row["verdict"] == "disagrees"
    assert "A.values[" in row["worst"]


@pytest.mark.parametrize("layout", ["csr", "csc"])
def test_compressed_gradients_are_read_in_their_own_order(layout):
    A = LAYOUTS[layout]()
    assert judged(product(in_rows), (A, x))["verdict"] == "agrees"
    wrong = judged(product(in_rows_of_the_transpose), (A, x))
    assert wrong["verdict"] == "disagrees"


def test_what_duplicates_share_is_not_lost():
    def backward_of_the_last(dense, A):
        found = at_places(dense, A)
        return torch.sparse_coo_tensor(A._indices()[:, 1:], found._values()[1:], A.shape)

    A = LAYOUTS["uncoalesced"]()
    assert judged(product(at_places), (A, x))["verdict"] == "agrees"
    assert judged(product(backward_of_the_last), (A, x))["verdict"] == "disagrees"


def test_second_derivatives_go_through_the_pattern():
    def loss(A, x):
        return (A @ x).sin().sum()

    for layout in ("coo", "csr"):
        row = judged(loss, (LAYOUTS[layout](), x), operators="hessian")
        assert (row["verdict"], row["referee"]) == ("agrees", "certified"), row["message"]


def test_presentations_of_the_values_agree_in_any_layout():
    asked = ("saved tensors changed", "checkpoint", "backward twice", "inputs one by one")
    for layout in ("coo", "csr"):
        given = (LAYOUTS[layout](), x)
        rows = records(xgrad.check(lambda A, x: A @ x, given, invariances=asked, **REVERSE))
        assert len(rows) == 5
        assert {r["verdict"] for r in rows} == {"agrees"}


def test_a_sparse_argument_is_named_as_a_whole_and_keeps_its_dtype():
    A = LAYOUTS["csr"]().float()
    frame = xgrad.check(lambda A, x: (A @ x).sin().sum(), (A, x.float()), wrt="A")
    reverse = [r for r in records(frame) if r["technique"] == "reverse"]
    assert [r["dtype"] for r in reverse] == ["float32", "float64"]
    assert all(r["verdict"] == "agrees" and "A.values" in r["worst"] for r in reverse)


def test_forward_mode_that_torch_has_not_for_sparse_tensors_is_told():
    for layout in ("coo", "csr"):
        row = records(xgrad.check(lambda A, x: A @ x, (LAYOUTS[layout](), x), invariances=()))[0]
        assert row["verdict"] == "agrees"
        assert "torch.forward does not exist here" in row["message"]


def test_a_sparse_value_is_judged_with_all_its_elements():
    row = judged(lambda A: A * A, LAYOUTS["coo"]())
    assert (row["verdict"], row["referee"]) == ("agrees", "certified")
    assert row["worst"].startswith("y[")
    assert "," in row["worst"].split("/")[0]
    (row,) = records(xgrad.check(lambda x: (x * x).to_sparse(), x[:, 0], **REVERSE))
    assert row["verdict"] == "agrees"


def test_complex_values_are_pairs():
    A = torch.sparse_coo_tensor(PLACES, torch.tensor([1 + 2j, 3j, 0.5 - 1j, 2.0]), (3, 3))
    row = judged(lambda A: (A.to_dense() ** 2).real.sum(), A.to(torch.complex128))
    assert row["verdict"] == "agrees", row["message"]


def test_an_operation_that_torch_has_not_is_told_in_its_words():
    row = judged(lambda A: torch.sin(A).to_dense(), LAYOUTS["coo"]())
    assert row["status"] == "unsupported"
    assert "aten::cos" in row["message"]


def test_other_layouts_and_scipy_are_refused_in_words():
    import scipy.sparse

    blocks = torch.eye(4, dtype=torch.float64).to_sparse_bsr((2, 2))
    with pytest.raises(UsageError, match=r"s is sparse in a layout .*sparse_bsr.*pass it as COO"):
        xgrad.check(lambda s: s.to_dense().sum(), blocks)
    with pytest.raises(UsageError, match=r"s is sparse, of SciPy: pass the sparse array of torch"):
        xgrad.check(lambda s, x: x.sum(), (scipy.sparse.eye_array(2), x))
    with pytest.raises(UsageError, match="x is sparse"):
        xgrad.check(lambda xp, x: xp.sum(x), {"x": scipy.sparse.eye_array(2)})
