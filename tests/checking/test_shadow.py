"""`pytest --xgrad-shadow`: other checks' calls are judged beside them, nothing else changes."""

import sys

import pytest
from case_files import CUBES

import xgrad
from xgrad.checking.shadow_report import kind_of
from xgrad.publication import publish
from xgrad.table import make_frame, read_frame, records, write_frame

pytest_plugins = ["pytester"]

BARE = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest")
CONFTEST = """
    import functools, random
    import numpy as np, pytest, torch
    from torch.autograd import gradcheck  # before anything is watched, as far as anyone knows

    @pytest.fixture
    def check():
        return functools.partial(gradcheck, atol=1e-3)
"""
FUNCTIONS = """
    import torch

    X = torch.linspace(-1, 1, 3, dtype=torch.float64, requires_grad=True)

    def sine(factor):
        class Sine(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x)
                return torch.sin(x)

            @staticmethod
            def backward(ctx, g):
                return g * torch.cos(ctx.saved_tensors[0]) * factor

        return Sine.apply
"""
TORCH = """
    import random
    import numpy as np, pytest, torch
    from pathlib import Path
    from torch.autograd import gradcheck, gradgradcheck
    from torch.autograd.gradcheck import GradcheckError
    from functions import X, sine

    class TestAlias:
        check = staticmethod(torch.autograd.gradcheck)

        def test_a_class_holds_it(self):
            assert self.check(torch.sin, (X,))

    @pytest.mark.parametrize("factor", [1.0, 1 + 1e-4])
    def test_a_loose_tolerance(factor):
        assert gradcheck(sine(factor), (X,), rtol=1e-2)

    def test_a_fixture(check):
        assert check(sine(1.0), X, fast_mode=True)

    def test_it_fails_on_purpose():
        with pytest.raises(GradcheckError):
            gradcheck(sine(1.1), (X,))
        assert not gradcheck(sine(1.1), (X,), raise_exception=False)

    def test_twice():
        assert gradgradcheck(torch.tanh, (X,))

    def test_another_error():
        with pytest.raises(ValueError, match="to require gradient"):
            gradcheck(torch.sin, (X.detach(),))

    def test_nothing_is_left_behind():
        torch.manual_seed(3), np.random.seed(3), random.seed(3)
        x, at = torch.rand(3, dtype=torch.float64, requires_grad=True), torch.get_default_dtype()
        assert gradcheck(lambda x: torch.nn.functional.dropout(x, 0.0), (x,))
        assert x.grad is None and x.requires_grad
        assert torch.is_grad_enabled() and torch.get_default_dtype() == at
        drawn = [float(torch.rand(())), float(np.random.rand()), random.random()]
        Path("drawn.txt").write_text(repr(drawn))
"""
OTHERS = """
    import sys
    import numpy as np
    from autograd import numpy as anp
    from autograd.test_util import check_grads
    from scipy.optimize import check_grad

    A = np.linspace(-1, 1, 3)

    def test_scipy():
        assert check_grad(lambda x: np.sum(np.sin(x)), np.cos, A) < 1e-6

    def test_scipy_nearly():
        assert check_grad(lambda x: np.sum(np.sin(x)), lambda x: np.cos(x) * (1 + 1e-7), A) < 1e-6

    def test_autograd():
        check_grads(lambda x, y: anp.sin(x) * y["a"], (0, 1))(A, {"a": 2.0})

    def test_complex_numbers():
        check_grads(lambda z: anp.exp(z) * anp.conj(z))(A + 1j)

    def test_nobody_asked_for_torch_or_jax():
        assert not {"torch", "jax"} & set(sys.modules)
"""
JAX = """
    import jax, jax.numpy as jnp
    from functools import partial
    from jax.test_util import check_grads, check_jvp, check_vjp

    def test_two_orders():
        check_grads(jnp.tanh, (0.3,), order=2)

    def test_the_third_order_backwards():
        check_grads(jnp.tanh, (0.3,), 3, modes=["rev"])

    def test_rules_of_jax():
        check_jvp(jnp.sin, partial(jax.jvp, jnp.sin), (0.3,))
        check_vjp(jnp.sin, partial(jax.vjp, jnp.sin), (0.3,))

    def test_a_rule_that_is_nearly_right():
        nearly = lambda xs, vs: (jnp.sin(xs[0]), 1.0001 * jnp.cos(xs[0]) * vs[0])
        check_jvp(jnp.sin, nearly, (0.3,), rtol=1e-2)
"""
FILES = {"functions": FUNCTIONS, "test_torch": TORCH, "test_others": OTHERS, "test_jax": JAX}


@pytest.fixture(scope="module", autouse=True)
def _libraries(tmp_path_factory):
    """Load what an inner run would load and then drop: torch cannot be loaded twice."""
    folder = tmp_path_factory.mktemp("empty")
    write_frame(make_frame([]), folder)
    read_frame(folder)
    xgrad.check_grads(pytest.importorskip("jax").numpy.sin, (0.5,), order=1)
    xgrad.gradcheck(pytest.importorskip("torch").sin, _ones())
    pytest.importorskip("autograd.test_util")
    pytest.importorskip("scipy.optimize")


def _ones():
    import torch

    return torch.ones(2, dtype=torch.float64, requires_grad=True)


@pytest.fixture
def project(pytester):
    """A project with tests of its own, without any configuration; runs pytest there."""
    pytester.makepyfile(**FILES)
    pytester.makeconftest(CONFTEST)

    def run(*options, how="inprocess"):
        return getattr(pytester, f"runpytest_{how}")(*BARE, *options)

    return run


def calls(path):
    """What was said of each call, by the name of its test."""
    rows = records(read_frame(path))
    return {
        (r["case"].partition("::")[2]): (r["check_said"], kind_of(r["check_said"], r["xgrad_said"]))
        for r in rows
    }


def kinds(path):
    """What both said of each call, together."""
    return {name: kind for name, (_, kind) in calls(path).items()}


SAID = {
    "TestAlias::test_a_class_holds_it": ("passed", "agreed"),
    "test_a_loose_tolerance[1.0]": ("passed", "agreed"),
    "test_a_loose_tolerance[1.0001]": ("passed", "xgrad"),
    "test_a_fixture": ("passed", "agreed"),
    "test_it_fails_on_purpose": ("failed", "both"),
    "test_it_fails_on_purpose #2": ("failed", "both"),
    "test_twice": ("passed", "agreed"),
    "test_another_error": ("raised", "raised"),
    "test_nothing_is_left_behind": ("passed", "agreed"),
}
OTHERS_SAID = {
    "test_scipy": "agreed",
    "test_scipy_nearly": "xgrad",
    "test_autograd": "agreed",
    "test_complex_numbers": "agreed",
}
JAX_SAID = {
    "test_two_orders": "agreed",
    "test_the_third_order_backwards": "agreed",
    "test_rules_of_jax": "agreed",
    "test_rules_of_jax #2": "agreed",
    "test_a_rule_that_is_nearly_right": "xgrad",
}


def test_every_call_is_judged_however_it_was_imported(project, pytester):
    result = project("--xgrad-shadow", "test_torch.py")
    result.assert_outcomes(passed=8)
    assert calls(pytester.path / ".xgrad" / "shadow") == SAID
    result.stdout.fnmatch_lines(
        [
            "9 calls in 8 tests",
            "*5 agreed",
            "*2 both saw wrong",
            "*1 xgrad saw wrong and the check did not",
            "*1 ended in another error",
            "xgrad saw wrong and the check did not:",
            "  test_torch.py::test_a_loose_tolerance[[]1.0001], torch.autograd.gradcheck passed:",
            "*looks like: constant factor 1 + 0.0001 too large",
            "processor time of 8 calls: torch.autograd.gradcheck * s, xgrad * s, median ratio *",
            "rows saved: .xgrad/shadow/rows.parquet *",
        ]
    )


def test_random_numbers_go_on_as_without_it(project, pytester):
    drawn = []
    for options in ((), ("--xgrad-shadow",)):
        project(*options, "-k", "nothing_is_left").assert_outcomes(passed=1, deselected=16)
        drawn.append((pytester.path / "drawn.txt").read_text())
    assert drawn[0] == drawn[1]


def test_strict_fails_what_only_xgrad_finds_wrong(project):
    result = project("--xgrad-shadow=strict", "test_torch.py")
    result.assert_outcomes(passed=7, failed=1)
    result.stdout.fnmatch_lines(["E*ShadowFailure: Sine vjp, torch.reverse float64*disagrees*"])
    assert "stand_ins.py" not in result.stdout.str()


def test_the_checks_are_as_before_afterwards(project):
    from torch.autograd import gradcheck

    before = gradcheck.__code__, gradcheck.__kwdefaults__, dict(vars(gradcheck))
    project("--xgrad-shadow", "-k", "class_holds_it").assert_outcomes(passed=1, deselected=16)
    assert (gradcheck.__code__, gradcheck.__kwdefaults__, dict(vars(gradcheck))) == before
    assert not any(type(finder).__name__ == "Arrivals" for finder in sys.meta_path)


def test_calls_of_jax(project, pytester):
    project("--xgrad-shadow", "test_jax.py").assert_outcomes(passed=4)
    assert kinds(pytester.path / ".xgrad" / "shadow") == JAX_SAID


def test_two_processes_that_load_other_libraries_late(project, pytester, tmp_path):
    pytester.path.joinpath("conftest.py").unlink()  # it loads torch
    options = ("-n", "2", "--xgrad-shadow-to", "seen", "test_others.py")
    project("--xgrad-shadow", *options, how="subprocess").assert_outcomes(passed=5)
    assert kinds(pytester.path / "seen") == OTHERS_SAID
    pages = publish([pytester.path / "seen"], tmp_path / "site")
    assert (tmp_path / "site" / "index.html") in pages


def test_a_call_over_its_limit_is_a_row(project):
    result = project("--xgrad-shadow", "--xgrad-shadow-limit", "0.001", "-k", "class_holds_it")
    result.assert_outcomes(passed=1, deselected=16)
    result.stdout.fnmatch_lines(
        ["*1 over the limit", "*over the limit of 0.001 s of processor time*"]
    )


WRONG_OPTIONS = {
    ("--xgrad-shadow-limit", "0"): "*--xgrad-shadow-limit 0: give seconds, more than 0*",
    ("--xgrad-shadow-to", "conftest.py"): "*conftest.py is a file: name a folder*",
}


@pytest.mark.parametrize("options", WRONG_OPTIONS, ids=" ".join)
def test_a_wrong_option_is_told(project, options):
    result = project("--xgrad-shadow", *options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([WRONG_OPTIONS[options]])


def test_without_the_option_the_plugin_loads_nothing(pytester):
    pytester.makepyfile(
        "import sys\ndef test_it():\n    ours = {m for m in sys.modules if m.startswith('xgrad')}\n"
        "    assert ours == {'xgrad', 'xgrad.checking', 'xgrad.checking.pytest_plugin'}\n"
        "    assert not {'flint', 'torch', 'jax'} & set(sys.modules)\n"
    )
    pytester.runpytest_subprocess(*BARE).assert_outcomes(passed=1)


def test_presentations_are_items_too(pytester):
    options = (
        "--xgrad-method",
        "torch.reverse",
        "--xgrad-device",
        "cpu",
        "--xgrad-dtype",
        "float64",
    )
    pytester.makepyfile(cubes=CUBES)
    asked = ("--xgrad-invariances", "inputs strided,vmap", "-k", "not ones")
    result = pytester.runpytest_inprocess(*BARE, *options, *asked, "-v")
    result.assert_outcomes(passed=4, deselected=4)
    result.stdout.fnmatch_lines(["*torch.invariance:inputs strided-float64-cpu*PASSED*"])
