"""The truth, with the evidence that it rests on: certificate, definition, noise."""

from xgrad.referee.blame import find_faults
from xgrad.referee.candidates import Candidate, find_candidate
from xgrad.referee.equations import find_equation_faults
from xgrad.referee.faults import Fault, blame_text
from xgrad.referee.grades import AMPLE, APPROXIMATE, CERTIFIED, GRADES, REFUTED, grade_of
from xgrad.referee.ported import PortReferee
from xgrad.referee.ports import describe_sameness
from xgrad.referee.programs import ProgramReferee
from xgrad.referee.referee import Budget, Referee
from xgrad.referee.truth import Truth, contracted
