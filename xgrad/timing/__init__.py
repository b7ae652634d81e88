"""The only timer: what a derivative costs, of those that the judge found right."""

from xgrad.timing.cells import QUICK, TimedCell, plan_timing, time_cases, time_cell, time_cells
from xgrad.timing.comparison import FASTER, LOST, MACHINE, ONLY, SAME, SLOWER, compare_timings
from xgrad.timing.comparison import compared_rows, differences
from xgrad.timing.ladder import fit_exponents
from xgrad.timing.table import TIMING_COLUMNS, save_timings, timing_frame
from xgrad.timing.worker import Worker
