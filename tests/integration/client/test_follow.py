"""The follower against a real server: exact through loss, doubling, trimming, new epochs and restarts."""

from __future__ import annotations

import asyncio
import random
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import pytest
from nats.aio.msg import Msg
from nats.errors import NoRespondersError
from nats.js.errors import APIError

import gapscan
from gapscan.bus.client import Bus, BusOptions, connect
from gapscan.bus.definitions import remove_list
from gapscan.bus.publisher import ListPublisher
from gapscan.bus.topology import Retention, list_names
from gapscan.client import replica
from gapscan.client.api import Follower, ListView
from gapscan.errors import BusError, ConfigError, UnknownListError
from gapscan.lists.delta import apply
from gapscan.protocol import names
from gapscan.protocol.codec import encode
from gapscan.protocol.messages import Delta, Heartbeat
from gapscan.runtime import end
from tests.support.lists import Published, publish_list
from tests.support.nats import NatsServer
from tests.support.until import until


class Collector:
    """Collects a follower's views."""

    def __init__(self, follower: Follower) -> None:
        self.follower = follower
        self.views: list[ListView] = []

    async def run(self) -> None:
        async for view in self.follower.views():
            self.views.append(view)

    @property
    def last(self) -> ListView:
        return self.views[-1]

    async def reaches(self, published: Published) -> None:
        """Wait for the published list's sequence, and compare everything that was shown on the way."""
        await until(lambda: self.views and self.last.sequence == published.publisher.sequence, "the follower's arrival")
        for view in self.views:
            if view.epoch == published.publisher.epoch and view.sequence in published.truth:
                assert list(view.rows) == published.truth[view.sequence], view.sequence


@asynccontextmanager
async def collecting(bus: Bus, name: str, kind: type[Follower] = Follower) -> AsyncIterator[Collector]:
    collector = Collector(kind(bus, name))
    task = asyncio.create_task(collector.run())
    try:
        await until(lambda: collector.views or task.done(), "the first view")
        if task.done():
            task.result()
        yield collector
    finally:
        await end(task)


async def test_snapshot_then_every_delta(bus: Bus) -> None:
    published = await publish_list(bus, "movers")
    await published.step(3)
    async with collecting(bus, "movers") as collector:
        await published.step(50)
        await collector.reaches(published)
        assert collector.last.link.snapshots == 1
        assert collector.last.link.mismatches == 0


async def test_joining_between_snapshot_and_stream_end(bus: Bus) -> None:
    published = await publish_list(bus, "movers")
    await published.step(5)
    await published.publisher.write_snapshot(False)
    await published.step(7)
    async with collecting(bus, "movers") as collector:
        assert collector.views[0].sequence == 12
        await collector.reaches(published)


async def test_state_and_label_come_from_heartbeats_and_silence_is_stale(bus: Bus) -> None:
    published = await publish_list(bus, "movers")
    async with collecting(bus, "movers") as collector:
        await published.beat()
        await until(lambda: len(states(collector)) == 3, "a live view, and a stale one after it")
        assert states(collector) == ["stale", "live", "stale"], "before a heartbeat, nothing says that the list is live"
        assert all(view.simulated for view in collector.views if view.state == "live")


def states(collector: Collector) -> list[str]:
    """The states that were shown, one after the other."""
    return [state for state, _ in groupby(view.state for view in collector.views)]


class LossyFollower(Follower):
    """A follower whose inbox loses, doubles and reorders messages: what a slow or broken link does."""

    dice = random.Random(5)
    held: Msg | None = None

    async def _on_message(self, message: Msg) -> None:
        fate = self.dice.random()
        if fate < 0.2:
            return
        if fate < 0.4 and self.held is None:
            self.held = message
            return
        await super()._on_message(message)
        if self.held is not None:
            held, self.held = self.held, None
            await super()._on_message(held)
        if fate > 0.9:
            await super()._on_message(message)


async def test_exact_through_loss_doubling_and_reordering(bus: Bus) -> None:
    published = await publish_list(bus, "movers")
    async with collecting(bus, "movers", LossyFollower) as collector:
        for _ in range(40):
            await published.step(5)
            await published.beat()
            await asyncio.sleep(0.002)
        for _ in range(20):
            await published.beat()
        await collector.reaches(published)
        assert collector.last.link.holes > 0
        assert collector.last.link.snapshots == 1


async def test_a_lost_last_delta_is_found_by_the_heartbeat(bus: Bus) -> None:
    class Deaf(Follower):
        async def _on_message(self, message: Msg) -> None:
            if message.subject.endswith(".heartbeat"):
                await super()._on_message(message)

    published = await publish_list(bus, "movers")
    async with collecting(bus, "movers", Deaf) as collector:
        await published.step(4)
        await published.beat()
        await collector.reaches(published)


async def test_trimmed_stream_takes_the_snapshot(bus: Bus) -> None:
    class Deaf(Follower):
        deaf = False

        async def _on_message(self, message: Msg) -> None:
            if not self.deaf:
                await super()._on_message(message)

    published = await publish_list(bus, "movers")
    await published.step(5)
    async with collecting(bus, "movers", Deaf) as collector:
        await collector.reaches(published)
        collector.follower.deaf = True  # type: ignore[attr-defined]
        await published.step(20)
        await published.publisher.write_snapshot(False)
        await bus.js.purge_stream(names.DEFAULT.list_stream("movers"), seq=18)
        await published.step(5)
        collector.follower.deaf = False  # type: ignore[attr-defined]
        await published.beat()
        await collector.reaches(published)
        assert collector.last.link.snapshots == 2


async def test_too_long_a_hole_takes_the_snapshot(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replica, "MAX_FILL", 10)

    class Deaf(Follower):
        async def _on_message(self, message: Msg) -> None:
            if message.subject.endswith(".heartbeat"):
                await super()._on_message(message)

    published = await publish_list(bus, "movers")
    async with collecting(bus, "movers", Deaf) as collector:
        await published.step(25)
        await published.publisher.write_snapshot(False)
        await published.beat()
        await collector.reaches(published)
        assert collector.last.link.snapshots == 2


async def test_new_epoch_is_taken_over(bus: Bus) -> None:
    published = await publish_list(bus, "movers")
    await published.step(10)
    async with collecting(bus, "movers") as collector:
        await collector.reaches(published)
        await bus.js.delete_stream(names.DEFAULT.list_stream("movers"))
        again = ListPublisher(bus, "movers")
        await again.recover(Retention())
        assert again.epoch != published.publisher.epoch
        reborn = Published(again, random.Random(3), {0: []})
        await reborn.step(4)
        await reborn.beat()
        await collector.reaches(reborn)
        assert collector.last.epoch == again.epoch


async def test_restart_of_the_server_is_waited_out(nats_server: NatsServer) -> None:
    async with connect(BusOptions(nats_server.url), "writer") as bus, connect(BusOptions(nats_server.url), "r") as mine:
        published = await publish_list(bus, "movers")
        await published.step(10)
        async with collecting(mine, "movers") as collector:
            await published.beat()
            await until(lambda: collector.last.state == "live", "a live view")
            await nats_server.restart(0.3)
            await until(lambda: collector.last.state == "stale", "a stale view")
            await until(lambda: bus.connected and mine.connected, "the links")
            await published.step(10)
            await published.beat()
            await collector.reaches(published)
            assert collector.last.link.snapshots == 1


async def test_a_forged_delta_is_repaired_from_the_snapshot(bus: Bus) -> None:
    """Something that gapscan did not write reaches the live subject: the copy stays what the stream says."""
    published = await publish_list(bus, "movers")
    await published.step(6)
    async with collecting(bus, "movers") as collector:
        await collector.reaches(published)
        sequence = published.publisher.sequence
        forged = Delta("movers", published.publisher.epoch, sequence, 1, [], 99, 1)
        headers = {names.HEADER_SEQUENCE: str(sequence + 1)}
        await bus.nc.publish(names.DEFAULT.live_subject("movers"), encode(forged), headers=headers)
        await bus.nc.publish(names.DEFAULT.live_subject("movers"), b"{nonsense", headers=headers)
        await until(lambda: collector.last.link.malformed == 1, "the count")
        await published.step(3)
        await collector.reaches(published)
        assert collector.last.link.mismatches == 1


async def test_delta_since_leads_from_view_to_view(bus: Bus) -> None:
    published = await publish_list(bus, "movers")
    async with collecting(bus, "movers") as collector:
        await published.step(30)
        await collector.reaches(published)
    for earlier, later in zip(collector.views, collector.views[2:], strict=False):
        delta = later.delta_since(earlier)
        assert apply(earlier.rows, delta.changes) == list(later.rows)
        assert (delta.prev, delta.sequence) == (earlier.sequence, later.sequence)


async def test_views_do_not_change_afterwards(bus: Bus) -> None:
    published = await publish_list(bus, "movers")
    async with collecting(bus, "movers") as collector:
        await published.step(20)
        await collector.reaches(published)
        frozen = [replace(view, rows=tuple(dict(row) for row in view.rows)) for view in collector.views]  # type: ignore[misc]
        await published.step(20)
        await collector.reaches(published)
    assert [view.rows for view in frozen] == [view.rows for view in collector.views[: len(frozen)]]


async def test_unknown_list_and_bad_name(bus: Bus, nats_server: NatsServer) -> None:
    with pytest.raises(UnknownListError, match="no list named nothing"):
        async for _ in gapscan.follow("nothing", nats=nats_server.url):
            pass
    with pytest.raises(ConfigError, match="cannot name a list"):
        gapscan.follow("Not A Name")


async def test_unreachable_server_is_said_at_once() -> None:
    with pytest.raises(BusError, match="cannot reach NATS"):
        async for _ in gapscan.follow("movers", nats="nats://127.0.0.1:1"):
            pass


@pytest.mark.parametrize("url", ["nats://localhost:abc", "localhost", "", "http://127.0.0.1:4222", "nats://"])
async def test_a_wrong_url_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ConfigError, match="NATS URL"):
        async for _ in gapscan.follow("movers", nats=url):
            pass

    def script() -> None:
        for _ in gapscan.follow("movers", nats=url):
            pass

    with pytest.raises(ConfigError):
        await asyncio.to_thread(script)
    with pytest.raises(ConfigError) as caught:
        async for _ in gapscan.follow("movers", nats="nats://me:hush@host:port"):
            pass
    assert "hush" not in str(caught.value)


async def test_several_servers_may_be_named(nats_server: NatsServer) -> None:
    """One of them is down: the other is found."""
    async with connect(BusOptions(f"nats://127.0.0.1:1,{nats_server.url}"), "test") as bus:
        assert bus.connected


async def test_iterating_in_a_script_without_an_event_loop(bus: Bus, nats_server: NatsServer) -> None:
    published = await publish_list(bus, "movers")
    await published.step(5)

    def script() -> list[ListView]:
        seen = []
        for view in gapscan.follow("movers", nats=nats_server.url):
            seen.append(view)
            if view.sequence >= 8:
                return seen
        return seen

    running = asyncio.create_task(asyncio.to_thread(script))
    await asyncio.sleep(0.2)
    await published.step(5)
    seen = await asyncio.wait_for(running, 20)
    for view in seen:
        assert list(view.rows) == published.truth[view.sequence]


async def test_errors_reach_the_script(nats_server: NatsServer) -> None:
    def script() -> None:
        for _ in gapscan.follow("nothing", nats=nats_server.url):
            pass

    with pytest.raises(UnknownListError):
        await asyncio.to_thread(script)


async def test_a_reader_with_the_least_permissions_stays_exact(tmp_path: Path) -> None:
    server = NatsServer(tmp_path, accounts=True)
    server.start()
    try:
        async with (
            connect(server.services, "writer") as writing,
            connect(server.reader, "reader") as reading,
        ):
            published = await publish_list(writing, "movers")
            await published.step(3)
            async with collecting(reading, "movers", LossyFollower) as collector:
                await published.step(50)
                for _ in range(20):
                    await published.beat()
                await collector.reaches(published)
                assert collector.last.link.holes > 0
            with pytest.raises((TimeoutError, APIError, NoRespondersError)):
                await reading.js.publish(names.DEFAULT.delta_subject("movers"), b"forged", timeout=0.3)
            with pytest.raises(BusError):
                await remove_list(reading, "movers")
            assert await list_names(writing) == {"movers"}
    finally:
        server.close()


async def test_wrong_credentials_are_refused_with_a_remedy(tmp_path: Path) -> None:
    server = NatsServer(tmp_path, accounts=True)
    server.start()
    try:
        with pytest.raises(BusError, match="refuses these credentials") as caught:
            async with connect(BusOptions(server.url, "reader", "wrong"), "reader"):
                pass
        assert "wrong" not in str(caught.value)
    finally:
        server.close()


def put_back(server: NatsServer, saved: Path) -> None:
    shutil.rmtree(server.data / "nats")
    shutil.copytree(saved, server.data / "nats")


async def test_a_zombies_heartbeats_are_not_believed(bus: Bus) -> None:
    published = await publish_list(bus, "movers")
    zombie = Heartbeat("movers", published.publisher.epoch, 0, 0, "stale", simulated=True)
    async with collecting(bus, "movers") as collector:
        for _ in range(20):
            await published.step(2)
            await published.beat()
            for _ in range(2):
                await bus.nc.publish(names.DEFAULT.heartbeat_subject("movers"), encode(zombie))
        await collector.reaches(published)
        await until(lambda: collector.last.as_of == published.publisher.sequence, "the last heartbeat")
        assert states(collector) == ["stale", "live"]
        assert [view.as_of for view in collector.views] == sorted(view.as_of for view in collector.views)
        assert collector.last.link.snapshots == 1


@pytest.mark.parametrize("passes", [False, True])
async def test_a_store_that_went_back_is_followed_back(nats_server: NatsServer, passes: bool) -> None:
    """The list goes on in the same epoch at sequences that followers have passed: they need not wait to be passed,
    and where they are at once, take nothing of the one past for the other's."""
    async with connect(BusOptions(nats_server.url), "writer") as bus, connect(BusOptions(nats_server.url), "r") as link:
        published = await publish_list(bus, "movers")
        await published.step(10)
        await published.publisher.write_snapshot(False)
        nats_server.close()
        saved = nats_server.data / "saved"
        shutil.copytree(nats_server.data / "nats", saved)
        nats_server.start()
        await until(lambda: bus.connected and link.connected, "the links")
        await until(lambda: stored_step(published), "JetStream")
        async with collecting(link, "movers") as collector:
            await published.step(20)
            await collector.reaches(published)
            reached = collector.last.sequence
            nats_server.close()
            put_back(nats_server, saved)
            nats_server.start()
            await until(lambda: bus.connected and link.connected, "the links")
            again = Published(await recovered(bus), random.Random(9), {10: published.truth[10]})
            assert (again.publisher.epoch, again.publisher.sequence) == (published.publisher.epoch, 10)
            await again.step(30 if passes else 2)
            while collector.last.sequence != again.publisher.sequence:
                await again.beat()
                await asyncio.sleep(0.05)
            assert (again.publisher.sequence > reached) is passes
            assert list(collector.last.rows) == again.truth[again.publisher.sequence]
            assert collector.last.link.rewinds == 1
            first, last = collector.views[0], collector.last
            assert not last.continues(first)
            assert last.delta_since(first).prev == 0


async def stored_step(published: Published) -> bool:
    try:
        await published.step()
    except BusError:
        return False
    return True


async def recovered(bus: Bus) -> ListPublisher:
    """A ranker's publisher that starts when the server answers again."""
    publisher = ListPublisher(bus, "movers")
    while True:
        try:
            await publisher.recover(Retention())
        except BusError:
            await asyncio.sleep(0.1)
        else:
            return publisher
