"""A day stepped through minute by minute with the code that ranks live: what the fast form is held to."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gapscan.backtesting.market_day import MarketDay
from gapscan.backtesting.matrix import OF_THE_DAY_BEFORE
from gapscan.backtesting.minute_state import OBSERVED, MinuteState, of_last_bar
from gapscan.backtesting.ranked import Ranked
from gapscan.lists.delta import Rows, symbols_of
from gapscan.market.bars import merge_bars
from gapscan.market.columns import Floats, Ints, packed
from gapscan.market.scans import merge_reference, merge_scan
from gapscan.market.sessions import MINUTE_MS
from gapscan.market.universe import Universe
from gapscan.protocol.feed import SCAN_COLUMNS
from gapscan.protocol.messages import Bars, ReferenceFrame, UniverseFrame
from gapscan.ranking.row_values import SHOWN, rounded
from gapscan.ranking.scanner import Scanner, UniverseColumns
from gapscan.ranking.spec import ListSet

_TOLD = (*OBSERVED, *of_last_bar(np.zeros(0)), *OF_THE_DAY_BEFORE)
_OF_SCANS = tuple(name for name in SCAN_COLUMNS if name in _TOLD)


class PlainForm:
    """A universe that the bars of each minute are merged into, and then a scan of the whole market."""

    def __init__(self, day: MarketDay, lists: ListSet) -> None:
        self._day = day
        self._lists = lists
        self._universe = Universe(scan_ms=float(MINUTE_MS))
        self._state = MinuteState(day, OBSERVED)
        merge_reference(self._universe, reference_frame(day))
        for part in day.curves:
            self._universe.curves.merge(part)
        self._places = np.arange(len(day.symbols))

    def run(self, step: int = 1) -> Iterator[Ranked]:
        """The lists at the end of each `step`-th minute."""
        scanner, published = Scanner(self._universe, self._lists), dict[str, Rows]()
        merge_scan(self._universe, self._scan())
        while self._state.minute + 1 < self._day.length:
            self._advance()
            if self._state.minute % step == 0:
                tops = scanner.scan(published)
                published.update(tops)
                yield self._ranked(published, set(tops))

    def values(self, at: Ints) -> Floats:
        """What rows of the symbols at these places show now, a row for each of SHOWN; rounded."""
        return rounded(self._universe.numbers(SHOWN, at)).T

    def _advance(self) -> None:
        number = self._state.minute
        at = self._state.advance()
        if len(at):
            merge_bars(self._universe, self._bars(number, at))
        merge_scan(self._universe, self._scan())

    def _ranked(self, published: dict[str, Rows], is_open: set[str]) -> Ranked:
        index = self._universe.index
        tops = [
            np.array([index[symbol] for symbol in symbols_of(published[name])], np.intp) if name in is_open else None
            for name in self._lists.names
        ]
        columns = UniverseColumns(self._universe)
        eligible = self._lists.gate.entry(columns) & (columns.number("gone") != 1.0)
        price = self._universe.number("price").copy()
        return Ranked(self._state.minute, tops, price, np.broadcast_to(eligible, price.shape).copy())

    def _bars(self, number: int, at: np.ndarray) -> Bars:
        minutes, here, columns = self._day.minutes, self._day.minutes.of(number), self._state.columns
        start = self._day.moment(number)
        day_open = columns["open"][at]
        return Bars(
            simulated=True,
            symbols=[self._day.symbols[place] for place in at.tolist()],
            start=[start] * len(at),
            end=[start + MINUTE_MS - 1] * len(at),
            **{name: getattr(minutes, name)[here].tolist() for name in ("open", "high", "low", "close", "volume")},
            day_volume=columns["volume"][at].tolist(),
            day_open=[None if np.isnan(value) else value for value in day_open.tolist()],
            day_vwap=columns["vwap"][at].tolist(),
        )

    def _scan(self) -> UniverseFrame:
        columns = self._state.columns | of_last_bar(self._state.columns["price_time"])
        columns |= {name: getattr(self._day.reference, name) for name in OF_THE_DAY_BEFORE}
        if self._state.minute <= self._day.first_of(self._day.times.regular):
            columns |= {name: np.full(len(self._day.symbols), np.nan) for name in ("high", "low")}
        else:  # a scan has the regular session's high and low only
            early = np.isnan(columns["open"])
            columns |= {name: np.where(early, np.nan, columns[name]) for name in ("high", "low")}
        return UniverseFrame(
            frame=self._state.minute,
            part=1,
            parts=1,
            as_of=self._day.moment(self._state.minute),
            session=str(self._day.session(self._state.minute)),  # type: ignore[arg-type]
            simulated=True,
            symbols=self._day.symbols,
            **{name: packed(columns[name]) for name in _OF_SCANS},  # type: ignore[arg-type]  # columns by name
        )


def reference_frame(day: MarketDay) -> ReferenceFrame:
    """What is known of the symbols before the day; flat files tell nothing of what they are: all are common stock."""
    reference, number = day.reference, len(day.symbols)

    def column(values: Floats) -> list[float | None]:
        return [None if np.isnan(value) else value for value in values.tolist()]

    return ReferenceFrame(
        part=1, parts=1, date=day.date.isoformat(), complete=reference.complete, symbols=day.symbols,
        name=list(day.symbols),
        exchange=[None] * number, kind=["CS"] * number, test=[False] * number, split=reference.split.tolist(),
        average_volume=column(reference.average_volume), average_trades=column(reference.average_trades),
        trades_deviation=column(reference.trades_deviation),
        sessions=[0 if np.isnan(value) else int(value) for value in reference.sessions.tolist()],
        atr=column(np.where(reference.split, np.nan, reference.atr)), ssr_carried=column(reference.ssr_carried),
    )  # fmt: skip
