"""What is asked: cases, operators, a point of a case, discovery, functions at hand."""

from xgrad.problem.cases import Case, Formula, case, display_path, generator
from xgrad.problem.discovery import Broken, cases_of_file, find_cases, load_cases
from xgrad.problem.foreign import find_framework_of, implement, make_foreign_case
from xgrad.problem.operators import Differentiator, Function, OPERATORS, Operator
from xgrad.problem.setting import Arguments, Setting, flatten, scale
