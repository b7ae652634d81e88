"""A limit of time holds, and nothing is heard of it where a destructor swallows it."""

import time

import pytest

from xgrad.checking.limit import OutOfTime, limited


class Slow:
    def __del__(self):
        spin(0.05)


def spin(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def swallowed_first():
    made = Slow()
    del made  # the first signal is lost in here
    spin(1.0)


@pytest.mark.filterwarnings("error")
def test_a_destructor_that_swallows_it_is_neither_heard_nor_obeyed():
    with pytest.raises(OutOfTime), limited(0.02):
        swallowed_first()
