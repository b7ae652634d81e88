"""What cells cost: as they did here before, else as published; and what is left of a run.

Costs are seconds of the processor, which other work on the machine changes little. How much longer
the clock takes is told by who else wants to run at first, then by the cells. The published ones are
what `xgrad run` kept of the library on one machine.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cached_property, lru_cache
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import flint

from xgrad.problem import find_project
from xgrad.running.planning import Cell
from xgrad.running.storage import write_text
from xgrad.running.workers import Ended

PLACE = Path(".xgrad", "costs.json")  # below the project
PUBLISHED = Path(__file__).with_name("costs.json")
RUNNABLE = Path("/proc/loadavg")
PROBE = "probe"  # the seconds of one, on the machine of a file
PROBING = 0.1  # seconds of looking how fast this machine is
WITHOUT_JAX = 0.15  # of a cell's cost in all usual methods, as of linear algebra in torch alone
TRUST = 5.0  # seconds of work in cells that weigh as much as what was known before
HALF = 120.0  # seconds of work after which a cell counts half: other work comes and goes
WAITS, MOST = ("waits",), 2.5  # what runs waited for disks and each other, and how much is believed
CASE = 2  # parts of a key down to the case's name
AROUND = ("begin", "start", "end")  # kinds of what is no cell

Key = tuple[str, ...]


def key_of(cell: Cell) -> Key:
    """What costs depend on, from the kind of work to the methods: each prefix is less exact."""
    asked = ",".join((*(cell.methods or ()), *cell.invariances))
    kind = type(cell).__name__
    return kind, cell.case, cell.size, cell.dtype, cell.device, ",".join(cell.operators), asked


def is_whole(key: Key) -> bool:
    """Whether it is of a whole case, not of one of its cells."""
    return len(key) == CASE and key[0] not in AROUND


class Probe(NamedTuple):
    """How fast this machine is, and how busy.

    Seconds of the processor for a little work in balls, seconds by the clock for one of the
    processor, and the other processes that want to run, nan on a system that does not tell.
    """

    work: float
    alone: float
    others: float

    def slowness(self, lanes: int) -> float:
        """Seconds by the clock for one of the processor, of as many processes side by side.

        Between what this process alone was given, and an equal share with all others, of which a
        count does not say how nice they are.
        """
        if math.isnan(self.others):
            return self.alone
        return math.sqrt(self.alone * max(1.0, (self.others + lanes) / (os.cpu_count() or 1)))


@lru_cache
def probe() -> Probe:
    """Of this moment; the least time of a round is what the processor takes undisturbed."""
    spent, others, clock = [time.process_time()], list[float](), time.perf_counter()
    while time.perf_counter() - clock < PROBING:
        x = flint.arb(2)
        for _ in range(200):
            x = (x.exp() + 1).log() * x.sin()
        others.append(_others())
        spent.append(time.process_time())
    alone = (time.perf_counter() - clock) / (spent[-1] - spent[0])
    return Probe(min(map(float.__sub__, spent[1:], spent)), max(1.0, alone), fmean(others))


def _others() -> float:
    """How many processes beside this one want to run at this moment; nan where nobody tells."""
    try:
        return int(RUNNABLE.read_text().split()[3].partition("/")[0]) - 1.0
    except (OSError, ValueError, IndexError):
        return math.nan


class Means:
    """Seconds by key, and their means under each prefix of it.

    A mean of a whole case, as a census has it, says nothing of other cases.
    """

    def __init__(self, seconds: Mapping[Key, float]):
        self.seconds = dict(seconds)

    @cached_property
    def _under(self) -> dict[Key, float]:
        under = defaultdict[Key, list[float]](list)
        for key, seconds in self.seconds.items():
            for n in range(len(key) if is_whole(key) else 1, len(key) + 1):
                under[key[:n]].append(seconds)
        return {prefix: sum(found) / len(found) for prefix, found in under.items()}

    def at(self, prefix: Key) -> float | None:
        """The mean of all that begins so."""
        return self._under.get(prefix)


class Costs:
    """Seconds of cells, of starting and of ending: those kept here, else those published."""

    def __init__(self, file: Path, published: Path = PUBLISHED):
        self.file, self.begun, self.clock = file, time.process_time(), time.monotonic()
        self.kept, _ = read_costs(file)
        self._published, self._probed = read_costs(published)
        self._found = defaultdict[Key, list[float]](list)  # in this run

    @classmethod
    def here(cls) -> Costs:
        """Those of the project that this folder belongs to."""
        project = find_project().file
        return cls((project.parent if project else Path.cwd()) / PLACE)

    @cached_property
    def slowness(self) -> float:
        """Seconds of this processor for one of that of the published costs."""
        return probe().work / self._probed if self._probed else 1.0

    @property
    def waits(self) -> float:
        """Seconds by the clock in runs here for one that their work alone would have taken."""
        return min(max(self.kept.seconds.get(WAITS, 1.0), 1 / MOST), MOST)

    def find(self, key: Key) -> tuple[float, str, int]:
        """Seconds, where they are from, and how many parts of the key they are of; nan of none."""
        for n in range(len(key), 0, -1):
            for means, source in ((self.kept, "kept"), (self._published, "published")):
                if (seconds := means.at(key[:n])) is not None:
                    share = 1.0 if key[:n] in means.seconds else _share(key)
                    slowness = self.slowness if source == "published" else 1.0
                    return share * seconds * slowness, source, n
        return math.nan, "", 0

    def keep(self, key: Key, seconds: float) -> None:
        """Remember what something took in this run."""
        if not math.isnan(seconds):
            self._found[key].append(seconds)

    def save(self) -> None:
        """Write what this run took over what earlier ones did; where nothing can be, do not."""
        found = {key: sum(several) / len(several) for key, several in self._found.items()}
        seconds = read_costs(self.file)[0].seconds | found  # as other runs left it meanwhile
        with suppress(OSError):
            self.file.parent.mkdir(parents=True, exist_ok=True)
            write_text(self.file.parent / ".gitignore", "*\n")
            write_costs(self.file, seconds, probe().work)


def _share(key: Key) -> float:
    """What named methods of a cell cost of all the usual ones: most is what JAX compiles."""
    asked = key[-1] if key[0] == "Cell" else ""
    jax = any(method.startswith(("jax", "*")) for method in asked.split(","))
    return WITHOUT_JAX if asked and not jax else 1.0


def write_costs(file: Path, seconds: Mapping[Key, float], probed: float) -> None:
    """Seconds by key, to three digits, and of the machine's probe, as `read_costs` takes them."""
    told = {"|".join(key): float(f"{cost:.3g}") for key, cost in sorted(seconds.items())}
    write_text(file, json.dumps({PROBE: probed, "seconds": told}, indent=0) + "\n")


def read_costs(file: Path) -> tuple[Means, float]:
    """Seconds by key, and of the machine's probe; none of a file that is not there, or not ours."""
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        found = json.loads(file.read_text())
        seconds = {tuple(key.split("|")): float(cost) for key, cost in found["seconds"].items()}
        return Means(seconds), float(found[PROBE])
    return Means({}), 0.0


class Estimate:
    """The seconds that are left of a run, from costs and from what its cells took so far.

    `lanes` are the processes that work side by side, 0 for none but this one, None where nobody
    knows: then nothing is said before its first cell. An `early` estimate counts what goes before
    the cells too.
    """

    def __init__(
        self, costs: Costs, cells: Iterable[Cell], lanes: int | None = 0, *, early: bool = False
    ):
        self.costs, self.lanes = costs, lanes
        found = {cell: costs.find(key_of(cell)) for cell in cells}
        self._ahead = {cell: seconds for cell, (seconds, _, _) in found.items()}
        self._sources = list(found.values())
        first = key_of(next(iter(found))) if found else ("", "")
        self._start = ("start", "workers" if lanes else "here", first[-1])
        self._end = ("end", first[0])
        self._before = self._of(("begin", first[-1])) if early else 0.0
        self._starting = bool(found) and lanes is not None
        self._since, self._ended = time.monotonic(), time.process_time()
        self._busy = probe().slowness(max(1, lanes or 1))
        self._slowness = self._busy * costs.waits
        self._work, self._began = list[float](), math.nan  # of the processor, in this run
        # of the cells that ended, the last ones most: foreseen, by the clock, and how many
        self._foreseen = self._spent = self._count = 0.0

    # --- as it goes ------------------------------------------------------------------------------

    def add(self, ended: Ended) -> None:
        """Take in a cell that ended."""
        now, key = time.monotonic(), key_of(ended.cell)
        took = now - self._since if math.isnan(ended.seconds) else ended.seconds
        work = ended.work
        self._work.append(work)
        foreseen = self._ahead.pop(ended.cell, math.nan)
        self._since, self._ended = now, time.process_time()
        if ended.first:
            self._starting = False
            if self.costs.find(key)[2] >= len(key) - 1:  # else nobody knows what was the start
                self.costs.keep(self._start, max(0.0, work - foreseen))
            self.costs.keep(key, max(0.0, work - self._of(self._start)))
            return
        self.costs.keep(key, work)
        fade = 0.5 ** (took / HALF)
        self._spent = fade * self._spent + took
        self._foreseen = fade * self._foreseen + (took if math.isnan(foreseen) else foreseen)
        self._count = fade * self._count + 1

    def __enter__(self) -> Estimate:
        return self

    def __exit__(self, *error: object) -> None:
        self.costs.save()  # of a run that is interrupted too

    def began(self) -> None:
        """All that goes before the cells is done: keep what it took since the costs were read."""
        self._began = time.process_time() - self.costs.begun
        self.costs.keep(("begin", self._start[-1]), self._began)

    def keep(self) -> None:
        """All is said and saved: keep what the end took."""
        end = time.process_time() - self._ended
        self.costs.keep(self._end, end)
        side_by_side = max(sum(self._work) / max(1, self.lanes or 1), *self._work, 0.0)
        alone = self._busy * (self._began + side_by_side + end)  # nan of a cluster
        if alone > 1:
            waits = (time.monotonic() - self.costs.clock) / alone
            self.costs.keep(WAITS, (waits + self.costs.waits) / 2)
        self.costs.save()

    # --- what is said ----------------------------------------------------------------------------

    @property
    def pace(self) -> float:
        """Seconds by the clock for one that was foreseen."""
        return (TRUST * self._slowness + self._spent) / (TRUST + self._foreseen)

    @property
    def seconds(self) -> float:
        """That are left, from now; nan where nothing is known."""
        if not self._count and self.lanes is None:
            return math.nan
        usual = self._spent / self._count if self._count else math.nan
        ahead = [usual if math.isnan(cost) else self.pace * cost for cost in self._ahead.values()]
        work = max(sum(ahead) / max(1, self.lanes or 1), max(ahead, default=0.0))
        around = (
            self._before + self._of(self._end) + (self._of(self._start) if self._starting else 0.0)
        )
        left = work + self.pace * around - (time.monotonic() - self._since)
        return left if math.isnan(left) else max(0.0, left)

    @property
    def source(self) -> str:
        """What most of it is known from: kept, published, a guess; empty where nothing is."""
        weights = defaultdict[str, float](float)
        for seconds, source, parts in self._sources:
            weights[source if parts >= CASE else "guess"] += seconds
        known = weights and not math.isnan(sum(weights.values())) and self.lanes is not None
        return max(weights, key=lambda source: weights[source]) if known else ""

    def _of(self, key: Key) -> float:
        seconds = self.costs.find(key)[0]
        return 0.0 if math.isnan(seconds) else seconds
