"""The search of the best settings of each checker, at points apart from those of the table."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import numpy as np

from detection.checkers import PEERS, Options, Peer
from detection.places import Place, functions
from xgrad.auditing.mutation import MUTANTS
from xgrad.problem import Case, Setting

DTYPES = ("float64", "float32")
TUNING = (1001, 1002)  # seeds of the points where best settings are searched

# --- searching the best settings ------------------------------------------------------------------

Grid = dict[str, tuple[Any, ...]]
GRIDS: dict[tuple[str, str], Grid] = {
    ("torch gradcheck", "float64"): {
        "eps": (1e-7, 1e-6, 1e-5, 1e-4), "rtol": (1e-7, 1e-6, 1e-5, 1e-4, 1e-3),
        "atol": (1e-9, 1e-8, 1e-7, 1e-6, 1e-5)},
    ("torch gradcheck", "float32"): {
        "eps": (3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1), "rtol": (3e-4, 1e-3, 1e-2, 1e-1),
        "atol": (1e-5, 5e-5, 3e-4, 1e-3, 1e-2, 1e-1)},
    ("jax check_grads", "float64"): {
        "eps": (1e-7, 1e-6, 1e-5, 1e-4, 1e-3), "rtol": (1e-9, 1e-8, 1e-7, 1e-6, 1e-5),
        "atol": (1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5)},
    ("jax check_grads", "float32"): {
        "eps": (1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1), "rtol": (1e-5, 1e-4, 5e-4, 2e-3, 1e-2),
        "atol": (1e-5, 1e-4, 5e-4, 2e-3, 1e-2)},
    ("scipy check_grad", "float64"): {
        "epsilon": (1e-9, 1e-8, 1.49e-8, 1e-7, 1e-6), "direction": ("all", "random"), "rng": (0,),
        "rtol": (0, 1e-7, 1e-6, 1e-5, 1e-4), "atol": (1e-8, 1e-7, 1e-6, 1e-5)},
    ("scipy check_grad", "float32"): {
        "epsilon": (1e-4, 3.45e-4, 1e-3, 1e-2), "direction": ("all", "random"), "rng": (0,),
        "rtol": (0, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1), "atol": (1e-4, 1e-3, 1e-2)},
    ("numdifftools", "float64"): {
        "order": (2, 4, 6, 8), "base_step": (0.1, 0.5, 2.0), "times": (0, 1, 3, 10, 100),
        "rtol": (0, 1e-11, 1e-9, 1e-7, 1e-6)},
    ("numdifftools", "float32"): {
        "order": (2, 4), "base_step": (0.1, 0.25, 0.5, 2.0, 8.0), "num_steps": (3, 5, 8, 15),
        "times": (3, 10, 30, 100), "rtol": (0, 1e-4, 1e-3)},
}  # fmt: skip


def tune() -> None:
    """Print the settings of each grid that are effective most often, best first."""
    for (name, dtype), grid in GRIDS.items():
        peer = next(p for p in PEERS if p.name == name and p.setting == "best")
        places = [p for p in make_places(TUNING) if p.setting.dtype == dtype]
        felt = [[flat for _, flat, share in p.planted(MUTANTS) if share > 1] for p in places]
        every = [dict(zip(grid, v, strict=True)) for v in itertools.product(*grid.values())]
        found = [(*score(peer, options, places, felt), options) for options in every]
        total = sum(map(len, felt))
        for effective, accused, options in sorted(found, key=lambda f: (-f[0], f[1]))[:6]:
            print(f"{name} {dtype}: {effective} of {total}, accused {accused}: {options}")


def score(
    peer: Peer, options: Options, places: list[Place], felt: list[list[np.ndarray]]
) -> tuple[int, int]:
    """How many mistakes a setting effectively catches, and how many right gradients it accuses."""
    fine = [peer.accepts(place, place.right, options) for place in places]
    caught = (
        not peer.accepts(place, flat, options)
        for place, mistakes, ok in zip(places, felt, fine, strict=True)
        for flat in mistakes
        if ok
    )
    return sum(caught), fine.count(False)


def make_places(seeds: Iterable[int], cases: Iterable[Case] = ()) -> list[Place]:
    """Every function at every seed's point in both dtypes."""
    every = itertools.product(DTYPES, tuple(cases) or functions(), seeds)
    return [Place(Setting.make(c, "small", "random", dtype, seed)) for dtype, c, seed in every]
