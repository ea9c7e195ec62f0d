"""Two thousand entries in a second: every alert is in the log, and a channel gets them as bundles, within its rate."""

from __future__ import annotations

import random
import time
from functools import partial

import pytest

from gapscan.bus.alert_definitions import write_alert
from gapscan.bus.client import Bus
from gapscan.bus.topology import Retention, ensure_shared
from gapscan.errors import BusError
from gapscan.events import watched
from gapscan.protocol.alerts import AlertDefinition
from gapscan.protocol.messages import Row
from gapscan.service import all_lists
from tests.integration.events.test_events import NOON, list_named
from tests.integration.notify.test_notify import hook, notify_of
from tests.support.events import events_of, stored_alerts
from tests.support.lists import Published
from tests.support.nats import NatsServer
from tests.support.receiver import receiver
from tests.support.until import until

LISTS, ROWS = 10, 200
PER_MINUTE = 120
BURST = 3


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(all_lists, "REREAD_SECONDS", 0.1)
    monkeypatch.setattr(watched, "REREAD_SECONDS", 0.1)


async def published(one: Published, rows: list[Row]) -> bool:
    """Whether NATS took it: a busy machine's may need a second try."""
    try:
        await one.publisher.publish(rows, NOON)
    except BusError:
        return False
    return True


async def test_a_storm(bus: Bus, nats_server: NatsServer) -> None:
    await ensure_shared(bus, Retention())
    lists = [await list_named(bus, f"storm{number}") for number in range(LISTS)]
    for one in lists:
        await write_alert(bus, AlertDefinition(f"in_{one.publisher.name}", one.publisher.name))
    dice = random.Random(1)
    async with receiver() as found, events_of(nats_server) as events:
        await until(lambda: events.report().get("alerts", {}).get("watched") == LISTS, "the alerts")
        async with notify_of(nats_server, hook("hook", found.url, PER_MINUTE)):
            began = time.monotonic()
            for number, one in enumerate(lists):
                rows = [Row(symbol=f"S{number}-{at}", price=dice.uniform(2, 100)) for at in range(ROWS)]
                await until(partial(published, one, rows), "NATS's taking the list")
                await one.beat()
            await until(lambda: len(found.keys()) == LISTS * ROWS, "all of them")
            most = BURST + 1 + (time.monotonic() - began) * PER_MINUTE / 60
    log = [alert.id for alert in await stored_alerts(bus)]
    assert len(log) == LISTS * ROWS
    assert found.keys() == log
    assert len(found.posts) <= most
    assert max(len(post["alerts"]) for post in found.posts) > 1
