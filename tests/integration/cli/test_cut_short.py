"""Commands that were cut short after a part of their work, given again."""

from __future__ import annotations

import asyncio
from pathlib import Path

from gapscan.bus.alert_definitions import read_alerts, write_alert
from gapscan.bus.client import Bus, BusOptions, connect
from gapscan.bus.definitions import read_entries, write_definition
from gapscan.bus.topology import Retention, ensure_shared
from gapscan.ranking.alerts import check_alerts, hidden_list
from gapscan_cli.own_alerts import OwnAlerts, remove_own
from tests.support.nats import NatsServer

ALERTS = """
[alerts.cheap]
where = "price < 5"
[alerts.other]
where = "price < 6"
"""


async def test_the_list_of_an_alert_that_is_removed_already(nats_server: NatsServer, tmp_path: Path) -> None:
    options = BusOptions(nats_server.url)
    cheap, other = check_alerts(ALERTS, "test")[0]
    async with connect(options, "test") as bus:
        await ensure_shared(bus, Retention())
        for alert in (cheap, other):
            await write_definition(bus, hidden_list(alert))
        await write_alert(bus, other)
        desk = OwnAlerts(tmp_path / "alerts.toml", options, True)
        assert await asyncio.to_thread(remove_own, desk, "cheap") == 0
        assert await _left(bus) == ({"other"}, {hidden_list(other).name})


async def _left(bus: Bus) -> tuple[set[str], set[str]]:
    return set(await read_alerts(bus) or {}), {entry.name for entry in await read_entries(bus) or []}
