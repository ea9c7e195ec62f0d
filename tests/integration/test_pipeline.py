"""Simulated market, feed, NATS and ranker together: what users of the lists are promised."""

from __future__ import annotations

import asyncio
import datetime as dt
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from msgspec import structs

from gapscan.bus import keyvalue
from gapscan.bus.client import BusOptions, connect
from gapscan.bus.definitions import read_definitions
from gapscan.bus.direct_get import get_from
from gapscan.bus.snapshots import read_snapshot
from gapscan.client.api import Follower, ListView
from gapscan.config import ServiceSection
from gapscan.lists.state import Copy, Fit
from gapscan.market.sessions import session_times
from gapscan.protocol import names
from gapscan.protocol.codec import decode_as, encode
from gapscan.protocol.messages import Delta, Lease, Row
from gapscan.ranker.service import Ranker
from gapscan.ranking.spec import shipped_lists
from gapscan.runtime import end
from gapscan.service.status import collect
from gapscan.sim.clock import ManualClock
from gapscan.sim.market import Market
from gapscan.sim.replay import ReplaySource
from gapscan.sim.server import SimServer
from tests.support.nats import NatsServer
from tests.support.stack import Stack, running, small_market
from tests.support.until import until

DAY = dt.date(2026, 3, 10)
TIMES = session_times(DAY)
MINUTE = 60_000


def six_hundred(nats_server: NatsServer, start: int = TIMES.regular - 5 * MINUTE) -> AbstractAsyncContextManager[Stack]:
    """Six hundred symbols, a few minutes before the open."""
    return small_market(nats_server.url, DAY, start, 600)


async def rows_of(stack: Stack, name: str) -> list[Row]:
    snapshot = await read_snapshot(stack.bus, name)
    assert snapshot is not None
    copy = Copy()
    copy.load(snapshot)
    return copy.rows


async def test_lists_turn_over_through_the_day(nats_server: NatsServer) -> None:
    async with six_hundred(nats_server) as stack:
        await stack.load_reference()
        await stack.scan_at(TIMES.regular - 2 * MINUTE)
        before = await rows_of(stack, "most_active")
        assert all(row["gap_indicative"] and row["session"] == "pre" for row in before)
        await stack.scan_at(TIMES.regular + 10 * MINUTE)
        active = await rows_of(stack, "most_active")
        assert len(active) > 50
        traded = [row["dollar_volume"] or 0 for row in active]
        assert traded == sorted(traded, reverse=True)
        assert traded[-1] > 0
        assert all(row["session"] == "regular" for row in active)
        await stack.scan_at(TIMES.post + 10 * MINUTE)
        assert await rows_of(stack, "gappers_up") != []  # closed: it stands as it was
        assert stack.report()["lists"]["gappers_up"]["state"] == "closed"
        assert stack.report()["lists"]["most_active"]["state"] == "live"


async def test_yesterdays_rows_never_show_as_todays(nats_server: NatsServer) -> None:
    async with six_hundred(nats_server, TIMES.regular + 30 * MINUTE) as stack:
        await stack.load_reference()
        await stack.scan_at(TIMES.regular + 31 * MINUTE)
        assert await rows_of(stack, "most_active") != []
        assert await rows_of(stack, "gappers_up") != []
        tomorrow = session_times(DAY + dt.timedelta(days=1))
        await stack.scan_at(tomorrow.clear + MINUTE)
        for name in shipped_lists().names:
            assert await rows_of(stack, name) == [], name
        await stack.scan_at(tomorrow.regular + 10 * MINUTE)
        for row in await rows_of(stack, "most_active"):
            assert row["price_time"] is not None
            assert row["price_time"] > tomorrow.pre


async def test_in_the_night_the_lists_stand(nats_server: NatsServer) -> None:
    """From 20:00 to the clear nothing of the day that is over moves, whatever is scanned."""
    async with six_hundred(nats_server, TIMES.closed - 30 * MINUTE) as stack:
        await stack.load_reference()
        await stack.scan_at(TIMES.closed - MINUTE)
        stood = {name: (await rows_of(stack, name)) for name in shipped_lists().names}
        assert stood["most_active"]
        sequences = {name: one["sequence"] for name, one in stack.report()["lists"].items()}
        for moment in (TIMES.closed, TIMES.closed + MINUTE, session_times(DAY + dt.timedelta(days=1)).clear - 1000):
            await stack.scan_at(moment)
            assert stack.report()["session"] == "night"
            assert {one["state"] for one in stack.report()["lists"].values()} == {"closed"}
        assert {name: one["sequence"] for name, one in stack.report()["lists"].items()} == sequences
        assert {name: (await rows_of(stack, name)) for name in shipped_lists().names} == stood


async def test_who_begins_in_the_evening_sees_how_the_day_ended(nats_server: NatsServer) -> None:
    async with six_hundred(nats_server, TIMES.closed + 30 * MINUTE) as stack:
        await stack.load_reference()
        await stack.scan_at(TIMES.closed + 31 * MINUTE)
        active = await rows_of(stack, "most_active")
        assert len(active) > 50
        assert stack.report()["lists"]["most_active"]["state"] == "closed"
        await stack.scan_at(session_times(DAY + dt.timedelta(days=1)).clear + MINUTE)
        assert await rows_of(stack, "most_active") == []


async def test_everything_says_simulated(nats_server: NatsServer) -> None:
    async with six_hundred(nats_server) as stack:
        await stack.load_reference()
        await stack.scan_at(TIMES.regular - MINUTE)
        snapshot = await read_snapshot(stack.bus, "most_active")
        assert snapshot is not None
        assert snapshot.simulated
        async for view in Follower(stack.bus, "most_active").views():
            if view.state == "live":
                assert view.simulated
                break
        assert stack.report()["simulated"]


async def test_a_quiet_market_is_not_a_lost_one(nats_server: NatsServer) -> None:
    """Nothing trades, but the feed says what time it is: the list's as_of moves, its sequence does not."""
    async with six_hundred(nats_server) as stack:
        await stack.load_reference()
        await stack.scan_at(TIMES.regular - MINUTE)
        views: list[ListView] = []

        async def follow() -> None:
            async for view in Follower(stack.bus, "most_active").views():
                views.append(view)

        tasks = [asyncio.create_task(follow()), asyncio.create_task(stack.feed.publish_clock())]
        try:
            await until(lambda: views and views[-1].state == "live", "a live view")
            first = views[-1]
            await until(lambda: views[-1].as_of >= first.as_of + 2000, "market time moving on")
            assert views[-1].sequence == first.sequence
            assert views[-1].rows == first.rows
        finally:
            await end(*tasks)


async def test_nothing_is_published_before_the_reference_data(nats_server: NatsServer) -> None:
    """Without it no symbol passes the gate: a list that was full would empty and fill again."""
    async with six_hundred(nats_server) as stack:
        stack.sim.faults.set("rest_status", endpoint="tickers", status=500)
        for _ in range(3):
            await stack.feed.scan()
        await until(lambda: stack.report()["waiting_for"] == "reference data", "the ranker waiting")
        assert stack.report()["lists"]["most_active"]["sequence"] == 0
        stack.sim.faults.clear()
        await until(lambda: stack.report()["lists"]["most_active"]["rows"] > 0, "the list")


async def test_a_restarted_ranker_continues_every_list(nats_server: NatsServer) -> None:
    async with six_hundred(nats_server) as stack:
        await stack.load_reference()
        for minute in range(4):
            await stack.scan_at(TIMES.regular + minute * MINUTE)
        before = stack.report()["lists"]
    async with six_hundred(nats_server, TIMES.regular + 4 * MINUTE) as stack:
        await until(lambda: stack.report()["role"] == "leader", "leading again")
        after = stack.report()["lists"]
        for name, status in after.items():
            assert status["epoch"] == before[name]["epoch"]
            assert status["sequence"] >= before[name]["sequence"]
            assert status["rows"] == before[name]["rows"], "rows came or went by a restart"
        await stack.scan_at(TIMES.regular + 5 * MINUTE)
        await stream_is_exact(stack, "most_active")


async def stream_is_exact(stack: Stack, name: str) -> None:
    """Every sequence is there, and the deltas from the first on lead to the snapshot."""
    stored = await get_from(stack.bus, names.DEFAULT.list_stream(name), 1, 10_000)
    assert [message.sequence for message in stored] == list(range(1, len(stored) + 1))
    copy = Copy()
    for message in stored:
        delta = decode_as(Delta, message.data)
        copy.epoch = copy.epoch or delta.epoch
        assert copy.apply(delta, message.sequence) is Fit.APPLIED
    assert copy.rows == await rows_of(stack, name)


async def test_a_second_ranker_stands_by_and_takes_over(nats_server: NatsServer) -> None:
    async with six_hundred(nats_server) as stack:
        await stack.load_reference()
        await stack.scan_at(TIMES.regular + MINUTE)
        async with connect(BusOptions(nats_server.url), "second") as bus:
            named = structs.replace(stack.config, service=ServiceSection(instance="second"))
            second = Ranker(bus, named, shipped_lists())
            job = asyncio.create_task(second.run())
            try:
                await until(lambda: second.report().get("leader"), "the second ranker seeing the first")
                assert second.report()["role"] == "standby"
                await stack.scan_at(TIMES.regular + 2 * MINUTE)
                assert second.report()["role"] == "standby"
                report = stack.report()["lists"]["most_active"]
                # As if the first had not been heard of for longer than its lease.
                await keyvalue.put(bus, names.DEFAULT.bucket_leases, "ranker", encode(Lease("ranker", "second/ranker")))
                await until(lambda: second.report()["role"] == "leader", "the second ranker leading")
                await stack.feed.scan()
                await until(lambda: second.report()["lists"].get("most_active", {}).get("rows"), "the list")
                assert second.report()["lists"]["most_active"]["epoch"] == report["epoch"]
                await until(lambda: stack.report()["role"] == "standby", "the first ranker standing by")
                stack.sim.clock.set(TIMES.regular + 5 * MINUTE)
                await stack.feed.scan()
                await until(
                    lambda: second.report()["lists"]["most_active"]["as_of"] > report["as_of"], "the list moving on"
                )
                await until(lambda: settled(second), "snapshots")
                await stream_is_exact(stack, "most_active")
            finally:
                await end(job)


def settled(ranker: Ranker) -> bool:
    term = ranker.term
    stored = term is not None and all(p.snapshot_sequence == p.sequence for p in term.publishers.values())
    return stored and term is not None and term.settled


async def test_status_tells_what_runs(nats_server: NatsServer) -> None:
    async with six_hundred(nats_server) as stack:
        report = await collect(stack.bus)
        assert not report.healthy
        assert report.problems


async def test_definitions_can_be_read_by_clients(nats_server: NatsServer) -> None:
    async with six_hundred(nats_server) as stack:
        shipped = {spec.name: spec.definition for spec in shipped_lists().specs}
        async with asyncio.timeout(20):
            while {definition.name: definition for definition in await read_definitions(stack.bus)} != shipped:
                await asyncio.sleep(0.01)


@pytest.mark.realdata
async def test_a_replay_ranks_the_same_at_the_same_market_times(tmp_path: Path, data_dir: Path) -> None:
    """Twice, with another rhythm of wall time and an extra market moved to and fro in between."""
    day = dt.date(2024, 2, 22)
    times = session_times(day)
    moments = [times.regular + minute * MINUTE for minute in (1, 2, 5, 30)] + [times.post + MINUTE]
    results = []
    for run in range(2):
        server = NatsServer(tmp_path / str(run))
        server.start()
        try:
            market = Market(ReplaySource(data_dir, day))
            async with SimServer(market, ManualClock(times.regular)) as sim, running(sim, server.url) as stack:
                await stack.load_reference()
                found = []
                for moment in moments:
                    await asyncio.sleep(0.1 * run)
                    await stack.scan_at(moment)
                    found.append({name: await rows_of(stack, name) for name in shipped_lists().names})
                results.append(found)
        finally:
            server.close()
    assert results[0] == results[1]
