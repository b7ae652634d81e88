"""What a framework offers is checked: each way to be wrong is told, and what is right passes."""

import re
from types import SimpleNamespace

import numpy as np
import pytest

from xgrad.auditing import WRONG, check_framework, conformance
from xgrad.auditing.expressions import CREATION, EXTREMES, MIXED, NAMES, lines_of
from xgrad.errors import UsageError
from xgrad.frameworks import find_framework, frameworks
from xgrad.frameworks.torch import Torch
from xgrad.frameworks.torch_tape import Autograd, Func
from xgrad.problem import library

torch = pytest.importorskip("torch")


class Twin(Torch):
    """Right in all that it does."""

    name = "twin"
    dtypes = ("float64", "float32")
    reverse = ("",)

    def functions(self, xp):
        """What stands in for functions of xp."""
        return {}

    def namespace(self, dtype, device="cpu"):
        xp = super().namespace(dtype, device)
        vars(xp).update(self.functions(xp))
        return xp


def function_with(backward, forward=torch.tanh):
    """An elementwise function of torch with a backward pass of its own."""

    class Own(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return forward(x)

        @staticmethod
        def backward(ctx, w):
            return w * backward(*ctx.saved_tensors)

    return Own.apply


class SlightlyWrongTanh(Twin):
    def functions(self, xp):
        return {"tanh": function_with(lambda x: (1 - torch.tanh(x) ** 2) * (1 + 1e-9))}


class WrongTwice(Twin):
    def functions(self, xp):
        return {"sin": function_with(lambda x: torch.cos(x.detach()), torch.sin)}


class WrongLog1pTwice(Twin):
    def functions(self, xp):
        return {"log1p": function_with(lambda x: 1 / (1 + x.detach()), torch.log1p)}


class WhereDropsTheDtype(Twin):
    def functions(self, xp):
        where = xp.where
        return {"where": lambda c, a, b: where(c, a, b).to(torch.float64)}


class SumIgnoresItsAxis(Twin):
    def functions(self, xp):
        total = xp.sum
        return {"sum": lambda x, axis=None, keepdims=False: total(x)}


class LogsumexpOverflows(Twin):
    def functions(self, xp):
        return {"logsumexp": lambda x, axis=None, keepdims=False: xp.log(
            xp.sum(xp.exp(x), axis=axis, keepdims=keepdims))}  # fmt: skip


class ErfInFloat32(Twin):
    def functions(self, xp):
        return {"erf": lambda x: torch.erf(x.float()).to(x.dtype)}


class ShortProducts(Twin):
    def functions(self, xp):
        return {"matmul": lambda a, b: (a.bfloat16() @ b.bfloat16()).to(a.dtype)}


class ScanFromTheEnd(Twin):
    def functions(self, xp):
        scan = xp.scan
        return {"scan": lambda step, carry, xs, length=None: scan(
            step, carry, xs if xs is None else xp.flip(xs, axis=0), length)}  # fmt: skip


class LinspaceInFloat64(Twin):
    def functions(self, xp):
        return {"linspace": lambda *a, **k: torch.linspace(a[0], a[1], a[2], dtype=torch.float64)}


class GradientsInsideTwice(Twin):
    def functions(self, xp):
        gradient = xp.gradient
        return {"gradient": lambda f: lambda *a: 2 * gradient(f)(*a)}


class Noisy(Twin):
    def functions(self, xp):
        total, state = xp.sum, iter(range(10**6))

        def noisy(x, axis=None, keepdims=False):
            return total(x, axis=axis, keepdims=keepdims) * (1 + 1e-15 * next(state))

        return {"sum": noisy}


class WithEveryName(Twin):
    def namespace(self, dtype, device="cpu"):
        made = super().namespace(dtype, device)

        class Any(type(made)):
            def __getattr__(self, name):
                return super().__getattr__(name) if name in dir(torch) else None

        made.__class__ = Any
        return made


class HalfJvp(Func):
    def jvp(self, f, xs, vs):
        return torch.utils._pytree.tree_map(lambda t: t / 2, super().jvp(f, xs, vs))


class FirstOnly(Autograd):
    """Of a tuple it pulls the first value only."""

    def vjp(self, f, xs, *, again):
        _, back = super().vjp(lambda *a: first(f(*a)), xs, again=again)
        return f(*xs), lambda w: back(first(w))


def first(value):
    return value[0] if isinstance(value, tuple) else value


class NoneForUnused(Autograd):
    def pull(self, f, xs, w=None, *, again):
        found = super().pull(f, xs, w, again=again)
        return tuple(g if bool((g != 0).any()) else None for g in found)


class OncePerTape(Autograd):
    """Its map back adds to what it gave before."""

    def vjp(self, f, xs, *, again):
        y, back = super().vjp(f, xs, again=again)
        before = []

        def adding(w):
            before.append(back(w))
            return tuple(sum(each) for each in zip(*before, strict=True))

        return y, adding


class SharedInputs(Autograd):
    """One array that is given twice is one input."""

    def pull(self, f, xs, w=None, *, again):
        found = super().pull(f, xs, w, again=again)
        if len(xs) == 2 and xs[0] is xs[1]:
            return (found[0] + found[1],) * 2
        return found


class RaisesAlways(Autograd):
    def vjp(self, f, xs, *, again):
        raise RuntimeError("no tape today")

    pull = vjp


class VmapOfTheFirst(Autograd):
    def vmap(self, f):
        mapped = super().vmap(f)
        return lambda rows: mapped(rows[:1].expand(rows.shape))


def with_transforms(kind, mode="reverse"):
    class Other(Twin):
        def transforms(self, asked, variant=""):
            return kind() if asked == mode else super().transforms(asked, variant)

    return Other


class SharesMemory(Twin):
    def put(self, array, dtype, device="cpu"):
        kept = array.dtype.kind != "f" or dtype == "float64"
        return torch.from_numpy(array) if kept and array.shape == (2,) else super().put(
            array, dtype, device)  # fmt: skip


class ShortGet(Twin):
    def get(self, array):
        return super().get(array).astype(np.float32)


class IntegersAsFloats(Twin):
    def put(self, array, dtype, device="cpu"):
        return super().put(array.astype(float), dtype, device)


class TakesNumbers(Twin):
    def is_array(self, value):
        return super().is_array(value) or isinstance(value, float)


class AnyDevice(Twin):
    def require_device(self, device):
        pass


class Elsewhere(Twin):
    def namespace(self, dtype, device="cpu"):
        return super().namespace(dtype, "meta")


class ForgetsTheRest(Twin):
    def batch(self, f, xp):
        return lambda rows, rest: torch.stack([f(xp, row, 0 * rest) for row in rows])


BROKEN = {  # the twin, checks that have a text, one of them that must be wrong, what is said
    "tanh": (SlightlyWrongTanh, "tanh(x)", "vjp of xp.tanh(x)", "9.0 digits"),
    "second": (WrongTwice, "reverse hessian", "hessian", "disagrees"),
    "where": (WhereDropsTheDtype, "where", "xp.where(b, x, y)", "float32: dtype float64"),
    "sum": (SumIgnoresItsAxis, "xp.sum(x", "xp.sum(x, axis=0)", "shape"),
    "logsumexp": (LogsumexpOverflows, "far from zero", "xp.logsumexp(x - 1000)", "off by"),
    "erf": (ErfInFloat32, "special", "xp.erf(x)", "float64: off by"),
    "products": (ShortProducts, "precision", "products in full precision inside `scope`", "off by"),
    "scan": (ScanFromTheEnd, "scan", "(total + row, total * row)", "off by"),
    "linspace": (LinspaceInFloat64, "creation", "xp.linspace(0, 1, 5)", "dtype float64"),
    "inside": (GradientsInsideTwice, "derivatives inside", "xp.gradient", "off by 1.0e+00"),
    "noise": (Noisy, "determinism", "two calls are alike", "differ by"),
    "names": (WithEveryName, "missing name", "a missing name raises", "nobody has"),
    "log1p": (WrongLog1pTwice, "weighted_hvp of xp.log1p", "weighted_hvp of xp.log1p(p)", ""),
    "jvp": (
        with_transforms(HalfJvp, "forward"),
        "by forward jvp",
        "jvp",
        "factor 2 too small",
    ),
    "tuples forward": (with_transforms(HalfJvp, "forward"), "tangents", "tuples", "off by"),
    "tuples": (with_transforms(FirstOnly), "cotangents", "tuples", "off by"),
    "None": (with_transforms(NoneForUnused), "zeros", "zeros where nothing", "NoneType"),
    "tape": (with_transforms(OncePerTape), "cotangents", "tuples", "off by"),
    "twice": (with_transforms(SharedInputs), "two inputs", "one array given", "off by"),
    "raises": (with_transforms(RaisesAlways), "cotangents", "tuples", "no tape today"),
    "vmap": (with_transforms(VmapOfTheFirst), "vmap", "vmap", "off by"),
    "memory": (SharesMemory, "copy", "put makes a copy", "shares memory"),
    "get": (ShortGet, "exactly", "float arrays are put", "get gives float32"),
    "integers": (IntegersAsFloats, "integers and truth", "integers and truth", "is put as float"),
    "is_array": (TakesNumbers, "is_array", "is_array", "takes 1.0"),
    "no device": (AnyDevice, "devices", "a device that is not there", "Unavailable"),
    "device": (Elsewhere, "devices", "arrays are where", "said to be on meta"),
    "batch": (ForgetsTheRest, "over rows", "a function over rows", "off by"),
}


@pytest.fixture
def checked(monkeypatch):
    """The findings of a framework as it is."""

    def check(framework, text):
        monkeypatch.setitem(frameworks(), "twin", framework)
        return list(check_framework("twin", text))

    return check


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_wrong_is_told_and_its_right_twin_passes(checked, name):
    kind, text, where, said = BROKEN[name]
    wrong = [f for f in checked(kind(), text) if f.status == WRONG]
    assert any(where in f.name and said in f.said for f in wrong), wrong
    assert {f.status for f in checked(Twin(), text)} == {"passed"}


class Without(Twin):
    """A library that has no segment_sum, no forward mode and no tape for expm1."""

    forward = ()
    no_rule = ("no rule for expm1",)

    def functions(self, xp):
        def none(x):
            raise RuntimeError("no rule for expm1")

        return {"expm1": function_with(none, torch.expm1)}

    def namespace(self, dtype, device="cpu"):
        xp = super().namespace(dtype, device)
        del vars(xp)["segment_sum"]
        return xp


def test_what_is_missing_is_told_with_what_needs_it_and_is_not_wrong(checked):
    def one(text):
        (found,) = checked(Without(), text)
        return found

    function = one("segment_sum")
    assert (function.status, function.said) == (
        "missing", "float64: xp has no 'segment_sum' for this framework")  # fmt: skip
    assert function.needed.startswith("then unsupported: ")
    assert ".py, " in function.needed
    mode = one("offered (forward")
    assert (mode.status, mode.needed) == ("missing", "then unsupported: every method twin.forward")
    erf = one("vjp of xp.expm1(")
    assert erf.status == "missing"
    assert "no rule for expm1" in erf.said
    assert erf.needed.startswith("then unsupported: vjp by twin.reverse of ")


def test_what_raises_and_is_not_declared_ends_rows_as_errors(checked, monkeypatch):
    monkeypatch.setattr(Without, "no_rule", ())
    (erf,) = checked(Without(), "vjp of xp.expm1(")
    assert (erf.status, erf.needed[:10]) == ("missing", "then error")


def test_nothing_is_wrong_in_numpy_and_it_has_no_transforms():
    found = list(check_framework("numpy"))
    assert {f.status for f in found} == {"passed", "missing"}
    missing = [f.group for f in found if f.status == "missing"]
    assert missing == ["reverse mode", "forward mode", "second derivatives"]
    assert len(found) > 250


def test_every_function_that_cases_use_is_tried():
    name = re.compile(r"\bxp\.((?:linalg\.|fft\.)?\w+)")
    tables = (CREATION, NAMES, MIXED, EXTREMES)
    tried = {n for t in tables for text in t.values() for n in name.findall(text)}
    lines = [line for t in tables for text in t.values() for line in lines_of(text)]
    assert len(lines) == len(set(lines))
    used = {n for p in library().rglob("*.py") for n in name.findall(p.read_text())}
    assert used - tried - {"formula", "point"} == set()


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [("torhc", "", "did you mean 'torch'"), ("ball", "", "the referee's own arithmetic"),
     ("numpy", "logsumexpp", "no check of numpy has 'logsumexpp'")],
)  # fmt: skip
def test_a_call_that_cannot_be_carried_out_says_why(name, text, said):
    with pytest.raises(UsageError, match=said):
        list(check_framework(name, text))


def test_the_command_tells_all_and_ends_with_1_where_something_is_wrong(call, monkeypatch):
    monkeypatch.setitem(frameworks(), "twin", SlightlyWrongTanh())
    done = call("doctor", "--framework", "twin", "-k", "tanh(x)")
    assert done.exit_code == 1
    assert "  wrong: vjp of xp.tanh(x): float64: disagrees at x[" in done.output
    done = call("doctor", "--framework", "numpy", "-k", "tanh")
    assert (done.exit_code, done.output.splitlines()[-1]) == (
        0, "2 checks: 2 passed, 0 not judged, 0 missing, 0 wrong")  # fmt: skip
    assert call("doctor", "--framework", "torhc").exit_code == 2


def test_what_was_not_judged_says_why(monkeypatch):
    row = {"status": "ok", "verdict": "unstable", "hint": "7 digits lost", "message": ""}
    judge = SimpleNamespace(judge=lambda method, operator: SimpleNamespace(row=row))
    monkeypatch.setattr(conformance, "_judge", lambda line, dtype: judge)
    monkeypatch.setattr(conformance, "is_failure", lambda row: False)
    with pytest.raises(conformance._Open, match="unstable; 7 digits lost"):
        conformance._derivative("x", "reverse", "hvp", find_framework("numpy"), "float64")
