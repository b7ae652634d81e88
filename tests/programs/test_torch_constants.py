"""Constants of a type shorter than that of the inputs: torch rounds them, and so do balls.

A third in float32 is no third, and a derivative with the other one is off by 1e-8.
"""

import pytest

import xgrad

torch = pytest.importorskip("torch")

X = torch.tensor([0.3, -0.7, 1.2], dtype=torch.float64)
F32 = torch.float32


def filled():
    third = torch.zeros(3)
    third += 1
    return third / 3


def drawn():
    return torch.rand(3) / 3


THIRDS = {
    "of a tensor": lambda: torch.tensor([1.0, 2.0, 3.0]) / 3,
    "of an asked type": lambda: torch.arange(1, 4, dtype=F32) / 3,
    "of a list": lambda: torch.cat([torch.ones(1, dtype=F32) / 3, torch.ones(2) / 7]),
    "of two types": lambda: (torch.ones(3, dtype=torch.bfloat16) / 3).to(F32) / 3,
    "in place": filled,
    "random": drawn,
}


class Scaled(torch.autograd.Function):
    """x times one constant, whose backward has another."""

    @staticmethod
    def forward(ctx, x, factor, own):
        ctx.own = own
        return x * factor

    @staticmethod
    def backward(ctx, g):
        return g * ctx.own, None, None


def judged(function, *given):
    options = {"operators": "vjp", "methods": "torch.reverse", "dtypes": "float64"}
    return xgrad.check(function, given or (X,), **options).iloc[0]


@pytest.mark.parametrize("constant", THIRDS.values(), ids=THIRDS)
def test_a_function_with_rounded_constants_is_certified(constant):
    row = judged(lambda x: torch.sin(x) * constant())
    assert (row["verdict"], row["referee"]) == ("agrees", "certified"), row["message"]
    assert "float32" not in row["message"]  # what it makes of x is all in float64


@pytest.mark.parametrize("rounded_in", ["forward", "backward"])
def test_one_that_is_rounded_on_the_other_way_only_disagrees(rounded_in):
    exact = torch.arange(1, 4, dtype=torch.float64) / 3

    def function(x):
        short = torch.arange(1, 4, dtype=F32) / 3
        pair = (short, exact) if rounded_in == "forward" else (exact, short)
        return Scaled.apply(torch.sin(x), *pair)

    row = judged(function)
    assert row["verdict"] == "disagrees"
    assert 7 < row["digits"] < 9


def test_a_short_tensor_that_values_are_written_to_makes_room_for_them():
    """New tensors are wide once one has no room: nothing that was written there is lost."""

    def function(x):
        kept = torch.zeros(3)
        kept[:2] = x[1:]
        return torch.sin(x) + 0 * kept

    assert judged(function)["verdict"] == "agrees"


def test_room_is_made_in_a_backward_pass_too():
    class Own(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return torch.sin(x)

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            made = torch.zeros(3, dtype=torch.float64)
            spare = torch.zeros(3)
            spare[:] = g
            made[:] = g * torch.cos(x)
            return made

    row = judged(Own.apply)
    assert (row["verdict"], row["referee"]) == ("agrees", "certified"), row["message"]


def test_the_type_of_new_tensors_is_the_users():
    seen = []

    def function(x):
        seen.append(torch.get_default_dtype())
        return torch.sin(x)

    judged(function)
    assert set(seen) == {torch.get_default_dtype()}
