"""What a backtest found, in figures: how often each list fired, and what followed beside what was chosen at random."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from msgspec import Struct

from gapscan.backtesting import bootstrap
from gapscan.backtesting.half_hours import half_hours
from gapscan.backtesting.horizons import HORIZONS
from gapscan.backtesting.one_day import DayResult
from gapscan.backtesting.outcomes import EXTREMES, RETURNS
from gapscan.backtesting.run import Days, Options
from gapscan.market.columns import Floats, Ints
from gapscan.market.sessions import MINUTE_MS, minute_of_day

if TYPE_CHECKING:
    import pyarrow as pa

_DECIMALS: Final = 6
Interval = tuple[float, float] | None

UNKNOWN: Final = (
    "All symbols are taken to be common stock, and none a test issue: flat files do not tell.",
    "Float, market value, sector and halts are not known from minutes: conditions on them fail.",
    "Symbols that trade no longer are there, as far as the files have them; what was delisted since is not marked.",
)  # fmt: skip


class Figures(Struct):
    """Returns in percent: how many are known, the share above zero, mean and quartiles; intervals are over days."""

    number: int
    share_above_zero: float | None = None
    share_interval: Interval = None
    mean: float | None = None
    mean_interval: Interval = None
    quartile_1: float | None = None
    median: float | None = None
    quartile_3: float | None = None


class Horizon(Struct):
    """What followed entries, beside the same of symbols chosen at random; `ahead` is the difference of the means."""

    entries: Figures
    controls: Figures
    ahead: float | None = None
    ahead_interval: Interval = None
    median_best: float | None = None
    median_worst: float | None = None


class ListSummary(Struct):
    """One list or variant. `by_half_hour` has the entries by when they were, New York time."""

    label: str
    base: str
    where: str
    entries: int
    entries_a_day: float
    days_with_entries: int
    by_half_hour: dict[str, int]
    median_stay_minutes: float | None
    horizons: dict[str, Horizon]


class Comparison(Struct):
    """A variant beside what it varies, by symbol and day: who is in one of the two only, and who is in both.

    `minutes_earlier` is by how much the variant had those of both before, in the middle.
    """

    label: str
    base: str
    only_here: int
    only_in_base: int
    in_both: int
    minutes_earlier: float | None


class Summary(Struct):
    """All that a backtest found, and what it could not know."""

    first: dt.date
    last: dt.date
    days: list[dt.date]
    missing: list[dt.date]
    faults: dict[str, str]
    lacks: list[str]
    unknown: list[str]
    relative_volume: str
    step_minutes: int
    entry_rule: str
    slippage_bps: float
    seed: int
    lists: list[ListSummary]
    comparisons: list[Comparison]


def summarized(options: Options, days: Days, results: Sequence[DayResult], knows_splits: bool) -> Summary:
    """The figures of all days that were not lost."""
    good = [result for result in results if not result.fault]
    lacks = [f"{result.date}: {text}" for result in good for text in result.lacks]
    if not knows_splits:
        lacks.insert(0, "no splits.csv beside the files: on the day of a split, its change is that of the prices")
    columns = _Columns(good)
    return Summary(
        first=options.first,
        last=options.last,
        days=[result.date for result in good],
        missing=days.missing,
        faults={str(result.date): result.fault for result in results if result.fault},
        lacks=lacks,
        unknown=list(UNKNOWN),
        relative_volume=_relative_volume([result.curve_sessions for result in good]),
        step_minutes=options.step,
        entry_rule=options.buying.rule,
        slippage_bps=options.buying.slippage_bps,
        seed=options.seed,
        lists=[columns.of_list(variant, options.seed) for variant in options.variants],
        comparisons=[columns.compared(each) for each in options.variants if each.label != each.base],
    )


def _relative_volume(sessions: Sequence[int]) -> str:
    """What relative volume was held against: `sessions` has how many each day's curves are of."""
    market = "the market's usual course of a day's volume, in regular hours only"
    own = [number for number in sessions if number]
    if not own:
        return f"Relative volume is held against {market}: there are no minutes of the sessions before."
    days = (
        "" if len(own) == len(sessions) else f" on {len(own)} of {len(sessions)} days, on the others against {market}"
    )
    span = f"{min(own)}" if min(own) == max(own) else f"{min(own)} to {max(own)}"
    return f"Relative volume is held against each symbol's own course of volume in {span} sessions before{days}."


class _Columns:
    """The entries of all days as columns."""

    def __init__(self, results: Sequence[DayResult]) -> None:
        self._days = len(results)
        self._entries = [result.entries for result in results]
        self._controls = [result.controls for result in results]
        self._list = _texts(self._entries, "list")
        self._day = _numbers_of(self._entries)
        self._control_list, self._control_day = _texts(self._controls, "list"), _numbers_of(self._controls)
        self._minutes = _times(self._entries)
        self._symbols = _texts(self._entries, "symbol")
        self._floats: dict[tuple[str, bool], Floats] = {}

    def of_list(self, variant: Any, seed: int) -> ListSummary:
        at = np.flatnonzero(self._list == variant.label)
        controls = np.flatnonzero(self._control_list == variant.label)
        stays = self._column("stayed_minutes")[at]
        return ListSummary(
            variant.label,
            variant.base,
            variant.definition.where,
            len(at),
            _rounded(len(at) / self._days) or 0.0 if self._days else 0.0,
            len(np.unique(self._day[at])),
            half_hours(self._minutes[at]),
            _median(stays),
            {_name(name): self._horizon(name, at, controls, seed) for name in RETURNS},
        )

    def _horizon(self, name: str, at: Ints, controls: Ints, seed: int) -> Horizon:
        own, others = self._column(name)[at], self._column(name, controls=True)[controls]
        day, other_day = self._day[at], self._control_day[controls]
        ahead, interval = self._ahead((own, day), (others, other_day), seed)
        best, worst = name.replace("return", "best"), name.replace("return", "worst")
        return Horizon(
            self._figures(own, day, seed),
            self._figures(others, other_day, seed),
            ahead,
            interval,
            _median(self._column(best)[at]) if best in EXTREMES else None,
            _median(self._column(worst)[at]) if worst in EXTREMES else None,
        )

    def _figures(self, values: Floats, days: Ints, seed: int) -> Figures:
        known = ~np.isnan(values)
        ordered = sorted(values[known].tolist())
        if not ordered:
            return Figures(0)
        above = np.where(known, (values > 0).astype(np.float64), np.nan)
        sums, shares = (bootstrap.of_days(each, days, self._days) for each in (values, above))
        return Figures(
            len(ordered),
            _rounded(float((values > 0).sum()) / len(ordered)),
            _both(bootstrap.interval(*shares, seed)),
            _rounded(math.fsum(ordered) / len(ordered)),
            _both(bootstrap.interval(*sums, seed)),
            *(_rounded(bootstrap.quantile(ordered, share)) for share in (0.25, 0.5, 0.75)),
        )

    def _ahead(self, own: tuple[Floats, Ints], others: tuple[Floats, Ints], seed: int) -> tuple[float | None, Interval]:
        """By how much the mean is above that of the others, with its interval: both of the same days that are drawn."""
        (sums, counts), (other_sums, other_counts) = (
            bootstrap.of_days(values, days, self._days) for values, days in (own, others)
        )
        if not counts.any() or not other_counts.any():
            return None, None
        mean = math.fsum(sums) / counts.sum() - math.fsum(other_sums) / other_counts.sum()
        drawn = bootstrap.drawn_means(sums, counts, seed), bootstrap.drawn_means(other_sums, other_counts, seed)
        if drawn[0] is None or drawn[1] is None:
            return _rounded(mean), None
        return _rounded(mean), _both(bootstrap.ends(drawn[0] - drawn[1]))

    def _column(self, name: str, *, controls: bool = False) -> Floats:
        key = name, controls
        if key not in self._floats:
            tables = self._controls if controls else self._entries
            parts = [table.column(name).to_numpy().astype(np.float64) for table in tables if table is not None]
            self._floats[key] = np.concatenate([np.zeros(0), *parts])
        return self._floats[key]

    def compared(self, variant: Any) -> Comparison:
        mine, base = self._firsts(variant.label), self._firsts(variant.base)
        both = mine.keys() & base.keys()
        earlier = np.array([float(base[key] - mine[key]) for key in sorted(both)])
        only = len(mine.keys() - base.keys()), len(base.keys() - mine.keys())
        return Comparison(variant.label, variant.base, *only, len(both), _median(earlier))

    def _firsts(self, label: str) -> dict[tuple[int, str], int]:
        """The minute of the first entry of each symbol on each day."""
        found: dict[tuple[int, str], int] = {}
        for at in np.flatnonzero(self._list == label).tolist():
            found.setdefault((int(self._day[at]), str(self._symbols[at])), int(self._minutes[at]))
        return found


def _name(column: str) -> str:
    return column.removeprefix("return_")


def _texts(tables: Sequence[pa.Table | None], name: str) -> np.ndarray:
    texts = [text for table in tables if table is not None for text in table.column(name).to_pylist()]
    return np.array(texts, object)


def _numbers_of(tables: Sequence[pa.Table | None]) -> Ints:
    sizes = [table.num_rows if table is not None else 0 for table in tables]
    return np.repeat(np.arange(len(sizes)), sizes)


def _times(tables: Sequence[pa.Table | None]) -> Ints:
    """Minutes since midnight in New York."""
    parts = [np.zeros(0, np.int64)]
    for table in tables:
        if table is not None and table.num_rows:
            ms = table.column("time").cast("int64").to_numpy()
            parts.append(minute_of_day(int(ms[0])) + (ms - ms[0]) // MINUTE_MS)
    return np.concatenate(parts)


def _median(values: Floats) -> float | None:
    known = sorted(values[~np.isnan(values)].tolist())
    return _rounded(bootstrap.quantile(known, 0.5)) if known else None


def _rounded(value: float) -> float | None:
    return None if math.isnan(value) else round(float(value), _DECIMALS) + 0.0


def _both(found: Interval) -> Interval:
    return None if found is None else (round(float(found[0]), _DECIMALS) + 0.0, round(float(found[1]), _DECIMALS) + 0.0)


HORIZON_NAMES: Final = (*(f"{minutes}m" for minutes in HORIZONS), "close", "next_open")
