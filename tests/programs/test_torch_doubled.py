"""Torch programs in double-double: the digits of the same program in balls, and certificates."""

import numpy as np
import pytest
import torch
from pair_programs import digits, exactly, in_pairs
from torch.nn import functional as F
from truths import setting_of

import xgrad
from xgrad.checking.subjects import make_subjects
from xgrad.problem import OPERATORS, Setting
from xgrad.programs import NoBallRule, TorchProgram
from xgrad.referee import Budget, ProgramReferee
from xgrad.referee.sloping import Sloping

RNG = np.random.default_rng(5)
X = RNG.uniform(0.2, 1.7, (4, 6))
W = RNG.uniform(-1.0, 1.0, (6, 6))
I = torch.tensor([2, 0, 3, 2])  # noqa: E741 - indices

FUNCTIONS = {
    "polynomial": lambda x: (x**3 - 2 * x + 1 / x) * x.sqrt(),
    "elementary": lambda x: x.exp().log1p() + x.sin() * x.cos() + x.tanh() - x.log() + x.erf(),
    "activations": lambda x: F.gelu(x) + F.silu(x) + F.softplus(x) + F.gelu(x, approximate="tanh"),
    "losses": lambda x: F.cross_entropy(x, I) + F.mse_loss(x, x.roll(1, 0)),
    "norms": lambda x: F.layer_norm(x, (6,)) + F.normalize(x, dim=-1) + x.var(0) + x.std(),
    "products": lambda x: x @ torch.from_numpy(W) @ x.T + torch.outer(x[0], x[1, :4]).sum(),
    "attention": lambda x: F.softmax(x @ x.T / 3, -1) @ x,
    "order": lambda x: F.relu(x - 1) + x.clamp(0.5, 1.2) + x.amax(0) + x.sort(dim=0).values,
    "places": lambda x: F.embedding(I, x) * x[I] + x.gather(1, I[:, None]) + x.flip(0).cumsum(1),
    "shapes": lambda x: torch.cat([x.reshape(6, 4).T, x.unfold(1, 3, 1).sum(-1)], 1).logsumexp(1),
    "written": lambda x: x.clone().mul_(2).index_add_(0, I, x).t().contiguous().softmax(0),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_value_and_derivatives_are_those_of_balls_to_28_digits(name):
    program = TorchProgram(FUNCTIONS[name])
    shape = np.shape(FUNCTIONS[name](torch.from_numpy(X)).detach())
    v, w = RNG.standard_normal(X.shape), RNG.standard_normal(shape)
    for method, rest in (("value", ()), ("vjp", (w,)), ("jvp", (v,)), ("hvp", (w, v))):
        found, want = in_pairs(program, method, X, *rest), exactly(program, method, X, *rest)
        assert found[0].shape == want[0].shape
        assert digits(found, want) >= 28, method


def test_what_has_no_rule_for_pairs_is_refused():
    program = TorchProgram(lambda x: torch.linalg.inv(x)).in_pairs()
    with pytest.raises(NoBallRule):
        program.value([program.lift(W)])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_operations_round_at_random_as_much_as_in_balls(dtype):
    program, w = (
        TorchProgram(lambda x: F.softplus(x @ torch.from_numpy(W)).cumsum(1) * x),
        np.ones(X.shape),
    )
    want = exactly(program, "vjp", X, w)[0]

    def spread(run):
        drawn = [run(program.rounded(dtype, seed), "vjp", X, w)[0] for seed in range(6)]
        return np.max(np.abs(np.array(drawn) - want))

    def rounded_pairs(seed):
        pairs = program.in_pairs().rounded(dtype, seed)
        return np.asarray(pairs.vjp([pairs.lift(X)], [pairs.lift(w)])[0].high).reshape(-1)

    of_pairs = np.max(np.abs(np.array([rounded_pairs(seed) for seed in range(6)]) - want))
    assert spread(exactly) / 3 <= of_pairs <= spread(exactly) * 3


# --- certificates --------------------------------------------------------------------------------

MANY = 300


class Product(torch.autograd.Function):
    """exp(x) · Σ x, whose derivative may be off in one element."""

    @staticmethod
    def forward(ctx, x, slip):
        ctx.save_for_backward(x)
        ctx.slip = slip
        return x.exp() * x.sum()

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        made = g * x.exp() * x.sum() + (g * x.exp()).sum()
        made = made.clone()
        made[7] = made[7] * (1 + ctx.slip)
        return made, None


class Bent(torch.autograd.Function):
    """|x|, whose derivative at 0 is what is given."""

    @staticmethod
    def forward(ctx, x, given):
        ctx.save_for_backward(x)
        ctx.given = given
        return x.abs()

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return torch.where(x == 0, ctx.given * g, x.sign() * g), None


def judged(function, x):
    return xgrad.check(function, (x,), operators="vjp", quick=True).iloc[0]


def test_balls_certify_where_they_are_cheap_and_double_double_beyond():
    few, many = (
        judged(lambda x: Product.apply(x, 0.0), torch.linspace(0.1, 1.0, n).double())
        for n in (MANY, 40_000)
    )
    for row in (few, many):
        assert (row["verdict"], row["referee"]) == ("agrees", "certified")
    assert "in double-double, 2" in many["message"]
    assert "in balls" in few["message"]


@pytest.mark.many(2)
@pytest.mark.parametrize("slip", [1e-3, 1e-6, 1e-9, 1e-12])
def test_one_element_of_many_that_is_off_is_found(slip):
    x = torch.linspace(0.1, 1.0, MANY, dtype=torch.float64)
    row = judged(lambda x: Product.apply(x, slip), x)
    assert row["verdict"] == "disagrees"
    assert row["worst"] == "x[7]"


@pytest.mark.parametrize(("given", "verdict"), [(0.3, "convention"), (1.1, "disagrees")])
def test_a_kink_among_many_inputs_is_found_with_its_slopes(given, verdict):
    x = torch.linspace(0.1, 1.0, MANY, dtype=torch.float64)
    x[3] = 0.0
    row = judged(lambda x: (Bent.apply(x, given) * x.flip(0)).tanh().sum(), x)
    assert (row["referee"], row["verdict"]) == ("kink", verdict)
    assert "kink at x[3]" in row["message"]


def test_the_mean_of_two_slopes_at_a_kink_is_not_certified():
    """A difference of two sides is the mean of the slopes, as torch's derivative of |x| is."""
    x = torch.linspace(-1.0, 1.0, MANY + 1, dtype=torch.float64)
    x[MANY // 2] = 0.0
    row = judged(lambda x: x.abs().sum(), x)
    assert (row["referee"], row["verdict"]) == ("kink", "convention")


def test_a_network_with_more_parameters_than_samples_of_noise_can_tell_apart_agrees():
    """Of 40,000 errors some are larger than any few samples of their noise, by chance."""
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Linear(200, 200), torch.nn.Tanh(), torch.nn.Linear(200, 1)
    ).double()
    frame = xgrad.check(net, (torch.randn(8, 200, dtype=torch.float64),), quick=True)
    assert set(frame["verdict"]) == {"agrees"}
    assert frame["digits"].min() > 14


@pytest.mark.parametrize(("factor", "met"), [(1.0, True), (1 + 1e-15, False), (2.0, False)])
def test_a_factor_in_all_elements_is_no_certificate(factor, met):
    pairs = TorchProgram(lambda x: Product.apply(x, 0.0).sum()).in_pairs()
    x = np.linspace(0.1, 1.0, 50)
    setting = setting_of(lambda xp, x: xp.sum(x), {"x": x})
    right = pairs.vjp([pairs.lift(x)], [pairs.lift(np.ones(()))])[0]
    slopes = Sloping(lambda x: pairs.value([x])[0], x, pairs.lift)
    truth = slopes.confirmed(setting, right * factor, None, "it")
    assert (truth is not None) == met
    assert slopes.right == met
    assert (slopes.digits > 24) == met


def test_a_slope_that_drowns_in_the_functions_value_is_left_to_balls():
    x = torch.linspace(0.1, 1.0, MANY, dtype=torch.float64)
    row = judged(lambda x: x.exp().sum() + 1e15, x)
    assert (row["verdict"], row["referee"]) == ("agrees", "certified")
    assert "in balls" in row["message"]


def test_many_operations_on_few_numbers_are_done_in_balls():
    """A recurrence of 1,100 inputs: one sum over all of them, and steps on four of them."""

    def recurrence(x):
        h = x[:4]
        for _ in range(100):
            h = torch.tanh(h * 0.9)
        return h.sum() + (x * x * x).sin().sum()

    x = torch.from_numpy(np.random.default_rng(6).uniform(0.2, 1.0, 1_100))
    row = xgrad.check(recurrence, (x,), operators="vjp", methods="torch.reverse").iloc[0]
    assert row["verdict"] == "agrees"
    assert "in balls" in row["message"]


def test_another_cotangent_at_the_same_inputs_has_a_truth_of_its_own():
    x = torch.linspace(0.1, 1.0, 40_000, dtype=torch.float64)
    (subject,) = make_subjects(lambda x: x.exp() * x.sum(), (x,))
    setting = Setting.make(subject.case, "small", "given", "float64", 0)
    other = setting.moved(setting.inputs)
    other.__dict__["w"] = 3.0 * setting.w
    first = ProgramReferee(setting, "torch", "cpu", Budget(quick=True))
    truth, again = (r.truth(OPERATORS["vjp"]) for r in (first, first.along(other)))
    assert "double-double" in truth.note
    assert "double-double" in again.note  # what is kept for the first one would be in doubt
    assert again.high == pytest.approx(3.0 * truth.high, rel=1e-14)
