"""How often a definition would have fired today, from the tape: against the plain ranking, one row after the other."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator
from itertools import count
from typing import Any, Final
from urllib.parse import quote

import pytest

from gapscan.backtesting import tape_day
from gapscan.backtesting.tape_day import COVERED, CUT_SHORT, ROUNDED, tried_today
from gapscan.bus.client import Bus, BusOptions, connect
from gapscan.bus.definitions import remove_list, write_definition
from gapscan.bus.tape import TapeLimits, TapeWriter
from gapscan.bus.topology import Retention, ensure_shared
from gapscan.client.told_days import DAY_MS
from gapscan.errors import NotRecordedError
from gapscan.lists.delta import checksum
from gapscan.lists.recording import Record
from gapscan.lists.state import ranked
from gapscan.market.sessions import MINUTE_MS, open_ramp, trading_date
from gapscan.protocol.messages import ListDefinition, Row, Snapshot
from gapscan.ranking.plain import rank_one
from gapscan.ranking.spec import shipped_lists
from tests.support.bridge import running_bridge
from tests.support.nats import NatsServer
from tests.support.tape import START, PlayedList, played_list, recorded, recording

MINUTES: Final = 20
SYMBOLS: Final = [f"S{number:02}" for number in range(12)]
DEFINITIONS: Final = [
    ListDefinition("a", "", "change_percent >= 2", ["-change_percent"], 3, [], gate="none", settle=0),
    ListDefinition(
        "b", "", "volume >= ramp(1_000, 5_000) and change_percent > 0", ["-volume", "symbol"], 200, [], settle=0
    ),
    ListDefinition("c", "", "price > 5 or halt == 'halted'", ["price"], 4, [], idle="stay", gate="none", settle=0),
]


def row(dice: random.Random, symbol: str, now: int) -> Row:
    """A row with all that the definitions and the gates ask for, some of it missing."""
    return Row(
        symbol=symbol, type=dice.choice(["CS", "CS", "CS", "ETF"]), price=dice.choice([None, 0.5, 2.0, 6.25, 7.5]),
        prev_close=5.0, change_percent=dice.choice([None, -1.0, 1.85, 1.0, 2.0, 3.0]), volume=dice.choice([950, 4000]),
        dollar_volume=dice.choice([10, 20]), halt=dice.choice([None, None, "halted"]),
        price_time=now - dice.choice([0, 300_000, 1_000_000]), as_of=now,
    )  # fmt: skip


@pytest.fixture
async def lists(bus: Bus, nats_server: NatsServer) -> AsyncIterator[list[PlayedList]]:
    """Two recorded lists that show some symbols each, which change in the midst of every minute."""
    lists = [await played_list(bus, name) for name in ("one", "two")]
    for each in lists:
        await write_definition(bus, ListDefinition(each.publisher.name, "", "price > 0", ["symbol"], 200, []))
    dice = random.Random(5)
    async with recording(BusOptions(nats_server.url)) as recorder:
        for _ in range(MINUTES):
            held = {symbol: row(dice, symbol, lists[0].time + MINUTE_MS) for symbol in SYMBOLS}
            for each in lists:
                await each.step(MINUTE_MS, [held[symbol] for symbol in dice.sample(SYMBOLS, 7)])
        for each in lists:
            await recorded(recorder, each)
        yield lists


def plainly(lists: list[PlayedList], definition: ListDefinition) -> list[tuple[int, str, int]]:
    """The entries: time, symbol and rank; by the plain ranking of the rows that were published."""
    found: list[tuple[int, str, int]] = []
    members: list[str] = []
    for number in range(MINUTES + 1):
        now = START // MINUTE_MS * MINUTE_MS + (number + 1) * MINUTE_MS
        rows = {each["symbol"]: each for played in lists for each in played.rows_at(now) or ()}
        seen: list[dict[str, Any]] = [
            {**each, "now": now, "session": "regular", "open_ramp": open_ramp(now, trading_date(now)),
             "test_symbol": False, "gone": is_gone(each, now)}
            for each in rows.values()
        ]  # fmt: skip
        result = rank_one(seen, definition, shipped_lists().gate.text, members)
        if number:
            found += [(now, symbol, at) for at, symbol in enumerate(result, 1) if symbol not in members]
        members = result
    return found


def is_gone(each: Row, now: int) -> bool:
    """Not traded for a quarter of an hour since the open, and not halted."""
    opened = START // MINUTE_MS * MINUTE_MS
    return each.get("halt") is None and now - max(each.get("price_time") or 0, opened) > 900_000


async def test_it_is_what_the_plain_ranking_of_the_recorded_rows_gives(bus: Bus, lists: list[PlayedList]) -> None:
    for definition in DEFINITIONS:
        answer = await tried_today(bus, definition)
        expected = plainly(lists, definition)
        assert answer.entries == len(expected) > 10, definition
        assert [(each.time, each.symbol, each.rank) for each in answer.latest] == expected[:-21:-1]
        assert sum(answer.by_half_hour.values()) == len(expected)
        assert (answer.day, answer.fault, answer.simulated) == ("2026-11-27", "", False)
        assert answer.begin == START // MINUTE_MS * MINUTE_MS + MINUTE_MS
        assert answer.symbols >= len(SYMBOLS)
        assert COVERED in answer.notes

    await check_what_is_read_in_time(bus)
    await check_that_a_removed_list_counts(bus, lists)


async def check_that_a_removed_list_counts(bus: Bus, lists: list[PlayedList]) -> None:
    """It was shown until then."""
    assert await remove_list(bus, lists[1].publisher.name)
    answer = await tried_today(bus, DEFINITIONS[0])
    assert answer.entries == len(plainly(lists, DEFINITIONS[0]))


async def check_what_is_read_in_time(bus: Bus) -> None:
    """Of a day that takes too long to read the end is read, and it is said from when on."""
    whole = await tried_today(bus, DEFINITIONS[0])
    part = await tried_today(bus, DEFINITIONS[0], seconds=8, clock=count().__next__)
    assert whole.begin < part.begin < part.end == whole.end
    assert part.notes == [COVERED, ROUNDED, CUT_SHORT]
    assert whole.notes == [COVERED, ROUNDED]
    assert part.entries < whole.entries
    assert all(each.time > part.begin for each in part.latest)


async def test_what_is_not_recorded_of_a_day_is_not_said_to_take_too_long(bus: Bus) -> None:
    """The tape is of the day before too, and of today has nothing before 09:31, nor 09:33 and 09:34."""
    await ensure_shared(bus, Retention())
    await write_definition(bus, ListDefinition("one", "", "price > 0", ["symbol"], 200, []))
    writer, monday = TapeWriter(bus, simulated=False), (START + 3 * DAY_MS) // MINUTE_MS
    await writer.open(TapeLimits(7 * 86_400.0, 64 * 1024 * 1024))
    for minute in (START // MINUTE_MS, *(monday + each for each in (1, 2, 5))):
        writer.append("one", [Record(minute, _whole(minute * MINUTE_MS))])
    await writer.store()
    answer = await tried_today(bus, DEFINITIONS[0])
    assert (answer.day, answer.begin, answer.end) == ("2026-11-30", (monday + 1) * MINUTE_MS, (monday + 5) * MINUTE_MS)
    since_four = 5 * 60 + 30 + 5 + 1
    assert answer.notes == [COVERED, ROUNDED, f"Not recorded: {since_four - 3} of {since_four} minutes."]
    part = await tried_today(bus, DEFINITIONS[0], seconds=4, clock=count().__next__)
    assert part.begin == (monday + 2) * MINUTE_MS
    assert part.notes == [COVERED, ROUNDED, CUT_SHORT, "Not recorded: 2 of 4 minutes."]


def _whole(moment: int) -> Snapshot:
    rows = [Row(symbol="AAA", price=2.0, change_percent=3.0, price_time=moment, as_of=moment)]
    return Snapshot("one", "e", 1, moment, ranked(rows), checksum(rows), simulated=False)


async def test_without_a_tape_it_says_so(bus: Bus) -> None:
    with pytest.raises(NotRecordedError, match="nothing is recorded"):
        await tried_today(bus, DEFINITIONS[0])


async def test_the_route_tells_of_today_without_any_flat_files(
    nats_server: NatsServer, lists: list[PlayedList]
) -> None:
    text = '[lists.a]\nwhere = "change_percent >= 2"\nsort = ["-change_percent"]\nlimit = 3\ngate = "none"\n'
    async with running_bridge(nats_server.url) as served:
        status, _, body = await served.get(f"/api/backtest?definition={quote(text)}")
    answer = json.loads(body)
    assert status == 200, answer
    assert (answer["days"], answer["entries"]) == ([], 0)
    assert "flat files" in answer["notes"][0]
    today, expected = answer["today"], plainly(lists, DEFINITIONS[0])
    assert [each["symbol"] for each in today["latest"]] == [symbol for _, symbol, _ in expected[:-21:-1]]
    assert tape_day.ROUNDED in today["notes"]


@pytest.fixture
async def bus(nats_server: NatsServer) -> AsyncIterator[Bus]:
    async with connect(BusOptions(nats_server.url), "test") as bus:
        yield bus
