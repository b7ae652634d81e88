"""JAX's own programs, run in balls: the walk over a jaxpr, and its rules as tables."""

from xgrad.programs.jax.program import Frozen, JaxProgram
from xgrad.programs.jax.recording import Node, Tape
from xgrad.programs.jax.rounding import Rounding
from xgrad.programs.jax.walk import Hook, Step
