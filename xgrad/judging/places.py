"""Other points and sizes, where a wrong result shows whether a pattern in it is one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache, cached_property
from itertools import islice

import numpy as np

from xgrad.judging.findings import Again, Findings
from xgrad.judging.matter import margins
from xgrad.judging.pieces import Elsewhere, Evidence
from xgrad.judging.stability import Stability
from xgrad.numbers import Ball, midpoint
from xgrad.problem import RANDOM, Operator, Setting
from xgrad.techniques import OK

PARTS = 4  # of the referee's budget, of which each place may spend one
POINTS = 2  # that are asked, of those a little off and of those far
TRIES = 4  # moves far, some of which may leave what the function is defined on
FAR = 0.25  # relative to the inputs: a point where no term is what it was
SIZES = 2  # other sizes that a length is followed to
LARGER = 8  # times the inputs that another size may have


class Places:
    """Findings at other places, which all methods at one setting share, made when asked for."""

    def __init__(self, stability: Stability):
        self.stability = stability
        self.setting = stability.setting
        self.limits = stability.share(PARTS)
        self._sized: list[Findings] = []

    def elsewhere(self, operator: Operator, again: Again | None) -> Elsewhere:
        """What a method returns at other places; nothing where it cannot be asked again."""
        if again is None:
            return Elsewhere()

        def seen(found: Iterator[Findings], most: int) -> list[Evidence]:
            evidence = (_evidence(each, operator, again) for each in found)
            return list(islice(filter(None, evidence), most))

        return Elsewhere(
            near=cache(lambda: seen(self._near(), POINTS)),
            far=cache(lambda: seen(iter(self.far), POINTS)),
            sizes=cache(lambda: seen(self._at_sizes(), SIZES)),
        )

    def _near(self) -> Iterator[Findings]:
        """Findings a little off, each another way: one way may leave a pattern as it is."""
        return (ahead for ahead, _ in self.stability.nearby)

    @cached_property
    def far(self) -> list[Findings]:
        """Findings at points of other inputs: drawn anew, and moved a good deal."""
        found, s = self.stability.findings, self.setting
        rng = s.generator("far")
        at = [self.stability.moved(FAR, s.draw_direction(rng)) for _ in range(TRIES)]
        if s.point == RANDOM and s.case.draw is not None:
            drawn = Setting.make(s.case, s.size, RANDOM, s.dtype, s.seed + 1)
            if drawn.kind == s.kind and not np.array_equal(drawn.flat_x, s.flat_x):
                at.insert(0, drawn)
        return [_in_general(found.at(each, self.limits)) for each in at]

    def _at_sizes(self) -> Iterator[Findings]:
        """Findings at other sizes, kept for the next method."""
        k = 0
        while k < len(self._sized) or self._add_size():
            yield self._sized[k]
            k += 1

    def _add_size(self) -> bool:
        at = next(self._settings, None)
        if at is not None:
            found = Findings(at, self.stability.findings.device, self.limits)
            self._sized.append(_in_general(found))
        return at is not None

    @cached_property
    def _settings(self) -> Iterator[Setting]:
        """The case at lengths a little larger, then at its other sizes."""
        s = self.setting
        point = s.point if s.case.draw is None else RANDOM
        named = [size for name, size in s.case.sizes.items() if name != s.size]
        for size in (*_longer(s.case.sizes[s.size]), *named):
            case = replace(s.case, sizes={s.size: size})
            try:
                made = Setting.make(case, s.size, point, s.dtype, s.seed)
            except (Exception, SystemExit):
                continue  # not every length is one of the case
            if made.x_size <= LARGER * s.x_size:
                yield made


def _in_general(findings: Findings) -> Findings:
    """At a point that nobody chose: a pattern that branches there would hide is none of a hint."""
    findings.referee.branches = False
    return findings


def _longer(size: dict[str, object]) -> Iterator[dict[str, object]]:
    """A size with every length changed, each by another number, in two ways."""
    lengths = {k: v for k, v in size.items() if isinstance(v, int) and not isinstance(v, bool)}
    count = len(lengths)
    for more in (range(1, count + 1), range(2 * count, count, -1)):
        if lengths:
            changed = {k: v + n for (k, v), n in zip(lengths.items(), more, strict=True)}
            yield {**size, **changed}


def _evidence(findings: Findings, operator: Operator, again: Again) -> Evidence | None:
    """The result beside the truth, where both are known element by element."""
    try:
        outcome, truth = again(findings), findings.truth(operator)
    except (Exception, SystemExit):
        return None  # nobody promised that the case can be run there
    known = truth.kind in ("certified", "definition") and truth.unknown is None
    if outcome.status != OK or not known or truth.directions:
        return None
    flat = outcome.flat
    got = np.asarray(midpoint(flat) if isinstance(flat, Ball) else flat, dtype=np.float64)
    if not np.all(np.isfinite(got)):
        return None
    tolerance, _ = margins(truth, findings.setting.dtype)
    return Evidence(got, np.asarray(truth.high), tolerance, operator, findings.setting)
