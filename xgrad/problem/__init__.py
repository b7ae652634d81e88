"""What is asked: cases, operators, a point of a case, discovery, functions at hand."""

from xgrad.problem.arguments import bind, name_of
from xgrad.problem.cases import RANDOM, Case, Formula, Implementation, Known, case, display_path
from xgrad.problem.cases import generator
from xgrad.problem.discovery import Broken, CENSUS, cases_of_file, find_cases, is_first, library
from xgrad.problem.discovery import load_cases
from xgrad.problem.foreign import AtHand, find_framework_of, require_no_state
from xgrad.problem.foreign import find_framework_of_code, outputs_of, parameters_in
from xgrad.problem.foreign import numpy_case, returned_by, take_at_hand
from xgrad.problem.operators import Differentiator, Function, OPERATORS, ORDERS, Operator
from xgrad.problem.project import Project, find_project
from xgrad.problem.pairs import PARTS, is_complex, joined, parted, parted_block
from xgrad.problem.samples import Sample, make_operation
from xgrad.problem.setting import Arguments, Setting, flatten, scale
from xgrad.problem.sparse import is_scipy_sparse
from xgrad.problem.structures import STRUCTURES, formula_with_structures, require_structures
from xgrad.problem.structures import structure_notes, with_structures
from xgrad.problem.trees import take_apart
from xgrad.problem.trial import settle, why_not_in
from xgrad.problem.written import Written, variable, write_call
