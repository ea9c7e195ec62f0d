"""What browsers see of the lists, over real sockets: exact at every sequence, through restarts and new epochs."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from itertools import pairwise

import pytest
from nats.errors import NoRespondersError

from gapscan.bridge import server
from gapscan.bridge.history import Position
from gapscan.bus.client import Bus
from gapscan.bus.definitions import write_definition
from gapscan.bus.publisher import ListPublisher
from gapscan.bus.topology import Retention
from gapscan.client.api import Follower, LinkStats
from gapscan.errors import BusError
from gapscan.protocol import names
from gapscan.protocol.codec import decode, encode
from gapscan.protocol.codes import SHUTDOWN
from gapscan.protocol.messages import Bars, Delta, ListDefinition, Row, Snapshot
from gapscan.protocol.websocket import Aggregate, Beat, Error, Hello, Lists
from gapscan.service import all_lists
from tests.support.bridge import Served, browsing, defined_list, running_bridge, wide_list
from tests.support.lists import Published
from tests.support.nats import NatsServer


@pytest.fixture(autouse=True)
def _quick_beats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "HEARTBEAT_SECONDS", 0.1)
    monkeypatch.setattr(all_lists, "REREAD_SECONDS", 0.1)


@pytest.mark.usefixtures("each_writer")
async def test_greeting_snapshot_deltas_heartbeats(served: Served, movers: Published) -> None:
    async with browsing(served, movers) as browser:
        await browser.reaches(movers)
        hello, lists, first = browser.seen[:3]
        assert isinstance(hello, Hello)
        assert (hello.window, hello.auth) == (0.02, False)
        assert isinstance(lists, Lists)
        assert [info.name for info in lists.lists] == ["movers"]
        assert isinstance(first, Snapshot)
        for _ in range(60):
            await movers.step()
            await asyncio.sleep(0.005)
        await browser.reaches(movers)
        assert browser.sequences == sorted(set(browser.sequences))
        await movers.beat()
        await browser.until(lambda: browser.of(Beat)[-1].lists["movers"].state == "live", "a live heartbeat")
        beat = browser.of(Beat)[-1]
        assert beat.simulated
        assert (beat.lists["movers"].epoch, beat.lists["movers"].sequence) == (movers.publisher.epoch, 65)


@pytest.mark.usefixtures("each_writer")
async def test_lone_changes_come_one_by_one(served: Served, movers: Published) -> None:
    async with browsing(served, movers) as browser:
        await browser.reaches(movers)
        for _ in range(10):
            await movers.step()
            await browser.reaches(movers)
        assert browser.sequences == list(range(5, movers.publisher.sequence + 1))


@pytest.mark.usefixtures("each_writer")
async def test_resume_from_a_sequence(served: Served, movers: Published) -> None:
    async with browsing(served, movers) as browser:
        await browser.reaches(movers)
        await browser.close()
        await movers.step(3)
        browser.seen.clear()
        await browser.open()
        await browser.subscribe("movers")
        await browser.reaches(movers)
        await browser.close()
        browser.seen.clear()
        await browser.open()
        await browser.subscribe("movers")
        answer = await browser.gets(Delta)
        assert (answer.prev, answer.sequence, answer.changes) == (8, 8, [])
        assert not browser.of(Snapshot)


@pytest.mark.usefixtures("each_writer")
async def test_what_is_little_comes_as_a_delta(bus: Bus, served: Served) -> None:
    wide = await wide_list(bus)
    await wide.step()
    await served.knows("wide")
    async with browsing(served, wide) as browser:
        await browser.reaches(wide)
        await browser.close()
        await wide.step(2)
        await browser.open()
        await browser.subscribe("wide")
        await browser.reaches(wide)
        await wide.step(20)
        await browser.reaches(wide)
        assert len(browser.of(Snapshot)) == 1


@pytest.mark.parametrize("have", [{"epoch": "other", "last_sequence": 5}, {"epoch": None}, {"last_sequence": 10**9}])
async def test_a_resume_from_nowhere_is_a_snapshot(served: Served, movers: Published, have: dict[str, object]) -> None:
    async with browsing(served) as browser:
        browser.truth["movers"] = movers
        wanted = {"list": "movers", "epoch": movers.publisher.epoch, "last_sequence": 5, **have}
        await browser.send(action="subscribe", lists=[wanted])
        await browser.gets(Snapshot)
        await browser.reaches(movers)


@pytest.mark.usefixtures("each_writer")
async def test_resync_and_unsubscribe(bus: Bus, served: Served, movers: Published) -> None:
    other = await defined_list(bus, "other", seed=2)
    await served.knows("other")
    async with browsing(served, movers, other) as browser:
        await browser.reaches(movers)
        await browser.reaches(other)
        await browser.send(action="resync", list="movers")
        await browser.gets(Snapshot, 3)
        await browser.send(action="resync", list="movers", epoch=movers.publisher.epoch, last_sequence=5)
        assert (await browser.gets(Delta)).changes == []
        assert served.counts["resyncs"] == 2
        await browser.send(action="unsubscribe", lists=["movers", "nothing"])
        await browser.send(action="resync", list="movers")
        assert (await browser.gets(Error)).code == "not_subscribed"
        for _ in range(3):
            await movers.step()
            await other.step()
            await browser.reaches(other)
        assert browser.copies["movers"].sequence == 5


@pytest.mark.usefixtures("each_writer")
async def test_several_lists_and_one_that_is_not(bus: Bus, served: Served, movers: Published) -> None:
    other = await defined_list(bus, "other", seed=2)
    await other.step(4)
    await served.knows("other")
    async with browsing(served, movers, other) as browser:
        await browser.subscribe("nothing")
        error = await browser.gets(Error)
        assert (error.code, error.retry, error.list) == ("unknown_list", False, "nothing")
        for _ in range(20):
            await movers.step()
            await other.step()
        await browser.reaches(movers)
        await browser.reaches(other)


@pytest.mark.usefixtures("each_writer")
async def test_lists_come_and_go(bus: Bus, served: Served, movers: Published) -> None:
    async with browsing(served, movers) as browser:
        await browser.reaches(movers)
        await write_definition(bus, ListDefinition("later", "", "price > 0", ["-price"], 10, []))
        told = await browser.gets(Lists, 2)
        assert [info.name for info in told.lists] == ["later", "movers"]
        await browser.subscribe("later")  # defined, not published yet: the answer comes when there is one
        later = await defined_list(bus, "later", seed=3)
        await later.step(2)
        browser.truth["later"] = later
        await browser.reaches(later)
        await bus.js.purge_stream(
            f"KV_{names.DEFAULT.bucket_lists}", subject=f"$KV.{names.DEFAULT.bucket_lists}.movers"
        )
        assert (await browser.gets(Error)).list == "movers"
        assert [info.name for info in browser.of(Lists)[-1].lists] == ["later"]
        await browser.send(action="lists")
        told = len(browser.of(Lists))
        await browser.gets(Lists, told + 1)
        await later.step()
        await browser.reaches(later)


@pytest.mark.usefixtures("each_writer")
async def test_a_new_epoch_is_a_snapshot(bus: Bus, served: Served, movers: Published) -> None:
    async with browsing(served, movers) as browser:
        await browser.reaches(movers)
        await bus.js.delete_stream(names.DEFAULT.list_stream("movers"))
        again = ListPublisher(bus, "movers")
        await again.recover(Retention())
        reborn = Published(again, random.Random(3), {0: []})
        browser.truth["movers"] = reborn
        await reborn.step(3)
        await again.write_snapshot(False)
        await reborn.beat()
        await browser.reaches(reborn)
        assert again.epoch != movers.publisher.epoch


@pytest.mark.usefixtures("each_writer")
async def test_bridge_restart(nats_server: NatsServer, movers: Published) -> None:
    async with running_bridge(nats_server.url) as first:
        await first.knows("movers")
        port = first.port
        async with browsing(first, movers) as browser:
            await browser.reaches(movers)
            await movers.step(3)
            await browser.reaches(movers)
            browser.seen.clear()
            # leaves the bridge's block below with the client connected
            keep, browser.ws, reading = browser.ws, None, browser.reading
            browser.reading = None
    assert reading is not None
    await reading
    assert keep is not None
    assert browser.close_code == SHUTDOWN.code
    await movers.step(2)
    async with running_bridge(nats_server.url, port):
        await browser.open()  # before the bridge knows any list: the answer comes when it does
        await browser.subscribe("movers")
        await browser.reaches(movers)
        await movers.step(2)
        await browser.reaches(movers)
        await browser.close()


async def test_nats_restart(bus: Bus, served: Served, nats_server: NatsServer) -> None:
    wide = await wide_list(bus)
    await wide.step(2)
    await served.knows("wide")
    async with browsing(served, wide) as browser:
        await browser.reaches(wide)
        await wide.beat()
        await browser.until(lambda: browser.of(Beat) and browser.of(Beat)[-1].lists["wide"].state == "live", "live")
        await asyncio.to_thread(nats_server.kill)
        await browser.until(lambda: browser.of(Beat)[-1].lists["wide"].state == "stale", "a stale heartbeat")
        status, _, body = await served.get("/readyz")
        assert (status, '"nats_connected": false' in body) == (503, True)
        assert '"why": "NATS does not answer"' in body
        assert (await served.get("/healthz"))[0] == 200  # to start it again would help nobody
        await asyncio.to_thread(nats_server.start)
        await browser.until(lambda: served.bridge.conditions()["nats_connected"], "the link")
        await _publishing(wide)
        await browser.reaches(wide)
        assert len(browser.of(Snapshot)) == 1


async def _publishing(published: Published) -> None:
    """Publish again, once the test's own link is back."""
    async with asyncio.timeout(20):
        while True:
            try:
                await published.step()
            except BusError:
                await asyncio.sleep(0.05)
            else:
                return


async def test_two_bridges_show_the_same(nats_server: NatsServer, served: Served, movers: Published) -> None:
    async with running_bridge(nats_server.url) as other:
        await other.knows("movers")
        async with browsing(served, movers) as here, browsing(other, movers) as there:
            await movers.step(30)
            await here.reaches(movers)
            await there.reaches(movers)
            assert here.copies["movers"].rows == there.copies["movers"].rows
            await here.close()
            here.url = there.url  # a client of one is taken by the other
            await here.open()
            await here.subscribe("movers")
            await movers.step(3)
            await here.reaches(movers)


async def test_a_bridge_waits_for_nats(nats_server: NatsServer, movers: Published) -> None:
    await asyncio.to_thread(nats_server.kill)
    async with running_bridge(nats_server.url) as served:
        assert (await served.get("/healthz"))[0] == 200
        assert (await served.get("/readyz"))[0] == 503
        async with browsing(served, movers) as browser:
            await browser.gets(Hello)
            await asyncio.to_thread(nats_server.start)
            await browser.reaches(movers)


@pytest.mark.usefixtures("each_writer")
async def test_aggregates_are_for_those_who_ask(bus: Bus, served: Served, movers: Published) -> None:
    await movers.publisher.publish([Row(symbol="AAA", price=1.0)], 6)
    movers.truth[6] = [Row(symbol="AAA", price=1.0)]
    async with browsing(served, movers) as asking, browsing(served, movers) as other:
        await asking.reaches(movers)
        assert not await bars_are_heard(bus)
        await asking.send(action="aggregates", on=True)
        while not await bars_are_heard(bus):
            await asyncio.sleep(0.01)
        bars = Bars(
            simulated=True, symbols=["AAA", "BBB"], start=[0, 0], end=[7, 7], open=[1.0, 1.0], high=[1.0, 1.0],
            low=[1.0, 1.0], close=[2.5, 2.5], volume=[5.0, 5.0], day_volume=[9.0, 9.0], day_open=[None, None],
            day_vwap=[2.25, None],
        )  # fmt: skip
        await bus.nc.publish(names.DEFAULT.feed_bars, encode(bars))
        await bus.nc.publish(names.DEFAULT.feed_bars, b"nonsense")
        got = await asking.gets(Aggregate)
        assert (got.symbol, got.data) == ("AAA", {"price": 2.5, "price_time": 7, "volume": 9, "vwap": 2.25})
        await asking.send(action="aggregates", on=False)
        await movers.step()
        await asking.reaches(movers)
        await other.reaches(movers)
        assert len(asking.of(Aggregate)) == 1
        assert not other.of(Aggregate)
        assert served.counts["bad_bars"] == 1
        while await bars_are_heard(bus):
            await asyncio.sleep(0.01)


async def bars_are_heard(bus: Bus) -> bool:
    """Whether anybody subscribes to the feed's bars: the server says at once when nobody does."""
    nothing = Bars(True, [], [], [], [], [], [], [], [], [], [], [])
    try:
        await bus.nc.request(names.DEFAULT.feed_bars, encode(nothing), timeout=0.1)
    except NoRespondersError:
        return False
    except TimeoutError:
        return True
    raise AssertionError("bars are answered")


async def test_a_subscription_gets_a_heartbeat_at_once(
    served: Served, movers: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "HEARTBEAT_SECONDS", 1e6)
    await movers.beat()
    await asyncio.sleep(0.3)  # the last one in turn
    async with browsing(served, movers) as browser:
        beat = await browser.gets(Beat)
        assert (beat.lists["movers"].epoch, beat.lists["movers"].sequence) == (movers.publisher.epoch, 5)
        kinds = [type(message) for message in browser.seen]
        assert kinds.index(Beat) > kinds.index(Snapshot)


async def test_a_list_that_went_back_begins_anew_for_browsers(served: Served, movers: Published) -> None:
    """Its store lost the newest deltas: what a browser has of the other past leads to nothing."""
    async with browsing(served, movers) as browser:
        await browser.reaches(movers)
        view = Follower(served.bridge._bus, "movers").view()  # type: ignore[arg-type]
        before = replace(view, epoch="e", sequence=9, rows=({"symbol": "A"},))
        after = replace(before, sequence=8, rows=({"symbol": "B"},), link=LinkStats(rewinds=1))
        beyond = replace(after, sequence=10)
        for earlier, later in pairwise((view, before, after, beyond)):
            served.bridge.on_view(earlier, later)
        position = served.bridge.bridge.versions.position("movers")
        assert position is not None
        assert position.sequence == 10
        assert position.epoch != "e"
        history = served.bridge.bridge.versions.histories["movers"]
        message = history.message_for(Position("e", 9))
        assert message is not None
        assert isinstance(decode(message.payload), Snapshot)
