"""Two feeds on one account with one stream: one leads, the other stands by, and what a feed says late is refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from msgspec import structs

from gapscan.bus.client import Bus, BusOptions, connect
from gapscan.bus.direct_get import get_last
from gapscan.bus.lease import LeaseHolder
from gapscan.config import ServiceSection
from gapscan.errors import BusError, FencedError
from gapscan.feed.publisher import FeedPublisher, NotLeadingError
from gapscan.feed.service import Feed
from gapscan.obs import Tally, logger
from gapscan.polygon.supervisor import LinkOptions
from gapscan.protocol import names
from gapscan.protocol.codec import decode_as, encode
from gapscan.protocol.messages import Halts, UniverseFrame
from gapscan.runtime import end
from gapscan.service.reporting import reporting
from gapscan.service.status import StatusReport, collect
from gapscan.sim import SimServer
from tests.support.hot_set import Writer
from tests.support.nats import NatsServer
from tests.support.rig import QUICK, market
from tests.support.stack import config_for, provider_on
from tests.support.until import until

LEASE = 1.0
SYMBOLS = 25


@dataclass
class Lead:
    """A claim as a test wants it."""

    in_force: bool = True
    confirmed: bool = True
    asked: int = field(default=0)

    async def confirm(self) -> bool:
        self.asked += 1
        return self.confirmed


async def last_sequence(bus: Bus, stream: str) -> int:
    return (await bus.js.stream_info(stream)).state.last_seq


async def test_who_is_not_certain_says_nothing(bus: Bus) -> None:
    lead = Lead(in_force=False)
    publisher = FeedPublisher(bus, Tally(logger("feed")), lead)
    with pytest.raises(NotLeadingError):
        await publisher.send(names.DEFAULT.feed_bars, b"bars")
    with pytest.raises(NotLeadingError):
        await publisher.store(names.DEFAULT.feed_halts, b"halts")
    assert await last_sequence(bus, names.DEFAULT.stream_halts) == 0
    lead.in_force = True
    await publisher.store(names.DEFAULT.feed_halts, b"halts")
    assert await last_sequence(bus, names.DEFAULT.stream_halts) == 1


async def test_what_another_feed_stored_fences_one_that_lost_the_lease(bus: Bus) -> None:
    """It believes that it leads: the sequence knows better, and asked, NATS says so."""
    lead = Lead(confirmed=False)
    tally = Tally(logger("feed"))
    zombie, leader = FeedPublisher(bus, tally, lead), FeedPublisher(bus, tally)
    overtaken = asyncio.create_task(zombie.until_overtaken())
    await zombie.store(names.DEFAULT.feed_universe, b"old")
    await leader.store(names.DEFAULT.feed_universe, b"new")
    with pytest.raises(FencedError):
        await zombie.store(names.DEFAULT.feed_universe, b"older")
    with pytest.raises(FencedError):
        await overtaken
    stored = await get_last(bus, names.DEFAULT.stream_universe, names.DEFAULT.feed_universe)
    assert stored is not None
    assert (stored.sequence, stored.data) == (2, b"new")
    await leader.store(names.DEFAULT.feed_universe, b"newer")


async def test_who_leads_writes_after_what_a_late_one_left(bus: Bus) -> None:
    lead = Lead()
    publisher = FeedPublisher(bus, Tally(logger("feed")), lead)
    await publisher.store(names.DEFAULT.feed_halts, b"1")
    await bus.js.publish(names.DEFAULT.feed_halts, b"of a feed that led before")
    await publisher.store(names.DEFAULT.feed_halts, b"2")
    assert lead.asked == 1
    assert await last_sequence(bus, names.DEFAULT.stream_halts) == 3


async def test_a_stream_that_is_gone_is_an_error_and_one_made_anew_is_written_to(bus: Bus) -> None:
    publisher = FeedPublisher(bus, Tally(logger("feed")), Lead())
    await publisher.store(names.DEFAULT.feed_halts, b"1")
    info = await bus.js.stream_info(names.DEFAULT.stream_halts)
    await bus.js.delete_stream(names.DEFAULT.stream_halts)
    with pytest.raises(BusError):
        await publisher.store(names.DEFAULT.feed_halts, b"2")
    await bus.js.add_stream(info.config)
    await publisher.store(names.DEFAULT.feed_halts, b"3")
    assert await last_sequence(bus, names.DEFAULT.stream_halts) == 1


async def test_certainty_ends_before_the_lease_does(bus: Bus) -> None:
    first, second = (LeaseHolder(bus, "feed", name, 1.2, patient=True) for name in ("first", "second"))
    assert not first.in_force
    assert await first.try_acquire()
    assert first.in_force
    assert second.unrenewed == 0.0
    assert not await second.try_acquire()
    await until(second.try_acquire, "the second one's turn")
    assert second.in_force
    assert not first.in_force, "it is certain while another holds the lease"
    assert not await first.renew()
    assert first.held_by == "second"


async def test_a_patient_holder_outlasts_nats(nats_server: NatsServer, bus: Bus) -> None:
    holder = LeaseHolder(bus, "feed", "first", 1.0, patient=True)
    assert await holder.try_acquire()
    keeping = asyncio.create_task(holder.keep())
    try:
        await nats_server.restart(2.0)
        assert not holder.in_force
        await until(lambda: holder.in_force, "the lease again")
        assert not keeping.done()
    finally:
        await end(keeping)


@dataclass
class Rival:
    """A feed in this process, with a connection of its own."""

    bus: Bus
    feed: Feed
    tally: Tally
    task: asyncio.Task[None]

    @property
    def role(self) -> str:
        return str(self.feed.report()["role"])

    @property
    def live(self) -> bool:
        report = self.feed.report()
        return report["role"] == "leader" and bool(report["last_scan"]) and report["hot"]["confirmed"] == SYMBOLS


@asynccontextmanager
async def rival(nats: NatsServer, sim: SimServer, name: str) -> AsyncIterator[Rival]:
    config = config_for(nats.url, sim, discovery_interval=0.3, details_per_second=0.0, baseline_sessions=1)
    config = structs.replace(config, service=ServiceSection(instance=name))
    async with connect(BusOptions(nats.url), name) as bus:
        tally = Tally(logger("feed"))
        feed = Feed(bus, provider_on(sim, tally, link=LinkOptions(**QUICK)), config, tally)
        async with reporting(bus, "feed", feed.report):
            task = asyncio.create_task(feed.run())
            try:
                yield Rival(bus, feed, tally, task)
            finally:
                await end(task)


async def feed_problems(bus: Bus) -> list[str]:
    report: StatusReport = await collect(bus)
    assert "feed" in report.services
    return [problem for problem in report.problems if "feed" in problem]


async def test_one_leads_and_the_next_takes_over_when_it_ends(bus: Bus, nats_server: NatsServer) -> None:
    async with market(kick="old") as sim:
        await Writer(bus).send("subscribe", *sim.market.symbols[:SYMBOLS])
        async with rival(nats_server, sim, "first") as first:
            await until(lambda: first.live, "the first feed")
            async with rival(nats_server, sim, "second") as second:
                await until(lambda: second.feed.report().get("leader") == "first/feed", "a standby")
                assert await feed_problems(bus) == []
                scans, sessions = first.tally.counts["scans"], sim.stats.stream.connections
                await until(lambda: first.tally.counts["scans"] > scans + 2, "scans")
                assert sim.stats.stream.connections == sessions, "the standby opened a session"
                assert not second.tally.counts["scans"]
                await end(first.task)
                await until(lambda: second.live, "the second feed")
                assert await feed_problems(bus) == []
                assert sim.stats.stream.rejected == 0, "the two took the stream from each other"


async def test_scans_are_numbered_on_by_the_next_feed(bus: Bus, nats_server: NatsServer) -> None:
    """Parts are put together by the number of their scan: no number may come twice."""
    heard: list[UniverseFrame] = []

    async def hear(message) -> None:  # type: ignore[no-untyped-def]
        heard.append(decode_as(UniverseFrame, message.data))

    await bus.nc.subscribe(names.DEFAULT.feed_universe, cb=hear)
    async with market() as sim:
        for name in ("first", "second"):
            before = len(heard)
            async with rival(nats_server, sim, name):
                await until(lambda before=before: len(heard) >= before + 3, "scans")  # type: ignore[misc]
    numbers = [frame.frame for frame in heard if frame.part == 1]
    assert numbers == list(range(1, len(numbers) + 1))


async def test_a_feed_whose_lease_is_taken_lets_go_of_the_stream(bus: Bus, nats_server: NatsServer) -> None:
    """Somebody else has the lease, whoever that is: the feed's session ends, and none is opened."""
    async with market(kick="old") as sim, rival(nats_server, sim, "first") as first:
        await Writer(bus).send("subscribe", *sim.market.symbols[:SYMBOLS])
        await until(lambda: first.live, "the first feed")
        other = LeaseHolder(bus, "feed", "other", 60.0)
        await until(lambda: _taken(bus, other), "the lease")
        await until(lambda: first.role == "standby", "standing by")
        await until(lambda: sim.stats.stream.open == 0, "the end of its session")
        scans = first.tally.counts["scans"]
        await asyncio.sleep(3 * LEASE)
        assert first.tally.counts["scans"] == scans
        assert sim.stats.stream.open == 0
        assert [problem[:14] for problem in await feed_problems(bus)] == ["no feed leads:"], (
            "the other one never renews"
        )


async def _taken(bus: Bus, other: LeaseHolder) -> bool:
    stored = await get_last(
        bus, names.bucket_stream(names.DEFAULT.bucket_leases), names.key_subject(names.DEFAULT.bucket_leases, "feed")
    )
    return stored is not None and await other._write("other", stored.sequence)


async def test_halts_of_a_late_feed_change_nothing(bus: Bus) -> None:
    """The book of halts that a next feed begins with is the leader's."""
    tally = Tally(logger("feed"))
    late, leader = FeedPublisher(bus, tally, Lead(confirmed=False)), FeedPublisher(bus, tally)
    old = Halts(as_of=1, simulated=True, symbols=["A"], status=["halted"], time=[1])
    await late.store(names.DEFAULT.feed_halts, encode(old))
    await leader.store(names.DEFAULT.feed_halts, encode(structs.replace(old, as_of=2, status=["resumed"])))
    with pytest.raises(FencedError):
        await late.store(names.DEFAULT.feed_halts, encode(structs.replace(old, as_of=3)))
    stored = await get_last(bus, names.DEFAULT.stream_halts, names.DEFAULT.feed_halts)
    assert stored is not None
    assert decode_as(Halts, stored.data).status == ["resumed"]
