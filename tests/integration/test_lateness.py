"""What a user is told of data that stop or are late, with everything running as `gapscan up` starts it."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from nats.aio.msg import Msg

from gapscan import runfile
from gapscan.bus.client import Bus, connect
from gapscan.protocol import names
from gapscan.protocol.codec import decode_as
from gapscan.protocol.messages import Clock, Heartbeat, State
from gapscan.service.status import StatusReport, collect
from tests.support.processes import started
from tests.support.until import until
from tests.support.up import RunningSet, running_set

pytestmark = pytest.mark.timeout(400)

LIST = "most_active"
TRIES = 4  # of a command: not every service answers in time on a busy machine


class Heard:
    """The states that a list's heartbeats say, and when each of them began."""

    def __init__(self) -> None:
        self.changes: list[tuple[float, State]] = []
        self.last: Heartbeat | None = None

    async def hear(self, message: Msg) -> None:
        self.last = decode_as(Heartbeat, message.data)
        if self.state != self.last.shown:
            self.changes.append((time.monotonic(), self.last.shown))

    @property
    def state(self) -> str:
        return self.changes[-1][1] if self.changes else ""

    async def comes(self, state: State) -> float:
        """When the list has come to be in `state`."""
        await until(lambda: self.state == state, lambda: f"the state {state}, not {self.changes}", 120)
        return self.changes[-1][0]


class Said:
    """What the feed's clock says of its data, from now on."""

    def __init__(self) -> None:
        self.clocks: list[Clock] = []

    async def hear(self, message: Msg) -> None:
        self.clocks.append(decode_as(Clock, message.data))

    async def stale(self, reason: str) -> None:
        """For this reason, be it for a while: who does not answer, is not scanned either."""
        await until(
            lambda: any(clock.state == "stale" and reason in str(clock.reason) for clock in self.clocks),
            lambda: f"{reason}, not {[clock.reason for clock in self.clocks]}",
            120,
        )


@asynccontextmanager
async def listening(running: RunningSet, name: str = LIST) -> AsyncIterator[tuple[Bus, Heard]]:
    heard = Heard()
    async with connect(running.nats, "test") as bus:
        await bus.nc.subscribe(names.DEFAULT.heartbeat_subject(name), cb=heard.hear)
        yield bus, heard


async def sim_url(running: RunningSet) -> str:
    found = re.search(r"simulated market +url=(\S+)", running.log())
    assert found, running.log()
    return found[1]


@asynccontextmanager
async def fault(running: RunningSet, **wanted: Any) -> AsyncIterator[None]:
    """With faults of the simulated market."""
    url = f"{await sim_url(running)}/sim/faults"
    async with aiohttp.ClientSession() as session:
        async with session.post(url, json=wanted) as answer:
            assert answer.status == 200, await answer.text()
        yield
        async with session.delete(url) as answer:
            assert answer.status == 200, await answer.text()


@asynccontextmanager
async def frozen(running: RunningSet) -> AsyncIterator[None]:
    """While the feed's process stands."""
    pid = running.pid("feed")
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def bars_flow(bus: Bus) -> None:
    """Wait until bars have come for long enough that their end is noticed."""
    seconds = set[int]()

    async def note(_message: Msg) -> None:
        seconds.add(int(time.monotonic()))

    subscription = await bus.nc.subscribe(names.DEFAULT.feed_bars, cb=note)
    await until(lambda: len(seconds) > 14, "15 seconds with bars", 90)
    await bus.unsubscribe(subscription)


async def market_time(running: RunningSet) -> int:
    """What the simulated market's own clock shows, epoch ms."""
    async with aiohttp.ClientSession() as session, session.get(f"{await sim_url(running)}/sim/status") as answer:
        return int((await answer.json())["market_time"])


async def healthy(bus: Bus) -> StatusReport:
    """What status says once every service has answered in time: on a busy machine not each one does each time."""
    reports: list[StatusReport] = []
    async with asyncio.timeout(60):
        while not (reports and reports[-1].healthy):
            reports = [await collect(bus)]
            await asyncio.sleep(0.5)
    return reports[-1]


async def command(running: RunningSet, *words: str) -> str:
    """What a command says that knows where the set is, and its login."""
    found = runfile.read(running.data)
    assert found is not None
    login = {
        "GAPSCAN_NATS_URL": found.nats_url, "GAPSCAN_NATS_USER": found.nats_user or "",
        "GAPSCAN_NATS_PASSWORD": found.nats_password or "",
    }  # fmt: skip
    async with started(
        sys.executable, "-m", "gapscan_cli", *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, **login},
    ) as process:  # fmt: skip
        out, _ = await process.communicate()
    return out.decode()


async def test_what_is_dead_is_stale_and_the_reason_is_said(tmp_path: Path) -> None:
    """And it is live again after that, also where the market stood meanwhile. How soon, is tested without a machine's
    noise, by the seconds of those who judge (tests/unit/feed/test_lateness.py).
    """
    async with running_set(
        tmp_path, symbols=300, start="10:00", speed=1.0, GAPSCAN_FEED_REQUEST_TIMEOUT="4"
    ) as running, listening(running) as (bus, heard):  # fmt: skip

        async def dies(death: AbstractAsyncContextManager[None], reason: str = "") -> None:
            await heard.comes("live")
            said = Said()
            subscription = await bus.nc.subscribe(names.DEFAULT.feed_clock, cb=said.hear)
            async with death:
                await heard.comes("stale")
                if reason:
                    await said.stale(reason)
            await bus.unsubscribe(subscription)

        await bars_flow(bus)
        await dies(fault(running, ws_silent=True), "no bars for")
        await dies(fault(running, ws_silent=True, rest_stall=True), "does not answer")
        await dies(fault(running, rest_status={"status": 500}), "scans fail")
        await dies(frozen(running))
        await heard.comes("live")


async def test_a_delayed_plan_is_called_delayed_everywhere_and_live_nowhere(tmp_path: Path) -> None:
    async with running_set(
        tmp_path, symbols=300, start="09:50", speed=1.0,
        GAPSCAN_SIM_DELAY="900", GAPSCAN_FEED_DISCOVERY_INTERVAL="2", GAPSCAN_BRIDGE_ORIGINS="",
    ) as running, listening(running) as (bus, heard):  # fmt: skip
        await heard.comes("delayed")
        await bars_flow(bus)
        before = await market_time(running)
        heard.last = None
        await until(lambda: heard.last, "a heartbeat", 60)
        assert {state for _, state in heard.changes} <= {"stale", "delayed"}, "live, though all data are late"
        beat = heard.last
        assert beat is not None
        assert (beat.state, beat.delayed) == ("stale", True), "what clients of before know"
        assert 870_000 < int(beat.delayed_by or 0) < 930_000
        # A busy machine is later still, by seconds; the market's own time would be 15 minutes off.
        own = beat.as_of + 900_000
        assert before - 60_000 < own < await market_time(running) + 10_000, f"not the data's own time: {beat}"

        report = await healthy(bus)
        assert report.lateness.state == "delayed"
        assert 870 < report.lateness.delayed_by < 930
        assert report.session == "regular"
        assert {status.state for status in report.lists.values()} <= {"delayed", "closed"}
        assert report.lists[LIST].state == "delayed"
        assert report.lists[LIST].rows > 20
        assert report.coverage.fresh > 0.5 * report.coverage.expected
        assert report.lateness.stages["exchange_to_feed"].p50 > 870
        assert report.lateness.stages["feed_to_ranked"].p50 < 60

        await command_says(running, r"healthy   DELAYED by 1[45] min", "status")
        top = await command_says(running, r"is delayed, all prices are 1[45] min old", "top", LIST)
        assert f"{LIST}   delayed   " in top
        await page_says(running, "delayed")


async def command_says(running: RunningSet, pattern: str, *words: str) -> str:
    """What a command prints, which has this: soon, where a service was too busy to answer the first time."""
    for _ in range(TRIES):
        if re.search(pattern, said := await command(running, *words)):
            return said
    raise AssertionError(said)


async def page_says(running: RunningSet, state: str) -> None:
    """What the bridge tells browsers: in the way of before, and beside it."""
    found = runfile.read(running.data)
    assert found is not None
    assert found.http_url is not None
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{found.http_url.rstrip('/')}/ws") as socket:
        await socket.send_json({"action": "subscribe", "lists": [{"list": LIST}]})
        await socket.send_json({"action": "overview", "on": True})
        said: dict[str, Any] = {}
        async with asyncio.timeout(30):
            while not {"heartbeat", "overview"} <= said.keys() or "ours" not in said["heartbeat"]:
                message = msgspec.json.decode((await socket.receive()).data)
                said[message["type"]] = message
    beat = said["heartbeat"]["lists"][LIST]
    assert (beat["state"], beat.get("delayed")) == ("stale", True) if state == "delayed" else (state, None)
    size = said["overview"]["lists"][LIST]
    assert (size["state"], size.get("delayed")) == (beat["state"], beat.get("delayed"))
    assert said["heartbeat"]["behind"] >= 0


@pytest.mark.parametrize("speed", [60.0, 2000.0])
async def test_a_day_that_runs_fast_is_not_late(tmp_path: Path, speed: float) -> None:
    async with running_set(
        tmp_path, symbols=300, start="09:25", speed=speed, GAPSCAN_FEED_DISCOVERY_INTERVAL="0.5"
    ) as running, listening(running) as (bus, heard):  # fmt: skip
        await heard.comes("live")
        feeds: list[str] = []
        for _ in range(8):
            feeds.append((await collect(bus)).lateness.state)
            await asyncio.sleep(0.25)
        assert "delayed" not in {state for _, state in heard.changes}
        assert "delayed" not in feeds
