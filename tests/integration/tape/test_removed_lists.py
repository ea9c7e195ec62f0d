"""A list that is not defined any more has its past, as long as the tape keeps it."""

from __future__ import annotations

import gapscan
from gapscan.bus.client import Bus, BusOptions
from gapscan.bus.definitions import write_definition
from gapscan.bus.topology import Retention, ensure_shared
from gapscan.client.history import kept
from gapscan.client.tape_lists import recorded_lists
from gapscan.protocol.messages import ListDefinition
from tests.support.nats import NatsServer
from tests.support.tape import START, played_list, recorded, recording

WEDNESDAY = "2026-11-25"  # Thursday is a holiday
TWO_DAYS = 2 * 86_400_000


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
