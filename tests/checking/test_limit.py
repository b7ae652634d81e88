"""A limit of time holds, and nothing is heard of it where a destructor swallows it."""

import time

import pytest

from xgrad.checking.limit import OutOfTime, limited, processor_time


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


def test_the_clock_tells_less_than_a_tick_while_a_limit_runs():
    with limited(60.0):
        took = []
        for _ in range(50):
            start = processor_time()
            sum(range(20_000))
            took.append(processor_time() - start)
    assert 0 < sorted(took)[len(took) // 2] < 0.01
    assert sum(t == 0 for t in took) < 5
