"""kill -9 of the parts while events are made: each event and alert of every list is stored once, none is missing."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gapscan.bus.client import Bus, connect
from gapscan.errors import BusError
from gapscan.protocol.events import Event, EventGap, Occurrence
from gapscan.ranking.spec import shipped_lists
from tests.support.events import Told, expected_events, stored_alerts, stored_events, told
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


async def check(bus: Bus) -> None:
    """All that the lists' streams say by now is stored in the end; nothing else is."""
    expected = {name: await expected_events(bus, name) for name in shipped_lists().names}
    await until(lambda: all_told(bus, expected), "all events")
    everything = await stored_events(bus)
    assert not [one for one in everything if isinstance(one, EventGap)]
    assert all(isinstance(one, Event) and one.simulated for one in everything)
    reasons = {one.reason for one in everything if isinstance(one, Event) and one.kind == "leave"}
    assert reasons <= {"fell_behind", "rank", "idle", "closed"}, reasons
    for name, wanted in expected.items():
        found = moves(everything, name)
        assert found[: len(wanted)] == wanted, name
    alerts = await stored_alerts(bus)
    for name in expected:
        entered = [one[1:] for one in moves(everything, name) if one[0] == "enter"]
        assert [(one.symbol, one.sequence) for one in alerts if one.list == name][: len(entered)] == entered


def moves(everything: list[Occurrence], name: str) -> list[Told]:
    return [one for one in told([one for one in everything if one.list == name]) if one[0] in ("enter", "leave")]


async def all_told(bus: Bus, expected: dict[str, list[Told]]) -> bool:
    """Whether the last entry or exit of each list is stored, and what alerts say of it."""
    everything, alerts = await stored_events(bus), {(one.symbol, one.sequence) for one in await stored_alerts(bus)}
    for name, wanted in expected.items():
        entered = [one[1:] for one in wanted if one[0] == "enter"]
        if wanted[-1:] != [one for one in moves(everything, name) if one in wanted[-1:]]:
            return False
        if not alerts.issuperset(entered[-1:]):
            return False
    return True
