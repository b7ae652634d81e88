"""The ways to differentiate, one file each, and what a method returns."""

from xgrad.techniques.agreements import Agreement, DIGITS_OF_ZERO, agreement
from xgrad.techniques.base import Compute, Result, Staged, Technique, parse_step
from xgrad.techniques.definition import Definition, Slopes, flat_function
from xgrad.techniques.formula import apply_formula
from xgrad.techniques.forward import FORWARD_TWICE, OVER_REVERSE, TAYLOR
from xgrad.techniques.invariance import INVARIANCE, PRESENTATIONS, Presentation, USUAL
from xgrad.techniques.invariance import choose_presentations, first_order, plain_of
from xgrad.techniques.invariance import presentation_of, require_presentations
from xgrad.techniques.ladder import Ladder, RATIO, extrapolate, one_sided
from xgrad.techniques.methods import Method, choose_methods, methods_of, require_methods
from xgrad.techniques.methods import techniques
from xgrad.techniques.outcomes import ERROR, NONFINITE, OK, Outcome, Prepared, UNSUPPORTED, failed
from xgrad.techniques.outcomes import describe_error, describe_nonfinite, element_name, evaluate
from xgrad.techniques.outcomes import find_fault
from xgrad.techniques.reverse import OVER_FORWARD
from xgrad.techniques.sampling import Sampler, TINY
from xgrad.techniques.stencil import BASIS, ONES, Planner, Stencil, combine, length, plan, points
from xgrad.techniques.transforms import find_target, prepare_value
