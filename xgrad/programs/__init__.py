"""Programs of torch and JAX as they are, run in balls."""

from xgrad.programs.constants import exactly, recognised_constants
