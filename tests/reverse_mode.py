"""What a check says of a program's own reverse mode in float64."""

import re

import xgrad
from xgrad.table import records

RIGHT = "agrees", "certified"
_SAID = re.compile(r"(?:definition to|in balls,) (\d+) digits?")


def row_of(function, *inputs, **options):
    """The row of a torch function at tensors, or of a JAX function at arrays of JAX."""
    options = {"operators": "vjp", "invariances": (), **options}
    rows = xgrad.check(function, inputs, methods="*.reverse", dtypes="float64", **options)
    (row,) = records(rows)
    return row


def row_in_jax(function, *inputs, **options):
    """The row of a JAX function at any arrays."""
    import jax

    with jax.enable_x64(True):
        return row_of(function, *jax.tree.map(jax.numpy.asarray, inputs), **options)


def found(row):
    """The verdict, and the evidence that it rests on."""
    return row["verdict"], row["referee"]


def digits(row):
    """To how many digits rule and definition agree, both in balls."""
    return int(_SAID.search(row["message"])[1])
