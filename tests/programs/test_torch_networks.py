"""Our own forms of what networks are made of, against torch's, in balls and in pairs."""

import numpy as np
import pytest
import torch
from flint import arb

from xgrad.numbers import Doubled, precision, to_ball
from xgrad.programs import TorchProgram
from xgrad.programs.torch import composed, mode
from xgrad.programs.torch.arithmetic.windows import WINDOWS
from xgrad.programs.torch.networks import NETWORKS

aten = torch.ops.aten
BITS = 256
DIGITS = {"balls": 60, "pairs": 28}  # that both forms must share

rng = np.random.default_rng(0)
# Kinks and thresholds of all: 0, ±½, ±1, ±3, 6, 20; and numbers between.
X = np.array([-30.0, -6.0, -3.0, -1.0, -0.5, -0.25, 0.0, 0.25, 0.5, 1.0, 2.5, 3.0, 6.0, 20.0, 25.0])
Y, G = rng.normal(size=(2, *X.shape))
P, Q = rng.uniform(0.05, 0.95, size=(2, 6))
SIGNS = np.sign(Y)
EVEN = rng.normal(size=(3, 4))
ROWS = np.log(rng.dirichlet(np.ones(4), size=3))
MAPS = rng.normal(size=(2, 3, 2, 2))
WEIGHTS = np.array([0.5, 1.0, 2.0, 0.25])
LABELS, LABELS_OF_MAPS = torch.tensor([1, 3, 0]), torch.randint(3, (2, 2, 2))
NO = torch.tensor([False, True, True, True])
QKV = rng.normal(size=(3, 1, 2, 3, 4))
ENTRIES = rng.normal(size=(3, 3))
SHARES = np.array([0.0, 1e-3, 0.2, 0.5, 0.999, 1.0])


def reduced(make):
    """A call for each reduction, with the cotangent that its result has."""
    return [make(k) for k in (0, 1, 2)]


# Calls by operation: what differs, and the floats that go in; `f` is the operation itself.
CALLS = {
    "elu": [(lambda f, x, h=h: f(x, *h), X) for h in ((), (1.3,), (0.7, 1.1, 2.0))],
    "elu_backward": [
        (lambda f, g, x, h=h, r=r: f(g, *h, r, x), G, X)
        for h in ((1.0, 1.0, 1.0), (0.7, 1.1, 2.0)) for r in (False, True)
    ],
    "celu": [(lambda f, x: f(x), X), (lambda f, x: f(x, 0.5), X)],
    "leaky_relu": [(lambda f, x: f(x), X), (lambda f, x: f(x, 0.3), X)],
    "leaky_relu_backward": [(lambda f, g, x, r=r: f(g, x, 0.3, r), G, X) for r in (False, True)],
    "softplus": [(lambda f, x, h=h: f(x, *h), X) for h in ((), (2.0,), (0.5, 3.0))],
    "softplus_backward": [(lambda f, g, x, h=h: f(g, x, *h), G, X) for h in ((1, 20), (0.5, 3.0))],
    "mish": [(lambda f, x: f(x), X)],
    "silu": [(lambda f, x: f(x), X)],
    "glu": [(lambda f, x, d=d: f(x, d), EVEN[:2]) for d in (-1, 0)],
    "glu_backward": [(lambda f, g, x: f(g, x, -1), EVEN[:, :2], EVEN),
                     (lambda f, g, x: f(g, x, 0), EVEN[:1], EVEN[:2])],
    "log_sigmoid_forward": [(lambda f, x: f(x), X)],
    "log_sigmoid_backward": [(lambda f, g, x, b: f(g, x, b), G, X, np.exp(-np.abs(X))),
                             (lambda f, g, x: f(g, x, torch.empty(0)), G, X)],
    "hardtanh_backward": [(lambda f, g, x: f(g, x, -1.0, 0.5), G, X)],
    "hardswish": [(lambda f, x: f(x), X)],
    "hardswish_backward": [(lambda f, g, x: f(g, x), G, X)],
    "hardshrink": [(lambda f, x: f(x), X), (lambda f, x: f(x, 1.0), X)],
    "softshrink": [(lambda f, x: f(x), X), (lambda f, x: f(x, 1.0), X)],
    "lerp": [(lambda f, x, y, w=w: f(x, y, w), X, Y) for w in (0.3, 0.5, -1.0)]
    + [(lambda f, x, y, w: f(x, y, w), X, Y, G)],
    "logit": [(lambda f, x: f(x), P), (lambda f, x: f(x, 0.1), SHARES)],
    "logit_backward": [(lambda f, g, x: f(g, x), G[:6], P),
                       (lambda f, g, x: f(g, x, 0.2), G[:6], SHARES)],
    "_softmax_backward_data": [
        (lambda f, g, y: f(g, y, 1, torch.float64), EVEN, np.exp(ROWS)),
        (lambda f, g, y: f(g, y, 0, torch.float64), EVEN, np.exp(ROWS)),
    ],
    "_log_softmax_backward_data": [(lambda f, g, y: f(g, y, 1, torch.float64), EVEN, ROWS)],
    "mse_loss": reduced(lambda k: (lambda f, x, y: f(x, y, k), X, Y)),
    "mse_loss_backward": reduced(lambda k: (lambda f, g, x, y: f(g, x, y, k), G, X, Y)),
    "smooth_l1_loss": [*reduced(lambda k: (lambda f, x, y: f(x, y, k, 0.5), X, Y)),
                       (lambda f, x, y: f(x, y, 0, 1.0), X, 0 * X)],
    "smooth_l1_loss_backward": [
        *reduced(lambda k: (lambda f, g, x, y: f(g, x, y, k, 0.5), G, X, Y)),
        (lambda f, g, x, y: f(g, x, y, 0, 1.0), G, X, 0 * X),
    ],
    "huber_loss": [*reduced(lambda k: (lambda f, x, y: f(x, y, k, 0.5), X, Y)),
                   (lambda f, x, y: f(x, y, 0, 1.0), X, 0 * X)],
    "huber_loss_backward": [
        *reduced(lambda k: (lambda f, g, x, y: f(g, x, y, k, 0.5), G, X, Y)),
        (lambda f, g, x, y: f(g, x, y, 0, 1.0), G, X, 0 * X),
    ],
    "binary_cross_entropy": [
        *reduced(lambda k: (lambda f, x, y: f(x, y, None, k), P, Q)),
        (lambda f, x, y, w: f(x, y, w, 0), SHARES, Q, P),
    ],
    "binary_cross_entropy_backward": [
        *reduced(lambda k: (lambda f, g, x, y: f(g, x, y, None, k), G[:6], P, Q)),
        (lambda f, g, x, y, w: f(g, x, y, w, 1), G[:6], SHARES, Q, P),
    ],
    "binary_cross_entropy_with_logits": [
        *reduced(lambda k: (lambda f, x, y: f(x, y, None, None, k), X, Y)),
        (lambda f, x, y, w: f(x, y, w, None, 1), X, Y, G),
        (lambda f, x, y, w, p: f(x, y, w, p, 2), X, Y, G, SIGNS),
    ],
    "soft_margin_loss": reduced(lambda k: (lambda f, x, y: f(x, y, k), Y, SIGNS)),
    "soft_margin_loss_backward": reduced(
        lambda k: (lambda f, g, x, y: f(g, x, y, k), G, Y, SIGNS)
    ),
    "nll_loss_forward": [
        *reduced(lambda k: (lambda f, x: f(x, LABELS, None, k, -100), ROWS)),
        *reduced(lambda k: (lambda f, x, w: f(x, LABELS, w, k, 3), ROWS, WEIGHTS)),
        (lambda f, x, w: f(x, LABELS[0], w, 1, -100), ROWS[0], WEIGHTS),
    ],
    "nll_loss_backward": [
        (lambda f, g, x: f(g, x, LABELS, None, 0, 3, torch.zeros(())), G[:3], ROWS),
        (lambda f, g, x, w, t: f(g, x, LABELS, w, 1, 3, t), G[0], ROWS, WEIGHTS, P[0]),
        (lambda f, g, x, w, t: f(g, x, LABELS, w, 2, 3, t), G[0], ROWS, WEIGHTS, P[0]),
        (lambda f, g, x, w, t: f(g, x, LABELS[0], w, 1, 3, t), G[0], ROWS[0], WEIGHTS, P[0]),
    ],
    "nll_loss2d_forward": reduced(
        lambda k: (lambda f, x, w: f(x, LABELS_OF_MAPS, w, k, 2), MAPS, WEIGHTS[:3])
    ),
    "nll_loss2d_backward": [
        (lambda f, g, x, w, t: f(g, x, LABELS_OF_MAPS, w, 0, 2, t), MAPS[:, 0], MAPS, WEIGHTS[:3],
         P[0]),
        (lambda f, g, x, w, t: f(g, x, LABELS_OF_MAPS, w, 1, 2, t), G[0], MAPS, WEIGHTS[:3], P[0]),
    ],
    "native_layer_norm": [
        (lambda f, x: f(x, [4], None, None, 1e-5), EVEN),
        (lambda f, x, w: f(x, [4], w, None, 0.1), EVEN, WEIGHTS),
        (lambda f, x, b: f(x, [4], None, b, 0.1), EVEN, WEIGHTS),
        (lambda f, x, w, b: f(x, [2, 2], w, b, 1e-5), MAPS, MAPS[0, 0], MAPS[1, 1]),
    ],
    "native_layer_norm_backward": [
        (lambda f, g, x, m, s: f(g, x, [4], m, s, None, None, [True] * 3), ROWS, EVEN,
         G[:3, None], P[:3, None]),
        (lambda f, g, x, m, s, w, b: f(g, x, [4], m, s, w, b, [True] * 3), ROWS, EVEN,
         G[:3, None], P[:3, None], WEIGHTS, WEIGHTS),
        (lambda f, g, x, m, s, w, b: f(g, x, [4], m, s, w, b, [False, True, True]), ROWS[0],
         EVEN[0], G[:1], P[:1], WEIGHTS, WEIGHTS),
    ],
    "_scaled_dot_product_flash_attention_for_cpu": [
        (lambda f, q, k, v: f(q, k, v), *QKV),
        (lambda f, q, k, v: f(q, k, v, 0.0, True, scale=0.3), *QKV),
        (lambda f, q, k, v, m: f(q, k, v, attn_mask=m), *QKV, ENTRIES),
        (lambda f, q, k, v: f(q, k, v), QKV[0], QKV[1][:, :1], QKV[2][:, :1]),
    ],
    "_safe_softmax": [
        (lambda f, x: f(x, -1), EVEN),
        (lambda f, x: f(x.masked_fill(NO, -torch.inf), 0), EVEN),
    ],
    "trace": [(lambda f, x: f(x), ENTRIES), (lambda f, x: f(x), EVEN)],
}  # fmt: skip
WITHOUT = {"hardshrink_backward", "softshrink_backward"}  # forms in torch: autograd's is beside


def operation(name):
    packet = getattr(aten, name)
    return getattr(packet, "default", None) or packet


def found(program, arrays):
    """All results as balls."""
    with precision(BITS):
        made = program.value([program.lift(a) for a in arrays])
        return [(to_ball(y).data if isinstance(y, Doubled) else y).reshape(-1) for y in made]


def digits_shared(ours, theirs):
    """Over all results, relative to numbers above one, and absolute below."""
    worst = 1e-99
    with precision(BITS):
        for a, b in zip(ours, theirs, strict=True):
            assert a.shape == b.shape
            for p, q in zip(a, b, strict=True):
                if p.is_finite() and q.is_finite():
                    worst = max(worst, float(abs(p - q).mid() / max(arb(1), abs(q).mid())))
                else:
                    assert str(p) == str(q)
    return -np.log10(worst)


def shared(monkeypatch, name, call, arrays, numbers):
    """Digits that our form and torch's have in common."""
    f = operation(name)
    monkeypatch.setattr(mode, "_ACTS", {})
    made = []
    for own in (True, False):
        mode._ACTS.clear()
        with monkeypatch.context() as patched:
            if not own:
                patched.delitem(composed.COMPOSED, name)
            program = TorchProgram(lambda *xs: call(f, *(x.detach() for x in xs)))
            program = program.in_pairs() if numbers == "pairs" else program
            made.append(found(program, arrays))
    mode._ACTS.clear()
    return digits_shared(*made)


@pytest.mark.parametrize("numbers", DIGITS)
@pytest.mark.parametrize("name", CALLS)
def test_a_form_of_our_own_is_that_of_torch(monkeypatch, name, numbers):
    for call, *arrays in CALLS[name]:
        assert shared(monkeypatch, name, call, arrays, numbers) > DIGITS[numbers]


@pytest.mark.parametrize("name", CALLS)
def test_one_that_is_off_by_a_little_is_told_apart(monkeypatch, name):
    right = composed.COMPOSED[name]

    def off(y):
        return y if y is None else y * (1 + 2.0**-40)

    def wrong(*args, **keywords):
        y = right(*args, **keywords)
        return tuple(map(off, y)) if isinstance(y, tuple) else off(y)

    monkeypatch.setitem(composed.COMPOSED, name, wrong)
    seen = [shared(monkeypatch, name, call, arrays, "balls") for call, *arrays in CALLS[name]]
    assert max(seen) < 20


def test_every_form_is_set_beside_that_of_torch():
    assert set(CALLS) | WITHOUT == set(NETWORKS)


@pytest.mark.parametrize("name", ["hardshrink", "softshrink"])
def test_the_derivative_of_a_shrinkage_is_that_of_the_kernel(name):
    x, g = torch.tensor(X), torch.tensor(G)
    backward = operation(f"{name}_backward")
    program = TorchProgram(lambda g, x: backward(g.detach(), x.detach(), 0.5))
    (made,) = found(program, [G, X])
    assert [float(p) for p in made] == backward(g, x, 0.5).tolist()


@pytest.mark.parametrize("transposed", [False, True])
def test_a_convolution_s_gradient_costs_as_many_terms_as_it_adds(transposed):
    make = {"dtype": torch.float64, "requires_grad": True}
    x, w = torch.rand(2, 3, 9, 9, **make), torch.rand(3, 4, 2, 2, **make)
    w = w if transposed else w.detach().transpose(0, 1).contiguous().requires_grad_()
    apply = torch.nn.functional.conv_transpose2d if transposed else torch.nn.functional.conv2d
    y = apply(x, w)
    parts = torch.ones_like(y), x, w
    terms = WINDOWS["convolution_backward"].terms
    how = ([4], [1, 1], [0, 0], [1, 1], transposed, [0, 0], 1, [True] * 3)
    ones = torch.ones_like(x), torch.ones_like(w)
    # A sum of ones counts its terms: inside, where no edge is.
    of_x, of_w = torch.autograd.grad(apply(*(o.requires_grad_() for o in ones)).sum(), ones)
    given = [p.detach().numpy() for p in parts]
    assert terms(*given, *how, given[1]) == of_x.max() == 16
    assert terms(*given, *how, given[2]) == of_w.max()
