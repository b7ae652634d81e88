"""torch programs in balls: what runs, what is refused by name, and what is left as it was."""

import warnings

import flint
import numpy as np
import pytest
import torch
from flint import arb
from reverse_mode import RIGHT, digits, found, row_of

import xgrad
from xgrad.numbers import precision
from xgrad.programs import Escape, NoBallRule, Rounding, Tape, TorchProgram
from xgrad.programs.constants import exact_array
from xgrad.programs.torch.boxes import TABLE, decode, encode, is_boxed

D = torch.float64
RNG = np.random.default_rng(0)
X, W = RNG.normal(size=(3, 4)), RNG.normal(size=(4, 2))


@pytest.fixture
def in_many_bits():
    """384 bits, and a table of balls that is open."""
    with precision(384), TABLE.open():
        yield


def near(balls):
    return np.vectorize(float, otypes=[float])(balls)


def thirds(*shape):
    """Balls that are no floats."""
    return exact_array(np.arange(1.0, 1 + np.prod(shape)).reshape(shape)) / 3


def run(function, *x, **options):
    with precision(384):
        return TorchProgram(function, **options).value([exact_array(np.asarray(a)) for a in x])


def test_tensors_hold_balls_beyond_floats(in_many_bits):
    t = encode(thirds(2, 3))
    assert is_boxed(t)
    assert torch.isnan(t).all()
    assert all((3 * b).contains(k + 1) for k, b in enumerate(decode(t).reshape(-1)))
    assert all(b.contains(0) for b in (decode(-t) + decode(t)).reshape(-1))
    assert decode(torch.tensor([0.1], dtype=D))[0] == arb(0.1)


MOVEMENTS = {
    "transpose": lambda t: t.t(),
    "slice": lambda t: t[1:, ::2],
    "index": lambda t: t[torch.tensor([1, 0])],
    "mask": lambda t: t[torch.tensor([True, False, True])],
    "gather": lambda t: t.gather(1, torch.tensor([[0, 3], [1, 1], [2, 0]])),
    "cat": lambda t: torch.cat([t, t], 1),
    "stack": lambda t: torch.stack([t, t]),
    "where": lambda t: torch.where(torch.eye(3, 4).bool(), t, torch.zeros((), dtype=D)),
    "pad": lambda t: torch.nn.functional.pad(t, (1, 2), value=1.0),
    "reflect": lambda t: torch.nn.functional.pad(t[None], (1, 2), mode="reflect"),
    "roll": lambda t: t.roll(1, 0).flip(1),
    "unfold": lambda t: t.unfold(1, 2, 1),
    "as_strided": lambda t: t.as_strided((2, 2), (1, 4)),
    "triangle": lambda t: t.tril(),
    "repeat": lambda t: t.repeat(2, 1).repeat_interleave(2, 1),
    "clone": lambda t: t.clone(memory_format=torch.contiguous_format),
    "put": lambda t: t.clone().index_put_((torch.tensor([0]),), t[1]),
    "fill": lambda t: t.clone().masked_fill_(torch.eye(3, 4).bool(), 2.0),
    "scatter": lambda t: t.scatter(1, torch.tensor([[1], [0], [2]]), t[:, :1]),
    "complex": lambda t: torch.view_as_real(torch.complex(t, t)).sum(()).real,
    "expand": lambda t: t[:1].expand(3, 4).contiguous(),
    "diagonal": lambda t: torch.diag_embed(t).diagonal(1),
    "upsample": lambda t: torch.nn.functional.interpolate(t[None], scale_factor=2),
    "column": lambda t: torch.nn.functional.unfold(t[None, None], 2),
    "conj": lambda t: torch.complex(t, t).conj().resolve_conj().imag,
}


@pytest.mark.parametrize("name", MOVEMENTS)
def test_movement_keeps_balls_bit_by_bit(name):
    move = MOVEMENTS[name]
    numbers = torch.arange(1.0, 13.0, dtype=D).reshape(3, 4)
    with precision(384):
        (made,) = TorchProgram(move).value([thirds(3, 4)])
        for got, want in zip(made.reshape(-1), move(numbers).reshape(-1).tolist(), strict=True):
            assert (3 * got).contains(round(want)) or got == want  # a filling stays what it is


def test_comparisons_see_beyond_floats():
    tiny = arb(2) ** -300
    with precision(384):
        x = exact_array(np.ones(3))
        x[1] += tiny
        program = TorchProgram(lambda x: (x.max(), x.sort()[0], torch.relu(x - 1), x.sign()))
        largest, ordered, rest, _ = program.value([x])
        assert largest[()] == x[1]
        assert ordered[2] == x[1]
        assert rest[1] == tiny
        assert rest[0] == 0


def test_values_and_derivatives_are_those_of_float64():
    def f(x, w):
        y = torch.tanh(x @ w) * 1
        y[0] *= 2
        return y.sum(), y.softmax(1)

    tensors = [torch.from_numpy(a.copy()).requires_grad_() for a in (X, W)]
    total = f(*tensors)[0]
    want = torch.autograd.grad(total, tensors)
    program = TorchProgram(f)
    with precision(384):
        x = [exact_array(X), exact_array(W)]

        def weights(values):
            return [exact_array(np.ones(())), exact_array(np.zeros((3, 2)))]

        values, gradient = program.value_and_vjp(x, weights)
        assert program.last.operations > 5
        assert program.last.differentiable == [True, True]
        tangents = program.jvp(x, x)
        both = sum((g * a).sum() for g, a in zip(gradient, x, strict=True))
        assert (tangents[0][()] - both).contains(0)
    assert float(values[0][()]) == pytest.approx(total.item(), rel=1e-14)
    for got, g in zip(gradient, want, strict=True):
        np.testing.assert_allclose(near(got), g, rtol=1e-13)


def test_the_second_derivative_is_that_of_the_backward():
    def f(x):
        return (x.sin() * x.flip(0)).pow(2).sum()

    x = torch.from_numpy(X[0].copy())
    want = torch.autograd.functional.hvp(f, x, torch.ones_like(x))[1]
    with precision(384):
        one = [exact_array(np.ones(()))]
        (got,) = TorchProgram(f).hvp([exact_array(X[0])], one, [exact_array(np.ones(4))])
    np.testing.assert_allclose(near(got), want, rtol=1e-12)


# --- what leaves ---------------------------------------------------------------------------------

ESCAPES = {
    ".numpy()": lambda x: torch.from_numpy(np.sin(x.detach().numpy())),
    ".tolist()": lambda x: x * x.tolist()[0][0],
    "np.asarray": lambda x: torch.as_tensor(np.asarray(x.detach())),
}


@pytest.mark.parametrize("what", ESCAPES)
def test_what_takes_balls_out_of_torch_is_named_with_its_line(what):
    with pytest.raises(Escape, match=r"test_torch_program\.py:\d+") as caught:
        run(ESCAPES[what], X)
    assert what in str(caught.value)


def test_arithmetic_that_nothing_saw_is_noticed():
    def f(x):
        with torch._C._DisableTorchDispatch():
            y = x.detach() + 1
        return y * x

    with pytest.raises(Escape, match=r"in aten\.mul"):
        run(f, X / 3)


def test_an_operation_without_a_rule_is_named():
    with pytest.raises(NoBallRule, match="airy"):
        run(torch.special.airy_ai, X)


def test_a_number_that_is_taken_is_recorded_with_its_line():
    program = TorchProgram(lambda x: x if x.sum().item() > 0 else -x)
    with precision(384):
        program.value([thirds(2)])
    (cut,) = program.last.cuts
    assert cut.what == ".item()"
    assert "test_torch_program.py" in cut.where
    assert cut.value == pytest.approx(1.0)


def test_a_box_of_an_earlier_run_is_noticed():
    kept = []
    run(lambda x: kept.append(x * 1) or x, X)
    with pytest.raises(Escape, match="earlier"):
        run(lambda x: x + kept[0], X)


# --- what is left as it was ----------------------------------------------------------------------


def test_buffers_and_other_tensors_come_out_unchanged():
    norm = torch.nn.BatchNorm1d(4).double()
    counts, scratch = torch.zeros(3, dtype=torch.int64), torch.ones(3, 4, dtype=D)
    before = {n: b.clone() for n, b in norm.named_buffers()}

    def f(x):
        scratch.mul_(x.detach())
        counts.add_(1)
        torch.mul(x.detach(), 2, out=scratch[0:3])
        return norm(x) + scratch

    run(f, X)
    for name, buffer in norm.named_buffers():
        assert torch.equal(buffer, before[name]), name
    assert torch.equal(scratch, torch.ones(3, 4, dtype=D))
    assert counts.sum() == 0
    assert all(p.grad is None for p in norm.parameters())


def test_the_state_of_torch_is_restored_after_an_error_too():
    torch.manual_seed(3)
    before, state = torch.get_default_dtype(), torch.get_rng_state()
    bits = flint.ctx.prec

    def f(x):
        assert torch.get_default_dtype() == torch.float32  # as the user has it
        torch.rand(3)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(f, X)
    assert torch.get_default_dtype() == before
    assert torch.equal(torch.get_rng_state(), state)
    assert flint.ctx.prec == bits
    assert TABLE.depth == 0
    assert TABLE.used == 0
    assert not torch._C._len_torch_dispatch_stack()


def test_balls_do_not_fit_into_float32():
    narrow = torch.zeros(3, 4)
    with pytest.raises(Escape, match="float32"):
        run(lambda x: narrow.copy_(x / 3), X)


def test_randomness_is_seeded():
    def f(x):
        return torch.nn.functional.dropout(x, 0.5) + torch.randn(3, 4, dtype=D)

    assert (run(f, X, seed=1)[0] == run(f, X, seed=1)[0]).all()
    assert not (run(f, X, seed=1)[0] == run(f, X, seed=2)[0]).all()


# --- what programs do ----------------------------------------------------------------------------


def out_of_place(x, w):
    made = torch.empty(3, 2, dtype=D)
    torch.mm(x, w, out=made)
    return made.exp()


def reentrant(x, w):
    return torch.utils.checkpoint.checkpoint(lambda a: (a @ w).sin(), x, use_reentrant=False)


CERTIFIED = {
    "out=": lambda x, w: torch.where(out_of_place(x.detach(), w.detach()) > 1, x @ w, 2 * x @ w),
    "a view written to": lambda x, w: (y := x @ w, y.view(-1)[1:3].mul_(3.0), y)[-1].sin(),
    "vmap of grad": lambda x, w: torch.vmap(torch.func.grad(lambda a: (a @ w).sin().sum()))(x),
    "jacrev": lambda x, w: torch.func.jacrev(lambda a: (a @ w).pow(3).sum(0))(x),
    "complex": lambda x, w: (torch.complex(x, x.sin()) @ torch.complex(w, w)).abs(),
    "in place on a clone": lambda x, w: x.clone().addmm_(x @ w, w.T).exp_(),
    "checkpoint": reentrant,
    "foreach": lambda x, w: torch._foreach_mul([x @ w, x @ w], 2.0)[1].sin(),
    "masked inverses": lambda x, w: torch.where(
        (d := torch.cdist(x @ w, x @ w)) > 0.1, 1 / d, 0 * d
    ),
    "autocast to float32": lambda x, w: (x.float() @ w.float()).double(),
}


@pytest.mark.parametrize("name", CERTIFIED)
def test_programs_are_certified(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        row = row_of(CERTIFIED[name], torch.from_numpy(X), torch.from_numpy(W))
    assert found(row) == (("unstable", "certified") if "float32" in name else RIGHT)


def test_operations_defined_in_python_run_by_their_definition():
    @torch.library.custom_op("xgrad_tests::cubed", mutates_args=())
    def cubed(x: torch.Tensor) -> torch.Tensor:
        return x * x * x

    cubed.register_autograd(
        lambda ctx, g: g * 3 * ctx.saved_tensors[0] ** 2,
        setup_context=lambda ctx, inputs, output: ctx.save_for_backward(*inputs),
    )
    assert found(row_of(cubed, torch.from_numpy(X))) == RIGHT


@pytest.mark.parametrize("device", [None, "cpu"])
def test_values_behind_a_detach_can_be_frozen(device, request):
    request.addfinalizer(lambda: torch.set_default_device(None))
    torch.set_default_device(device)  # a mode of its own, even where it is the usual one

    def straight_through(x):
        return x + (x.round() - x).detach()

    with precision(384):
        x, moved = exact_array(X), exact_array(X + 1e-3)
        frozen = TorchProgram(straight_through).frozen_at([x])
        (free,), (held,) = TorchProgram(straight_through).value([moved]), frozen.value([moved])
    np.testing.assert_allclose(near(free), np.round(X + 1e-3), atol=1e-12)
    np.testing.assert_allclose(near(held), np.round(X) + 1e-3, atol=1e-12)
    with pytest.raises(Escape, match="detaches other values"), precision(384):
        frozen.value([exact_array(X[:2])])


def test_rounding_is_that_of_the_dtype():
    def f(x, w):
        return torch.tanh(x @ w).sum(1)

    exact = near(run(f, X, W)[0])
    for dtype, eps in (("float32", 2.0**-23), ("float64", 2.0**-52)):
        moved = [near(run(f, X, W, rounding=Rounding(dtype, seed))[0]) for seed in range(4)]
        gap = np.abs(np.array(moved) - exact).max()
        assert eps / 100 < gap < 30 * eps or (dtype == "float64" and gap < 30 * eps)


def test_a_tape_knows_operations_lines_and_modules():
    module = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Tanh()).double()
    tape = Tape(names={m: n for n, m in module.named_modules()})
    run(lambda x: module(x).sum(), X, tape=tape)
    assert [n.operation for n in tape.nodes] == [
        "aten.addmm.default",
        "aten.tanh.default",
        "aten.sum.default",
    ]
    first, second, last = tape.nodes
    assert (first.module, second.module) == ("0", "1")
    assert (second.arguments[0] == first.results[0]).all()
    assert "test_torch_program.py" in last.where
    np.testing.assert_allclose(near(first.values[0]), module[0](torch.from_numpy(X)).detach())


# --- planted mistakes ----------------------------------------------------------------------------


class Tanh(torch.autograd.Function):
    """tanh, with a derivative that is off by a relative slip."""

    @staticmethod
    def forward(ctx, x, slip):
        y = torch.tanh(x)
        ctx.save_for_backward(y)
        ctx.slip = slip
        return y

    @staticmethod
    def backward(ctx, g):
        (y,) = ctx.saved_tensors
        d = g * (1 - y * y)
        d[0, 0] *= 1 + ctx.slip
        return d, None


@pytest.mark.parametrize("slip", [1e-6, 1e-9, 1e-12])
def test_one_element_that_is_off_is_refuted(slip):
    row = row_of(lambda x: Tanh.apply(x, slip), torch.from_numpy(X))
    assert found(row) == ("disagrees", "definition")
    assert digits(row) < 14


def test_the_right_twin_is_certified():
    row = row_of(lambda x: Tanh.apply(x, 0.0), torch.from_numpy(X))
    assert found(row) == RIGHT
    assert digits(row) > 40


ROUNDED = {
    "a logarithm to another base": lambda x: (x * x + 1).log10(),
    "a third": lambda x: (x.abs() + 0.1).pow(1 / 3),
    "a tenth": lambda x: (x.abs() + 0.1).pow(0.1),
}


@pytest.mark.parametrize("name", ROUNDED)
def test_constants_are_read_as_what_they_were_rounded_from(name):
    """The backward pass of `pow` rounds the exponent anew: 17 digits, unless it is recognised."""
    row = row_of(ROUNDED[name], torch.from_numpy(X))
    assert found(row) == RIGHT
    assert "with constants recognised" in row["message"]


def test_an_error_inside_of_torch_leaves_the_next_row_its_tape():
    """torch 2.13 leaves autograd switched off where forward mode of `quantile` fails in balls."""
    x = torch.tensor([0.3, -1.7, 2.1, 0.9], dtype=torch.float64)
    frame = xgrad.check(lambda x: torch.quantile(x, 0.4), (x,), operators=("jvp", "vjp"),
                        methods=("torch.forward", "torch.reverse"), invariances=())  # fmt: skip
    assert len(frame) == 4
    assert set(frame["verdict"]) == {"agrees"}
