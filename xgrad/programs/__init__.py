"""Programs of torch and JAX as they are, run in balls."""

from xgrad.programs.constants import exactly, recognised_constants
from xgrad.programs.failures import Escape, NoBallRule
from xgrad.programs.torch.program import Run, TorchProgram
from xgrad.programs.torch.recording import Node, Tape
from xgrad.programs.torch.rounding import Rounding
