"""Legal directions: constrained inputs are judged along them only."""

import numpy as np
import pytest

import xgrad
from xgrad.problem import OPERATORS, Setting
from xgrad.referee import Referee
from xgrad.techniques import Method, evaluate


@pytest.fixture
def logdet():
    @xgrad.case(wrt="S", operators=("gradient", "jvp", "hvp"))
    def logdet(xp, S):
        return 2 * xp.sum(xp.log(xp.linalg.diagonal(xp.linalg.cholesky(S))))

    @logdet.inputs
    def draw(rng):
        root = rng.normal(size=(4, 4))
        return {"S": root @ root.T + 4 * np.eye(4)}

    @logdet.direction
    def symmetric(rng, S):
        v = rng.normal(size=S.shape)
        return v + v.T

    return logdet


@pytest.mark.parametrize("method", ["torch.reverse", "torch.forward", "jax.reverse"])
def test_gradients_of_a_symmetric_matrix_agree_along_symmetric_directions(logdet, method):
    setting = Setting.make(logdet, "small", "random", "float64", 0)
    truth = Referee(setting).truth(OPERATORS["gradient"])
    framework, technique = method.split(".")
    got = evaluate(Method(framework, technique), OPERATORS["gradient"], setting, "cpu").flat
    assert (truth.kind, truth.note) == ("probes", "4 random directions, legal directions only")
    assert np.allclose(truth.seen(got), truth.high, rtol=1e-13, atol=0)
    inverse = np.linalg.inv(setting.inputs["S"]).reshape(-1)
    assert np.allclose(truth.seen(inverse), truth.high, rtol=1e-13, atol=0)
    assert not np.allclose(truth.seen(got * (1 + 1e-11)), truth.high, rtol=1e-13, atol=0)


def test_a_formula_is_certified_along_legal_directions_and_a_wrong_one_is_not(logdet):
    logdet.formula("gradient")(lambda xp, S: xp.linalg.inv(S))
    setting = Setting.make(logdet, "small", "random", "float64", 0)
    assert Referee(setting).truth(OPERATORS["gradient"]).kind == "certified"
    logdet.formulas.clear()
    logdet.formula("gradient")(lambda xp, S: xp.linalg.inv(S) * (1 + xp.asarray(1e-20)))
    assert Referee(setting).truth(OPERATORS["gradient"]).kind == "probes"


def test_jvp_takes_a_legal_direction_and_unit_vectors_are_refused(logdet):
    frame = xgrad.run(logdet, dtypes="float64", operators="jvp", workers=0)
    judged = frame[frame.status == "ok"]
    assert set(judged.verdict[judged.technique != "differences"]) == {"agrees"}
    assert set(judged.verdict) <= {"agrees", "bounded"}
    for operator, status in (("jvp", "ok"), ("gradient", "unsupported"), ("hvp", "unsupported")):
        setting = Setting.make(logdet, "small", "random", "float64", 0)
        outcome = evaluate(Method("numpy", "differences"), OPERATORS[operator], setting, "cpu")
        assert outcome.status == status, outcome
