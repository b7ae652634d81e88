"""Derivatives of the published censuses, judged again: each has the verdict that was published."""

import json
import math
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest
from checkout import ROOT

from xgrad.judging import AGREES, DISAGREES, Judge
from xgrad.problem import OPERATORS, Setting, find_cases, library
from xgrad.running import CENSUSES
from xgrad.techniques import Method

NEWEST = {name: ROOT / f"results/runs/2026-11-29-census-{name}" for name in CENSUSES}
FRAMEWORKS = list(filter(find_spec, CENSUSES))
FEW = {"torch": 12, "jax": 4}  # samples that are judged without `--slow`, each in three modes
QUICK, LONG = 0.5, 10.0  # seconds that one of the few, and one of all, may have taken
SINCE = [("torch.__rpow__", "halves")]  # inconclusive since: differences have no bound there
TOLD = ["status", "verdict", "referee"]


def is_installed(run, framework):
    """Whether a census is that of the version at hand, `2.13.0` of `2.13.0+cpu`."""
    taken = json.loads((run / "environment.json").read_text())["versions"][framework]
    return taken.partition("+")[0] == version(framework).partition("+")[0]


@cache
def published(framework):
    """The census of the version at hand, or else the newest, and whether it is of that version.

    Its rows in float64, by operation and sample; and what each took: no end where time ran out.
    """
    runs = (NEWEST[framework], *(ROOT / "results/census").glob(f"{framework}-*"))
    run = next((run for run in runs if is_installed(run, framework)), NEWEST[framework])
    rows = pd.read_parquet(run / "rows.parquet", filters=[("dtype", "==", "float64")])
    rows["seconds"] = rows["seconds"].where(rows["status"] != "timeout", math.inf)
    places = rows.fillna({"verdict": ""}).groupby(["case", "point"])
    took = places["seconds"].sum().drop(SINCE, errors="ignore")
    return places, took[took < LONG], is_installed(run, framework)


def few():
    """A seeded few samples of each framework."""
    for framework in FRAMEWORKS:
        _, took, _ = published(framework)
        quick = list(took[took < QUICK].index)
        chosen = np.random.default_rng(0).permutation(len(quick))[: FEW[framework]]
        yield from ((framework, *quick[k]) for k in sorted(chosen))


@cache
def operations(framework):
    """The cases of a census by name."""
    found = find_cases([library() / "census" / CENSUSES[framework]])
    return {case.name: case for case in found}


def told(row, column):
    """A column in a word: evidence without why there is none."""
    return (row.get(column) or "").partition(":")[0]


def differing(framework, name, point):
    """What is not told of a sample as it is published; of another version what is worse."""
    places, _, is_same = published(framework)
    operation = operations(framework).get(name)
    if not is_same and (operation is None or point not in operation.samples):
        return
    judge = Judge(Setting.make(operation, "small", point, "float64", 0), "cpu")
    for was in places.get_group((name, point)).to_dict("records"):
        method, operator = Method(framework, was["technique"]), OPERATORS[was["operator"]]
        now = judge.judge(method, operator).row
        pair = [[told(row, column) for column in TOLD] for row in (now, was)]
        is_worse = (was["verdict"], now.get("verdict")) == (AGREES, DISAGREES)
        if is_worse or (is_same and pair[0] != pair[1]):
            yield (name, point, operator.name, *pair)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("framework", "name", "point"), list(few()))
def test_a_derivative_judged_again_has_the_verdict_that_was_published(framework, name, point):
    assert not list(differing(framework, name, point))


@pytest.mark.slow  # ten minutes of torch, half an hour of JAX
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_every_derivative_judged_again_has_the_verdict_that_was_published(framework):
    _, took, _ = published(framework)
    assert not [each for at in took.index for each in differing(framework, *at)]
