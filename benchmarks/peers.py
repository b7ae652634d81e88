"""What existing derivative checkers notice beside xgrad: same functions, mistakes and points.

    OMP_NUM_THREADS=1 python benchmarks/peers.py --seeds 3

Every checker gets each function in its own framework, at the same rounded inputs, with a backward
pass that returns a given gradient: the right one, or the right one with a planted mistake. A
mistake is effectively caught where the checker rejects it and accepts its right twin. Tables go to
`results/detection.md` and `.csv` in about three minutes. `--tune` prints what the settings called
best were chosen from, searched at other points, in about half an hour.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import statistics
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from xgrad.auditing.mutation import MUTANTS, Mutant
from xgrad.running import describe_machine

sys.path.insert(0, str(Path(__file__).parent))
from detection.checkers import PEERS, Options, Peer
from detection.places import Mistake, Place
from detection.tuning import make_places, tune

ROUNDS = 3  # of timing, interleaved
RIGHT, LEFT_OUT = "right", "left out"  # in the column of mutants
RESULTS = Path(__file__).parents[1] / "results"

# --- measuring ------------------------------------------------------------------------------------

Row = dict[str, Any]
WHO = ["checker", "setting", "dtype"]
PLACE = ["dtype", "function", "seed"]


def measure(
    places: list[Place], peers: Iterable[Peer], mutants: tuple[Mutant, ...] = MUTANTS
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What each checker says of each gradient, and the seconds that it takes."""
    said, seconds = [], []
    for place in places:
        mistakes = list(place.planted(mutants))
        here = [peer for peer in peers if place.setting.dtype in peer.dtypes]
        for peer in here:
            said += [{**label(peer, place), **row} for row in ask(peer, place, mistakes)]
        seconds += clock(here, place, mistakes)
    return pd.DataFrame(said), pd.DataFrame(seconds)


def label(peer: Peer, place: Place) -> Row:
    """Who was asked, and where."""
    at = place.setting
    return {"checker": peer.name, "setting": peer.setting, "dtype": at.dtype,
            "function": at.case.name, "seed": at.seed}  # fmt: skip


def ask(peer: Peer, place: Place, mistakes: list[Mistake]) -> list[Row]:
    """A row for the right gradient and one for each mistake, or why the checker cannot run."""
    try:
        accused = not peer.accepts(place, place.right)
        caught = [not peer.accepts(place, flat) for _, flat, _ in mistakes]
    except Exception as error:
        return [{"mutant": LEFT_OUT, "reason": f"{type(error).__name__}: {error}"}]
    rows = [{"mutant": RIGHT, "share": np.nan, "accused": accused, "caught": False}]
    for (name, _, share), seen in zip(mistakes, caught, strict=True):
        rows.append({"mutant": name, "share": share, "accused": accused, "caught": seen})
    return [{**row, "effective": row["caught"] and not accused} for row in rows]


def clock(peers: Iterable[Peer], place: Place, mistakes: list[Mistake]) -> list[Row]:
    """Median seconds of one check from scratch, the checkers taking turns.

    Of a right gradient, and for xgrad, which looks closer before it disagrees, of a wrong one.
    """
    wrong = [flat for _, flat, share in mistakes if share > 1][:1]
    jobs = [(peer, RIGHT, place.right) for peer in peers]
    jobs += [(peer, "wrong", flat) for peer in peers if peer.name == "xgrad" for flat in wrong]
    rounds = [[seconds_of(peer, place, g) for peer, _, g in jobs] for _ in range(ROUNDS)]
    return [
        {**label(peer, place), "gradient": which, "seconds": statistics.median(times)}
        for (peer, which, _), times in zip(jobs, zip(*rounds, strict=True), strict=True)
    ]


def seconds_of(peer: Peer, place: Place, g: np.ndarray) -> float:
    """Time of one check with nothing kept from before; NaN where the checker cannot run."""
    fresh = Place(place.setting)
    started = time.perf_counter()
    try:
        peer.accepts(fresh, g)
    except Exception:
        return float("nan")
    return time.perf_counter() - started


# --- tables ---------------------------------------------------------------------------------------


def summarise(said: pd.DataFrame, seconds: pd.DataFrame) -> pd.DataFrame:
    """One row for each checker, setting and dtype, in the order of the table of checkers."""
    cost = costs(seconds)
    rows = [
        {**dict(zip(WHO, who, strict=True)), **counts(group), **cost.loc[who].to_dict()}
        for who, group in said.groupby(WHO, sort=False)
    ]
    return pd.DataFrame(rows).sort_values("dtype", ascending=False, kind="stable")


def counts(group: pd.DataFrame) -> Row:
    """The counts of one checker in one dtype."""
    right = group[group.mutant == RIGHT]
    felt, below = group[group.share > 1], group[group.share <= 1]
    left_out = sorted(set(group[group.mutant == LEFT_OUT].function))
    return {
        "accused": share_of(right.accused),
        "caught": share_of(felt.caught),
        "effective": share_of(felt.effective),
        "effective %": round(100 * felt.effective.mean(), 1),
        "below resolution": share_of(below.effective),
        "left out": ", ".join(left_out) or "none",
    }


def share_of(flags: pd.Series) -> str:
    """How many are true, of how many."""
    return f"{int(flags.sum())} of {len(flags)}"


def costs(seconds: pd.DataFrame) -> pd.DataFrame:
    """Median milliseconds of a check, and its median ratio to xgrad's of the same gradient."""
    right = seconds[seconds.gradient == RIGHT]
    ours = right[(right.checker == "xgrad") & (right.setting == "with formula")]
    both = right.merge(ours[[*PLACE, "seconds"]], on=PLACE, suffixes=("", "_ours"))
    both["cost"] = both.seconds / both.seconds_ours
    both["ms"] = 1e3 * both.seconds
    return both.groupby(WHO)[["ms", "cost"]].median().round(2)


def detail(said: pd.DataFrame) -> pd.DataFrame:
    """One row for each checker, setting, dtype, function and mutant, counted over the points."""
    asked = said[said.mutant != LEFT_OUT]
    felt = asked.share > 1
    asked = asked.assign(points=1, felt=felt, below=asked.share <= 1,
                         caught=felt & asked.caught.astype(bool),
                         effective=felt & asked.effective.astype(bool),
                         accused=asked.accused.astype(bool))  # fmt: skip
    columns = ["points", "felt", "below", "accused", "caught", "effective"]
    return asked.groupby([*WHO, "function", "mutant"], sort=False)[columns].sum().reset_index()


def by_mistake(said: pd.DataFrame, dtype: str) -> pd.DataFrame:
    """Percent of each mistake that the best setting of each checker effectively catches."""
    best = {p.name: p.setting for p in PEERS}  # the last row of a name is its best
    chosen = said[
        (said.dtype == dtype) & (said.share > 1) & (said.setting == said.checker.map(best))
    ]
    percent = chosen.assign(percent=100.0 * chosen.effective.astype(float))
    table = percent.pivot_table(index="mutant", columns="checker", values="percent", sort=False)
    return table.round(0).astype(int).rename_axis(None, axis=1).reset_index()


def missed(said: pd.DataFrame) -> pd.DataFrame:
    """What xgrad accused, and what it missed with the effect over the tolerance."""
    ours = said[said.checker == "xgrad"]
    accused = (ours.mutant == RIGHT) & ours.accused.astype(bool)
    overlooked = (ours.share > 1) & ~ours.effective.astype(bool)
    return ours[accused | overlooked][["setting", *PLACE, "mutant", "share"]]


def settings_table() -> pd.DataFrame:
    """The options of each checker, and where they are from."""
    return pd.DataFrame(
        {"checker": p.name, "setting": p.setting, "float64": written(p.float64),
         "float32": written(p.float32), "what": p.why} for p in PEERS
    )  # fmt: skip


def written(options: Options) -> str:
    """Options as one types them."""
    return ", ".join(f"{name}={value}" for name, value in options.items())


# --- the page -------------------------------------------------------------------------------------

PAGE = """# Detection power of derivative checkers

Made by `{command}` in {minutes:.1f} minutes.

{functions} functions at {seeds} points each, in float64 and float32, with the mistakes of
`xgrad.mutation`. Every checker gets the function in its own framework at the same rounded inputs,
and a backward pass that returns the right gradient (the certified formula as NumPy computes it in
the dtype) or the truth with a mistake.

- *accused*: right gradients rejected. *caught*: mistakes rejected. *effective*: mistakes rejected
  whose right twin is accepted.
- *below resolution*: effective on mistakes with an effect below xgrad's tolerance, counted apart
  as `xgrad audit` does. In float64 all of them are mistakes planted in a gradient of exactly 0:
  numbers such as 1e-232, which only a tolerance of 0 rejects.
- *cost*: median time of one check over that of xgrad's complete check with the formula (referee,
  truth, noise, verdict) of the same gradient, in turns in one process.
- *best* settings were searched on grids (`--tune`) over the same functions at other points, for
  the most effective: more than a user can know, and an upper bound for one setting.
- xgrad *quick* is `xgrad.check(…, quick=True)` of the function that `gradcheck` gets.
- xgrad *with formula* is given what the others are not, the right formula, and tells rounding from
  mistakes by its errors at points around, and in float64, where the same mistake is planted;
  *function alone* is given what the others are.

{summary}

## Effective on each mistake, percent, best settings

float64:

{float64}

float32:

{float32}

## What xgrad accused or missed

{missed}

A check of xgrad's that ends in `disagrees` costs {wrong:.1f} times one that ends in `agrees`
(median, with formula).

## Settings

{settings}

## Machine

{machine}
"""


def write_page(
    said: pd.DataFrame, seconds: pd.DataFrame, out: Path, command: str, minutes: float
) -> None:
    """Write `detection.md` and `detection.csv`."""
    wrong = missed(said)
    text = PAGE.format(
        command=command,
        minutes=minutes,
        functions=said.function.nunique(),
        seeds=said.seed.nunique(),
        summary=written_table(summarise(said, seconds)),
        float64=by_mistake(said, "float64").to_markdown(index=False),
        float32=by_mistake(said, "float32").to_markdown(index=False),
        missed=wrong.to_markdown(index=False) if len(wrong) else "Nothing.",
        wrong=cost_of_wrong(seconds),
        settings=settings_table().to_markdown(index=False),
        machine=machine(),
    )
    (out / "detection.md").write_text(text)
    detail(said).to_csv(out / "detection.csv", index=False)


def written_table(summary: pd.DataFrame) -> str:
    """The main table in Markdown, times with two decimals."""
    decimals = [".2f" if name in ("ms", "cost") else ".1f" for name in summary.columns]
    return summary.to_markdown(index=False, floatfmt=decimals)


def cost_of_wrong(seconds: pd.DataFrame) -> float:
    """Time of xgrad's check of a wrong gradient over that of a right one."""
    ours = seconds[(seconds.checker == "xgrad") & (seconds.setting == "with formula")]
    table = ours.pivot_table(index=PLACE, columns="gradient", values="seconds")
    return float((table["wrong"] / table[RIGHT]).median())


def machine() -> str:
    """Where this ran, with the versions of all checkers."""
    found = describe_machine()
    others = {p: importlib.metadata.version(p) for p in ("numdifftools", "autograd")}
    versions = {k: v for k, v in {**found["versions"], **others}.items() if v}
    found["versions"] = ", ".join(f"{k} {v}" for k, v in versions.items())
    return "\n".join(f"- {key}: {value}" for key, value in found.items())


def main() -> None:
    """Measure and write, or search settings."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=3, help="points of each function")
    parser.add_argument("--tune", action="store_true", help="search the best settings instead")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the tables go")
    chosen = parser.parse_args()
    if absent := sorted({p.package for p in PEERS if p.missing}):
        parser.exit(2, f"not installed: pip install {' '.join(absent)}\n")
    if chosen.tune:
        return tune()
    started = time.perf_counter()
    said, seconds = measure(make_places(range(chosen.seeds)), PEERS)
    command = f"OMP_NUM_THREADS=1 python benchmarks/peers.py --seeds {chosen.seeds}"
    write_page(said, seconds, chosen.out, command, (time.perf_counter() - started) / 60)
    print(summarise(said, seconds).to_string(index=False))
    return None


if __name__ == "__main__":
    main()
