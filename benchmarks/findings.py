"""Defects and lost digits in released torch and JAX, each beside a third witness.

    OMP_NUM_THREADS=1 python benchmarks/findings.py > results/findings.md
    OMP_NUM_THREADS=1 python benchmarks/findings.py --also old/bin/python older/bin/python

`--also` names interpreters that have other versions of torch and JAX, where each is tried too.
The rows are in `findings_*.py` beside this file. Every reproduction runs in a fresh
process and so does its witness (mpmath, a closed form, a complex step, the other framework); both
print as many numbers, and what the page says of their distance is measured here.
"""

import argparse
import math
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path

NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*(?:e[-+]?\d+)?|nan|inf)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Finding:
    """A reproduction of at most five lines, what is right, and how far off is still rounding."""

    id: str
    framework: str
    title: str
    what: str
    who: str
    known: str
    code: str
    witness: str
    allowed: float = 1e-12  # the relative error that the type excuses
    of: str = "each"  # error relative to each number itself, or to the "largest" of all


@dataclass(frozen=True)
class Limit:
    """What a census meets and is no defect: a convention, or a limit that its project tells."""

    title: str
    why: str
    code: str
    witness: str


@dataclass(frozen=True)
class Size:
    """The worst of the numbers printed, how many are off, and what other versions print."""

    error: float
    got: str
    want: float
    off: int
    numbers: int
    versions: str = ""


def run(code, python=sys.executable):
    """The numbers that Python code prints in a fresh process, or the error that it ends in."""
    done = subprocess.run(
        [python, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=300
    )
    if done.returncode:
        return [line for line in done.stderr.splitlines() if "Error" in line.split(":")[0]][-1]
    return [float(word) for word in NUMBER.findall(done.stdout)]


def measure(finding, pythons=()):
    """The size of a finding; an error of 0 to `allowed` means that it is mended."""
    want = run(finding.witness)
    if isinstance(want, str):
        raise ValueError(f"{finding.id}: its witness fails: {want}")
    size = sized(finding, run(finding.code), want)
    others = {installed(finding.framework, p): run(finding.code, p) for p in pythons}
    told = [f"{v} {in_version(finding, got, want, size)}" for v, got in others.items()]
    return replace(size, versions="; ".join(told))


def sized(finding, got, want):
    """What was printed beside what is right; an error that a reproduction ends in is far off."""
    if isinstance(got, str):
        return Size(math.inf, got, want[0], len(want), len(want))
    if len(got) != len(want):
        raise ValueError(f"{finding.id}: {len(got)} numbers beside {len(want)} of its witness")
    return compare(got, want, finding.of, finding.allowed)


def in_version(finding, got, want, now):
    """What another version makes of a reproduction, beside what this one does."""
    if isinstance(got, str) and got != now.got:
        return f"cannot be asked ({got.partition(':')[0]})"
    then = sized(finding, got, want)
    if then.error <= finding.allowed:
        return "is right"
    return "the same" if (then.got, then.off) == (now.got, now.off) else size_in_words(then, "each")


@cache
def installed(framework, python):
    """The version that an interpreter has."""
    code = f"import importlib.metadata as m; print(m.version({framework!r}))"
    return subprocess.check_output([python, "-c", code], text=True).strip()


def compare(got, want, of="each", allowed=1e-12):
    """Numbers beside what they should be, one by one."""
    largest = max(map(abs, want)) or 1.0
    scales = [(abs(w) if of == "each" else 0) or largest for w in want]
    errors = [distance(g, w) / s for g, w, s in zip(got, want, scales, strict=True)]
    worst = max(range(len(want)), key=errors.__getitem__)
    off = sum(error > allowed for error in errors)
    return Size(errors[worst], f"{got[worst]:.10g}", want[worst], off, len(want))


def distance(got, want):
    """How far apart two numbers are: no distance between the same infinities, NaN is far."""
    if got == want:
        return 0.0
    return abs(got - want) if math.isfinite(got) and math.isfinite(want) else math.inf


def size_in_words(size, of):
    """How far off, at which number, how often."""
    if math.isinf(size.error):
        told = f"`{size.got}` where {size.want:.10g} is right"
    else:
        whose = "" if of == "each" else " of the largest"
        told = f"{size.got} where {size.want:.10g} is right, off by {size.error:.1e}{whose}"
    return f"{told}; {size.off} of {size.numbers} numbers off"


def chapter(finding, size):
    """The part of the page that tells one finding."""
    return "\n".join(
        (
            f"### {finding.title}\n",
            f"`{finding.id}`. {finding.what}\n",
            f"- **Size**: {size_in_words(size, finding.of)}.",
            f"- **Hit**: {finding.who}",
            *([f"- **Other versions**: {size.versions}."] if size.versions else []),
            f"- **Known**: {finding.known}\n",
            f"```python\n{finding.code.strip()}\n```\n",
            f"The witness:\n\n```python\n{finding.witness.strip()}\n```\n",
        )
    )


def page(sizes, limits):
    """The whole page, from findings with their sizes and limits with what they print."""
    found = [(f, s) for f, s in sizes if s.error > f.allowed]
    mended = [(f, s) for f, s in sizes if s.error <= f.allowed]
    versions = ", ".join(f"{name} {version(name)}" for name in ("torch", "jax", "mpmath", "numpy"))
    yield "# Findings in torch and JAX\n"
    yield (
        f"{versions}, CPU; `OMP_NUM_THREADS=1 python benchmarks/findings.py`. {len(found)}"
        f" findings, {sum('no thread found' in f.known for f, _ in found)} of them without a thread"
        " found in their projects. Every number is of a run of the lines below it in a fresh"
        " process, beside a witness that does not share the code. Errors are relative to the number"
        " itself, or to the largest number where it says so. Other versions that were at hand"
        " (`--also`) are told with each.\n"
    )
    yield "| finding | | worst number | known |\n| --- | --- | --- | --- |"
    for f, s in found:
        yield row(f.title, f.framework, size_in_words(s, f.of), f.known)
    for framework in ("torch", "jax"):
        yield f"\n## {'JAX' if framework == 'jax' else framework}\n"
        for f, s in found:
            if f.framework == framework:
                yield chapter(f, s)
    if mended:
        yield "## Mended\n"
        for f, _ in mended:
            yield f"- {f.title}: mended in {f.framework} {version(f.framework)}."
    yield "## Documented limits that a census meets\n"
    yield "No defects: conventions, documented limits, derivatives made from rounded values.\n"
    yield "| what | it gives | mathematics gives | why it is no defect |\n| --- | --- | --- | --- |"
    for limit, got, want in limits:
        yield row(limit.title, in_short(got), in_short(want), limit.why)
    yield "\nTheir lines:\n"
    for limit, _, _ in limits:
        yield f"```python\n{limit.code.strip()}\n```\n"


def row(*cells):
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def in_short(printed):
    return printed if isinstance(printed, str) else ", ".join(f"{x:.6g}" for x in printed)


def tables():
    """All findings, those of torch first, and all limits."""
    sys.path.insert(0, str(Path(__file__).parent))
    import findings_jax
    import findings_jax_points
    import findings_limits
    import findings_torch_digits
    import findings_torch_rules

    torch_ = (*findings_torch_rules.FINDINGS, *findings_torch_digits.FINDINGS)
    jax_ = (*findings_jax.FINDINGS, *findings_jax_points.FINDINGS)
    return (*torch_, *jax_), findings_limits.LIMITS


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--also", nargs="*", default=[], metavar="PYTHON")
    measured = partial(measure, pythons=parser.parse_args().also)
    findings, limits = tables()
    with ThreadPoolExecutor(2) as pool:
        sizes = list(zip(findings, pool.map(measured, findings), strict=True))
        got = pool.map(run, [limit.code for limit in limits])
        want = pool.map(run, [limit.witness for limit in limits])
        print("\n".join(page(sizes, zip(limits, got, want, strict=True))).rstrip())


if __name__ == "__main__":
    main()
