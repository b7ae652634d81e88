"""Arrays of numbers that are no floats, and one way to lift the functions of `xp` to them."""

from xgrad.numbers.arrays import bare
from xgrad.numbers.balls import factoring, matrices, scalars
from xgrad.numbers.balls.array import BITS, Ball, LEDGER, SECONDS_PER_ELEMENT, ball, budget, halves
from xgrad.numbers.balls.array import midpoint, precision
from xgrad.numbers.balls.fourier import dft
from xgrad.numbers.balls.namespace import NAMESPACE
from xgrad.numbers.batched import Together
from xgrad.numbers.complex import Complex, Dual
from xgrad.numbers.dtypes import DTYPES, EPS, REAL_DTYPES, SMALLEST, real_dtype
from xgrad.numbers.dtypes import rounded, spacing
from xgrad.numbers.functions import EXTRAS, missing, python_scan, require_constant
from xgrad.numbers.functions import require_segments
from xgrad.numbers.noisy import Noisy, more_digits
from xgrad.numbers.tampered import Spoiling, Tampered
