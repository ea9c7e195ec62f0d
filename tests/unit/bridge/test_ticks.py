"""The newest prices of single symbols."""

from __future__ import annotations

from gapscan.bridge.encodings import WEBSOCKET
from gapscan.bridge.ticks import Cells, joined
from gapscan.protocol.messages import Bars
from gapscan.protocol.websocket import Aggregate
from tests.support.wire import answers


def _bars(**columns: list[object]) -> Bars:
    number = len(columns["symbols"])
    empty = {name: [None] * number for name in ("open", "high", "low", "close", "volume")}
    days = {name: [None] * number for name in ("day_volume", "day_open", "day_vwap")}
    return Bars(**{"simulated": False, "start": [0] * number, **empty, **days, **columns})  # type: ignore[arg-type]


def test_cells_keep_the_newest_bar() -> None:
    cells = Cells()
    assert cells.put(
        _bars(symbols=["A", "B", "C"], end=[5, 5, 5], close=[1.0, 2.0, None], day_volume=[9.4, None, None])
    )
    assert cells.put(_bars(symbols=["A", "B"], end=[4, 5], close=[7.0, 3.0]))  # an old one, and a corrected one
    messages = cells.drain()
    assert answers([joined(messages, ["B", "A", "Z"], WEBSOCKET)]) == [
        Aggregate("B", {"price": 3.0, "price_time": 5}),
        Aggregate("A", {"price": 1.0, "price_time": 5, "volume": 9}),
    ]
    assert "C" not in messages
    assert not cells.put(_bars(symbols=["A"], end=[4], close=[8.0]))
    assert cells.drain() == {}


def test_cells_of_a_replay_that_starts_over() -> None:
    cells, hour = Cells(), 3_600_000
    assert cells.put(_bars(symbols=["A"], end=[9 * hour], close=[1.0]))
    cells.drain()
    assert not cells.put(_bars(symbols=["A"], end=[9 * hour - 900_000], close=[2.0]))  # a late correction
    assert cells.put(_bars(symbols=["A"], end=[3 * hour], close=[3.0]))
    cells.drain()
    assert not cells.put(_bars(symbols=["A"], end=[3 * hour - 1], close=[4.0]))
