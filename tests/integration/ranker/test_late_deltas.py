"""What a writer of an earlier term sent may be stored when the next has begun: that costs no term, and stays exact."""

from __future__ import annotations

import asyncio
import datetime as dt
import random

import pytest

from gapscan.bus.client import Bus
from gapscan.bus.direct_get import get_from
from gapscan.bus.publisher import ListPublisher
from gapscan.bus.snapshots import read_snapshot
from gapscan.bus.topology import Retention, ensure_shared
from gapscan.client.api import Follower
from gapscan.errors import FencedError
from gapscan.lists.state import Copy, Fit
from gapscan.market.sessions import session_times
from gapscan.protocol.codec import decode_as
from gapscan.protocol.messages import Delta, Row
from gapscan.runtime import end
from tests.support.lists import some_rows
from tests.support.nats import NatsServer
from tests.support.stack import small_market
from tests.support.until import until

DAY = dt.date(2026, 3, 10)
TIMES = session_times(DAY)
MINUTE = 60_000


async def writer(bus: Bus, *, leads: bool) -> ListPublisher:
    publisher = ListPublisher(bus, "movers", leads=lambda: leads)
    await publisher.recover(Retention())
    return publisher


async def replayed(bus: Bus, publisher: ListPublisher) -> list[Row]:
    """What the stream makes of the list, delta by delta."""
    copy = Copy()
    copy.epoch = publisher.epoch
    for stored in await get_from(bus, bus.names.list_stream(publisher.name), 1, 1000):
        assert copy.apply(decode_as(Delta, stored.data), stored.sequence) is Fit.APPLIED
    assert copy.sequence == publisher.sequence
    return copy.rows


async def test_the_list_goes_on_behind_what_was_stored_late(bus: Bus) -> None:
    await ensure_shared(bus, Retention())
    dice, seen = random.Random(7), {}
    present = await writer(bus, leads=True)

    async def follow() -> None:
        async for view in Follower(bus, "movers").views():
            seen[view.sequence] = list(view.rows)

    following = asyncio.create_task(follow())
    late = 0
    try:
        for moment in range(1, 40):
            earlier = await writer(bus, leads=False)
            for _ in range(dice.randrange(3)):
                late += await earlier.publish(some_rows(dice), moment)
            rows = some_rows(dice)
            await present.publish(rows, moment)
            assert await replayed(bus, present) == present.rows == rows
        assert present.late == late > 10
        await until(lambda: present.sequence in seen, "the follower")
        assert seen[present.sequence] == present.rows
    finally:
        await end(following)


async def test_who_may_not_lead_any_more_takes_nothing_over(bus: Bus) -> None:
    await ensure_shared(bus, Retention())
    first, second = await writer(bus, leads=False), await writer(bus, leads=False)
    await first.publish([Row(symbol="A")], 1)
    with pytest.raises(FencedError):
        await second.publish([Row(symbol="B")], 1)
    assert (second.sequence, list(second.rows)) == (0, [])


async def test_what_is_no_delta_of_the_list_is_not_taken_over(bus: Bus) -> None:
    await ensure_shared(bus, Retention())
    publisher = await writer(bus, leads=True)
    await publisher.publish([Row(symbol="A")], 1)
    await bus.js.publish(bus.names.delta_subject("movers"), b"{}")
    with pytest.raises(FencedError):
        await publisher.publish([Row(symbol="B")], 2)


async def test_a_snapshot_that_was_stored_late_is_replaced(bus: Bus) -> None:
    await ensure_shared(bus, Retention())
    earlier, present = await writer(bus, leads=False), await writer(bus, leads=True)
    await earlier.publish([Row(symbol="A")], 1)
    await earlier.write_snapshot(simulated=True)
    await present.publish([Row(symbol="B")], 2)
    assert await present.write_snapshot(simulated=True)
    found = await read_snapshot(bus, "movers")
    assert found is not None
    assert (found.sequence, [row["symbol"] for row in found.rows]) == (2, ["B"])


async def test_it_costs_a_ranker_no_term(nats_server: NatsServer) -> None:
    async with small_market(nats_server.url, DAY, TIMES.regular + 5 * MINUTE, 200) as stack:
        await stack.load_reference()
        await stack.scan_at(TIMES.regular + 6 * MINUTE)
        epoch = stack.term.publishers["most_active"].epoch
        stray = ListPublisher(stack.bus, "most_active")
        await stray.recover(Retention())
        assert await stray.publish([Row(symbol="LATE"), *stray.rows[:3]], stray.as_of)
        await stack.scan_at(TIMES.regular + 8 * MINUTE)
        publisher, report = stack.term.publishers["most_active"], stack.report()
        assert (report["counts"]["terms"], report["counts"].get("terms_lost", 0)) == (1, 0)
        assert (publisher.epoch, publisher.late, report["lists"]["most_active"]["late"]) == (epoch, 1, 1)
        copy = Copy()
        copy.epoch = epoch
        for stored in await get_from(stack.bus, stack.bus.names.list_stream("most_active"), 1, 1000):
            assert copy.apply(decode_as(Delta, stored.data), stored.sequence) is Fit.APPLIED
        assert copy.rows == list(publisher.rows)
        assert "LATE" not in [row["symbol"] for row in copy.rows]
