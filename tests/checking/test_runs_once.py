"""A check calls the function in this process: the caller's file is not run again."""

import subprocess
import sys

import numpy as np
import pytest

import xgrad

SCRIPT = """
    import numpy as np
    import xgrad

    with open("log.txt", "a") as log:
        log.write(__name__ + " ")

    def loss(xp, x):
        return xp.sum(x**3)

    xgrad.check(loss, {"x": np.array([1.0, 2.0])}, methods="numpy.complex_step")
    xgrad.assert_agreement(loss, {"x": np.array([1.0])}, methods="numpy.complex_step")
"""


def test_a_script_is_run_once(write, tmp_path):
    script = write("train.py", SCRIPT)
    subprocess.run([sys.executable, script.name], cwd=tmp_path, check=True)
    assert (tmp_path / "log.txt").read_text().split() == ["__main__"]


def test_what_could_not_be_judged_says_why():
    torch = pytest.importorskip("torch")

    def loss(x):
        return torch.nn.functional.binary_cross_entropy(x, torch.ones_like(x))

    frame = xgrad.check(loss, torch.tensor([0.2, 0.7]), operators="hessian")
    frame = frame[frame["verdict"] == "inconclusive"]
    assert all(frame["message"])
    frame = xgrad.check(lambda xp, x: xp.floor(x) * xp.sum(x), {"x": np.array([1.0])})
    assert all(frame[frame["verdict"] == "inconclusive"]["message"])
