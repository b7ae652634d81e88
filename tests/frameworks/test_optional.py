"""Frameworks that are extras: named they run and are right, unnamed they are not there."""

import subprocess
import sys
import textwrap

import numpy as np
import pytest
from pages import blocks

from xgrad.auditing import WRONG, check_framework, conformance
from xgrad.errors import UsageError
from xgrad.frameworks import OPTIONAL, find_framework, frameworks
from xgrad.frameworks.numpy_like import NumpyLike, elementary_extras
from xgrad.numbers import EXTRAS
from xgrad.problem import find_cases, is_first
from xgrad.techniques import choose_methods, require_methods
from xgrad.telling import guide_page

FIRST = [c for c in find_cases(()) if is_first(c)]
DTYPES = {"autograd": ("float64", "float32"), "tensorflow": ("float64",),
          "mlx": ("float32",)}  # fmt: skip  # whose float64 is short: findings_frameworks.py


def require(name):
    module = {"mlx": "mlx.core"}.get(name, name)
    pytest.importorskip(module, reason=f"{name} is not installed: xgrad[{name}]")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", OPTIONAL)
def test_the_well_known_problems_are_right_in_both_modes(verdicts, name):
    require(name)
    cases = [c for c in FIRST if c.name in ("square", "gradient_field", "softmax_cross_entropy")]
    rows = verdicts(cases, f"{name}.reverse", f"{name}.forward", dtype=DTYPES[name])
    assert {r["technique"] for r in rows} == {"reverse", "forward"}
    assert {(r["case"], r["operator"], r["verdict"], r["message"][:80]) for r in rows
            if r["verdict"] != "agrees" and r["operator"] != "value"} == set()  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", OPTIONAL)
@pytest.mark.parametrize(
    "text", ["arrays", "cotangents", "tangents", "zeros where", "two inputs", "scan xp.scan"]
)
def test_what_their_files_promise_holds(name, text):
    require(name)
    found = list(check_framework(name, text))
    assert [f for f in found if f.status == WRONG] == []
    assert sum(f.status == "passed" for f in found) > 0


@pytest.mark.parametrize("text", ["operators", "linear algebra", "shapes", "reductions", "inside"])
def test_nothing_of_autograd_is_wrong(text):
    require("autograd")
    found = list(check_framework("autograd", text))
    assert [f for f in found if f.status == WRONG] == []
    assert len(found) >= 5


def test_a_wrong_rule_of_theirs_is_judged_wrong(verdict, monkeypatch):
    require("autograd")
    import autograd.numpy as anp
    from autograd.extend import defvjp, primitive

    (square,) = (c for c in FIRST if c.name == "mean_squared_error")
    row = verdict(square, "autograd.reverse", operators=("gradient",))
    assert row["verdict"] == "agrees"
    mean = primitive(anp.mean)
    defvjp(mean, lambda ans, x, *a, **k: lambda g: 1.001 * g * anp.ones(x.shape) / x.size)
    monkeypatch.setattr(anp, "mean", mean)
    row = verdict(square, "autograd.reverse", operators=("gradient",))
    assert row["verdict"] == "disagrees"


# --- one from outside -----------------------------------------------------------------------------


@pytest.mark.many(2)
@pytest.mark.parametrize(
    "text", ["arrays", "creation", "reverse mode", "by reverse hessian", "scan xp.scan"]
)
def test_the_framework_that_the_guide_shows_passes(monkeypatch, text):
    pytest.importorskip("jax")
    (example,) = blocks(guide_page("extending"), "python")
    names = {"__name__": "guide"}
    exec(compile(example, "extending.md", "exec"), names)
    monkeypatch.setitem(frameworks(), "ours", names["ours"])
    monkeypatch.setattr(conformance, "_differentiable", lambda: ("xp.tanh(x)",))
    found = list(check_framework("ours", text))
    passed = [f for f in found if f.status == "passed"]
    assert passed
    assert [f for f in found if f not in passed and not f.said.endswith("not offered")] == []


# --- unnamed, and absent --------------------------------------------------------------------------


def test_a_pattern_that_does_not_spell_them_leaves_them_out():
    case = FIRST[0]
    for patterns in (None, ("*.reverse",), ("*",), ("torch.*",)):
        assert not {m.framework for m in choose_methods(case, patterns)} & set(OPTIONAL)
    chosen = choose_methods(case, ("autograd.*", "torch.reverse"))
    assert {m.framework for m in chosen} == {"autograd", "torch"}
    assert set(frameworks()) & set(OPTIONAL) == set()
    assert "autograd" in frameworks(("autograd.reverse",))


@pytest.mark.parametrize("name", OPTIONAL)
def test_one_that_is_named_and_absent_is_a_mistake_in_the_call_with_the_line_to_type(
    monkeypatch, call, name
):
    monkeypatch.setattr(find_framework(name), "package", "a_package_that_is_not_there")
    with pytest.raises(UsageError, match=rf"framework '{name}': .* not installed: pip install"):
        require_methods([], (f"{name}.reverse",))
    for command in (("run", "--method", f"{name}.reverse"),
                    ("doctor", "--framework", name)):  # fmt: skip
        done = call(*command)
        assert done.exit_code == 2
        assert f"framework '{name}'" in done.stderr
    require_methods([], ("*.reverse",))


def test_nobody_loads_them_unasked():
    script = """
        import sys, xgrad
        from xgrad.frameworks import OPTIONAL, find_framework
        xgrad.run("sine", methods=("numpy.formula",), dtypes=("float64",), workers=0)
        for name in OPTIONAL:
            find_framework(name)
        assert not {"autograd", "mlx", "tensorflow"} & set(sys.modules)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=True, timeout=300)


# --- what they share ------------------------------------------------------------------------------


@pytest.fixture
def base():
    return NumpyLike(np)


def test_what_is_put_together_of_numpy_is_what_numpy_has(base):
    x = np.random.default_rng(0).normal(size=(3, 4))
    np.testing.assert_allclose(base.var(x, axis=0, correction=1), np.var(x, axis=0, ddof=1))
    np.testing.assert_allclose(base.cumulative_prod(x, axis=1), np.cumprod(x, axis=1))
    np.testing.assert_array_equal(base.sort(x, descending=True), -np.sort(-x))
    tied = np.array([1.0, 0.0, 1.0, 0.0])
    np.testing.assert_array_equal(base.argsort(tied, descending=True), [0, 2, 1, 3])
    order = np.argsort(x, axis=0)
    np.testing.assert_array_equal(
        base.take_along_axis(x, order, axis=0), np.take_along_axis(x, order, axis=0))  # fmt: skip
    for ord in ("fro", 1, np.inf, 2, "nuc"):
        np.testing.assert_allclose(base.linalg.matrix_norm(x, ord=ord), np.linalg.norm(x, ord=ord))


def test_extras_that_follow_from_elementary_functions_are_right_far_from_zero(base):
    extras = elementary_extras(base)
    assert set(extras) < set(EXTRAS)
    x = np.array([-1000.0, -1.0, 0.0, 1.0, 1000.0])
    np.testing.assert_allclose(extras["softplus"](x), np.logaddexp(0, x))
    np.testing.assert_allclose(extras["expit"](x[1:4]), 1 / (1 + np.exp(-x[1:4])))
    assert extras["logsumexp"](x) == 1000
    np.testing.assert_allclose(extras["softmax"](x).sum(), 1)
    ids = np.array([0, 2, 2, 0, 1])
    np.testing.assert_allclose(extras["segment_sum"](x, ids, 4), [-999, 1000, -1, 0], atol=1e-12)
