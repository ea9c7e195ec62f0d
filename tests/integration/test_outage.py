"""A real day with ten minutes in which scans fail and the stream is silent: no number claims what nobody observed."""

from __future__ import annotations

import datetime as dt
import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pytest

from gapscan.feed.universe_frames import Observation, universe_frames
from gapscan.flatfiles.files import FlatFiles, Kind
from gapscan.market.bars import merge_bars
from gapscan.market.columns import Floats, Ints
from gapscan.market.scans import merge_reference, merge_scan
from gapscan.market.sessions import MINUTE_MS, NS_PER_MS, session_times
from gapscan.market.universe import Universe
from gapscan.polygon.snapshot import SnapshotReader
from gapscan.protocol.messages import Bars, Row, UniverseFrame
from gapscan.ranking.scanner import Scanner, UniverseColumns
from gapscan.ranking.spec import shipped_lists
from gapscan.sim.market import BarBatch, Market
from gapscan.sim.replay import ReplaySource
from gapscan.sim.snapshot import SnapshotEncoder
from tests.support.market import reference_frame, stock
from tests.support.realdata import real_data

pytestmark = [pytest.mark.realdata, pytest.mark.timeout(900)]

DAY: Final = dt.date(2023, 8, 4)  # the one whose minutes are there
TIMES: Final = session_times(DAY)
SECOND: Final = 1000
BEGIN, AWAY, BACK, END = (TIMES.regular + minute * MINUTE_MS for minute in (60, 68, 78, 86))
HOT: Final = 300  # symbols that come live, those with the most dollars traded
STEP: Final = SECOND
SCAN: Final = 30 * SECOND
FIRST_SCAN: Final = 12 * SECOND  # after the stream is back: meanwhile there are bars without scans
LISTS: Final = ("price_spikes", "new_highs", "new_lows", "momentum_up", "momentum_down")
AGO: Final = {"change_1m_percent": MINUTE_MS, "change_5m_percent": 5 * MINUTE_MS, "volume_1m": MINUTE_MS}
OLDER: Final = SCAN  # by how much a value of then may be older
SLACK: Final = 10 * SECOND  # two steps of the history: of the moment, and of what is looked up


def whole_day(data: Path, root: Path) -> Path:
    """The day's files with a daily one, which is made from its regular minutes."""
    files, made = FlatFiles(data), FlatFiles(root)
    before = files.days("day_aggs_v1")[0]
    linked: tuple[tuple[Kind, dt.date], ...] = (("minute_aggs_v1", DAY), ("day_aggs_v1", before))
    for kind, date in linked:
        made.path(kind, date).parent.mkdir(parents=True, exist_ok=True)
        made.path(kind, date).symlink_to(files.path(kind, date))
    days: dict[str, list[Any]] = {}
    bars = files.read("minute_aggs_v1", DAY)
    columns = (bars.of, bars.start // NS_PER_MS, bars.volume, bars.open, bars.close, bars.high, bars.low)
    for code, start, volume, opened, close, high, low in zip(*(column.tolist() for column in columns), strict=True):
        if TIMES.regular <= start < TIMES.post and volume > 0:
            day = days.setdefault(bars.symbols[code], [0.0, opened, 0.0, high, low])
            day[0], day[2] = day[0] + volume, close
            day[3], day[4] = max(day[3], high), min(day[4], low)
    lines = [f"{symbol},{','.join(map(str, day))},{TIMES.regular * NS_PER_MS},1" for symbol, day in days.items()]
    header = "ticker,volume,open,close,high,low,window_start,transactions"
    made.path("day_aggs_v1", DAY).write_bytes(gzip.compress("\n".join([header, *lines]).encode()))
    return root


class Heard(NamedTuple):
    """What comes at a moment."""

    moment: int
    scan: list[UniverseFrame]
    bars: list[Bars]


class Tape:
    """Every print of the day's part, by symbol: what a price or a volume was at any moment."""

    def __init__(self, market: Market) -> None:
        tape = market.source.open_day(DAY)
        prints = [tape.minute(number) for number in range((END - TIMES.pre) // MINUTE_MS)]
        symbol = np.concatenate([one.symbol for one in prints])
        order = np.argsort(symbol, kind="stable")
        columns = [np.concatenate([getattr(one, name) for one in prints])[order] for name in ("time", "price", "size")]
        bounds = np.searchsorted(symbol[order], np.arange(len(market.symbols) + 1))
        self._of = {
            name: tuple(column[begin:end] for column in columns)
            for name, begin, end in zip(market.symbols, bounds, bounds[1:], strict=False)
        }

    def prices(self, symbol: str, begin: int, end: int) -> Floats:
        """All prices that were the last one at some moment from `begin` to `end`."""
        time, price, _ = self._of[symbol]
        first, last = np.searchsorted(time, (begin, end), side="right")
        return np.asarray(price[max(0, first - 1) : last])

    def volumes(self, symbol: str, begin: int, end: int) -> Floats:
        """The same of the day's volume so far."""
        time, _, size = self._of[symbol]
        first, last = np.searchsorted(time, (begin, end), side="right")
        return np.concatenate([[0.0], np.cumsum(size)])[first : last + 1]


def heard(market: Market) -> Iterator[Heard]:
    """The day's part as the feed would publish it."""
    market.advance(BEGIN - STEP)
    market.recording = True
    encoder, reader, number = SnapshotEncoder(market), SnapshotReader(), 0
    dollars = market.state.turnover
    hot = set(np.argsort(-dollars)[:HOT].tolist())
    for moment in range(BEGIN, END + 1, STEP):
        market.advance(moment)
        batches = [one for one in market.batches_at(moment) if isinstance(one, BarBatch) and one.kind == "A"]
        bars = [found for batch in batches if (found := bars_of(market, batch, hot)).symbols]
        frames: list[UniverseFrame] = []
        if (moment - BACK - FIRST_SCAN // STEP * STEP) % SCAN == 0:
            for _ in encoder.refresh():
                pass
            snapshot = reader.read(b'{"status":"OK","tickers":' + encoder.full() + b"}").snapshot
            number += 1
            frames = list(universe_frames(snapshot, Observation(number, moment, "regular", True)))
        yield Heard(moment, frames, bars)


def bars_of(market: Market, batch: BarBatch, hot: set[int]) -> Bars:
    own = batch.bars
    wanted = [place for place, symbol in enumerate(own.symbol.tolist()) if symbol in hot]

    def column(values: Floats) -> list[float | None]:
        return [float(values[place]) for place in wanted]

    count = len(wanted)
    return Bars(
        True, [market.symbols[own.symbol[place]] for place in wanted], [batch.start] * count, [batch.end] * count,
        *(column(values) for values in (own.open, own.high, own.low, own.close, own.volume)),
        *(column(values) for values in (batch.day_volume, batch.day_open, batch.day_vwap)),
    )  # fmt: skip


class Ranked:
    """A universe and its lists, ranked after everything that comes."""

    def __init__(self, market: Market) -> None:
        self.universe = Universe()
        average = np.maximum(market.previous.volume, 1.0).tolist()
        stocks = [
            stock(symbol, average_volume=volume, sessions=20)
            for symbol, volume in zip(market.symbols, average, strict=True)
        ]
        merge_reference(self.universe, reference_frame(stocks, DAY))
        self.lists = shipped_lists()
        self.scanner = Scanner(self.universe, self.lists)
        self.rows: dict[str, list[Row]] = {}

    def hear(self, one: Heard) -> None:
        for bars in one.bars:
            merge_bars(self.universe, bars)
        for frame in one.scan:
            merge_scan(self.universe, frame)
        if one.bars or one.scan:
            self.rows |= {name: list(state) for name, state in self.scanner.scan(self.rows).items()}

    def number(self, symbol: str, name: str) -> float:
        return float(self.universe.number(name)[self.universe.index[symbol]])

    def may_stay(self, name: str, symbols: list[str]) -> list[bool]:
        """Whether these could be rows of the list."""
        at: Ints = np.array([self.universe.index[symbol] for symbol in symbols], np.intp)
        (spec,) = [spec for spec in self.lists.specs if spec.name == name]
        columns = UniverseColumns(self.universe, at)
        with np.errstate(all="ignore"):
            return list(np.broadcast_to(spec.filter.stay(columns) & self.lists.gate.stay(columns), len(at)))


def check_values(ranked: Ranked, tape: Tape) -> int:
    """No move that the prints do not give; how many there are."""
    moves = [
        (symbol, name, value)
        for name in AGO
        for symbol, value in zip(ranked.universe.symbols, ranked.universe.number(name).tolist(), strict=True)
        if not np.isnan(value)
    ]
    for symbol, name, value in moves:
        right = expected(ranked, tape, symbol, name)
        assert np.isclose(right, value, atol=1e-6).any(), (symbol, name, value, right)
    return len(moves)


def expected(ranked: Ranked, tape: Tape, symbol: str, name: str) -> Floats:
    """The move against each value that the symbol had near the moment that is looked back to."""
    now, traded = ranked.universe.as_of, ranked.number(symbol, "updated" if name == "volume_1m" else "price_time")
    begin = int(min(max(traded, now - SCAN), now)) - AGO[name]
    window = (symbol, begin - OLDER - SLACK, now - AGO[name])
    if name == "volume_1m":
        return np.asarray(ranked.number(symbol, "volume") - tape.volumes(*window))
    before = np.round(tape.prices(*window), 4)  # as the market tells it
    return np.asarray((ranked.number(symbol, "price") - before) / before * 100)


class Checker:
    """No row that does not belong there by what is known without the outage, for longer than its list settles."""

    def __init__(self, ranked: Ranked, whole: Ranked) -> None:
        self._ranked, self._whole = ranked, whole
        self._settle = {spec.name: spec.definition.settle * SECOND for spec in ranked.lists.specs}
        self._right_at: dict[tuple[str, str], int] = {}

    def observe(self, now: int) -> None:
        for name in LISTS:
            symbols = [row["symbol"] for row in self._ranked.rows.get(name, ())]
            right = self._whole.may_stay(name, symbols) if symbols else []
            self._right_at |= {(name, symbol): now for symbol, is_right in zip(symbols, right, strict=True) if is_right}

    def check(self, now: int) -> None:
        for name in LISTS:
            symbols = [row["symbol"] for row in self._ranked.rows[name]]
            wrong = [one for one in symbols if now - self._right_at.get((name, one), 0) > self._settle[name]]
            assert not wrong, (name, now - BACK, wrong)


def test_after_an_outage_nothing_is_claimed_that_nobody_observed(tmp_path: Path) -> None:
    (tmp_path / "us_stocks_sip").mkdir()
    market = Market(ReplaySource(whole_day(real_data(), tmp_path), DAY))
    market.advance(TIMES.pre)
    tape = Tape(market)
    ranked, whole = Ranked(market), Ranked(market)
    checker = Checker(ranked, whole)
    known: dict[int, int] = {}
    shown: dict[str, int] = dict.fromkeys(LISTS, 0)
    for one in heard(market):
        whole.hear(one)
        if not AWAY <= one.moment < BACK:
            ranked.hear(one)
        checker.observe(one.moment)
        if one.moment >= BACK:
            checker.check(one.moment)
            shown = {name: rows + len(ranked.rows[name]) for name, rows in shown.items()}
            known[one.moment] = check_values(ranked, tape)
    everything = check_values(whole, tape)
    assert known[BACK + 15 * SECOND] < everything * 2 / 3, "right after the outage, only of what stood still"
    assert known[END] == everything > 1000, "and when there is a history again, they are"
    assert all(shown.values()), shown
