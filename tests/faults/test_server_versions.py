"""What gapscan needs of a nats-server, in one go: with `NATS_SERVER=/path/to/nats-server` of another version than the
one that is installed. docs/compatibility.md says with which ones it was run."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from gapscan.bus.client import Bus, BusOptions, connect
from gapscan.bus.lease import LeaseHolder
from gapscan.bus.publisher import ListPublisher
from gapscan.bus.topology import Retention, ensure_shared
from gapscan.client.api import ListView, follow
from gapscan.errors import FencedError
from gapscan.feed.publisher import FeedPublisher
from gapscan.obs import Tally, logger
from gapscan.protocol import names
from gapscan.protocol.messages import Row
from gapscan.runtime import end
from tests.support.nats import NatsServer
from tests.support.until import until

LIST = "smoke"


def rows(turn: int) -> list[Row]:
    """Ten symbols, in another order and with other values at each turn."""
    order = [(at * 7 + turn) % 10 for at in range(10)]
    return [Row(symbol=f"S{at}", price=10.0 + at + turn / 100) for at in order]


async def publish(publisher: ListPublisher, turn: int) -> None:
    """Publish until NATS has it: while the server restarts it does not."""

    async def tried() -> bool:
        try:
            await publisher.publish(rows(turn), turn)
        except FencedError:
            raise
        except Exception:  # noqa: BLE001  # whatever a server that is gone brings: the same delta is tried again
            await asyncio.sleep(0.05)
            return False
        return True

    await until(tried, f"turn {turn}")


@pytest.mark.timeout(120)
async def test_a_list_is_followed_exactly_over_a_kill_of_the_server(nats_server: NatsServer) -> None:
    views: list[ListView] = []

    async def watch() -> None:
        async for view in follow(LIST, nats=nats_server.url):
            views.append(view)

    async with connect(BusOptions(nats_server.url), "writer") as bus:
        await ensure_shared(bus, Retention())
        publisher = ListPublisher(bus, LIST)
        await publisher.recover(Retention())
        await publish(publisher, 0)
        watching = asyncio.create_task(watch())
        try:
            await until(lambda: views, "the first view")
            for turn in range(1, 20):
                await publish(publisher, turn)
            await nats_server.restart(0.2)
            for turn in range(20, 40):
                await publish(publisher, turn)
            await until(lambda: views[-1].sequence == publisher.sequence, "the newest view")
        finally:
            await end(watching)
        assert [row["symbol"] for row in views[-1].rows] == [row["symbol"] for row in rows(39)]
        assert [row["price"] for row in views[-1].rows] == [row["price"] for row in rows(39)]
        assert all(earlier.sequence <= later.sequence for earlier, later in itertools.pairwise(views))
        assert views[-1].link.mismatches == 0
        assert views[-1].epoch == views[0].epoch
        print(f"nats-server {bus.nc.connected_server_version}")


class Lost:
    """The claim of a feed that lost it, and does not know yet."""

    in_force = True

    async def confirm(self) -> bool:
        return False


async def test_a_second_writer_is_fenced_and_a_lease_lapses(nats_server: NatsServer) -> None:
    async with connect(BusOptions(nats_server.url), "writer") as bus:
        await _fence_and_lease(bus)


async def _fence_and_lease(bus: Bus) -> None:
    await ensure_shared(bus, Retention())
    tally = Tally(logger("test"))

    first, second = FeedPublisher(bus, tally, Lost()), FeedPublisher(bus, tally)
    await first.store(names.DEFAULT.feed_halts, b"1")
    await second.store(names.DEFAULT.feed_halts, b"2")
    with pytest.raises(FencedError):
        await first.store(names.DEFAULT.feed_halts, b"3")
    one, other = (LeaseHolder(bus, "job", name, 1.0) for name in ("one", "other"))
    assert await one.try_acquire()
    assert not await other.try_acquire()
    await until(other.try_acquire, "the end of the lease", 20)
