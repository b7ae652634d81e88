"""The nightly run: measure what is new, publish, and gate last. One command for cron or CI.

What is new are the commits of the branch since the last recorded night on this machine, and the
newest one again where the installed packages changed. Each is laid out in a folder of its own and
measured there with the frameworks that are installed here: the asv suite of a profile, then the
agreement run. A commit that fails costs its own night only. A version of torch or JAX that has no
census yet gets one, last of all: `xgrad publish results/census --to site` sets versions side by
side.

  python benchmarks/nightly.py                        cron: 0 3 * * * cd xgrad && …
  python benchmarks/nightly.py --profile smoke --max-load 100    try it out on a busy machine
  python benchmarks/nightly.py --device cuda          the same on a GPU
  python benchmarks/nightly.py --since v0.1.0         every commit after a tag, once
  python benchmarks/nightly.py --force                the newest commit although nothing is new
  python benchmarks/nightly.py --no-census            commits alone, in a new environment too
  python benchmarks/nightly.py --dry-run              only say what would be measured

Status: 0 clean, or nothing new; 1 regression; 2 failure: a wrong call, benchmarks that failed, or
less measured than planned; 3 infrastructure: another run holds the lock, the machine is not quiet,
git or asv do not work. Of several the largest.
"""

import argparse
import os
import socket
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import censuses
import gate
import nights
import stages
import trees
from gate import FAILURE, INFRASTRUCTURE
from nights import About, Night
from suite import profiles

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

QUIET = 0.5  # load for each core, at most
WAIT = 1800.0  # seconds to wait for that
LOOK = 15.0  # seconds between two looks
RESULTS = trees.REPOSITORY / "results"


class Trouble(Exception):
    """The machine or its tools do not let us measure: exit status 3."""


@dataclass(frozen=True)
class Task:
    """A commit to measure, and why."""

    commit: str
    why: str


# --- when ----------------------------------------------------------------------------------------


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Hold the only lock; raises `Trouble` where another run has it.

    The system lets go of it when its process ends, however it ends: there are no stale locks.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    if fcntl is None:
        raise Trouble("file locks need Linux or macOS")
    with file.open("a+") as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Trouble(f"another run holds {file}: {_holder(file)}") from None
        opened.truncate(0)
        opened.write(f"process {os.getpid()} on {socket.gethostname()} since {nights.now()}\n")
        opened.flush()
        yield


def _holder(file: Path) -> str:
    return file.read_text().strip() or "it does not say which"


def load() -> float | None:
    """The load average of the last minute for each core; None where the system does not tell."""
    if not hasattr(os, "getloadavg"):
        return None
    return os.getloadavg()[0] / (os.cpu_count() or 1)


def wait_until_quiet(most: float, patience: float) -> None:
    """Return once the load is low; raises `Trouble` where it stays high."""
    end = time.monotonic() + patience
    while (now := load()) is not None and now > most:
        if time.monotonic() >= end:
            raise Trouble(
                f"the machine is busy: load {now:.2f} for each core, over {most} after "
                f"{patience:.0f} s; stop what runs beside, or give --max-load or --wait"
            )
        time.sleep(min(LOOK, max(0.0, end - time.monotonic())))


# --- what ----------------------------------------------------------------------------------------


def find_tasks(given: argparse.Namespace, recorded: Sequence[Night]) -> list[Task]:
    """The commits that were not measured yet, the oldest first; raises `trees.NoCommit`."""
    head = trees.commit_of(given.repository, given.branch)
    wanted = (given.machine, given.device, given.profile)
    mine = [n for n in recorded if (n.about.machine, n.about.device, n.about.profile) == wanted]
    tasks = [Task(c, "new") for c in _new_commits(given, mine, head)]
    if any(task.commit == head for task in tasks):
        return tasks
    packages = nights.changed(mine[-1].about.packages, nights.installed()) if mine else ""
    why = packages or ("asked for" if given.force else "")
    return [*tasks, Task(head, why)] if why else tasks


def _new_commits(given: argparse.Namespace, mine: Sequence[Night], head: str) -> list[str]:
    """Those after the last recorded one, or after `--since`; the newest where there is none."""
    known = {night.about.commit for night in mine}
    if given.since:
        base = trees.commit_of(given.repository, given.since)
    elif mine and trees.is_ancestor(given.repository, mine[-1].about.commit, head):
        base = mine[-1].about.commit
    else:
        return [] if head in known else [head]
    return [c for c in trees.commits_since(given.repository, base, head) if c not in known]


# --- one commit ----------------------------------------------------------------------------------


def measure(task: Task, given: argparse.Namespace) -> Night:
    """Suite and agreement run of a commit, recorded whatever comes of them."""
    started, begun = nights.now(), time.monotonic()
    folder = given.results / "nightly" / given.machine / f"{started}-{task.commit[:7]}"
    folder.mkdir(parents=True)
    at = stages.Stage(task.commit, folder, given.machine, given.device, given.profile)
    with trees.checkout(given.repository, task.commit) as tree:
        problems = at.run_suite(tree, given.config) + at.run_agreement(tree)
    lost = not (folder / "timing" / "rows.parquet").exists()
    status = nights.LOST if lost else nights.SHORT if problems else nights.MEASURED
    about = About(
        task.commit,
        started,
        given.machine,
        given.device,
        given.profile,
        nights.installed(),
        status,
        problems,
        round(time.monotonic() - begun, 1),
        load(),
        nights.find_driver(),
    )
    night = Night(folder, about)
    night.save()
    return night


def measure_all(tasks: list[Task], given: argparse.Namespace) -> tuple[list[Night], int]:
    """A night for each task, and the worst status; what goes wrong ends no other task."""
    done, worst = [], 0
    for k, task in enumerate(tasks, start=1):
        tell(f"{k} of {len(tasks)}: {task.commit[:7]} ({task.why})")
        try:
            night = measure(task, given)
        except Exception as error:
            tell(f"  {task.commit[:7]} could not be measured: {type(error).__name__}: {error}")
            worst = INFRASTRUCTURE
            continue
        done.append(night)
        print(summary(night))
        worst = max(worst, FAILURE if night.about.problems else 0)
    return done, worst


def summary(night: Night) -> str:
    """What was measured, and what was not."""
    about = night.about
    lines = [
        f"{night.name} {about.profile} on {about.machine} {about.device}: {about.status}, "
        f"{len(night.timings)} cells timed or told why not, {len(night.verdicts)} verdicts, "
        f"{about.seconds:.0f} s; {night.folder}"
    ]
    return "\n".join(lines + [f"  {problem}" for problem in about.problems])


# --- all of it -----------------------------------------------------------------------------------


def run(given: argparse.Namespace) -> int:
    """Everything; returns the exit status."""
    root = given.results / "nightly"
    try:
        with locked(root / ".lock"):
            tasks = find_tasks(given, nights.read_nights(root))
            for task in tasks:
                tell(f"to measure: {task.commit[:7]} ({task.why})")
            due = {} if given.no_census else censuses.due(_censuses(given))
            for why in due.values():
                tell(f"census to make: {why}")
            if not (tasks or due) or given.dry_run:
                tell("nothing measured: --dry-run" if tasks or due else "nothing new")
                return 0
            worst = 0
            if tasks:
                wait_until_quiet(given.max_load, given.wait)
                with stages.configured(given) as given.config:
                    worst = _measured_and_gated(tasks, given)
            return max(worst, _counted(due, given))
    except (Trouble, trees.NoCommit, stages.Broken) as error:
        tell(f"nightly: {error}")
        return INFRASTRUCTURE


def _measured_and_gated(tasks: list[Task], given: argparse.Namespace) -> int:
    done, worst = measure_all(tasks, given)
    if not given.no_publish:
        worst = max(worst, _published(given))
    every = nights.read_nights(given.results / "nightly")
    again = None if given.no_confirm else gate.repeat
    for night in done:
        worst = max(worst, _gated(night, every, again))
    return worst


def _censuses(given: argparse.Namespace) -> Path:
    return given.results / "census" / given.machine


def _counted(due: Iterable[str], given: argparse.Namespace) -> int:
    """The censuses that are due, with the newest commit; what goes wrong ends no other."""
    worst = 0
    with trees.checkout(given.repository, trees.commit_of(given.repository, given.branch)) as tree:
        for framework in due:
            tell(f"census of {framework}")
            problem = censuses.take(framework, _censuses(given), tree, given.device)
            if problem:
                tell(problem)
                worst = FAILURE
    return worst


def _published(given: argparse.Namespace) -> int:
    """The pages; where they fail, the gate still speaks."""
    try:
        stages.publish(given.config, given.html)
    except stages.Broken as error:
        tell(f"nightly: {error}")
        return INFRASTRUCTURE
    tell(f"published: {given.html}")
    return 0


def _gated(night: Night, every: list[Night], again: gate.Repeat | None) -> int:
    try:
        found = gate.judge(night, every, again)
    except Exception as error:
        tell(f"the gate could not judge {night.name}: {type(error).__name__}: {error}")
        return INFRASTRUCTURE
    print(gate.report(night, found))
    return gate.status(night, found)


def tell(text: str) -> None:
    """A line of progress on standard error."""
    print(text, file=sys.stderr, flush=True)


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--repository", type=Path, default=trees.REPOSITORY, help="default: this one")
    add("--branch", default="main", help="whose commits are measured (main)")
    add("--since", metavar="COMMIT", help="all commits after this one that are not recorded")
    add("--profile", choices=sorted(profiles.PROFILES), default="nightly")
    add("--device", default="cpu", help="cpu, cuda, … (cpu)")
    add("--machine", default=socket.gethostname(), help="its name in the results (the host's)")
    add("--results", type=Path, default=RESULTS, help="folder of asv's history and the nights")
    add("--html", type=Path, default=trees.REPOSITORY / ".asv" / "html", help="asv's pages")
    add("--max-load", type=float, default=QUIET, help=f"for each core ({QUIET})")
    add("--wait", type=float, default=WAIT, metavar="SECONDS", help=f"for that ({WAIT:.0f})")
    add("--force", action="store_true", help="measure the newest commit in any case")
    add("--no-publish", action="store_true", help="no pages")
    add("--no-confirm", action="store_true", help="no re-run of slower cells: warnings only")
    add("--no-census", action="store_true", help="no census of a new version of torch or JAX")
    add("--dry-run", action="store_true", help="say what is new, and stop")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    return run(parse(arguments))


if __name__ == "__main__":
    sys.exit(main())
