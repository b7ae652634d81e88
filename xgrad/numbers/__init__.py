"""Arrays of numbers that are no floats, and one way to lift the functions of `xp` to them."""

from xgrad.numbers.arrays import bare
from xgrad.numbers.balls import factoring, matrices, scalars
from xgrad.numbers.balls.array import BITS, Ball, LEDGER, SECONDS_PER_ELEMENT, ball, budget, halves
from xgrad.numbers.balls.array import midpoint, precision, radius, working_bits
from xgrad.numbers.balls.derivatives import in_full
from xgrad.numbers.balls.fourier import dft
from xgrad.numbers.balls.namespace import NAMESPACE
from xgrad.numbers.batched import Together
from xgrad.numbers.complex import Complex, Dual
from xgrad.numbers.counted import Counted, price_of_pairs
from xgrad.numbers.doubled.array import Doubled, doubled, from_ball, nearest, to_ball
from xgrad.numbers.doubled.memory import reused_memory
from xgrad.numbers.doubled.namespace import DOUBLED
from xgrad.numbers.dtypes import DTYPES, EPS, REAL_DTYPES, SMALLEST, real_dtype
from xgrad.numbers.dtypes import rounded, spacing
from xgrad.numbers.functions import DERIVATIVES, EXTRAS, cross_product, missing, python_scan
from xgrad.numbers.functions import require_constant, require_segments, require_xp_first
from xgrad.numbers.kept import cache_root, write_whole
from xgrad.numbers.noisy import Noisy, more_digits
from xgrad.numbers.tampered import Spoiling, Tampered
