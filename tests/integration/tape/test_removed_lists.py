"""A list that is not defined any more has its past, as long as the tape keeps it."""

from __future__ import annotations

import gapscan
from gapscan.bus.client import Bus, BusOptions
from gapscan.bus.definitions import remove_list, write_definition
from gapscan.bus.topology import Retention, ensure_shared
from gapscan.client.history import kept
from gapscan.client.tape_lists import recorded_lists
from gapscan.client.tape_reader import TapeReader
from gapscan.protocol.messages import ListDefinition, Row
from tests.support.nats import NatsServer
from tests.support.tape import START, caught_up, played_list, recorded, recording

WEDNESDAY = "2026-11-25"  # Thursday is a holiday
TWO_DAYS = 2 * 86_400_000
FRIDAY, MONDAY = "2026-11-27", "2026-11-30"
Ends = dict[str, tuple[int | None, str | None, bool]]


async def test_a_removed_list_is_found_on_its_days_and_on_no_other(bus: Bus, nats_server: NatsServer) -> None:
    await ensure_shared(bus, Retention())
    await write_definition(bus, ListDefinition("losers", "Losers.", "volume > 0", ["change_percent"], 30, []))
    removed = await played_list(bus, "winners", start=START - TWO_DAYS)
    async with recording(BusOptions(nats_server.url)) as recorder:
        for _ in range(20):
            await removed.step(2000)
        await recorded(recorder, removed)
        symbol = removed.truth[0][1][0]["symbol"]
        found = await gapscan.when(symbol, name="winners", bus=bus)
        assert any(stay.left for stay in found)
        assert await gapscan.when(symbol, bus=bus) == found

        defined = await played_list(bus, "losers", seed=2)
        for _ in range(20):
            await defined.step(2000)
        await recorded(recorder, defined)
    assert await gapscan.when(symbol, WEDNESDAY, bus=bus) == found
    assert {stay.list for stay in await gapscan.when(symbol, bus=bus)} == {"losers"}
    assert [each.list for each in await kept(bus, await recorded_lists(bus))] == ["losers", "winners"]


async def test_who_is_in_a_list_when_it_is_removed_leaves_it(bus: Bus, nats_server: NatsServer) -> None:
    """Whether it came or was in from the start; on the day before it was in still, and others are in their lists."""
    await ensure_shared(bus, Retention())
    played = [await played_list(bus, name) for name in ("losers", "winners")]  # of the same symbols
    for name in ("losers", "winners"):
        await write_definition(bus, ListDefinition(name, "Some.", "volume > 0", ["change_percent"], 30, []))
    first = played[0].truth[0][1][0]
    async with recording(BusOptions(nats_server.url)) as recorder:
        for each in played:
            rows = [first, Row(symbol="AAA", price=1.0)]
            await each.step(61_000, rows)
            rows = [*rows, Row(symbol="BBB", price=1.0)]
            await each.step(3 * 86_400_000, rows)
            for symbol in ("CCC", "DDD"):  # moves are told when their minute is over
                await each.step(61_000, [*rows, Row(symbol=symbol, price=1.0)])
            await caught_up(recorder, each)
    still: Ends = {"losers": (None, None, False), "winners": (None, None, False)}
    symbols = (first["symbol"], "AAA", "BBB")
    for symbol in symbols:
        assert await _ends(bus, symbol) == still
    await remove_list(bus, "losers")
    gone = await (await TapeReader.open(bus, "losers")).end(), "removed", True
    assert gone[0] >= played[0].time - 61_000
    for symbol in symbols:
        assert await _ends(bus, symbol, MONDAY) == still | {"losers": gone}
        assert await _ends(bus, symbol, name="losers") == {"losers": gone}
    assert await _ends(bus, "AAA", FRIDAY) == still


async def _ends(bus: Bus, symbol: str, day: str = "today", name: str | None = None) -> Ends:
    """How its last stay in each list ended."""
    stays = await gapscan.when(symbol, day, name=name, bus=bus)
    return {stay.list: (stay.left, stay.reason, stay.uncertain) for stay in stays}
