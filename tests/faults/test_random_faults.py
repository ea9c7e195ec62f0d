"""Every process is killed or frozen at random, while followers of several lists check every sequence.

In the end the tape is whole, each event and alert is stored once, and each alert was delivered. For FAULT_SECONDS (30);
`make kill` does it for ten minutes. It prints how much was compared.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from gapscan.bus.client import Bus, BusOptions, connect
from gapscan.bus.direct_get import get_from
from gapscan.client.api import ListView, follow
from gapscan.client.history import verified
from gapscan.errors import BusError, UnknownListError
from gapscan.lists.state import Copy, Fit
from gapscan.lists.verification import Verification
from gapscan.protocol import names
from gapscan.protocol.codec import decode_as
from gapscan.protocol.messages import Delta
from gapscan.runtime import end
from tests.support.events import Told, expected_events, stored_alerts, stored_events, told
from tests.support.until import until
from tests.support.up import ALL, RunningSet, running_set

SECONDS = float(os.environ.get("FAULT_SECONDS", 30))
pytestmark = [pytest.mark.slow, pytest.mark.timeout(240 + 2 * SECONDS)]

VICTIMS = {*ALL, "notify"}
LISTS = ("most_active", "winners", "losers", "high_volume")
MANY = 10  # of so many rows, never more than half leave at once: who left for want of data would come back
LONGEST_FREEZE = 6.0  # seconds: twice the life of a lease


class Watcher:
    """Follows a list over all that happens; `rows` has what it showed at each sequence."""

    def __init__(self, name: str, nats: BusOptions) -> None:
        self.name = name
        self.rows: dict[int, tuple[object, ...]] = {}
        self.last: ListView | None = None
        self.faults: list[str] = []
        self.seen = 0
        self._nats = nats

    async def watch(self) -> None:
        while True:
            try:
                async for view in follow(self.name, nats=self._nats):
                    self._compare(view)
            except UnknownListError:  # the ranker is still starting
                pass
            except BusError:  # NATS is away just as the following begins
                pass
            await asyncio.sleep(0.05)

    def _compare(self, view: ListView) -> None:
        """With all that was shown before: each sequence has one state, and nothing goes back."""
        self.seen += 1
        earlier, self.last = self.last, view
        if self.rows.setdefault(view.sequence, view.rows) != view.rows:
            self.faults.append(f"two states of sequence {view.sequence}")
        if earlier is None:
            return
        if view.epoch != earlier.epoch:
            self.faults.append(f"another epoch after {earlier.sequence}")
        if view.sequence < earlier.sequence or view.as_of < earlier.as_of:
            self.faults.append(f"back from {earlier.sequence}, {earlier.as_of} to {view.sequence}, {view.as_of}")
        if len(earlier.rows) >= MANY and len(view.rows) < len(earlier.rows) / 2:
            self.faults.append(f"{len(earlier.rows)} rows, and {len(view.rows)} at {view.sequence}")
        if view.link.mismatches or view.link.malformed or view.link.rewinds:
            self.faults.append(f"{view.link} at {view.sequence}")

    async def moves(self) -> None:
        """Wait until the list is live."""
        await until(lambda: self.last is not None and self.last.state == "live", f"a live {self.name}")


@pytest.fixture
async def delivered() -> AsyncIterator[tuple[str, set[str]]]:
    """A web hook's address, and the keys of the alerts that came."""
    keys: set[str] = set()

    async def take(request: web.Request) -> web.Response:
        keys.update(alert["key"] for alert in (await request.json())["alerts"])
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post("/hook", take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/hook", keys
    finally:
        await runner.cleanup()


@pytest.fixture
async def up(tmp_path: Path, delivered: tuple[str, set[str]]) -> AsyncIterator[RunningSet]:
    # All deltas are kept for as long as anybody lets a test run, so that the whole stream can be replayed.
    kept = {"GAPSCAN_NATS_DELTA_MAX_AGE": "36000", "GAPSCAN_NATS_DELTA_MAX_BYTES": str(256 * 1024 * 1024)}
    alerts, channels = tmp_path / "alerts.toml", tmp_path / "channels.toml"
    alerts.write_text("".join(f'[alerts.in_{name}]\nlist = "{name}"\nchannels = ["hook"]\n' for name in LISTS))
    channels.write_text(f'[channels.hook]\nwebhook = "{delivered[0]}"\nper_minute = 600\n')
    kept |= {"GAPSCAN_EVENTS_ALERTS_FILE": str(alerts), "GAPSCAN_NOTIFY_CHANNELS_FILE": str(channels)}
    async with running_set(tmp_path, symbols=400, start="09:31", speed=20, **kept) as running:
        await until(lambda: running.pids_by_name().keys() >= VICTIMS, "all processes")
        yield running


async def hit(up: RunningSet, dice: random.Random) -> str:
    """Kill a process, or stop it for a while; what was done."""
    victim = dice.choice(sorted(VICTIMS))
    pid = up.pid(victim)
    if dice.random() < 0.5:
        os.kill(pid, signal.SIGKILL)
        await up.replaced(victim, pid)
        return f"{victim} killed"
    os.kill(pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(dice.uniform(0.2, LONGEST_FREEZE))
    finally:
        os.kill(pid, signal.SIGCONT)
    return f"{victim} frozen"


async def test_nothing_is_wrong_whatever_is_killed_or_frozen(up: RunningSet, delivered: tuple[str, set[str]]) -> None:
    dice = random.Random(int(SECONDS))
    watchers = [Watcher(name, up.nats) for name in LISTS]
    tasks = [asyncio.create_task(watcher.watch()) for watcher in watchers]
    done: Counter[str] = Counter()
    try:
        await until(lambda: all(one.last is not None and one.last.rows for one in watchers), "lists with rows")
        ends = time.monotonic() + SECONDS
        while time.monotonic() < ends:
            done[await hit(up, dice)] += 1
            await asyncio.sleep(dice.uniform(0, 1.5))
        for watcher in watchers:
            await watcher.moves()
    finally:
        await end(*tasks)
    compared = sum([await compared_with_the_stream(watcher, up.nats) for watcher in watchers])
    print(f"\n{done.total()} faults, {sum(one.seen for one in watchers)} views, {compared} compared: {dict(done)}")
    assert [(one.name, fault) for one in watchers for fault in one.faults] == []
    assert compared > 10 * len(LISTS)
    async with connect(up.nats, "check") as bus:
        print(f"{await recorded(bus)} messages on the tape, as they were recorded")
        events, alerts = await told_once(bus)
        await until(lambda: alerts <= delivered[1], "the delivery of all alerts")
        print(f"{events} entries and exits, each stored once; {len(alerts)} alerts, all delivered")


async def recorded(bus: Bus) -> int:
    """How many messages the tape has, of which none is wrong, missing or added."""
    verification, number = Verification(), 0
    async for sequence, faults in verified(bus, simulated=True, verification=verification):
        assert not faults, (sequence, faults)
        number += 1
    assert verification.lists.keys() >= set(LISTS)
    return number


async def told_once(bus: Bus) -> tuple[int, set[str]]:
    """How many entries and exits the streams of lists have, of which each is stored once; and the alerts."""
    expected = {name: await expected_events(bus, name) for name in LISTS}

    async def moves() -> dict[str, list[Told]]:
        everything = {name: told(await stored_events(bus, name)) for name in LISTS}
        return {name: [one for one in all_of if one[0] in ("enter", "leave")] for name, all_of in everything.items()}

    async def all_there() -> bool:
        found = await moves()
        return all(len(found[name]) >= len(wanted) for name, wanted in expected.items())

    await until(all_there, "all events")
    found = await moves()
    assert {name: found[name][: len(wanted)] for name, wanted in expected.items()} == expected
    return sum(map(len, expected.values())), {alert.id for alert in await stored_alerts(bus)}


async def compared_with_the_stream(watcher: Watcher, nats: BusOptions) -> int:
    """The stream has every sequence from the first on, and passes through all that was shown; how often it did."""
    assert watcher.last is not None
    copy, compared, sequence = Copy(), 0, 0
    copy.epoch = watcher.last.epoch
    async with connect(nats, "check") as bus:
        while stored := await get_from(bus, names.DEFAULT.list_stream(watcher.name), sequence + 1, 1000):
            for message in stored:
                sequence += 1
                assert message.sequence == sequence, "a sequence is missing"
                assert copy.apply(decode_as(Delta, message.data), sequence) is Fit.APPLIED
                if sequence in watcher.rows:
                    assert tuple(copy.rows) == watcher.rows[sequence], f"{watcher.name} at {sequence}"
                    compared += 1
    assert sequence >= watcher.last.sequence
    return compared
