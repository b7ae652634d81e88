"""Devices beyond the CPU: skipped, with the reason, where there is none."""

import numpy as np
import pytest
from accelerators import require_accelerator, seen

import xgrad
from xgrad.table import records


@pytest.mark.gpu
@pytest.mark.parametrize("framework", ["torch", "jax"])
@pytest.mark.parametrize("name", ["tsne_kl", "softmax_cross_entropy", "mlp_input", "cyclic_field"])
def test_every_method_agrees_on_an_accelerator(framework, name):
    device = require_accelerator(framework)
    methods = [f"{framework}.{t}" for t in ("reverse", "forward", "formula", "differences")]
    frame = xgrad.run(name, devices=(device,), methods=methods)
    rows = [r for r in records(frame) if r["status"] != "unsupported"]
    assert rows
    assert {r["device"] for r in rows} == {device}
    assert {r["verdict"] for r in rows} <= {"agrees", "bounded"}


@pytest.mark.gpu
@pytest.mark.parametrize("framework", ["torch", "jax"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_products_on_an_accelerator_have_the_digits_of_their_dtype(framework, dtype):
    """Without full-precision products (TF32), a gradient of 64-term products keeps 3 digits."""
    device = require_accelerator(framework)

    @xgrad.case(wrt="A", operators=("gradient",))
    def product(xp, A, B):
        C = xp.matmul(A, B)
        return xp.sum(C * C)

    rng = np.random.default_rng(0)
    point = {"A": rng.normal(size=(64, 64)), "B": rng.normal(size=(64, 64))}
    product.point("given")(lambda: point)
    methods = (f"{framework}.reverse",)
    (row,) = records(xgrad.run(product, devices=(device,), methods=methods, dtypes=(dtype,)))
    assert row["verdict"] == "agrees"
    assert row["digits"] > (5 if dtype == "float32" else 13)


@pytest.mark.parametrize("device", ["cuda", "cuda:7", "tpu"])
def test_a_device_that_is_not_there_is_said_and_is_no_failure(device):
    if device.partition(":")[0] in seen("torch") + seen("jax"):
        pytest.skip(f"{device} may be there")
    frame = xgrad.run("square", devices=(device,), operators=("gradient",))
    assert set(frame["status"]) == {"unavailable"}
    assert frame["message"].str.contains("sees no device").all()
