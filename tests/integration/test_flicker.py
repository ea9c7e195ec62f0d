"""The first ten minutes of a simulated day, second by second: how many rows leave and are back within ten seconds.

The lists beside them are the same without settling. Both are ranked from the same bars and scans.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

import numpy as np
import pytest
from msgspec import structs

from gapscan.feed.universe_frames import Observation, universe_frames
from gapscan.lists.delta import Rows, symbols_of
from gapscan.market.bars import merge_bars
from gapscan.market.scans import merge_reference, merge_scan
from gapscan.market.sessions import MINUTE_MS, session_at, session_times
from gapscan.market.universe import Universe
from gapscan.polygon.snapshot import SnapshotReader
from gapscan.protocol.messages import Bars, UniverseFrame
from gapscan.ranking.scanner import Scanner, UniverseColumns
from gapscan.ranking.spec import ListSet, compile_list, shipped_lists
from gapscan.sim.market import BarBatch, Market
from gapscan.sim.snapshot import SnapshotEncoder
from gapscan.sim.synthetic import SyntheticSource
from tests.support.market import reference_frame, stock

pytestmark = [pytest.mark.timeout(300)]

DAY: Final = dt.date(2026, 11, 20)
SECOND: Final = 1_000
SCAN: Final = 30 * SECOND
BEGIN: Final = session_times(DAY).regular
END: Final = BEGIN + 10 * MINUTE_MS
BACK: Final = 10 * SECOND


class Heard(NamedTuple):
    """What a feed publishes at a moment."""

    moment: int
    scan: list[UniverseFrame]
    bars: list[Bars]


def heard(market: Market) -> Iterator[Heard]:
    """Scans of the last quarter of an hour before the open, then the bars of all symbols too."""
    encoder, reader = SnapshotEncoder(market), SnapshotReader()
    for number, moment in enumerate(range(BEGIN - 15 * MINUTE_MS, END + 1, SECOND)):
        market.recording = moment >= BEGIN
        if not market.recording and moment % SCAN:
            continue
        market.advance(moment)
        batches = [one for one in market.batches_at(moment) if isinstance(one, BarBatch) and one.kind == "A"]
        frames: list[UniverseFrame] = []
        if moment % SCAN == 0:
            for _ in encoder.refresh():
                pass
            snapshot = reader.read(b'{"status":"OK","tickers":' + encoder.full() + b"}").snapshot
            seen = Observation(number, moment, session_at(moment).value, True)
            frames = list(universe_frames(snapshot, seen))
        yield Heard(moment, frames, [bars_of(market, batch) for batch in batches])


def bars_of(market: Market, batch: BarBatch) -> Bars:
    own = batch.bars
    columns = own.open, own.high, own.low, own.close, own.volume, batch.day_volume, batch.day_open, batch.day_vwap
    count = len(own.symbol)
    symbols = [market.symbols[place] for place in own.symbol.tolist()]
    values: list[list[float | None]] = [[float(value) for value in column] for column in columns]
    return Bars(True, symbols, [batch.start] * count, [batch.end] * count, *values)


class Ranked:
    """Lists over a universe of their own, and what became of their rows."""

    def __init__(self, market: Market, lists: ListSet) -> None:
        self.universe, self.lists = Universe(), lists
        known = zip(market.source.listings, market.previous.volume.tolist(), strict=True)
        stocks = [
            stock(one.symbol, kind=one.type, average_volume=max(volume, 1.0), sessions=20) for one, volume in known
        ]
        merge_reference(self.universe, reference_frame(stocks, DAY))
        self._scanner = Scanner(self.universe, lists)
        self._rows: dict[str, Rows] = {}
        self._left: dict[tuple[str, str], int] = {}
        self._passed: dict[tuple[str, str], int] = {}
        self.back: Counter[str] = Counter()  # of each list, rows that left and were back
        self.rows = 0  # of all lists, over all moments

    def hear(self, one: Heard) -> None:
        for bars in one.bars:
            merge_bars(self.universe, bars)
        for frame in one.scan:
            merge_scan(self.universe, frame)
        self._compare(self._scanner.scan(self._rows), one.moment)

    def _compare(self, found: Mapping[str, Rows], now: int) -> None:
        for name, rows in found.items():
            before, after = set(symbols_of(self._rows.get(name, ()))), set(symbols_of(rows))
            self.back[name] += sum(now - self._left.get((name, one), -BACK) < BACK for one in after - before)
            self._left |= {(name, one): now for one in before - after}
            self.rows += len(after)
        self._rows |= found

    def check(self, now: int) -> None:
        """No row is there whose conditions have failed for longer than its list settles."""
        for spec in self.lists.specs:
            symbols = symbols_of(self._rows.get(spec.name, ())) if spec.is_open(self.universe.session) else []
            at = np.array([self.universe.index[symbol] for symbol in symbols], np.intp)
            columns = UniverseColumns(self.universe, at)
            with np.errstate(all="ignore"):
                passes = spec.filter.stay(columns) & self.lists.gate_of(spec).stay(columns)
            for symbol, holds in zip(symbols, np.broadcast_to(passes, len(at)).tolist(), strict=True):
                if holds:
                    self._passed[spec.name, symbol] = now
                failed = now - self._passed.get((spec.name, symbol), 0)
                assert failed <= spec.definition.settle * SECOND, (spec.name, symbol, failed)


def unsettled(lists: ListSet) -> ListSet:
    """The same lists, whose rows leave at once."""
    specs = [compile_list(structs.replace(spec.definition, settle=0.0)) for spec in lists.specs]
    return ListSet(lists.gate, tuple(specs))


def test_at_the_open_a_seventh_of_the_rows_flickers_at_most() -> None:
    market = Market(SyntheticSource(DAY, 7, 600))
    market.advance(session_times(DAY).pre)
    ours, plain = Ranked(market, shipped_lists()), Ranked(market, unsettled(shipped_lists()))
    for one in heard(market):
        for ranked in (ours, plain):
            ranked.hear(one)
            ranked.check(one.moment)
    assert ours.rows > 10_000
    assert plain.back.total() >= 70, "there is something to keep still"
    assert ours.back.total() <= plain.back.total() / 7, (ours.back, plain.back)
