"""Alerts on their way to browsers: the last ones, then each as it comes, once and in order, whatever is restarted."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from gapscan.bridge import alert_reader, server
from gapscan.bridge.alert_log import KEPT, AlertLog
from gapscan.bridge.encodings import WEBSOCKET, Message
from gapscan.bus.client import Bus
from gapscan.bus.topology import Retention, events_config
from gapscan.obs import Tally, logger
from gapscan.protocol import names
from gapscan.protocol.alerts import Alert
from gapscan.protocol.codec import encode
from gapscan.protocol.messages import Condition, Near, NearMiss, NearRequest
from gapscan.protocol.websocket import Alerts, Error
from gapscan.ranker.questions import answering
from tests.support.answers import answer_why, decode_answer
from tests.support.bridge import Browser, Served, browsing
from tests.support.lists import Published
from tests.support.nats import NatsServer
from tests.support.until import until


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "HEARTBEAT_SECONDS", 0.1)
    monkeypatch.setattr(alert_reader, "LOOK_SECONDS", 0.1)


def alert(number: int) -> Alert:
    return Alert("any", "movers", f"S{number}", "enter", f"S{number} entered", number, "e1", number, {"price": 1.5})


async def publish(bus: Bus, *alerts: Alert) -> list[str]:
    for one in alerts:
        headers = {names.HEADER_MSG_ID: one.id}
        await bus.js.publish(bus.names.alert_subject(one.name), encode(one), headers=headers)
    return [one.id for one in alerts]


def ids(messages: Sequence[Alerts]) -> list[str]:
    return [sent.id for message in messages for sent in message.alerts]


async def has(browser: Browser, wanted: list[str]) -> None:
    await browser.until(lambda: len(ids(browser.of(Alerts))) >= len(wanted), f"{len(wanted)} alerts")
    assert ids(browser.of(Alerts)) == wanted


async def test_the_last_ones_then_each_as_it_comes(bus: Bus, served: Served) -> None:
    old = await publish(bus, *(alert(number) for number in range(1, KEPT + 20)))
    async with browsing(served) as browser:
        await until(lambda: served.bridge.bridge.alerts.place == len(old), "the bridge's knowing them")
        await browser.send(action="alerts", on=True)
        await has(browser, old[-KEPT:])
        new = await publish(bus, alert(500), alert(501))
        await has(browser, old[-KEPT:] + new)
        first, *others = browser.of(Alerts)
        assert (first.first, [message.first for message in others]) == (True, [False] * len(others))
        assert first.alerts[-1].alert == alert(KEPT + 19)
        await browser.send(action="alerts", on=False)
        await browser.send(action="near")  # its answer is behind
        await browser.gets(Error)
        await publish(bus, alert(502))
        await until(lambda: served.bridge.bridge.alerts.place == len(old) + 3, "one more")
    assert ids(browser.of(Alerts)) == old[-KEPT:] + new


async def test_who_comes_back_gets_what_came_meanwhile(bus: Bus, served: Served, nats_server: NatsServer) -> None:
    known = await publish(bus, alert(1), alert(2), alert(3))
    async with browsing(served) as browser:
        await browser.send(action="alerts", on=True, after="unknown")
        await has(browser, known)
    await nats_server.restart()
    await until(lambda: bus.connected, "the link")
    new = await publish(bus, alert(4), alert(5))
    await until(lambda: served.bridge.bridge.alerts.place == 5, "the bridge's knowing them")
    async with browsing(served) as again:
        await again.send(action="alerts", on=True, after=known[-1])
        await has(again, new)
        assert not again.of(Alerts)[0].first
        await again.send(action="alerts", on=True, after=new[-1])
        await again.gets(Alerts, 2)
        assert again.of(Alerts)[1] == Alerts([], first=False)


async def test_a_log_that_was_made_anew(bus: Bus, served: Served) -> None:
    await publish(bus, alert(1), alert(2), alert(3))
    async with browsing(served) as browser:
        await browser.send(action="alerts", on=True)
        await browser.until(lambda: len(ids(browser.of(Alerts))) == 3, "the old ones")
        await bus.js.delete_stream(bus.names.stream_alerts)
        await bus.js.add_stream(events_config(bus.names.stream_alerts, bus.names.alert_subject("*"), Retention()))
        (new,) = await publish(bus, alert(9))
        await browser.until(lambda: new in ids(browser.of(Alerts)), "the new one")
        assert [message.first for message in browser.of(Alerts) if message.alerts] == [True, False], "it is news"


class Slow:
    """A client that takes nothing while it is not `ready`."""

    ending = False

    def __init__(self) -> None:
        self.ready = True
        self.got: list[Alerts] = []

    def send(self, message: Message) -> bool:
        if self.ready:
            found = decode_answer(message.payload)
            assert isinstance(found, Alerts)
            assert message.encoded(WEBSOCKET)
            self.got.append(found)
        return self.ready


def test_who_is_slow_gets_the_rest_later_and_nothing_twice() -> None:
    log, slow, quick = AlertLog(), Slow(), Slow()
    for session in (slow, quick):
        log.want(session, on=True)  # type: ignore[arg-type]
    log.put([(1, alert(1))])
    slow.ready = False
    for place in (2, 3, 5):
        log.put([(place, alert(place))])
    slow.ready = True
    log.send()
    log.send()
    assert ids(slow.got) == ids(quick.got) == [alert(place).id for place in (1, 2, 3, 5)]
    assert [len(message.alerts) for message in slow.got] == [0, 1, 3]
    log.forget(quick)  # type: ignore[arg-type]
    log.put([(6, alert(6))])
    assert len(ids(quick.got)) == 4


def test_what_comes_into_a_log_that_there_was_not_is_news() -> None:
    log, early, late = AlertLog(), Slow(), Slow()
    log.want(early, on=True)  # type: ignore[arg-type]
    for _ in range(2):  # there is no stream
        log.restart()
    late.ready = False
    log.want(late, on=True)  # type: ignore[arg-type]
    log.restart()
    late.ready = True
    log.put([(1, alert(1))])
    assert [(len(message.alerts), message.first) for message in early.got] == [(0, True), (1, False)]
    assert [(len(message.alerts), message.first) for message in late.got] == [(1, True)]


async def test_who_nearly_is_in_a_list(bus: Bus, served: Served, movers: Published) -> None:
    lacks = Condition("volume >= 1000", "test", 0, passes=False, stays=True, value=970.0, threshold=1000.0)

    def answer_near(request: NearRequest) -> Near:
        return Near(request.list, 1, "regular", False, [NearMiss("A", lacks, 3.0, 1.5)])

    assert (await served.get("/api/lists/movers/near"))[0] == 503
    assert (await served.get("/api/lists/no_such/near"))[0] == 404
    async with (
        answering(bus, answer_why, Tally(logger("test")), near=answer_near),
        browsing(served, movers) as browser,
    ):
        await browser.send(action="near", list="movers")
        assert (await browser.gets(Near)).symbols == [NearMiss("A", lacks, 3.0, 1.5)]
        await browser.send(action="near", list="no_such")
        assert (await browser.gets(Error)).code == "unknown_list"
        status, _, body = await served.get("/api/lists/movers/near")
        assert (status, json.loads(body)["symbols"][0]["distance"]) == (200, 3.0)
