"""What torch functions do beside arithmetic: none that is right is accused, no wrong one agrees."""

import copy
import warnings

import numpy as np
import pytest

import xgrad
from xgrad.table import records

torch = pytest.importorskip("torch")

X = torch.tensor([0.3, -0.7, 1.2, 0.9], dtype=torch.float64)


class Sine(torch.autograd.Function):
    """sin x, whose derivative is off by a factor."""

    @staticmethod
    def forward(ctx, x, factor):
        ctx.save_for_backward(x)
        ctx.factor = factor
        return torch.sin(x)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * torch.cos(x) * ctx.factor, None


def chosen(take):
    """sin x where a number that was taken from x is positive, as it is."""

    def make(factor):
        return lambda x: Sine.apply(x, factor) if take(x) > 0 else -x

    return make


def beside(act):
    """sin x, after something that leaves no trace."""

    def make(factor):
        def function(x):
            act(x)
            return Sine.apply(x, factor)

        return function

    return make


def after(part):
    """sin of another function."""
    return lambda factor: lambda x: Sine.apply(part(x), factor)


@torch.inference_mode()
def largest(x):
    return x.abs().max().item()


def first_without_gradient(x):
    with torch.no_grad():
        return (x[0] * 2).item()


def sum_in_inference_mode(x):
    with torch.inference_mode():
        return (torch.relu(x) @ torch.softmax(x, 0)).sum().item()


def written_in_view(x):
    y = x.clone()
    rows = y[1:3]
    rows.mul_(3.0)
    rows.add_(x[:2])
    return y


def written_to_buffer(x):
    made = torch.empty_like(x)
    torch.sin(x.detach(), out=made)
    return x * (made > 0.5)


def written_without_gradient(x):
    made = torch.empty_like(x)
    with torch.no_grad():
        torch.sin(x, out=made)
    return x * (made > 0.5)


def doubled(x):
    return torch.tanh(x) * 2.0 + x


with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it is deprecated, and in use
    scripted = torch.jit.script(doubled)


def compiled(x):
    return torch.compile(doubled, backend="eager")(x)


class Hooked(torch.nn.Module):
    """tanh, whose gradient a hook multiplies."""

    def __init__(self, factor):
        super().__init__()
        self.inner = torch.nn.Tanh()
        self.inner.register_full_backward_hook(lambda m, sent, received: (sent[0] * factor,))

    def forward(self, x):
        return self.inner(x)


IN_BALLS = {
    ".item()": chosen(lambda x: x[0].item()),
    "float": chosen(lambda x: float(x[0])),
    "int": chosen(lambda x: int(x[2])),
    "bool": chosen(lambda x: bool(x[0] > 0)),
    "a condition": chosen(lambda x: 1 if x.sum() > 0 else 0),
    "no_grad": chosen(first_without_gradient),
    "inference_mode": chosen(sum_in_inference_mode),
    "a function in inference_mode": chosen(largest),
    "print": beside(lambda x: repr(x)),
    "an f-string": beside(lambda x: f"{x} {x.sum():.3f} {x[0].item():.2f}"),
    "a copy": beside(lambda x: copy.deepcopy(x.detach()) + copy.copy(x)),
    "in place on a view": after(written_in_view),
    "out=": after(written_to_buffer),
    "out= under no_grad": after(written_without_gradient),
    "a scripted function": after(scripted),
    "a compiled function": after(compiled),
    "a hook of a module": Hooked,
}
ESCAPES = {
    ".tolist()": chosen(lambda x: x.detach().tolist()[0]),
    ".numpy()": chosen(lambda x: x.detach().numpy()[0]),
    "np.asarray": chosen(lambda x: np.asarray(x.detach())[0]),
}


def row_of(function):
    (row,) = records(xgrad.check(function, (X,), methods="torch.reverse"))
    return row


@pytest.mark.many
@pytest.mark.parametrize("name", IN_BALLS)
def test_what_only_steers_or_shows_is_judged_in_balls(name):
    right, wrong = row_of(IN_BALLS[name](1.0)), row_of(IN_BALLS[name](1 + 1e-9))
    assert (right["verdict"], right["referee"]) == ("agrees", "certified")
    assert wrong["verdict"] == "disagrees"
    assert "(a factor of 1 + 1e-09)" in wrong["message"]


@pytest.mark.parametrize("name", ESCAPES)
def test_what_leaves_torch_is_named_and_weaker_evidence_judges(name):
    right, wrong = row_of(ESCAPES[name](1.0)), row_of(ESCAPES[name](1 + 1e-6))
    assert right["verdict"] == "agrees"
    assert wrong["verdict"] == "disagrees"
    for row in (right, wrong):
        assert f"{name} takes balls out of torch" in row["message"]


def test_a_number_of_inference_mode_that_a_value_rests_on_is_named():
    row = row_of(lambda x: Sine.apply(x, 1.0) * largest(x))
    assert row["verdict"] == "disagrees"
    assert "a result rests on .item()" in row["message"]


def test_operations_in_inference_mode_have_the_values_that_they_have_outside():
    def all_of(x):
        a = torch.nn.functional.relu6(4 * x).sum() + torch.nn.functional.linear(x, x)
        return a + torch.pinverse(torch.outer(x, x) + torch.eye(4, dtype=x.dtype)).sum()

    def inside(x):
        with torch.inference_mode():
            taken = all_of(x)
        return x * (taken.clone() / all_of(x)).detach()

    assert row_of(inside)["referee"] == "certified"
