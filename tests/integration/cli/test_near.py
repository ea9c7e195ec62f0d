"""Who nearly is in a list, in a whole set as its user starts it: asked for, and as events of a list that wants them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from gapscan.bus.client import Bus, connect
from gapscan.bus.direct_get import NoStreamError
from gapscan.protocol.events import Event
from gapscan.protocol.why import Near
from tests.support.cli import Cli
from tests.support.events import stored_events
from tests.support.receiver import Receiver, receiver
from tests.support.until import until
from tests.support.up import RunningSet, running_set

LISTS = """
[lists.busy]
where = "volume >= 1_000_000"
sort = ["-volume"]
limit = 1000
near = true
"""
ALERTS = """
[alerts.any]
list = "busy"
"""


@pytest.fixture
async def hook() -> AsyncIterator[Receiver]:
    async with receiver() as found:
        yield found


@pytest.fixture
async def up(tmp_path: Path, hook: Receiver) -> AsyncIterator[RunningSet]:
    texts = {"lists": LISTS, "alerts": ALERTS, "channels": f'[channels.bot]\nwebhook = "{hook.url}"\n'}
    for name, text in texts.items():
        (tmp_path / f"{name}.toml").write_text(text)
    files = {
        "GAPSCAN_RANKER_LISTS_FILE": "lists.toml",
        "GAPSCAN_EVENTS_ALERTS_FILE": "alerts.toml",
        "GAPSCAN_NOTIFY_CHANNELS_FILE": "channels.toml",
    }
    env = {key: str(tmp_path / name) for key, name in files.items()}
    async with running_set(tmp_path, symbols=400, start="09:31", speed=20, **env) as running:
        yield running


def near_events(bus: Bus) -> Callable[[], Awaitable[list[Event]]]:
    async def look() -> list[Event]:
        try:
            found = await stored_events(bus, "busy")
        except NoStreamError:
            return []  # nobody made any yet
        return [one for one in found if isinstance(one, Event) and one.kind == "near"]

    return look


async def test_near_misses_and_what_alerts_say_are_delivered(up: RunningSet, hook: Receiver, tmp_path: Path) -> None:
    assert "notify" in up.pids_by_name(), "up delivers where there are channels"
    async with connect(up.nats, "test") as bus:
        found: list[Event] = await until(near_events(bus), "somebody near")
        first = found[0]
        assert not isinstance(first.condition, msgspec.UnsetType)
        assert (first.condition.text, first.condition.threshold) == ("volume >= 1_000_000", 1_000_000)
        assert isinstance(first.condition.value, int | float)
        assert 900_000 <= first.condition.value < 1_000_000
        assert first.distance == pytest.approx((1_000_000 - first.condition.value) / 10_000, abs=1e-3)

        async def came_in() -> bool:
            """Whether somebody who was near entered: volume only grows."""
            everything = [one for one in await stored_events(bus, "busy") if isinstance(one, Event)]
            near = {one.symbol: one.sequence for one in everything if one.kind == "near"}
            return any(one.kind == "enter" and near.get(one.symbol, one.sequence) < one.sequence for one in everything)

        await until(came_in, "an entry of somebody who was near")
        events = await near_events(bus)()
        assert len({one.symbol for one in events}) == len(events), "each once, for nobody leaves"
        await until(hook.keys, "a delivery")
    answered = await asked(Cli(tmp_path), up)
    assert answered.list == "busy"
    assert all(miss.condition.text == "volume >= 1_000_000" and miss.distance <= 10.0 for miss in answered.symbols)


async def asked(cli: Cli, up: RunningSet) -> Near:
    """What `gapscan near` says, once it says somebody; in words it says the same."""
    async with asyncio.timeout(60):
        while True:
            result = await cli.run("near", "busy", "--json", "--data", str(up.data))
            assert (result.code, result.err) == (0, "")
            found = msgspec.json.decode(result.out, type=Near)
            if found.symbols:
                break
    words = await cli.run("near", "busy", "--data", str(up.data))
    assert words.code == 0
    assert "SIMULATED" in words.out
    return found
