"""The same numbers presented otherwise: layouts, calls and transforms that change no derivative."""

from xgrad.techniques.invariance.presentation import Presentation, first_order
from xgrad.techniques.invariance.tables import PRESENTATIONS
from xgrad.techniques.invariance.technique import INVARIANCE, TECHNIQUE, USUAL, choose_presentations
from xgrad.techniques.invariance.technique import plain_of, presentation_of, require_presentations
