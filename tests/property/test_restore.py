"""A universe that got only the scans, what was saved and the published rows knows the day as the one before it did."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gapscan.market import computed
from gapscan.market.bars import merge_bars, merge_trades
from gapscan.market.history import STEP_MS
from gapscan.market.restore import SAVED, merge_saved, restore, saved_states
from gapscan.market.scans import merge_scan
from gapscan.market.sessions import MarketSession, session_at, session_times
from gapscan.market.universe import Universe
from gapscan.protocol.codec import decode_as, encode
from gapscan.protocol.messages import Bars, Row, SavedState, Trades, UniverseFrame
from gapscan.ranking.rows import RowCache
from tests.support.cases import fewer
from tests.support.market import DAY, stock, universe_frame, universe_of

TIMES = session_times(DAY)
SYMBOLS = ["A", "B", "C"]
SECOND = 1000
# What a new universe must know again; highs and lows with the moments at which they were passed.
DAY_VALUES = ("price", "price_time", "volume", "high", "low", "high_time", "low_time", "close_volume")
MOVES = ("change_1m_percent", "change_5m_percent", "spike_time")

seeds = st.integers(0, 2**32)
borders = st.sampled_from([TIMES.regular, TIMES.post])


class Traded(NamedTuple):
    """A second in which a symbol traded: its end, last price, and the day's volume by then."""

    end: int
    price: float
    volume: float


class Event(NamedTuple):
    """Something that arrives at a moment."""

    moment: int
    merge: Callable[[Universe], object]
    is_scan: bool


class Tape:
    """What three symbols traded within some minutes around a session's border."""

    def __init__(self, dice: random.Random, border: int) -> None:
        self._dice = dice
        self.begin, self.end = border - 400 * SECOND, border + 400 * SECOND
        self.traded = {symbol: self._walk() for symbol in SYMBOLS}

    def _walk(self) -> list[Traded]:
        seconds = sorted(self._dice.sample(range(800), self._dice.randint(0, 12)))
        price, volume, traded = 10.0, 0.0, []
        for second in seconds:
            price = round(max(1.0, price + self._dice.choice([-2, -1, -0.05, 0, 0.05, 1, 2])), 4)
            volume += self._dice.choice([100.0, 5_000.0])
            traded.append(Traded(self.begin + (second + 1) * SECOND, price, volume))
        return traded

    def regular(self, symbol: str, until: int) -> list[Traded]:
        return [one for one in self.traded[symbol] if TIMES.regular < one.end <= min(until, TIMES.post)]

    def opened(self, symbol: str, until: int) -> float | None:
        found = self.regular(symbol, until)
        return found[0].price if found else None

    def bar(self, symbol: str, one: Traded) -> Bars:
        return Bars(
            True, [symbol], [one.end - SECOND], [one.end], [one.price], [one.price], [one.price], [one.price], [1.0],
            [one.volume], [self.opened(symbol, one.end)], [one.price],
        )  # fmt: skip

    def scan(self, moment: int) -> UniverseFrame:
        stocks = []
        for symbol in SYMBOLS:
            seen = [one for one in self.traded[symbol] if one.end <= moment]
            prices = [one.price for one in self.regular(symbol, moment)]
            day = {"open": prices[0], "high": max(prices), "low": min(prices), "close": prices[-1]} if prices else {}
            last = {"price": seen[-1].price, "volume": seen[-1].volume} if seen else {}
            ends = {"price_time": float(seen[-1].end), "updated": float(seen[-1].end)} if seen else {}
            stocks.append(stock(symbol, prev_close=10.0, **day, **last, **ends))
        return universe_frame(stocks, moment, str(session_at(moment)))

    def events(self, late: bool) -> list[Event]:
        """Scans, and most of what was traded as bars and trades, as they arrive."""
        events = [scan_event(self.scan(moment)) for moment in range(self.begin, self.end + 1, 30 * SECOND)]
        for symbol, traded in self.traded.items():
            for one in traded:
                after = self._dice.choice([0, 1, 2, 70]) * SECOND if late else 0
                events += [
                    self._event(symbol, one, after) for _ in range(self._dice.choice([0, 1, 1, 2 if late else 1]))
                ]
        return sorted(events, key=lambda event: (event.moment, event.is_scan))

    def _event(self, symbol: str, one: Traded, after: int) -> Event:
        bars, trades = self.bar(symbol, one), Trades(True, [symbol], [one.price], [one.end])
        if self._dice.random() < 0.2:
            return Event(one.end + after, lambda universe: merge_trades(universe, trades), False)
        return Event(one.end + after, lambda universe: merge_bars(universe, bars), False)


def scan_event(frame: UniverseFrame) -> Event:
    return Event(frame.as_of, lambda universe: merge_scan(universe, frame), True)


class Life:
    """A universe through the events, saved whenever a step of its history is over."""

    def __init__(self, events: list[Event]) -> None:
        self.universe = Universe()
        self.saved: list[bytes] = []
        step = 0
        for event in events:
            if event.moment // STEP_MS != step:
                step = event.moment // STEP_MS
                self.save(self.universe.drain_unsaved())
            event.merge(self.universe)
            self.universe.advance(event.moment)
            computed.compute(self.universe)

    def save(self, at: np.ndarray) -> None:
        self.saved += [encode(state) for state in saved_states(self.universe, at, 2)]

    def rows(self) -> Sequence[Row]:
        cache, everyone = RowCache(self.universe), np.arange(len(self.universe))
        cache.mark_dirty(None)
        cache.refresh(everyone)
        return cache.states([everyone])[0]


def again(events: list[Event], saved: list[bytes], rows: Sequence[Row]) -> Universe:
    """The universe after a restart."""
    universe = Universe()
    for event in events:
        if event.is_scan:
            event.merge(universe)
    for state in saved:
        merge_saved(universe, decode_as(SavedState, state))
    restore(universe, rows)
    return universe


def assert_same(one: Universe, other: Universe, fields: tuple[str, ...]) -> None:
    for field in fields:
        for symbol in SYMBOLS:
            found, expected = (float(it.number(field)[it.index[symbol]]) for it in (one, other))
            np.testing.assert_equal(found, expected, err_msg=f"{symbol} {field}")


def until_some_moment(dice: random.Random, tape: Tape, *, late: bool) -> list[Event]:
    events = tape.events(late)
    return events[: dice.randint(1, len(events))]


@fewer
@given(seeds, borders)
def test_the_day_is_known_again(seed: int, border: int) -> None:
    """Whatever came late or twice, from what was saved at any moment and the rows."""
    dice = random.Random(seed)
    events = until_some_moment(dice, Tape(dice, border), late=True)
    life = Life(events)
    rows = life.rows()
    if dice.random() < 0.5:
        life.save(np.arange(len(life.universe)))
        rows = []
    else:
        life.save(life.universe.drain_unsaved())
    assert_same(again(events, life.saved, rows), life.universe, (*DAY_VALUES, "spike_time"))


@fewer
@given(seeds, borders)
@example(1893, TIMES.regular)  # a trade, which tells no volume; its volume by a scan; another trade, all within a step
def test_the_moves_of_the_last_minutes_are_known_again(seed: int, border: int) -> None:
    """Where every step of the history was saved."""
    dice = random.Random(seed)
    events = until_some_moment(dice, Tape(dice, border), late=False)
    life = Life(events)
    life.save(life.universe.drain_unsaved())
    universe = again(events, life.saved, life.rows())
    universe.advance(life.universe.as_of)
    computed.compute(universe)
    assert_same(universe, life.universe, (*DAY_VALUES, *MOVES))


def known() -> Universe:
    moment = float(TIMES.regular + 60 * SECOND)
    return universe_of([stock("A", price=10.0, price_time=moment, volume=5.0), stock("B", price=None)])


def test_what_is_not_known_is_null_on_the_wire() -> None:
    (state,) = saved_states(known(), np.arange(2), 10)
    assert state.symbols == ["A"], "a symbol without a price has nothing to be saved"
    assert (state.price, state.volume, state.open, state.high_time) == ([10.0], [5.0], [None], [None])
    assert b"NaN" not in encode(state)
    back = decode_as(SavedState, encode(state))
    assert back == state
    universe = universe_of([stock("A", open=9.0)])
    assert merge_saved(universe, back) == 1
    assert universe.number("open").tolist() == [9.0], "null takes the place of nothing"


@pytest.mark.parametrize("days", [-1, 3, 4])
def test_what_was_saved_of_another_day_is_refused(days: int) -> None:
    (state,) = saved_states(known(), np.arange(2), 10)
    other = session_times(DAY + dt.timedelta(days=days)).regular
    universe = Universe()
    assert merge_saved(universe, state) == 0, "there is no trading day yet"
    merge_scan(universe, universe_frame([], other))
    assert merge_saved(universe, state) == 0
    assert "A" not in universe.index


TRADED, SCANNED = float(TIMES.regular + 60 * SECOND), float(TIMES.regular + 70 * SECOND)


def traded_since() -> Universe:
    """A symbol that was seen in a scan with a volume, and has traded once more since."""
    universe = universe_of([stock("A", price=10.0, price_time=TRADED - 30 * SECOND, volume=5_000.0,
                                  updated=TRADED - 30 * SECOND)], as_of=int(TRADED) - 20 * SECOND)  # fmt: skip
    merge_trades(universe, Trades(True, ["A"], [11.0], [int(TRADED)]))
    return universe


def scanned_since(universe: Universe) -> None:
    """The next scan, which has the volume of that trade."""
    merge_scan(
        universe,
        universe_frame([stock("A", price=11.0, price_time=TRADED, volume=9_000.0, updated=TRADED)], int(SCANNED)),
    )


def test_a_volume_is_as_old_as_it_was_whatever_was_heard_of_the_symbol_since() -> None:
    universe = traded_since()
    (state,) = saved_states(universe, np.arange(1), 1)
    assert (state.updated, state.volume_time) == ([TRADED], [TRADED - 30 * SECOND])
    scanned_since(universe)
    assert merge_saved(universe, state) == 1
    assert universe.number("volume").tolist() == [9_000.0]
    assert universe.volumes.at(np.array([SCANNED]), np.arange(1)).tolist() == [9_000.0]


def test_a_row_whose_volume_is_older_than_its_price_takes_back_no_volume() -> None:
    universe = traded_since()
    row: Row = {"symbol": "A", "price": 11.0, "price_time": int(TRADED), "as_of": int(TRADED), "volume": 5_000}
    scanned_since(universe)
    assert restore(universe, [row]) == 1
    assert universe.number("volume").tolist() == [9_000.0]
    row["volume"] = 9_500
    assert restore(universe, [row]) == 1
    assert universe.number("volume").tolist() == [9_500.0]


def test_saved_states_are_of_the_size_that_was_asked_for() -> None:
    universe = universe_of([stock(f"S{n}", price=1.0) for n in range(7)])
    parts = list(saved_states(universe, np.arange(7), 3))
    assert [part.symbols for part in parts] == [["S0", "S1", "S2"], ["S3", "S4", "S5"], ["S6"]]
    assert all(len(getattr(part, name)) == len(part.symbols) for part in parts for name in SAVED)


def test_the_moment_of_a_high_before_the_open_is_not_that_of_an_equal_one_after_it() -> None:
    early = float(TIMES.regular - 60 * SECOND)
    before = stock("A", price=12.0, price_time=early, updated=early, past={60.0: {"price": 11.0}})
    universe = universe_of([before], MarketSession.PRE, int(early))
    assert universe.number("high_time").tolist() == [early]
    (state,) = saved_states(universe, np.arange(1), 1)
    opened = universe_of([stock("A", price=12.0, open=12.0, high=12.0)], as_of=TIMES.regular + 60 * SECOND)
    assert merge_saved(opened, state) == 1
    assert opened.number("high").tolist() == [12.0]
    assert np.isnan(opened.number("high_time")).all()


@pytest.mark.parametrize("newer_last", [True, False])
def test_of_two_rows_of_a_symbol_the_newer_price_counts(newer_last: bool) -> None:
    """Lists have their turns one after the other: at the end of a ranker, one may show what another does not yet."""
    moment = TIMES.regular + 60 * SECOND
    older: Row = {"symbol": "A", "price": 11.0, "price_time": moment + 1_000, "as_of": moment + 1_000, "source": "bar"}
    newer: Row = {"symbol": "A", "price": 12.0, "price_time": moment + 2_000, "as_of": moment + 2_000, "source": "bar"}
    universe = known()
    assert restore(universe, [older, newer] if newer_last else [newer, older]) == 1
    assert universe.number("price")[0] == 12.0
    assert universe.number("price_time")[0] == moment + 2_000
