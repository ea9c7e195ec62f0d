"""Snapshots to universe frames: in parts, without the future, and without columns that a provider does not have."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec import UNSET

from gapscan.feed.universe_frames import (
    AHEAD_MS,
    LeftOut,
    Observation,
    market_time_of,
    universe_frames,
    without_future,
)
from gapscan.market.sessions import session_times, trading_date
from gapscan.obs import Tally
from gapscan.protocol.codec import decode, encode
from gapscan.protocol.feed import SYMBOLS_A_PART
from gapscan.provider import MarketSnapshot
from tests.support.market import OBSERVATIONS, plain

NOW = 1_795_357_740_000
SEEN = Observation(frame=7, as_of=NOW, session="regular", simulated=False)


def snapshot_of(number: int, newest: list[int] | None = None) -> MarketSnapshot:
    """`number` symbols; every column counts up from another number."""
    columns = {name: np.arange(number, dtype=np.float64) + 1000 * place for place, name in enumerate(OBSERVATIONS, 1)}
    times = np.full(number, float(NOW)) if newest is None else np.array(newest, np.float64)
    return MarketSnapshot([f"S{n}" for n in range(number)], columns, times)


def test_a_scan_in_parts_loses_nothing() -> None:
    number = 2 * SYMBOLS_A_PART + 1
    snapshot = snapshot_of(number)
    parts = universe_frames(snapshot, SEEN)
    assert [(part.part, part.parts, len(part.symbols)) for part in parts] == [
        (1, 3, SYMBOLS_A_PART), (2, 3, SYMBOLS_A_PART), (3, 3, 1),
    ]  # fmt: skip
    assert {(part.frame, part.as_of, part.session, part.simulated) for part in parts} == {(7, NOW, "regular", False)}
    assert [symbol for part in parts for symbol in part.symbols] == snapshot.symbols
    for name in OBSERVATIONS:
        values = [value for part in parts for value in plain(getattr(part, name))]
        assert values == snapshot.columns[name].tolist()
    assert max(len(encode(part)) for part in parts) < 500_000


def test_an_empty_scan_is_one_frame_without_symbols() -> None:
    (frame,) = universe_frames(snapshot_of(0), SEEN)
    assert decode(encode(frame)) == frame
    assert (frame.symbols, frame.price, frame.parts) == ([], b"", 1)


def test_what_a_provider_does_not_have_is_not_sent() -> None:
    (frame,) = universe_frames(MarketSnapshot.of(["A", "B"], {"price": np.array([1.0, np.nan])}), SEEN)
    assert frame.price is not UNSET
    assert plain(frame.price) == [1.0, None]
    assert frame.vwap is UNSET


def test_the_newest_event_where_a_provider_does_not_say() -> None:
    columns = {"updated": np.array([5.0, np.nan, np.nan]), "price_time": np.array([np.nan, 7.0, np.nan])}
    assert MarketSnapshot.of(["A", "B", "C"], columns).newest.tolist() == [5, 7, 0]


def test_an_element_of_the_future_is_left_out(tally: Tally) -> None:
    kept = without_future(snapshot_of(3, [NOW, NOW + AHEAD_MS + 1, NOW + AHEAD_MS]), NOW, tally)
    assert kept.symbols == ["S0", "S2"]
    assert kept.columns["price"].tolist() == [1000, 1002]
    assert tally.counts["future_elements"] == 1


def test_most_of_a_market_is_not_of_the_future(tally: Tally) -> None:
    snapshot = snapshot_of(4, [0, NOW, NOW + 10 * AHEAD_MS, NOW + 10 * AHEAD_MS])
    assert without_future(snapshot, NOW, tally) is snapshot
    assert tally.counts == {"clock_behind": 1}


def test_what_is_left_out_is_counted(tally: Tally) -> None:
    yesterday = session_times(trading_date(NOW)).night  # what trades later is of today, as a ranker has it
    offered = snapshot_of(5, [0, NOW, yesterday, yesterday + 1, NOW + AHEAD_MS + 1])
    kept = without_future(offered, NOW, tally)
    assert LeftOut.of(offered, kept, NOW) == LeftOut(past=1, future=1)


@pytest.mark.parametrize(
    ("newest", "as_of"), [([], NOW), ([0], NOW), ([NOW + 500], NOW + 500), ([NOW + AHEAD_MS + 1], NOW)]
)
def test_market_time_is_the_later_of_clock_and_data(newest: list[int], as_of: int) -> None:
    assert market_time_of(snapshot_of(len(newest), newest), NOW) == as_of
