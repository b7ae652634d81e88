"""Presentations: kernels that are right in plain use are caught and named, mended ones pass."""

import subprocess
import sys

import pytest
from checkout import BENCHMARKS, ROOT

import xgrad
from xgrad.errors import UsageError
from xgrad.table import records
from xgrad.techniques import PRESENTATIONS

torch = pytest.importorskip("torch")
jax = pytest.importorskip("jax")
sys.path.insert(0, str(BENCHMARKS))
from zoo import jax_kernels, torch_kernels  # noqa: E402

SLOW = ("compiled",)  # what starts a compiler
TORCH = [n for n in torch_kernels.ZOO if n not in ("sizes", *SLOW)]
JAX = [n for n in jax_kernels.ZOO if n != "shard_map"]
MODULES = {"torch": torch_kernels, "jax": jax_kernels}
CASES = [("torch", n) for n in TORCH] + [("jax", n) for n in JAX]


def judged(framework, name, broken, invariances=None):
    """The row of the presentation, and the others."""
    function, inputs = MODULES[framework].ZOO[name](broken)
    rows = records(xgrad.check(function, inputs, invariances=invariances or name, dtypes="float64"))
    mine = [r for r in rows if r["technique"] == f"invariance:{name}"]
    return mine[0], [r for r in rows if r not in mine]


def failed(row):
    return row["verdict"] == "disagrees" or row["status"] == "error"


def test_the_zoo_has_a_kernel_for_each_presentation():
    for framework, module in MODULES.items():
        assert set(module.ZOO) - {"sizes"} == set(PRESENTATIONS[framework])
    assert len(torch_kernels.ZOO) + len(jax_kernels.ZOO) >= 30


@pytest.mark.many
@pytest.mark.parametrize(("framework", "name"), CASES)
def test_a_kernel_that_is_right_in_plain_use_is_caught_and_named(framework, name):
    row, plain = judged(framework, name, broken=True)
    assert all(r["verdict"] == "agrees" for r in plain)
    assert failed(row)
    remedy = PRESENTATIONS[framework][name].remedy
    assert row["message"].startswith(f"wrong with {name} only: {remedy}")


@pytest.mark.many
@pytest.mark.parametrize(("framework", "name"), CASES)
def test_its_mended_twin_agrees(framework, name):
    row, plain = judged(framework, name, broken=False)
    assert row["verdict"] == "agrees"
    assert all(r["verdict"] == "agrees" for r in plain)


@pytest.mark.parametrize("name", ["cotangent strided", "double backward", "vmap"])
def test_a_mended_kernel_passes_all_presentations(name):
    function, inputs = torch_kernels.ZOO[name](False)
    rows = records(xgrad.check(function, inputs, invariances="all"))
    assert len(rows) > 15
    assert {r["verdict"] or r["status"] for r in rows} <= {"agrees", "unsupported"}


@pytest.mark.parametrize("broken", [True, False])
def test_several_devices(broken):
    """In a process of its own: JAX counts the devices when it is imported."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import xgrad; from zoo.jax_kernels import ZOO\n"
        "function, inputs = ZOO['shard_map'](sys.argv[2] == 'True')\n"
        "rows = xgrad.check(function, inputs, invariances='shard_map', dtypes='float64')\n"
        "row = rows.to_dict('records')[-1]\n"
        "print(row['technique'], row['verdict'], row['message'])"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, str(BENCHMARKS), str(broken)],
        cwd=ROOT,
        env=_environment(),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert told.startswith("invariance:shard_map " + ("disagrees wrong" if broken else "agrees"))


def _environment():
    import os

    flags = "--xla_force_host_platform_device_count=2"
    return {**os.environ, "XLA_FLAGS": flags, "PYTHONPATH": str(ROOT)}


def test_one_device_says_what_to_set():
    if len(jax.devices()) > 1:
        pytest.skip("several devices are seen")
    row, _ = judged("jax", "shard_map", broken=True)
    assert row["status"] == "unavailable"
    assert "XLA_FLAGS=--xla_force_host_platform_device_count=2" in row["message"]


@pytest.mark.parametrize("broken", [True, False])
def test_sizes_around_powers_of_two(broken):
    function, inputs = torch_kernels.ZOO["sizes"](broken)
    frame = xgrad.check(
        function, inputs, invariances=(), sizes=lambda n: torch_kernels.inputs((n,))
    )
    rows = [r for r in records(frame) if r["technique"].startswith("invariance:n = ")]
    wrong = [r["size"] for r in rows if failed(r)]
    assert len(rows) == 11
    assert wrong == (["n = 5", "n = 15", "n = 17", "n = 63", "n = 65"] if broken else [])
    assert all(r["message"].startswith("wrong with n = ") for r in rows if failed(r))


def test_a_batch_of_none_has_the_shapes_of_its_inputs():
    def mean_of_rows(x, w):
        if not len(x):
            raise ValueError("no rows")
        return x @ w

    given = (torch.rand(3, 4, dtype=torch.float64), torch.rand(4, dtype=torch.float64))
    frame = xgrad.check(mean_of_rows, given, sizes=lambda n: (given[0].new_ones(n, 4), given[1]))
    row = next(r for r in records(frame) if r["size"] == "n = 0")
    assert failed(row)
    assert "no rows" in row["message"]


def test_the_usual_ones_run_unasked_and_can_be_turned_off():
    function, inputs = torch_kernels.ZOO["cotangent strided"](True)
    with pytest.raises(AssertionError, match=r"call grad_output\.contiguous\(\)"):
        xgrad.assert_agreement(function, inputs)
    xgrad.assert_agreement(function, inputs, invariances=())
    asked = records(xgrad.check(function, inputs, methods="torch.reverse"))
    assert [r["technique"] for r in asked] == ["reverse"]


def test_a_wrong_derivative_is_told_once():
    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            return 3 * g * ctx.saved_tensors[0]

    x = torch.rand(4, dtype=torch.float64) + 0.5
    rows = records(xgrad.check(Wrong.apply, x))
    assert [(r["technique"], r["verdict"]) for r in rows] == [("reverse", "disagrees")]
    named = records(xgrad.check(Wrong.apply, x, invariances="cotangent *"))
    assert [r["technique"] for r in named if r["verdict"] == "disagrees"] == ["reverse"]
    assert {r["message"] for r in named[1:]} == {"torch.reverse fails or is wrong without it too"}


def test_what_means_nothing_is_told_where_it_was_named():
    x = torch.rand(4, dtype=torch.float64)
    row, _ = _named(torch.sin, (x,), "inputs channels-last")
    assert row["status"] == "unsupported"
    assert row["message"] == "no input has four axes"
    rows = records(xgrad.check(torch.sin, (x,), invariances="inputs*"))
    names = [r["technique"] for r in rows if r["technique"].startswith("invariance:")]
    assert names == [f"invariance:inputs {kind}" for kind in ("strided", "expanded", "offset")]


def _named(function, inputs, name):
    rows = records(xgrad.check(function, inputs, invariances=name))
    mine = [r for r in rows if r["technique"] == f"invariance:{name}"]
    return mine[0], rows


def test_a_first_order_function_must_raise_when_differentiated_twice():
    class Once(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(ctx, g):
            return 2 * g * ctx.saved_tensors[0].detach()

    row, _ = _named(Once.apply, (torch.rand(4, dtype=torch.float64),), "double backward")
    assert row["status"] == "unsupported"
    assert "once_differentiable" in row["message"]


def test_a_view_of_a_strided_input_raises_and_accuses_nobody():
    def flat(x):
        return x.view(-1) * 2

    row, rows = _named(flat, (torch.rand(3, 4, dtype=torch.float64),), "inputs strided")
    assert row["status"] == "unsupported"
    assert not any(failed(r) for r in rows)


def test_the_kernel_beside_its_plain_implementation_is_presented():
    function, inputs = torch_kernels.ZOO["cotangent strided"](True)
    frame = xgrad.check(function, inputs, like=lambda x, w: torch.sin(x) * w)
    wrong = [r for r in records(frame) if failed(r)]
    assert {r["technique"] for r in wrong} >= {"invariance:cotangent strided of Product"}


def test_a_case_is_presented_where_a_run_names_it():
    @xgrad.case(wrt=("x", "w"))
    def product(xp, x, w):
        return xp.sin(x) * w

    product.inputs(lambda rng: {"x": rng.normal(size=(3, 4)), "w": rng.normal(size=4)})
    frame = xgrad.run(product, dtypes="float64", invariances=("cotangent *", "eager"))
    rows = [r for r in records(frame) if r["technique"].startswith("invariance")]
    assert {(r["framework"], r["operator"]) for r in rows} == {("torch", "vjp"), ("jax", "vjp")}
    assert all(r["verdict"] == "agrees" for r in rows)
    assert len(rows) == 8


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(UsageError, match="did you mean 'cotangent strided'"):
        xgrad.check(torch.sin, (torch.rand(3),), invariances="cotangent stride")
    with pytest.raises(UsageError, match="goes with a function of torch or JAX"):
        xgrad.check(lambda xp, x: xp.sum(x), {"x": [1.0]}, invariances="all")
    with pytest.raises(UsageError, match="sizes"):
        xgrad.check(torch.sin, (torch.rand(3),), sizes=3)


def test_digits_that_another_way_round_loses_are_no_mistake():
    """logcumsumexp's double backward adds and subtracts logarithms of its cotangent."""
    x = torch.tensor([[1e3, -8.6, -6.1, -6.7, -8.0]] * 3, dtype=torch.float64).T.contiguous()
    asked = "double backward*"
    rows = records(xgrad.check(lambda x: torch.logcumsumexp(x, 0), x, invariances=asked))
    shown = [r for r in rows if "double backward" in r["technique"]]
    assert shown
    assert {r["verdict"] for r in shown} <= {"agrees", "unstable", "inconclusive"}
