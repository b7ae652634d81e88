"""What a certificate of a program costs: few runs, which operators share, and still none passes."""

import pytest

import xgrad
from xgrad.checking.checks import Question, answers
from xgrad.checking.subjects import make_subjects
from xgrad.judging import Judge
from xgrad.numbers import ball, midpoint, precision
from xgrad.problem import OPERATORS, Setting
from xgrad.referee import Budget
from xgrad.techniques import Definition, Method

torch = pytest.importorskip("torch")
np = pytest.importorskip("numpy")

X = torch.linspace(-1.5, 2.0, 4, dtype=torch.float64)
ZERO = torch.tensor([0.0, 1.0, -2.0], dtype=torch.float64)
FIRST = (
    Question(None, ("torch.reverse",), ("backward twice", "vmap cotangents"), True),
    Question(("jvp",), ("torch.forward",), (), True),
)
SECOND = (
    Question(
        ("weighted_hvp",), ("torch.reverse",), ("double backward", "double backward cotangent")
    ),
)

PLAIN, PLAIN_SECOND = (q._replace(invariances=()) for q in (FIRST[0], SECOND[0]))


def cubed(first=0.0, second=0.0, by_cotangent=0.0):
    """x³, an element of whose derivative, or of that of its backward, is off by a share."""

    def off(g, share):
        return g + g * share * (torch.arange(g.numel()).reshape(g.shape) == 1).to(g.dtype)

    class Backward(torch.autograd.Function):
        @staticmethod
        def forward(ctx, g, x):
            ctx.save_for_backward(g, x)
            return off(3 * x * x * g, first)

        @staticmethod
        def backward(ctx, v):
            g, x = ctx.saved_tensors
            return off(3 * x * x * v, by_cotangent), off(6 * x * g * v, second)

    class Cube(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx, g):
            return Backward.apply(g, *ctx.saved_tensors)

    return Cube.apply


@pytest.fixture
def runs(monkeypatch):
    """How often each way to run a program in balls was used."""
    from xgrad.programs import TorchProgram

    counts = dict.fromkeys(("value", "value_and_vjp", "jvp", "hvp"), 0)

    def counted(name, own):
        def run(self, *args):
            counts[name] += 1
            return own(self, *args)

        return run

    for name in counts:
        monkeypatch.setattr(TorchProgram, name, counted(name, getattr(TorchProgram, name)))
    return counts


def asked(questions, function, x=X):
    return {
        row["technique"].removeprefix("invariance:"): row
        for row in answers(function, (x,), questions, Budget())
    }


def test_both_modes_are_certified_by_one_value_on_each_side(runs):
    rows = asked(FIRST, torch.sin)
    assert {row["verdict"] for row in rows.values()} == {"agrees"}
    assert {row["referee"] for row in rows.values()} == {"certified"}
    assert runs == {"value": 2, "value_and_vjp": 1, "jvp": 1, "hvp": 0}


def test_second_products_and_their_presentations_share_six_points(runs):
    rows = asked(SECOND, torch.sin)
    assert {row["verdict"] for row in rows.values()} == {"agrees"}
    assert {row["referee"] for row in rows.values()} == {"certified"}
    assert runs == {"value": 5, "value_and_vjp": 1, "jvp": 1, "hvp": 1}  # one inside of the other


@pytest.mark.many(2)
@pytest.mark.parametrize("share", [1e-3, 1e-9, 1e-13])
def test_a_share_of_one_element_is_seen_of_either_derivative(share):
    for question, function in ((PLAIN, cubed(first=share)), (PLAIN_SECOND, cubed(second=share))):
        (row,) = asked([question], function).values()
        assert (row["verdict"], row["referee"]) == ("disagrees", "definition")
        assert row["worst"] == "x[1]"


def test_the_right_twin_agrees():
    first, second = asked(FIRST[:1], cubed()), asked(SECOND, cubed())
    assert [row["verdict"] for row in (*first.values(), *second.values())] == ["agrees"] * 6
    assert first["reverse"]["referee"] == second["reverse"]["referee"] == "certified"


def test_a_presentation_is_wrong_alone_where_the_derivative_by_the_cotangent_is():
    rows = asked(SECOND, cubed(by_cotangent=1e-3))
    assert rows["reverse"]["verdict"] == rows["double backward"]["verdict"] == "agrees"
    assert rows["double backward cotangent"]["verdict"] == "disagrees"


def test_a_scalar_has_its_second_products_from_the_weighted_ones(runs):
    rows = asked(SECOND, lambda x: cubed()(x).sum())
    assert {row["verdict"] for row in rows.values()} == {"agrees"}
    assert runs["hvp"] == 1
    wrong = asked(SECOND, lambda x: cubed(second=1e-9)(x).sum())
    assert wrong["reverse"]["verdict"] == "disagrees"


@pytest.mark.many(3)
@pytest.mark.parametrize(
    "function",
    [
        torch.relu,
        torch.abs,
        lambda x: x * x.abs(),
        lambda x: torch.relu(x) ** 2,
        lambda x: torch.relu(x @ torch.tensor([1.0, 2.0, 1.0], dtype=torch.float64)),
        lambda x: torch.where(x > 0, x**2, x**3),
    ],
)
def test_no_kink_hides_from_second_products(function):
    (row,) = asked([PLAIN_SECOND], function, ZERO).values()
    assert row["referee"] == "kink" or row["verdict"] != "agrees"


@pytest.mark.parametrize("function", [lambda x: x / 3, lambda x: x * 0 + 1, torch.mean])
def test_second_products_that_vanish_are_certified(function):
    row = asked(SECOND, function, ZERO)["reverse"]
    assert (row["verdict"], row["referee"]) == ("agrees", "certified")


def test_slopes_on_both_sides_are_told_apart():
    definition = Definition(abs, np.array([0.0, 1.0]))
    direction = np.array([1.0, 1.0])
    sides = [midpoint(definition.side(direction, sign)) for sign in (1, -1)]
    np.testing.assert_array_equal(sides, [[1.0, 1.0], [-1.0, 1.0]])


def test_a_value_that_was_kept_in_fewer_bits_is_computed_anew():
    seen = []

    def cube(x):
        seen.append(x)
        return x * x * x / 3.0

    definition = Definition(cube, np.array([1.0]))
    with precision(300):
        definition.beyond()
        definition.beyond()
    with precision(600):
        value = definition.beyond()
        gap = float(midpoint(value - ball(1.0) / 3.0)[0])
    assert len(seen) == 2
    assert abs(gap) < 1e-170


def test_a_presentation_that_is_random_is_called_twice():
    calls = []

    class Random(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, g):
            calls.append(g)
            return g if g.is_contiguous() else g * (1 + len(calls) / 7)

    (subject,) = make_subjects(Random.apply, (X,))
    judge = Judge(Setting.make(subject.case, "small", "given", "float64", 0), "cpu")
    plain, strided = Method("torch", "reverse"), Method("torch", "invariance", "cotangent strided")
    assert judge.outcome(plain, OPERATORS["vjp"]).status == "ok"
    found = judge.outcome(strided, OPERATORS["vjp"])
    assert found.status == "error"
    assert "two calls at one point differ" in found.message


def test_a_check_of_one_function_shares_what_its_parts_find(runs):
    rows = xgrad.check(torch.sin, X, operators=("vjp", "jvp"), invariances=())
    assert set(rows.verdict) == {"agrees"}
    assert runs["value"] == 2
