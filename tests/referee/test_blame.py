"""A wrong rule in a backward program is named, and a right one never."""

import dataclasses

import numpy as np
import pytest
import torch
from networks import ATEN, Network, at, gate, product, wrong_rule
from planting import arrays, shows, some

import xgrad
from xgrad.frameworks import find_framework
from xgrad.judging import Judge
from xgrad.numbers import precision
from xgrad.problem import OPERATORS, Setting
from xgrad.problem.foreign import make_foreign_case
from xgrad.programs import TorchProgram
from xgrad.referee import find_faults
from xgrad.techniques import Method
from xgrad.telling import explain, explanation_text


def faults_of(function, inputs, seed=0):
    with precision(384):
        x, one = arrays(inputs), arrays([np.ones(())])
    return find_faults(TorchProgram(function), x, one, np.random.default_rng(seed))


def planted(seed, count=1):
    rng = np.random.default_rng(seed)
    return Network.draw(rng, count), at(rng)


@pytest.mark.parametrize("seed", some(8, 70))
def test_a_custom_function_with_a_mistake_is_named(seed):
    network, inputs = planted(seed)
    if not shows(TorchProgram, network, inputs):
        assert faults_of(network, inputs) == []
        return
    (k, slip), *_ = network.slips.items()
    (fault,) = faults_of(network, inputs)
    assert fault.name == network.names[k]
    assert "networks.py" in fault.where
    (found,) = fault.slips
    assert found.of.startswith("second" if fault.name == "Product.backward" else "first")
    hints = {"factor": "a factor of 1.5", "sign": "sign of all elements", "transpose": "transpose"}
    assert found.hint == hints.get(slip, found.hint)
    assert slip != "missing" or 4 < found.digits < 13


@pytest.mark.parametrize("seed", some(4, 30))
def test_a_wrong_rule_of_aten_is_named(seed):
    network, inputs = planted(seed, 0)
    rng = np.random.default_rng(seed)
    name = str(rng.choice(list(ATEN)))
    network.names[rng.integers(len(network.names))] = name
    with wrong_rule(name, "factor" if seed % 2 else "missing"):
        faults = faults_of(network, inputs)
    assert {f.name.rpartition("(")[2] for f in faults} == {f"{ATEN[name]})"}
    assert len(faults) == network.names.count(name)


@pytest.mark.parametrize("seed", some(8, 70))
def test_a_right_network_is_not_blamed(seed):
    network, inputs = planted(seed, 0)
    assert faults_of(network, inputs) == []


def named_of_two(seeds):
    """How often both of two wrong rules are named, of how many that both can be seen."""
    both = told = 0
    for seed in seeds:
        network, inputs = planted(1000 + seed, 2)
        alone = [dataclasses.replace(network, slips={k: s}) for k, s in network.slips.items()]
        if not all(shows(TorchProgram, each, inputs) for each in alone):
            continue
        told += 1
        found = sorted(f.name for f in faults_of(network, inputs))
        both += found == sorted(network.names[k] for k in network.slips)
    return both, told


def test_two_wrong_rules_are_both_named():
    both, told = named_of_two(range(5))
    assert both == told >= 4


@pytest.mark.slow
def test_two_wrong_rules_are_both_named_in_most_networks():
    both, told = named_of_two(range(50))
    assert both >= 0.9 * told


# --- how programs are written --------------------------------------------------------------------

X, W = np.random.default_rng(5).normal(size=(2, 3, 3))


def test_a_result_that_is_used_twice_hides_nothing():
    def f(x, w):
        a = product(x, w, "sign")
        return (a * a.mT + a[0] * a.sum()).sum() + (x * a).sum()

    (fault,) = faults_of(f, [X, W])
    assert fault.name == "Product.backward"
    assert fault.slips[0].hint == "sign of all elements"


def test_one_tensor_as_both_arguments():
    (fault,) = faults_of(lambda x: gate(x, x, "factor").sum(), [X])
    (slip,) = fault.slips
    assert (slip.of, slip.hint) == ("first input (x)", "a factor of 1.5")


@pytest.mark.parametrize("wrong", ["", "factor"])
def test_writing_in_place(wrong):
    def f(x, w):
        a = torch.zeros(3, 3, dtype=x.dtype)
        a[0] = x[1] * w[0]
        a[1:] += product(x, w, wrong)[:2]
        a.t().mul_(w)
        return (a.exp_() * x).sum()

    assert [fault.name for fault in faults_of(f, [X, W])] == (["Product.backward"] * bool(wrong))


def test_random_numbers_and_several_results():
    def f(x, w):
        top, _ = torch.nn.functional.dropout(x @ w, 0.5).max(1)
        first, _vectors = torch.linalg.eigh(x @ x.mT)
        u, s = torch.var_mean(x, 0)
        return (product(x, w, "missing") * top).sum() + first.sum() + (u * s).sum()

    (fault,) = faults_of(f, [X, W])
    assert fault.slips[0].hint == "a factor of 1 − 1e-06"


def test_a_value_that_was_detached_is_called_cut_off():
    (fault,) = faults_of(lambda x, w: (x * torch.tanh(w).detach()).sum() + w.sum(), [X, W])
    assert fault.name == "aten.mul (MulBackward0)"
    assert "no gradient goes back to its second input (other)" in str(fault)


@pytest.mark.parametrize("wrong", ["", "sign"])
def test_what_is_detached_and_cancels_is_not_blamed(wrong):
    def f(x, w):
        a = product(x, w, wrong)
        m = a.max(1, keepdim=True)[0].detach()
        return ((a - m).exp().sum(1, keepdim=True).log() + m).sum()

    assert [fault.name for fault in faults_of(f, [X, W])] == (["Product.backward"] * bool(wrong))


def test_a_hook_that_changes_a_gradient():
    def f(x):
        y = torch.tanh(x)
        y.register_hook(lambda g: 2 * g)
        return (y * y).sum()

    (fault,) = faults_of(f, [X])
    assert fault.name == "hook on the result of aten.tanh"


def test_checkpointing():
    def f(x, w):
        def part(x):
            return torch.tanh(product(x, w, "sign"))

        return torch.utils.checkpoint.checkpoint(part, x, use_reentrant=False).sum()

    (fault,) = faults_of(f, [X, W])
    assert fault.name == "Product.backward"


LARGE = np.random.default_rng(6).normal(size=(2, 16, 16))  # more elements than are looked at alone


@pytest.mark.parametrize(
    ("slip", "hint"),
    [
        ("factor", "a factor of 1.5"),
        ("sign", "sign of all elements"),
        ("transpose", "transpose"),
        ("missing", "a factor of 1 − 1e-06"),
        ("", None),
    ],
)
def test_a_gradient_of_many_elements_is_told_along_directions(slip, hint):
    found = [f.slips for f in faults_of(lambda x, w: (product(x, w, slip) ** 2).sum(), list(LARGE))]
    if hint is None:
        assert found == []
        return
    ((only,),) = found
    assert (only.of, only.hint) == ("second input (w)", hint)


class Uneven(torch.autograd.Function):
    """x², with a mistake of one half in the first half of the gradient only."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        made = 2 * x * g
        made[: len(made) // 2] *= 0.5
        return made


def test_a_mistake_in_some_of_many_elements_is_called_no_factor():
    (fault,) = faults_of(lambda x: Uneven.apply(x).sum(), [LARGE[0].ravel()])
    (slip,) = fault.slips
    assert (slip.of, slip.hint) == ("first input (x)", "")
    assert slip.digits < 2


class Alone(torch.autograd.Function):
    """x², with a wrong backward."""

    @staticmethod
    def forward(x):
        return x * x

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, g):
        return 3 * ctx.saved_tensors[0] * g


def test_why_nothing_is_named_is_said(monkeypatch):
    def fails(*given):
        raise FloatingPointError("as asked")

    monkeypatch.setattr(TorchProgram, "traced", fails)
    x = torch.from_numpy(X)
    (row,) = xgrad.check(Alone.apply, x, methods="torch.reverse").to_dict("records")
    assert row["verdict"] == "disagrees"
    assert row["message"].startswith("no blame: FloatingPointError: as asked; ")


def test_a_defect_of_ours_is_no_missing_blame(monkeypatch):
    def broken(*given):
        raise KeyError("ours")

    monkeypatch.setattr(TorchProgram, "traced", broken)
    (row,) = xgrad.check(Alone.apply, torch.from_numpy(X), methods="torch.reverse").to_dict(
        "records"
    )
    assert row["status"] == "error"
    assert "xgrad itself failed here: KeyError" in row["message"]


# --- from a model to a message -------------------------------------------------------------------


class FusedNorm(torch.autograd.Function):
    """Root mean square normalisation, in which the gradient of the scale is off a little."""

    @staticmethod
    def forward(ctx, x, scale):
        r = (x * x).mean(-1, keepdim=True).rsqrt()
        ctx.save_for_backward(x, r, scale)
        return x * r * scale

    @staticmethod
    def backward(ctx, g):
        x, r, scale = ctx.saved_tensors
        n, h = x * r, g * scale
        return r * (h - n * (h * n).mean(-1, keepdim=True)), (g * n).sum(0) * (1 + 1e-9)


class Norm(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.linspace(0.5, 1.5, 4, dtype=torch.float64))

    def forward(self, x):
        return FusedNorm.apply(x, self.scale)


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Tanh(), Norm(), torch.nn.Sigmoid())

    def forward(self, x):
        return self.layers(x).pow(2).sum()


def test_the_message_names_rule_module_line_and_input():
    x = torch.from_numpy(np.random.default_rng(3).normal(size=(2, 4)))
    with pytest.raises(AssertionError) as failure:
        xgrad.assert_agreement(Model(), x, operators="gradient", methods="torch.reverse")
    text = str(failure.value)
    assert "`FusedNorm.backward`, called by layers.1 at test_blame.py:" in text
    assert "the gradient of its second input (scale), 9 digits agree" in text
    assert "[output ← aten.sum ← aten.pow ← aten.sigmoid ← FusedNorm.backward]" in text


def test_an_explanation_shows_the_way_down_from_the_output():
    x = torch.from_numpy(np.random.default_rng(3).normal(size=(2, 4)))
    case = make_foreign_case(Model(), x, find_framework("torch"), ())
    at = Setting.make(case, "small", "given", "float64", 0)
    made = explain(at, OPERATORS["gradient"], Method("torch", "reverse"), Judge(at, "cpu"))
    lines = [line.strip().partition(" at ")[0] for line in explanation_text(made).splitlines()]
    start = lines.index("from the output down to it:")
    assert lines[start + 1 : start + 5] == [
        "aten.sum (SumBackward0), called by Model",
        "aten.pow (PowBackward0), called by Model",
        "aten.sigmoid (SigmoidBackward0), called by layers.2",
        "FusedNorm.backward, called by layers.1",
    ]


class Cube(torch.autograd.Function):
    """x³, with a derivative that is right, and has a wrong one itself."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, g):
        return CubeSlope.apply(ctx.saved_tensors[0], g)


class CubeSlope(torch.autograd.Function):
    """3x² g."""

    @staticmethod
    def forward(ctx, x, g):
        ctx.save_for_backward(x, g)
        return 3 * x**2 * g

    @staticmethod
    def backward(ctx, h):
        x, g = ctx.saved_tensors
        return 3 * x * g * h, 3 * x**2 * h


def test_the_backward_of_a_backward():
    with precision(384):
        x, one = arrays([X]), arrays([np.ones(())])
        program = TorchProgram(lambda x: Cube.apply(torch.sin(x)).sum()).gradient(one)
        (fault,) = find_faults(program, x, arrays([W]), np.random.default_rng(0))
    assert fault.name == "CubeSlope.backward"
    assert str(fault.slips[0]).endswith("first input (x), 0 digits agree (a factor of 0.5)")
