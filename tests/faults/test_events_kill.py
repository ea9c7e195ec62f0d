"""kill -9 of the parts while events are made: each event of every list is stored once, none is missing; so are alerts."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gapscan.bus.client import Bus, connect
from gapscan.bus.direct_get import get_last
from gapscan.errors import BusError
from gapscan.protocol import names
from gapscan.protocol.events import Event, EventGap
from gapscan.ranking.spec import shipped_lists
from tests.support.events import expected_events, stored_alerts, stored_events, told
from tests.support.until import until
from tests.support.up import RunningSet, running_set

KILLS = int(os.environ.get("EVENT_KILLS", "20"))  # the more, the more states they are killed in: `make kill-events`
pytestmark = pytest.mark.timeout(180 + 10 * KILLS)

_FREEZE = 0.2  # of the kills are none, but stops for longer than a lease lasts


@pytest.fixture
async def up(tmp_path: Path) -> AsyncIterator[RunningSet]:
    # All deltas are kept, so that what they mean can be computed plainly.
    kept = {"GAPSCAN_NATS_DELTA_MAX_AGE": "36000", "GAPSCAN_NATS_DELTA_MAX_BYTES": str(256 * 1024 * 1024)}
    alerts = tmp_path / "alerts.toml"
    alerts.write_text("".join(f'[alerts.in_{name}]\nlist = "{name}"\n' for name in shipped_lists().names))
    kept["GAPSCAN_EVENTS_ALERTS_FILE"] = str(alerts)
    async with running_set(tmp_path, symbols=400, start="09:31", speed=20, **kept) as running:
        yield running


async def test_each_event_is_stored_once(up: RunningSet) -> None:
    dice = random.Random(KILLS)
    async with connect(up.nats, "check") as bus:
        await until(lambda: has_events(bus), "events")
        for _ in range(KILLS):
            await hit(up, dice)
            await asyncio.sleep(dice.uniform(0, 1.5))
        await until(lambda: has_events(bus), "NATS")
        stop_ranking(up)
        await until(lambda: all_told(bus), "all events")
        await check(bus)


async def has_events(bus: Bus) -> bool:
    try:
        return len(await stored_events(bus)) > 20
    except BusError:
        return False


async def hit(up: RunningSet, dice: random.Random) -> None:
    """Kill a part, or stop it for longer than its lease."""
    victim = dice.choice(["ranker", "events", "events", "nats"])
    pid = up.pid(victim)
    if victim != "nats" and dice.random() < _FREEZE:
        os.kill(pid, signal.SIGSTOP)
        await asyncio.sleep(4)
        os.kill(pid, signal.SIGCONT)
    else:
        os.kill(pid, signal.SIGKILL)
        await up.replaced(victim, pid)


def stop_ranking(up: RunningSet) -> None:
    """No delta comes any more."""
    os.kill(up.pid("sim"), signal.SIGSTOP)
    os.kill(up.pid("feed"), signal.SIGSTOP)


async def all_told(bus: Bus) -> bool:
    """Whether the last entry or exit of each list is stored."""
    for name in shipped_lists().names:
        expected, found = await expected_events(bus, name), told(await stored_events(bus, name))
        if expected and expected[-1] not in found:
            return False
    return True


async def check(bus: Bus) -> None:
    """By each list's own stream; a list whose stream was made anew cannot be computed, and none was."""
    everything = await stored_events(bus)
    gaps = [one for one in everything if isinstance(one, EventGap)]
    assert gaps == []
    assert all(isinstance(one, Event) and one.simulated for one in everything)
    reasons = {one.reason for one in everything if isinstance(one, Event) and one.kind == "leave"}
    assert reasons <= {"fell_behind", "rank", "idle", "closed"}, reasons
    alerts = await stored_alerts(bus)
    for name in shipped_lists().names:
        entered = [one[1:] for one in told(await stored_events(bus, name)) if one[0] == "enter"]
        assert [(one.symbol, one.sequence) for one in alerts if one.list == name] == entered
        last = await get_last(bus, names.list_stream(name), names.delta_subject(name))
        found = [one for one in told(await stored_events(bus, name)) if one[0] in ("enter", "leave")]
        assert found == await expected_events(bus, name), (name, last and last.sequence)
