"""Reverse and forward mode: what they differentiate, trace, share and nest."""

import shutil

import numpy as np
import pytest
from outcomes import X, judged, sine_times

import xgrad
from xgrad.checking.mathematics import make_case
from xgrad.frameworks import find_framework
from xgrad.judging import Judge
from xgrad.numbers import midpoint
from xgrad.problem import OPERATORS, Setting
from xgrad.techniques import Method, evaluate


def test_an_implementation_is_what_is_differentiated():
    case = make_case(sine_times, {"x": X}, operators="gradient")
    case.implementation("torch", name="right")(lambda x: (x.sin() * x).sum())
    case.implementation("torch", name="wrong")(lambda x: (x.sin() * x * (1 + 1e-9)).sum())
    judge = Judge(Setting.make(case, "small", "given", "float64", 0), "cpu")
    verdicts = [
        judge.judge(Method("torch", "reverse", name), OPERATORS["gradient"]).row["verdict"]
        for name in ("right", "wrong")
    ]
    assert verdicts == ["agrees", "disagrees"]


@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
def test_compiled_reverse_mode_is_right():
    row = judged(sine_times, "torch.reverse:compiled")
    assert (row["status"], row["verdict"]) == ("ok", "agrees"), row


@pytest.mark.parametrize("framework", ["torch", "jax"])
def test_the_shortcut_of_ones_is_right_for_a_diagonal_jacobian_only(framework):
    diagonal, full = lambda xp, x: xp.sin(x) * x, lambda xp, x: x * xp.roll(x, 1)
    method = f"{framework}.reverse:ones"
    assert judged(diagonal, method, "divergence")["verdict"] == "agrees"
    assert judged(full, method, "divergence")["verdict"] == "disagrees"
    assert judged(full, f"{framework}.reverse", "divergence")["verdict"] == "agrees"
    refused = judged(sine_times, method)
    assert (refused["status"], "divergence" in refused["message"]) == ("unsupported", True)


def test_what_a_trace_freezes_shows_at_the_point_that_is_judged(monkeypatch):
    @xgrad.case(wrt="x", operators=("gradient",))
    def cube(xp, x):
        return xp.sum(x * x * x)

    cube.point("here")(lambda: {"x": np.array([1.0, 2.0])})

    def frozen(self, f, variant=""):
        """A compiler that keeps the first result it computed."""
        kept = []
        return lambda *args: kept[0] if kept else kept.append(f(*args)) or kept[0]

    right = xgrad.run(cube, methods=("jax.reverse",), dtypes=("float64",))
    monkeypatch.setattr(type(find_framework("jax")), "compile", frozen)
    stale = xgrad.run(cube, methods=("jax.reverse",), dtypes=("float64",))
    assert (right["verdict"][0], stale["verdict"][0]) == ("agrees", "disagrees")


def test_seeds_and_points_of_a_case_share_what_is_compiled(monkeypatch):
    @xgrad.case(wrt="x", sizes={"small": {"n": 3}}, operators=("gradient",))
    def cube(xp, x):
        return xp.sum(x * x * x)

    cube.inputs(lambda rng, n: {"x": rng.normal(size=n)})
    cube.point("here")(lambda n: {"x": np.arange(1.0, 1.0 + n)})
    cube.formula("gradient")(lambda xp, x: 3 * x * x)
    framework = type(find_framework("jax"))
    compile_, traced = framework.compile, []

    def counted(self, f, variant=""):
        traced.append(variant)
        return compile_(self, f, variant)

    monkeypatch.setattr(framework, "compile", counted)
    options = {"methods": ("jax.reverse",), "dtypes": ("float64", "float32"), "seed": (0, 1, 2)}
    rows = xgrad.run(cube, **options)
    assert (len(rows), set(rows["verdict"]), len(traced)) == (8, {"agrees"}, 2)
    longer = xgrad.case(wrt="x", sizes={"small": {"n": 3}, "more": {"n": 4}})(cube.function)
    longer.inputs(lambda rng, n: {"x": rng.normal(size=n)})
    longer.formula("gradient")(lambda xp, x: 3 * x * x)
    xgrad.run(longer, sizes=("small", "more"), methods=("jax.reverse",), dtypes=("float64",))
    assert len(traced) == 4


@pytest.mark.parametrize("framework", ["torch", "jax"])
def test_forward_mode_takes_second_derivatives_over_reverse_unless_asked_twice(
    framework, monkeypatch
):
    @xgrad.case(wrt="x", operators=("hvp", "hessian", "vjp"))
    def quartic(xp, x):
        return xp.sum(x**4) + x[0] * x[1] ** 2

    quartic.point("here")(lambda: {"x": np.array([1.0, -2.0, 0.5])})
    kind = type(find_framework(framework).transforms("forward"))
    pull, calls = kind.pull, []

    def counted(self, *args, **keywords):
        calls.append(keywords)
        return pull(self, *args, **keywords)

    monkeypatch.setattr(kind, "pull", counted)
    setting = Setting.make(quartic, next(iter(quartic.sizes)), "here", "float64", 0)
    for variant, nested in (("", True), ("twice", False)):
        calls.clear()
        for name in ("hvp", "hessian"):
            method = Method(framework, "forward", variant)
            found = evaluate(method, OPERATORS[name], setting, "cpu")
            defined = evaluate(Method("ball", "differences"), OPERATORS[name], setting, "cpu")
            np.testing.assert_allclose(found.flat, midpoint(defined.flat), rtol=1e-14)
        assert bool(calls) == nested
    usual = xgrad.run(quartic, dtypes=("float64",))
    products = usual[usual["operator"] == "vjp"]
    assert "forward" not in set(products["technique"])
    named = xgrad.run(quartic, methods=("torch.forward",), operators=("vjp",), dtypes=("float64",))
    assert list(named["verdict"]) == ["agrees"]
