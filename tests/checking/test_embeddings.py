"""Sparse gradients of dense inputs: embeddings, bags of them, gathers."""

import pytest

import xgrad
from xgrad.table import records

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional
INDICES = torch.tensor([1, 2, 2, 4])
REVERSE = {"methods": "torch.reverse", "dtypes": "float64"}


def weights():
    return torch.linspace(-1, 1, 15, dtype=torch.float64).reshape(5, 3)


def module(kind, **options):
    made = kind(5, 3, dtype=torch.float64, **options)
    with torch.no_grad():
        made.weight.copy_(weights())
    return made


class Lookup(torch.autograd.Function):
    """Rows of a table, whose gradient has the rows of `chosen` of what comes back."""

    @staticmethod
    def forward(ctx, w, chosen):
        ctx.chosen = chosen
        return w[INDICES]

    @staticmethod
    def backward(ctx, g):
        places, rows = ctx.chosen(g)
        return torch.sparse_coo_tensor(places[None], rows, (5, 3)), None


class Bag(torch.autograd.Function):
    """Means of two bags of two rows, whose gradient has this share of each."""

    @staticmethod
    def forward(ctx, w, share):
        ctx.share = share
        return w[INDICES].reshape(2, 2, 3).mean(1)

    @staticmethod
    def backward(ctx, g):
        rows = g.repeat_interleave(2, 0) * ctx.share
        return torch.sparse_coo_tensor(INDICES[None], rows, (5, 3)), None


def all_rows(g):
    return INDICES, g


def each_row_once(g):
    return INDICES[[0, 2, 3]], g[[0, 2, 3]]


def judged(f, *inputs, **options):
    (row,) = records(xgrad.check(f, inputs, **{**REVERSE, **options}))
    return row


@pytest.mark.parametrize("padding", [None, 0])  # 0 is not among the indices
def test_embeddings_with_sparse_gradients_are_certified(padding):
    row = judged(module(nn.Embedding, sparse=True, padding_idx=padding), INDICES)
    assert (row["verdict"], row["referee"]) == ("agrees", "certified"), row["message"]
    row = judged(lambda w: F.embedding(INDICES, w, padding, sparse=True).sin(), weights())
    assert (row["verdict"], row["referee"]) == ("agrees", "certified"), row["message"]


@pytest.mark.parametrize("mode", ["sum", "mean"])
def test_bags_with_sparse_gradients_are_certified(mode):
    row = judged(module(nn.EmbeddingBag, mode=mode, sparse=True), INDICES, torch.tensor([0, 2]))
    assert (row["verdict"], row["referee"]) == ("agrees", "certified"), row["message"]


def test_a_gather_with_a_sparse_gradient_is_certified_in_every_presentation():
    index = torch.tensor([[0, 0], [0, 1]])

    def f(x):
        return torch.gather(x, 0, index, sparse_grad=True) ** 2

    rows = records(xgrad.check(f, weights()[:2, :2]))
    assert {r["verdict"] for r in rows} == {"agrees"}
    assert {r["referee"] for r in rows} == {"certified"}


def test_presentations_read_sparse_gradients_too():
    asked = ("checkpoint*", "backward twice", "torch.func")
    frame = xgrad.check(module(nn.Embedding, sparse=True), INDICES, invariances=asked, **REVERSE)
    rows = records(frame)
    assert len(rows) == 5
    assert {r["verdict"] for r in rows} == {"agrees"}


def test_rows_that_come_twice_are_added():
    assert judged(lambda w: Lookup.apply(w, all_rows), weights())["verdict"] == "agrees"
    wrong = judged(lambda w: Lookup.apply(w, each_row_once), weights())
    assert wrong["verdict"] == "disagrees"
    assert "w[2," in wrong["worst"]


def test_a_bag_that_forgets_its_mean_is_caught():
    assert judged(lambda w: Bag.apply(w, 1 / 2), weights())["verdict"] == "agrees"
    wrong = judged(lambda w: Bag.apply(w, 1.0), weights())
    assert wrong["verdict"] == "disagrees"
    assert "factor 2" in wrong["hint"]


@pytest.mark.parametrize("sparse", [False, True])
def test_padding_is_what_an_embedding_detaches(sparse):
    padded = module(nn.Embedding, padding_idx=2, sparse=sparse)
    row = judged(padded, INDICES)
    assert row["verdict"] == "disagrees"
    assert "padding_idx=2 of embedding" in row["message"]
    assert 'detached="constant" judges' in row["message"]
    held = judged(padded, INDICES, detached="constant")
    assert (held["verdict"], held["referee"]) == ("agrees", "certified"), held["message"]
    assert "padding_idx=2 of embedding are held fixed" in held["message"]


def test_only_the_padding_is_held():
    def f(w):
        kept = F.embedding(INDICES, w, padding_idx=2)
        return kept + Lookup.apply(w, each_row_once)

    assert judged(f, weights(), detached="constant")["verdict"] == "disagrees"
    padded = module(nn.Embedding, padding_idx=2)
    (row,) = records(xgrad.check(padded, INDICES, methods="torch.forward", detached="constant"))
    assert row["verdict"] == "disagrees"
    assert "torch's padding_idx stops reverse mode, not forward mode" in row["message"]


def test_gradients_scaled_by_frequency_are_no_derivative():
    row = judged(module(nn.Embedding, scale_grad_by_freq=True), INDICES)
    assert row["verdict"] == "disagrees"


def test_an_embedding_that_renormalises_in_place_says_so():
    row = judged(module(nn.Embedding, max_norm=0.5), INDICES)
    assert row["status"] == "error"
    assert "'weight' was changed in place" in row["message"]
