"""Examples of JAX programs by name, and the numbers that they are given."""

import numpy as np

EXAMPLES = {}  # functions with their arguments
_rng = np.random.default_rng(7)


def normal(*shape, scale=1.0):
    return scale * _rng.standard_normal(shape)


def positive(*shape):
    return np.abs(normal(*shape)) + 0.4


def example(*arguments):
    """Register a function with its arguments."""

    def register(function):
        EXAMPLES[function.__name__] = function, arguments
        return function

    return register
