"""Which formula gives a column, and what it reads: found by running each of them once, so that nobody has to say it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from gapscan.backtesting.minute_state import of_last_bar
from gapscan.market.columns import Bools, Floats
from gapscan.market.metrics import STEPS, MetricColumns
from gapscan.market.sessions import MarketSession, session_times

Step = Callable[[MetricColumns], None]

# What a formula goes on from since the minute before: stepped, not computed as a matrix (stepped.py).
STEPPED: Final = frozenset({"spiking", "spike_time"})
_SOME_DAY: Final = dt.date(2024, 1, 5)
_LATE: Final = 4e12  # as a moment, after every close


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula, the columns that it reads and writes, and of which it asks what they were so many milliseconds ago."""

    step: Step
    reads: frozenset[str]
    writes: frozenset[str]
    ago: frozenset[tuple[str, int]]


@lru_cache(maxsize=1)
def formulas() -> dict[str, Formula]:
    """The formula of each computed column."""
    return {name: formula for formula in map(_run, (*STEPS, _last_bar)) for name in formula.writes}


def _last_bar(columns: MetricColumns) -> None:
    for name, values in of_last_bar(columns["price_time"]).items():
        columns[name] = values


def needed(fields: Collection[str]) -> tuple[frozenset[str], frozenset[tuple[str, int]]]:
    """All columns that these are made of, themselves included, and what is asked of the past."""
    found, ago, todo = set[str](), set[tuple[str, int]](), list(fields)
    while todo:
        name = todo.pop()
        if name in found:
            continue
        found.add(name)
        if (formula := formulas().get(name)) is not None:
            todo += formula.reads
            todo += [asked for asked, _ in formula.ago]
            ago |= formula.ago
    return frozenset(found), frozenset(ago)


def _run(step: Step) -> Formula:
    recorder = _Recorder()
    with np.errstate(all="ignore"):
        step(recorder)
    reads = frozenset(recorder.reads - recorder.writes)
    return Formula(step, reads, frozenset(recorder.writes), frozenset(recorder.asked))


class _Recorder:
    """Columns that note what is asked of them."""

    def __init__(self) -> None:
        self.reads, self.writes, self.asked = set[str](), set[str](), set[tuple[str, int]]()
        self.date, self.session = _SOME_DAY, MarketSession.REGULAR
        self.day = session_times(_SOME_DAY).regular
        self.now: Floats | int = np.full((1, 1), _LATE)

    def __getitem__(self, name: str) -> Floats:
        self.reads.add(name)
        return np.full((1, 1), _LATE)

    def __setitem__(self, name: str, values: Floats) -> None:
        self.writes.add(name)

    def moments(self, name: str) -> Floats:
        return np.full((1, 1), _LATE)

    def ago(self, name: str, ms: int) -> Floats:
        self.asked.add((name, ms))
        return np.full((1, 1), _LATE)

    def range_known(self) -> Bools:
        return np.ones((1, 1), np.bool_)

    def halted(self) -> Bools:
        return np.zeros((1, 1), np.bool_)

    def compute_again(self, where: Bools) -> None: ...

    def usual_volume(self) -> None:
        return None
