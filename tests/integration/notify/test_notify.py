"""Deliveries on a real server to real receivers: each alert once by its key, in order, whatever fails."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from urllib.parse import unquote_plus

import pytest

from gapscan.bus.client import Bus, BusOptions, connect
from gapscan.bus.topology import Retention, ensure_shared
from gapscan.config import Config, NatsSection, RankerSection
from gapscan.notify import delivery
from gapscan.notify.channels import Channel
from gapscan.notify.sending import KEY_HEADER, SIGNATURE_HEADER, TIME_HEADER, signature
from gapscan.notify.service import Notify
from gapscan.protocol import names
from gapscan.protocol.alerts import Alert
from gapscan.protocol.codec import encode
from gapscan.runtime import end
from tests.support.nats import NatsServer
from tests.support.receiver import Receiver, receiver
from tests.support.until import until

SECRET = "of-the-hook"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "RETRY_FIRST", 0.02)
    monkeypatch.setattr(delivery, "RETRY_LIMIT", 0.1)


@pytest.fixture
async def alerts_bus(bus: Bus) -> Bus:
    await ensure_shared(bus, Retention())
    return bus


def hook(name: str, url: str, per_minute: float = 600, **more: Any) -> Channel:
    return Channel(name, url, True, SECRET, per_minute, more.get("lines", 5))


@asynccontextmanager
async def notify_of(server: NatsServer, *channels: Channel) -> AsyncIterator[Notify]:
    """The process that delivers, in this one, once it has taken up its channels."""
    config = Config(nats=NatsSection(url=server.url), ranker=RankerSection(lease=1.0))
    async with connect(BusOptions(server.url), "notify") as bus:
        notify = Notify(bus, config, channels)
        task = asyncio.create_task(notify.run())
        try:
            await until(lambda: task.done() or takes(notify, channels), "the channels")
            if task.done():
                task.result()
            yield notify
        finally:
            await end(task)


def takes(notify: Notify, channels: tuple[Channel, ...]) -> bool:
    return all(one.name in notify.deliveries and notify.deliveries[one.name].ready for one in channels)


def alert(number: int, *channels: str) -> Alert:
    symbol = f"S{number % 7}"
    return Alert(
        "told", "movers", symbol, "enter", f"{symbol} entered", 1_795_366_800_000, "e1", number, {"price": 1.5},
        channels=list(channels), simulated=True,
    )  # fmt: skip


async def publish(bus: Bus, *alerts: Alert) -> list[str]:
    for one in alerts:
        await bus.js.publish(names.DEFAULT.alert_subject(one.name), encode(one), headers={names.HEADER_MSG_ID: one.id})
    return [one.id for one in alerts]


def has(found: Receiver, keys: list[str]) -> Callable[[], bool]:
    return lambda: set(found.keys()) >= set(keys)


async def test_a_web_hook_gets_signed_json(alerts_bus: Bus, nats_server: NatsServer) -> None:
    async with receiver() as found, notify_of(nats_server, hook("hook", found.url)):
        keys = await publish(alerts_bus, alert(1))
        await until(has(found, keys), "the alert")
    (post,), (body,), (headers,) = found.posts, found.bodies, found.headers
    assert (post["type"], post["channel"]) == ("alerts", "hook")
    assert (post["alerts"][0]["symbol"], post["alerts"][0]["text"]) == ("S1", "S1 entered")
    assert headers[KEY_HEADER] == keys[0]
    assert headers[SIGNATURE_HEADER] == signature(SECRET, headers[TIME_HEADER], body)


async def test_each_once_by_its_key_though_a_third_fails(alerts_bus: Bus, nats_server: NatsServer) -> None:
    """Over restarts of who delivers and of NATS; in the order of the log."""
    dice, keys = random.Random(1), list[str]()
    async with receiver(failing=1 / 3) as found:
        channel = hook("hook", found.url)
        async with notify_of(nats_server, channel):
            keys += await publish(alerts_bus, alert(0))
            await until(has(found, keys), "the first alert")
        for round_ in range(8):
            async with notify_of(nats_server, channel):
                first = 1 + 20 * round_
                keys += await publish(alerts_bus, *(alert(number) for number in range(first, first + 20)))
                await asyncio.sleep(dice.uniform(0, 0.3))
            if round_ == 4:
                await nats_server.restart()
                await until(lambda: alerts_bus.connected, "the link")
                await until(lambda: answers(alerts_bus), "JetStream")
        async with notify_of(nats_server, channel):
            await until(has(found, keys), lambda: f"{len(found.keys())} of {len(keys)} alerts")
    assert found.keys() == keys


async def answers(bus: Bus) -> bool:
    try:
        await bus.js.stream_info(names.DEFAULT.stream_alerts)
    except Exception:  # noqa: BLE001  # not yet
        return False
    return True


async def test_a_storm_is_bundled_within_the_rate(alerts_bus: Bus, nats_server: NatsServer) -> None:
    async with receiver() as found, notify_of(nats_server, hook("hook", found.url, per_minute=60)):
        for first in range(1, 2001, 250):  # no more at once than a busy machine acknowledges in time
            await asyncio.gather(*(publish(alerts_bus, alert(number)) for number in range(first, first + 250)))
        keys = [alert(number).id for number in range(1, 2001)]
        await until(has(found, keys), lambda: f"{len(found.keys())} of 2000 alerts")
    assert len(found.posts) <= 25, "2,000 alerts in so many deliveries"
    assert max(len(post["alerts"]) for post in found.posts) <= delivery.BATCH
    assert (await alerts_bus.js.stream_info(names.DEFAULT.stream_alerts)).state.messages == 2000


async def test_a_dead_channel_and_a_slow_one_cost_no_other(alerts_bus: Bus, nats_server: NatsServer) -> None:
    async with AsyncExitStack() as stack:
        good, slow = [await stack.enter_async_context(receiver(hang=hang)) for hang in (False, True)]
        dead = hook("dead", "http://127.0.0.1:9/hook")
        channels = (hook("good", good.url), hook("slow", slow.url), dead)
        notify = await stack.enter_async_context(notify_of(nats_server, *channels))
        keys = await publish(alerts_bus, *(alert(number) for number in range(1, 31)))
        await until(has(good, keys), "what the good one gets")
        await until(lambda: notify.report()["channels"]["dead"]["failing"], "the dead one's trouble")
        assert "web hook" in notify.report()["channels"]["dead"]["failing"]
        assert notify.report()["channels"]["good"]["failing"] == ""


async def test_what_is_not_taken_for_too_long_is_put_aside_and_shown(
    alerts_bus: Bus, nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "GIVE_UP_SECONDS", 0.5)
    async with receiver(failing=1.0) as found:
        async with notify_of(nats_server, hook("hook", found.url)) as notify:
            keys = await publish(alerts_bus, alert(1), alert(2))
            await until(lambda: notify.report()["channels"]["hook"]["put_aside"] == 2, "both put aside")
            assert notify.report()["channels"]["hook"]["last_put_aside"] == keys
            found.failing = 0.0
            later = await publish(alerts_bus, alert(3))
            await until(lambda: set(found.keys()) >= set(later), "what comes later")
        async with notify_of(nats_server, hook("hook", found.url)) as notify:
            assert notify.report()["channels"]["hook"]["put_aside"] == 2


async def test_only_what_is_for_a_channel_goes_to_it(alerts_bus: Bus, nats_server: NatsServer) -> None:
    async with (
        receiver() as one,
        receiver() as other,
        notify_of(nats_server, hook("one", one.url), hook("other", other.url)),
    ):
        keys = await publish(alerts_bus, alert(1, "one"), alert(2, "other"), alert(3), alert(4, "nobody"))
        await until(has(one, [keys[0], keys[2]]), "those of one")
        await until(has(other, keys[1:3]), "those of the other")
    assert (one.keys(), other.keys()) == ([keys[0], keys[2]], keys[1:3])


async def test_a_redirect_is_no_success(alerts_bus: Bus, nats_server: NatsServer) -> None:
    async with receiver() as target, receiver() as found:
        found.redirect = target.url.replace("/hook", "/elsewhere")
        urls = {"hook": hook("hook", found.url), "apprise": by_apprise("apprise", found.url, "json")}
        async with notify_of(nats_server, *urls.values()) as notify:
            await publish(alerts_bus, alert(1))
            for name in urls:
                await until(lambda name=name: notify.report()["channels"][name]["failing"], name)  # type: ignore[misc]
        assert target.methods == []


def by_apprise(name: str, url: str, scheme: str, lines: int = 3) -> Channel:
    return Channel(name, url.replace("http://", f"{scheme}://"), False, "", 600, lines)


@pytest.mark.parametrize("scheme", ["json", "xml", "form"])
async def test_what_apprise_sends_arrives(alerts_bus: Bus, nats_server: NatsServer, scheme: str) -> None:
    async with receiver() as found, notify_of(nats_server, by_apprise("told", found.url, scheme)):
        await publish(alerts_bus, alert(1))
        await until(lambda: found.bodies, "a delivery")
    assert found.methods == ["POST"]
    body = unquote_plus(found.bodies[0].decode())
    assert "S1 entered" in body
    assert "SIMULATED told" in body


async def test_a_text_says_how_many_more_there_are(alerts_bus: Bus, nats_server: NatsServer) -> None:
    async with receiver(failing=1.0) as found, notify_of(nats_server, by_apprise("told", found.url, "json")) as notify:
        await publish(alerts_bus, alert(1))
        await until(lambda: notify.report()["channels"]["told"]["failing"], "a failure")
        await publish(alerts_bus, *(alert(number) for number in range(2, 18)))
        found.posts.clear()
        found.failing = 0.0
        await until(lambda: any("and 14 more" in post["message"] for post in found.posts), "a bundle")
    assert any(post["title"] == "SIMULATED 17 alerts" for post in found.posts)


async def test_of_two_processes_one_delivers(alerts_bus: Bus, nats_server: NatsServer) -> None:
    async with receiver() as found:
        channel = hook("hook", found.url)
        async with notify_of(nats_server, channel):
            config = Config(nats=NatsSection(url=nats_server.url), ranker=RankerSection(lease=1.0))
            second = Notify(alerts_bus, config, [channel])
            task = asyncio.create_task(second.run())
            keys = await publish(alerts_bus, *(alert(number) for number in range(1, 20)))
            await until(has(found, keys), "the alerts")
            await until(lambda: second.report()["role"] == "standby" and second.report()["leader"], "the standby")
            await end(task)
    assert sum(len(post["alerts"]) for post in found.posts) == len(keys)


async def made_anew(bus: Bus) -> None:
    """The log of alerts, by somebody who deleted it, or a server that lost its disk."""
    await bus.js.delete_stream(names.DEFAULT.stream_alerts)
    await ensure_shared(bus, Retention())


@pytest.mark.parametrize("number", [3, 9])
async def test_a_log_made_anew_while_nobody_delivers_is_delivered_whole(
    alerts_bus: Bus, nats_server: NatsServer, number: int
) -> None:
    """Whether it ends before what was delivered of the other, or behind that."""
    async with receiver() as found:
        channel = hook("hook", found.url)
        async with notify_of(nats_server, channel):
            await until(has(found, await publish(alerts_bus, *map(alert, range(6)))), "the alerts")
        await made_anew(alerts_bus)
        keys = await publish(alerts_bus, *map(alert, range(20, 20 + number)))
        async with notify_of(nats_server, channel) as notify:
            await until(has(found, keys), "those of the other log")
            assert notify.report()["counts"]["logs_made_anew"] == 1
        async with notify_of(nats_server, channel) as notify:
            later = await publish(alerts_bus, alert(40))
            await until(has(found, later), "one more")
            assert "logs_made_anew" not in notify.report()["counts"]
    assert len(found.keys()) == 6 + number + 1


async def test_a_log_made_anew_while_somebody_delivers(
    alerts_bus: Bus, nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "LOOK_SECONDS", 0.1)
    async with receiver() as found, notify_of(nats_server, hook("hook", found.url)):
        await until(has(found, await publish(alerts_bus, *map(alert, range(6)))), "the alerts")
        await made_anew(alerts_bus)
        keys = await publish(alerts_bus, *map(alert, range(20, 23)))
        await until(has(found, keys), "those of the other log")
    assert len(found.keys()) == 9
