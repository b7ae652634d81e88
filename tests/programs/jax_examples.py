"""Functions that people write in JAX, with inputs."""

import jax
import jax_layers  # noqa: F401 - its functions register themselves, as those of the next two
import jax_signals  # noqa: F401
import jax_solvers  # noqa: F401
import pytest
from jax_registry import EXAMPLES

# Those that every run of the tests takes; the others wait for `--slow`.
QUICK = """layer_norm attention average_pool lstm embedding scattered straight_through
    target_network eigenvectors general_eigenvalues solve qr conjugate_gradients newton
    implicit_fixed_point custom_root custom_linear_solve nested_scans branches loops_in_a_batch
    hessian_vector sorting segments guarded power_spectrum filtered complex_inside
    low_precision_inside"""


def names():
    """All examples, as parameters of a test."""
    quick, slow = QUICK.split(), pytest.mark.slow
    return [name if name in quick else pytest.param(name, marks=slow) for name in EXAMPLES]


def of_arrays(name):
    """An example as a function of its arrays alone, and these."""
    function, arguments = EXAMPLES[name]
    arrays, tree = jax.tree.flatten(arguments)
    return lambda *given: function(*jax.tree.unflatten(tree, given)), arrays
