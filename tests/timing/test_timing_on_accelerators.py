"""The timer on accelerators: throughput, the allocator's memory, and the end of a call."""

from time import perf_counter

import numpy as np
import pytest
from accelerators import require_accelerator

from xgrad.frameworks import find_framework
from xgrad.table import records
from xgrad.timing import clock, time_cases
from xgrad.timing.bench import make_call


@pytest.mark.gpu
@pytest.mark.parametrize("framework", ["torch", "jax"])
def test_on_an_accelerator_throughput_and_the_allocator_are_told_in_both_frameworks(framework):
    device = require_accelerator(framework)
    frame = time_cases(
        "softmax_cross_entropy", sizes="medium", dtypes=("float32",), devices=(device,),
        methods=(f"{framework}.reverse",), operators=("gradient",),
    )  # fmt: skip
    (row,) = records(frame)
    assert row["verdict"] == "agrees"
    assert row["throughput"] >= 0.8 / row["derivative"]  # enqueuing is not slower than waiting
    assert row["peak_memory"] >= 64 * 100 * 4  # the result at least


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["torch", "jax"])
def test_on_an_accelerator_a_call_ends_when_its_work_is_done(name):
    device = require_accelerator(name)
    framework = find_framework(name)
    with framework.scope(device):
        xp = framework.namespace("float32", device)
        x = framework.put(np.eye(4096), "float32", device)

        def chain(x):
            for _ in range(50):
                x = xp.matmul(x, x)
            return (x,)

        run = framework.compile(chain)
        call = make_call(framework, device, run, (x,))
        seconds = clock.block(call, 3)
        started = perf_counter()
        framework.wait(run(x))
        assert seconds == pytest.approx(perf_counter() - started, rel=0.3)
