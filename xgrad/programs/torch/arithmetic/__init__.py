"""Rules of arithmetic, by the names of torch's operations."""

from __future__ import annotations

from xgrad.programs.torch.arithmetic.elementwise import ELEMENTWISE
from xgrad.programs.torch.arithmetic.fourier import FOURIER
from xgrad.programs.torch.arithmetic.matrices import MATRICES
from xgrad.programs.torch.arithmetic.positions import POSITIONS
from xgrad.programs.torch.arithmetic.products import PRODUCTS
from xgrad.programs.torch.arithmetic.reductions import REDUCTIONS
from xgrad.programs.torch.arithmetic.rule import Rule, results_in
from xgrad.programs.torch.arithmetic.windows import WINDOWS

RULES: dict[str, Rule] = {
    **ELEMENTWISE,
    **REDUCTIONS,
    **POSITIONS,
    **PRODUCTS,
    **WINDOWS,
    **FOURIER,
    **MATRICES,
}
