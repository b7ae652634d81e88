"""Arguments: names decide, what is no array is passed on as it is, containers come as they were."""

import collections
import dataclasses
import enum

import numpy as np
import pytest

import xgrad
from xgrad.errors import UsageError
from xgrad.table import records

torch = pytest.importorskip("torch")
jax = pytest.importorskip("jax")
jnp = jax.numpy

A = torch.tensor([1.0, 2.0], dtype=torch.float64)
B = torch.tensor([0.1, 0.2], dtype=torch.float64)
REVERSE = {"methods": "torch.reverse", "dtypes": "float64"}


def mixed(a, b):
    return (a**2 * torch.exp(b)).sum()


def verdicts(function, inputs, **options):
    return set(xgrad.check(function, inputs, **{**REVERSE, **options})["verdict"])


@pytest.mark.parametrize("inputs", [{"a": A, "b": B}, {"b": B, "a": A}])
def test_a_dict_binds_by_name_in_whatever_order(inputs):
    (row,) = records(xgrad.check(mixed, inputs, wrt="a", **REVERSE, invariances=()))
    k = int(row["worst"][2])
    assert row["worst"].startswith("a[")
    assert row["got"] == pytest.approx(float(2 * A[k] * torch.exp(B[k])))


class Mode(enum.Enum):
    PLAIN = 1


EXTRAS = {
    "None": (None, lambda x, o: x.exp() if o is None else x),
    "float": (2.0, lambda x, o: x.exp() * o if type(o) is float else 0 * x),
    "int": (3, lambda x, o: x.exp() * o if type(o) is int else 0 * x),
    "bool": (True, lambda x, o: x.exp() if o is True else 0 * x),
    "text": ("sum", lambda x, o: getattr(x.exp(), o)()),
    "enum": (Mode.PLAIN, lambda x, o: x.exp() if o is Mode.PLAIN else 0 * x),
    "function": (torch.sin, lambda x, o: o(x)),
    "dtype": (torch.float64, lambda x, o: x.to(o).exp()),
    "array": (np.ones(2), lambda x, o: x * torch.from_numpy(o)),
}


@pytest.mark.parametrize("what", EXTRAS)
def test_what_is_no_array_is_passed_on_as_it_is(what):
    extra, function = EXTRAS[what]
    (row,) = records(xgrad.check(function, (A, extra), **REVERSE, invariances=()))
    assert (row["verdict"], row["worst"].partition("x[")[1]) == ("agrees", "x[")
    assert row["got"] != 0


def test_keyword_only_and_left_out_arguments():
    def power(x, *, p, scale=2.0):
        return scale * (x.abs() ** p).sum()

    assert verdicts(power, {"p": 3, "x": A}) == {"agrees"}
    inputs = {
        "x2": torch.rand(4, 2),
        "x1": torch.rand(3, 2),
        "compute_mode": "use_mm_for_euclid_dist",
    }
    assert verdicts(torch.cdist, inputs) == {"agrees"}


@pytest.mark.parametrize("factor", [1.0, 2.0])
def test_names_reach_a_function_of_autograd_in_its_order(factor):
    class Scaled(torch.autograd.Function):
        @staticmethod
        def forward(ctx, a, b, power=2):
            ctx.save_for_backward(a, b)
            return (a**power * b).sum()

        @staticmethod
        def backward(ctx, g):
            a, b = ctx.saved_tensors
            return 2 * g * a * b, factor * g * a**2, None

    expected = "agrees" if factor == 1 else "disagrees"
    assert verdicts(Scaled.apply, {"b": B, "a": A}) == {expected}


Pair = collections.namedtuple("Pair", "w b")


@dataclasses.dataclass(frozen=True)
class Record:
    w: object
    b: object
    name: str = "kept"


HOLDERS = {
    "dict": ({"w": A, "b": B}, "params.b", lambda p: (p["w"], p["b"])),
    "list": ([A, B], "params[1]", lambda p: p),
    "tuple": ((A, B), "params[1]", lambda p: p),
    "namedtuple": (Pair(A, B), "params.b", lambda p: (p.w, p.b)),
    "dataclass": (Record(A, B), "params.b", lambda p: (p.w, p.b) if p.name == "kept" else None),
    "nested": ([{"w": A}, (B, None)], "params[1][0]", lambda p: (p[0]["w"], p[1][0])),
}


@pytest.mark.parametrize("what", HOLDERS)
@pytest.mark.parametrize("sign", [1, -1])
def test_a_container_that_the_function_takes_whole_is_one_argument(what, sign):
    given, name, parts = HOLDERS[what]

    class Product(torch.autograd.Function):
        @staticmethod
        def forward(ctx, a, b):
            ctx.save_for_backward(a, b)
            return (a * b).sum()

        @staticmethod
        def backward(ctx, g):
            a, b = ctx.saved_tensors
            return g * b, sign * g * a

    (row,) = records(
        xgrad.check(lambda params: Product.apply(*parts(params)), given, **REVERSE, invariances=())
    )
    assert row["verdict"] == ("agrees" if sign == 1 else "disagrees")
    assert sign == 1 or row["worst"].startswith(name)


def test_the_kind_of_a_mapping_stays():
    def loss(p):
        assert type(p) is collections.OrderedDict
        assert p["absent"] is None
        return (p["w"] ** 2).sum()

    given = collections.OrderedDict(w=A, absent=None)
    assert verdicts(loss, (given,)) == {"agrees"}


@pytest.mark.parametrize("factor", [1.0, 3.0])
def test_registered_containers_of_jax(factor):
    @jax.tree_util.register_dataclass
    @dataclasses.dataclass
    class Layer:
        w: jax.Array
        name: str = dataclasses.field(default="tanh", metadata={"static": True})

    @jax.custom_vjp
    def square(x):
        return x**2

    square.defvjp(lambda x: (x**2, x), lambda x, g: (2 * factor * g * x,))

    def loss(layer):
        assert layer.name == "tanh"
        return jnp.sum(square(layer.w))

    frame = xgrad.check(loss, Layer(jnp.array([0.5, 2.0])), methods="jax.reverse", dtypes="float64")
    assert set(frame["verdict"]) == {"agrees" if factor == 1 else "disagrees"}
    assert frame["worst"][0].startswith("layer.w[")


def test_numpy_arrays_of_a_function_of_jax_are_converted_and_that_is_said():
    options = {"methods": "jax.reverse", "dtypes": "float64"}
    frame = xgrad.check(lambda x: jnp.sum(x**2), np.array([1.0, 2.0]), **options)
    assert list(frame["verdict"]) == ["agrees"]
    assert "NumPy arrays are passed as arrays of jax: x" in frame["message"][0]


def test_what_torch_does_not_take_is_told_with_the_remedy():
    with pytest.raises(UsageError, match=r"torch.from_numpy\(x\)"):
        xgrad.check(lambda x: torch.sum(x), np.ones(2))
    with pytest.raises(UsageError, match=r"x is float.*give arrays of jax"):
        xgrad.check(jnp.sin, 0.5)


WRONG = {
    "misspelt": ({"a": A, "bb": B}, "unknown input of mixed 'bb': did you mean 'b'"),
    "missing": ({"a": A}, "mixed.*'b'"),
    "too many": ((A, B, A), r"mixed\(a, b\): too many positional arguments"),
}


@pytest.mark.parametrize("what", WRONG)
def test_arguments_that_do_not_fit_are_told_by_name(what):
    inputs, message = WRONG[what]
    with pytest.raises(UsageError, match=message):
        xgrad.check(mixed, inputs)


def test_a_module_is_judged_by_a_plain_x_as_well_and_what_is_left_out_is_named():
    module = torch.nn.Linear(2, 1).double()
    x = torch.rand(3, 2, dtype=torch.float64)
    (row,) = records(xgrad.check(Twice(module), (x,), **REVERSE, invariances=()))
    assert row["verdict"] == "disagrees"
    assert "/x[" in row["worst"]
    module.bias.requires_grad_(False)
    (row,) = records(xgrad.check(module, {"input": x}, **REVERSE, invariances=()))
    assert row["verdict"] == "agrees"
    assert "not differentiated: bias (requires no gradient)" in row["message"]


class Twice(torch.nn.Module):
    """A module whose gradient of x, and of nothing else, is doubled."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return self.inner(x + (x - x.detach()))
