"""Bars that go from frames to the universe as columns change it as bars do that are read one by one."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gapscan.errors import ProtocolError
from gapscan.feed.bars import bars_messages
from gapscan.market.bar_columns import BAR_NUMBERS, Bar
from gapscan.market.bars import merge_bars
from gapscan.market.columns import packed
from gapscan.market.scans import merge_scan
from gapscan.market.sessions import session_times
from gapscan.market.universe import Universe
from gapscan.polygon.events import Events, batch_of, read_frame
from gapscan.protocol.codec import decode, decode_as, encode
from gapscan.protocol.messages import Bars, UniverseFrame

DATE = dt.date(2026, 11, 20)
TIMES = session_times(DATE)
NOON = TIMES.regular + 9_000_000
KNOWN, UNKNOWN = ["A", "B", "BRK.B"], ["NEW", "a"]
KEYS = dict(zip(("o", "h", "l", "c", "v", "av", "op", "a"), BAR_NUMBERS, strict=True))


def began(bar: dict[str, Any]) -> dict[str, Any]:
    """A second before its end."""
    return bar | {"s": bar["e"] - 1_000, "vw": 1.0}


cells = st.sampled_from([0, None, 9.5, 10.0, 10.25, 11.0, 1e6])
ends = st.integers(-200, 20).map(lambda step: NOON + step * 500) | st.sampled_from([TIMES.pre + 1, TIMES.night - 1])
bars = st.fixed_dictionaries(
    {"ev": st.sampled_from(["A", "AM"]), "sym": st.sampled_from(KNOWN + UNKNOWN), "e": ends},
    optional=dict.fromkeys(KEYS, cells),
).map(began)
UNREADABLE: list[Any] = [
    {"ev": "A", "sym": "A", "s": "now", "e": NOON}, {"ev": "A", "sym": "", "s": NOON, "e": NOON}, {"ev": "?"}, 17, None,
]  # fmt: skip
elements = bars | st.sampled_from(UNREADABLE)
frames = st.lists(st.lists(elements, max_size=8), min_size=1, max_size=4)


def market() -> Universe:
    """As a scan tells it a little earlier."""
    universe = Universe()
    numbers = [packed([10.0, 11.0, None]), packed([NOON - 5_000.0] * 3), packed([9.0] * 3)]
    merge_scan(universe, UniverseFrame(1, 1, 1, NOON - 4_000, "regular", True, KNOWN, *numbers))
    universe.drain_dirty()
    return universe


def one_by_one(element: Any) -> Bar:
    """What an element says, by hand: zero and null are no value."""
    numbers = {name: element.get(key) or None for key, name in KEYS.items()}
    return Bar(element["sym"], element["s"], element["e"], **numbers)


def in_lists(found: list[Bar]) -> Bars:
    numbers: dict[str, Any] = {name: [getattr(bar, name) for bar in found] for name in BAR_NUMBERS}
    return Bars(True, [b.symbol for b in found], [b.start for b in found], [b.end for b in found], **numbers)


def state(universe: Universe) -> list[np.ndarray]:
    """All that is held of all symbols, and which of them are marked."""
    histories = [matrix for each in (universe.prices, universe.volumes) for matrix in each._matrices()]
    return [universe._numbers, universe._times, *histories, universe.ranges._until, universe.drain_dirty()]


@settings(max_examples=300)
@given(frames)
def test_columns_change_a_universe_as_bars_do(frames: list[list[Any]]) -> None:
    events = Events()
    for frame in frames:
        read_frame(json.dumps(frame).encode(), events)
    readable = [element for frame in frames for element in frame if element not in UNREADABLE]
    assert (len(events.bars), events.bad) == (len(readable), sum(map(len, frames)) - len(readable))

    found = [one_by_one(element) for element in readable]
    assert list(batch_of(events).bars) == found
    columns, objects = market(), market()
    sent = [decode_as(Bars, encode(message)) for message in bars_messages(batch_of(events).bars, simulated=True)]
    assert merge_bars(columns, *sent) == (merge_bars(objects, in_lists(found)) if found else 0)
    assert (columns.symbols, columns.as_of) == (objects.symbols, objects.as_of)
    for ours, theirs in zip(state(columns), state(objects), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@given(st.lists(bars, min_size=1, max_size=8), st.data())
def test_batches_that_come_together_are_one(elements: list[Any], data: st.DataObject) -> None:
    """However they are cut, and whether their numbers are packed or lists: feeds of two versions may take turns."""
    found = [one_by_one(element) for element in elements]
    cut = data.draw(st.integers(0, len(found)))
    batches = [in_lists(part) for part in (found[:cut], found[cut:])]
    kept: dict[str, Any] = {name: packed(getattr(batches[1], name)) for name in BAR_NUMBERS}
    batches[1] = Bars(True, batches[1].symbols, batches[1].start, batches[1].end, **kept)
    together, apart = market(), market()
    merged = merge_bars(together, *(decode_as(Bars, encode(batch)) for batch in batches))
    assert merged == merge_bars(apart, in_lists(found))
    for ours, theirs in zip(state(together), state(apart), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_packed_column_has_a_number_for_each_symbol() -> None:
    message = in_lists([Bar("A", NOON, NOON + 1), Bar("B", NOON, NOON + 1)])
    short = json.loads(encode(message)) | {"close": "AAAAAAAA+H8="}
    with pytest.raises(ProtocolError, match="close has 8 bytes for 2 symbols"):
        decode(json.dumps(short).encode())
