"""kill -9 of the parts while events are made, told of and delivered: each is there once, none is missing."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gapscan.bus.client import Bus, connect
from gapscan.errors import BusError
from gapscan.protocol.alerts import Alert
from gapscan.protocol.events import Event, EventGap, Occurrence
from gapscan.ranking.spec import shipped_lists
from tests.support.events import Told, expected_events, stored_alerts, stored_events, told
from tests.support.receiver import Receiver, receiver
from tests.support.until import until
from tests.support.up import RunningSet, running_set

KILLS = int(os.environ.get("EVENT_KILLS", "20"))  # the more, the more states they are killed in: `make kill-events`
pytestmark = pytest.mark.timeout(180 + 10 * KILLS)

VICTIMS = ("ranker", "events", "notify", "recorder", "nats")
_FREEZE = 0.2  # of the kills are none, but stops for longer than a lease lasts
_COOLDOWN = 600
_KINDS = ("enter", "leave", "first")
_BUSY = "momentum_up"

Entry = tuple[str, str, str, str, int]  # alert, list, symbol, epoch, sequence


@pytest.fixture
async def hook() -> AsyncIterator[Receiver]:
    """A third of all posts fails; half of these are taken all the same."""
    async with receiver(failing=1 / 3) as found:
        yield found


@pytest.fixture
async def up(tmp_path: Path, hook: Receiver) -> AsyncIterator[RunningSet]:
    # All deltas are kept, so that what they mean can be computed plainly.
    kept = {"GAPSCAN_NATS_DELTA_MAX_AGE": "36000", "GAPSCAN_NATS_DELTA_MAX_BYTES": str(256 * 1024 * 1024)}
    alerts, channels = tmp_path / "alerts.toml", tmp_path / "channels.toml"
    alerts.write_text(all_alerts())
    channels.write_text(f'[channels.hook]\nwebhook = "{hook.url}"\nper_minute = 600\n')
    kept |= {"GAPSCAN_EVENTS_ALERTS_FILE": str(alerts), "GAPSCAN_NOTIFY_CHANNELS_FILE": str(channels)}
    async with running_set(tmp_path, symbols=400, start="09:31", speed=20, **kept) as running:
        yield running


def all_alerts() -> str:
    """Fifty: for each list who enters, who leaves and who is there first; one with a cooldown, one for once a day."""
    each = [f'[alerts.{kind}_{name}]\nlist = "{name}"\non = "{kind}"\n' for name in names() for kind in _KINDS]
    calm = f'[alerts.calm]\nlist = "{_BUSY}"\non = "enter"\ncooldown = {_COOLDOWN}\n'
    daily = f'[alerts.daily]\nlist = "{_BUSY}"\non = "enter"\nonce_a_day = true\n'
    return "".join([*each, calm, daily])


def names() -> list[str]:
    return shipped_lists().names[:16]


async def test_each_is_stored_and_delivered_once(up: RunningSet, hook: Receiver) -> None:
    dice = random.Random(KILLS)
    hits: Counter[str] = Counter()
    async with connect(up.nats, "check") as bus:
        await until(lambda: has_events(bus), "events")
        for _ in range(KILLS):
            hits[await hit(up, dice)] += 1
            await asyncio.sleep(dice.uniform(0, 1.5))
        await until(lambda: has_events(bus), "NATS")
        await check_events(bus)
        number = await check_deliveries(bus, hook)
    print(f"\n{KILLS} hits: {dict(hits)}; {number} alerts, each delivered once, in {len(hook.posts)} posts of", end=" ")
    print(f"{hook.tried} tried")


async def has_events(bus: Bus) -> bool:
    try:
        return len(await stored_events(bus)) > 20
    except BusError:
        return False


async def hit(up: RunningSet, dice: random.Random) -> str:
    """Kill a part, or stop it for longer than its lease; which."""
    victim = dice.choice(VICTIMS)
    pid = up.pid(victim)
    if dice.random() < _FREEZE:
        os.kill(pid, signal.SIGSTOP)
        await asyncio.sleep(4)
        os.kill(pid, signal.SIGCONT)
        return f"{victim} frozen"
    os.kill(pid, signal.SIGKILL)
    await up.replaced(victim, pid)
    return victim


async def check_events(bus: Bus) -> None:
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


def moves(everything: list[Occurrence], name: str) -> list[Told]:
    return [one for one in told([one for one in everything if one.list == name]) if one[0] in ("enter", "leave")]


async def all_told(bus: Bus, expected: dict[str, list[Told]]) -> bool:
    """Whether the last entry or exit of each list is stored."""
    everything = await stored_events(bus)
    return all(
        wanted[-1:] == [one for one in moves(everything, name) if one in wanted[-1:]]
        for name, wanted in expected.items()
    )


async def check_deliveries(bus: Bus, hook: Receiver) -> int:
    """What the receiver has, each key once, is what a plain computation over the events gives, in its order."""
    wanted = plain_alerts(await stored_events(bus))
    assert wanted
    await until(lambda: set(hook.keys()) >= set(map(key_of, wanted)), "all deliveries", 300)
    keys = hook.keys()
    possible = plain_alerts(await stored_events(bus))
    assert set(keys) <= set(map(key_of, possible))
    log = [alert.id for alert in await stored_alerts(bus)]
    assert keys == log[: len(keys)], "another order than the log's"
    by_alert: dict[tuple[str, str], list[int]] = {}
    for alert in hook.alerts().values():
        by_alert.setdefault((alert["name"], alert["symbol"]), []).append(alert["sequence"])
    assert all(sequences == sorted(sequences) for sequences in by_alert.values())
    return len(keys)


def key_of(entry: Entry) -> str:
    name, list_name, symbol, epoch, sequence = entry
    return Alert(name, list_name, symbol, "enter", "", 0, epoch, sequence, {}).id


def plain_alerts(everything: list[Occurrence]) -> list[Entry]:
    """What the alerts say of these events, one after the other."""
    found: list[Entry] = []
    told_at: dict[str, int] = {}
    for one in everything:
        if not isinstance(one, Event) or one.list not in names() or one.kind not in _KINDS:
            continue
        where = (one.list, one.symbol, one.epoch, one.sequence)
        found.append((f"{one.kind}_{one.list}", *where))
        if one.list != _BUSY or one.kind != "enter":
            continue
        if one.symbol not in told_at:
            found.append(("daily", *where))
        if one.as_of - told_at.get(one.symbol, -_COOLDOWN * 1000) >= _COOLDOWN * 1000:
            told_at[one.symbol] = one.as_of
            found.append(("calm", *where))
    return found
