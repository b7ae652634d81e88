"""What tests of blame share, of torch networks and of JAX programs."""

import dataclasses

import numpy as np
import pytest

from xgrad.numbers import ball, midpoint, precision


def arrays(inputs):
    return [ball(a).data for a in inputs]


def shows(program, network, inputs):
    """Whether the mistakes change the gradient: a norm takes away what another one did."""
    right = dataclasses.replace(network, slips={})
    with precision(384):
        x, one = arrays(inputs), arrays([np.ones(())])
        made = [program(f).vjp(x, one) for f in (network, right)]
    return any(np.any(np.abs(midpoint(ball(a - b))) > 1e-15) for a, b in zip(*made, strict=True))


def some(few, many):
    """The first seeds, and the others where slow tests are asked for."""
    return [*range(few), *(pytest.param(k, marks=pytest.mark.slow) for k in range(few, many))]
