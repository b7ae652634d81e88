"""What is timed at hand: subjects of known duration, and the options of short timings."""

from contextlib import nullcontext

import numpy as np

from xgrad.timing import clock
from xgrad.timing.clock import Subject

SEEDED = {"devices": ("cpu",), "dtypes": ("float64",), "limit": 0.3}


def constant(seconds):
    """A subject whose calls take so long, without taking it."""
    return Subject(lambda inputs: lambda number: seconds, nullcontext)


def measured(*subjects, limit=10.0, seed=0):
    clock.measure(subjects, object, np.random.default_rng(seed), limit)
    return subjects
