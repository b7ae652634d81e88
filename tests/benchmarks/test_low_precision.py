"""16-bit types: right kernels agree, short sums are unstable, a missing term is no rounding."""

import sys

import numpy as np
import pytest
from checkout import BENCHMARKS

import xgrad
from xgrad.errors import UsageError
from xgrad.table import records

torch = pytest.importorskip("torch")
jax = pytest.importorskip("jax")
sys.path.insert(0, str(BENCHMARKS))
import kernels  # noqa: E402
import low_precision  # noqa: E402

SHORT = ("bfloat16", "float16")
NORM, ENTROPY = kernels.rms_norm, kernels.cross_entropy


def judged(kernel, plain, operator, shape, dtype, seed=0):
    return low_precision.verdict(kernel, plain, operator, shape, dtype, seed)


@pytest.mark.parametrize("dtype", SHORT)
@pytest.mark.parametrize("seed", range(10))
def test_a_right_kernel_agrees_and_is_no_worse_than_the_plain_implementation(dtype, seed):
    for kernel, plain, operator in (
        (kernels.RMSNorm, NORM, "vjp"),
        (kernels.CrossEntropy, ENTROPY, "gradient"),
    ):
        row = judged(kernel, plain, operator, (8, 32), dtype, seed)
        assert row["verdict"] == "agrees"
        assert row["share"] < 0.5
        assert row["multiple"] < 1


@pytest.mark.parametrize("dtype", SHORT)
@pytest.mark.parametrize(
    ("kernel", "plain", "operator", "shape"),
    [
        (kernels.RMSNormShortSums, NORM, "vjp", (256, 64)),
        (kernels.CrossEntropyShortSums, ENTROPY, "gradient", (8, 1024)),
    ],
)
def test_sums_in_the_input_s_type_are_unstable(dtype, kernel, plain, operator, shape):
    row = judged(kernel, plain, operator, shape, dtype)
    assert row["verdict"] == "unstable"
    assert row["multiple"] > 2


@pytest.mark.parametrize("dtype", SHORT)
@pytest.mark.parametrize(
    ("kernel", "plain", "operator"),
    [
        (kernels.RMSNormMissingTerm, NORM, "vjp"),
        (kernels.CrossEntropyMissingTerm, ENTROPY, "gradient"),
    ],
)
def test_a_missing_term_disagrees_in_every_type(dtype, kernel, plain, operator):
    assert judged(kernel, plain, operator, (8, 32), dtype)["verdict"] == "disagrees"


def scaled(factor):
    """Σ x² / 2 as a torch.autograd.Function whose gradient is off by a factor."""

    class Scaled(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return (x.to(kernels.long(x.dtype)) ** 2).sum().to(x.dtype) / 2

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            long = kernels.long(x.dtype)
            return (factor * g.to(long) * x.to(long)).to(x.dtype)

    return Scaled.apply


X = torch.linspace(-2, 3, 40)


@pytest.mark.parametrize("factor", [1.002, 1 + 1e-4])
def test_a_mistake_too_small_for_the_type_is_refuted_whatever_the_type(factor):
    (row,) = records(xgrad.check(scaled(factor), X, dtypes=("bfloat16",), invariances=()))
    assert (row["verdict"], row["rule"]) == ("disagrees", "refuted in balls")


def test_a_mistake_in_a_branch_for_the_short_type_is_no_rounding():
    class Branch(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return (x**3).sum()

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            short = x.dtype in (torch.bfloat16, torch.float16)
            return g * (3.3 if short else 3) * x * x

    frame = xgrad.check(Branch.apply, X, dtypes=("float32", *SHORT), invariances=())
    assert list(frame["verdict"]) == ["agrees", "disagrees", "disagrees"]


def test_the_plain_implementation_stands_beside_and_its_value_too():
    x = torch.randn(8, 16)
    w = torch.rand(16) + 0.5
    options = {"dtypes": ("bfloat16",), "invariances": ()}
    frame = xgrad.check(kernels.RMSNorm.apply, (x, w), like=NORM, **options)
    assert list(frame["technique"]) == ["reverse", "reverse:RMSNorm"] * 2
    assert list(frame["operator"]) == ["value", "value", "vjp", "vjp"]
    assert set(frame["verdict"]) == {"agrees"}
    assert np.all(frame["multiple"][frame["technique"] != "reverse"] < 1.5)


def test_a_wrong_value_disagrees_with_the_plain_implementation():
    def double(x, w):
        return 2 * NORM(x, w)

    inputs = torch.randn(4, 8), torch.ones(8)
    for dtype in ("float64", "float32", "bfloat16"):
        frame = xgrad.check(double, inputs, like=NORM, operators="value", dtypes=(dtype,))
        assert list(frame["verdict"]) == ["agrees", "disagrees"]


def test_a_numpy_style_twin_brings_the_whole_referee():
    def norm(xp, x, w):
        return w * x / xp.sqrt(xp.mean(x * x, axis=-1, keepdims=True) + kernels.EPSILON)

    inputs = torch.randn(2, 4), torch.rand(4) + 0.5
    for kernel, verdict in ((kernels.RMSNorm, "agrees"), (kernels.RMSNormMissingTerm, "disagrees")):
        frame = xgrad.check(kernel.apply, inputs, like=norm, operators="vjp", dtypes=("bfloat16",))
        row = records(frame)[-1]
        assert (row["verdict"], row["referee"]) == (verdict, "certified")
        assert "weaker" not in row["message"]


def test_jax_kernels_too():
    import jax.numpy as jnp

    def make(factor):
        @jax.custom_vjp
        def loss(x):
            return jnp.sum(x * x) / 2

        loss.defvjp(lambda x: (loss(x), x), lambda x, g: (factor * g * x,))
        return loss

    x = jnp.linspace(-1.0, 2.0, 30)
    for factor, verdict in ((1.0, "agrees"), (1.05, "disagrees")):
        frame = xgrad.check(
            make(factor), x, like=lambda x: jnp.sum(x * x) / 2, dtypes=("bfloat16",), invariances=()
        )
        assert list(frame["verdict"])[-1] == verdict


def test_more_inputs_than_differences_could_try_are_certified():
    x = torch.randn(20_000, dtype=torch.float64)
    for factor, verdict in ((1.0, "agrees"), (1.001, "disagrees")):
        (row,) = records(xgrad.check(scaled(factor), x, dtypes=("float64",), invariances=()))
        assert row["verdict"] == verdict
        assert row["referee"] == ("certified" if factor == 1.0 else "definition"), row["message"]


def test_like_is_for_functions():
    x = torch.randn(3, 4)
    with pytest.raises(UsageError, match="like= compares functions"):
        xgrad.check(torch.nn.Linear(4, 2), (x,), like=lambda x: x)
    with pytest.raises(UsageError, match="like= goes with a function of torch or JAX"):
        xgrad.check(lambda xp, x: xp.sum(x), {"x": np.ones(3)}, like=lambda xp, x: xp.sum(x))
