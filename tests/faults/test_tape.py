"""kill -9 of recorder, ranker and server at random: each second of the past is what a follower held, or in a gap."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from itertools import pairwise
from pathlib import Path

import pytest

from gapscan.bus.client import BusOptions, connect
from gapscan.bus.definitions import read_definitions
from gapscan.bus.direct_get import get_from
from gapscan.client.history import verified
from gapscan.client.tape_reader import TapeReader
from gapscan.errors import GapscanError, NotRecordedError
from gapscan.lists.state import Copy, Fit
from gapscan.lists.verification import Verification
from gapscan.protocol import names
from gapscan.protocol.codec import decode_as
from gapscan.protocol.messages import Delta, Row
from tests.support.until import until
from tests.support.up import RunningSet, running_set

pytestmark = pytest.mark.timeout(240)

LISTS = ("most_active", "gappers_up", "winners")
States = list[tuple[int, list[Row]]]


async def test_the_past_survives_random_kills(tmp_path: Path) -> None:
    # All deltas are kept for as long as anybody lets a test run: by them it is known what followers held.
    kept = {"GAPSCAN_NATS_DELTA_MAX_AGE": "3600"}
    order = random.Random(17)
    async with running_set(tmp_path, symbols=400, start="09:31", speed=20, **kept) as up:
        await recorded_beyond(up, 0)
        ends = time.monotonic() + float(os.environ.get("KILL_SECONDS", 20))
        while time.monotonic() < ends:
            victim = order.choice(["recorder", "recorder", "ranker", "nats"])
            pid = up.pid(victim)
            os.kill(pid, signal.SIGKILL)
            await up.replaced(victim, pid)
            await asyncio.sleep(order.uniform(0, 2.5))
        await recorded_beyond(up, await end_of(up.nats))
        async with connect(up.nats, "check") as bus:
            told = 0
            for name in LISTS:
                reader = await TapeReader.open(bus, name)
                told += await compare(reader, await states_of(up.nats, name))
            assert told > 15, "there is something to compare"
            assert {definition.name for definition in await read_definitions(bus)} >= set(LISTS)
            verification = Verification()
            async for _, found in verified(bus, simulated=True, verification=verification):
                assert found == []
            assert set(LISTS) <= verification.lists.keys()


async def recorded_beyond(up: RunningSet, ms: int) -> None:
    """Wait until a minute more of market time than `ms` is on the tape."""

    async def beyond() -> bool:
        try:
            return await end_of(up.nats) > ms + 60_000
        except (GapscanError, OSError):
            return False

    await until(beyond, "the tape", 90)


async def end_of(nats: BusOptions) -> int:
    async with connect(nats, "check") as bus:
        return min([await (await TapeReader.open(bus, name)).end() for name in LISTS])


async def states_of(nats: BusOptions, name: str) -> States:
    """The list after each delta that was ever published, with the time from which it counts."""
    async with connect(nats, "check") as bus:
        stored = await get_from(bus, names.DEFAULT.list_stream(name), 1, 100_000)
    copy, latest, states = Copy(), 0, []
    for message in stored:
        delta = decode_as(Delta, message.data)
        copy.epoch = copy.epoch or delta.epoch
        assert copy.apply(delta, message.sequence) is Fit.APPLIED
        latest = max(latest, delta.as_of)
        states.append((latest, copy.rows))
    return states


async def compare(reader: TapeReader, states: States) -> int:
    """Every second between two changes, that the tape tells of; how many there are."""
    begin, end, told = await reader.begin(), await reader.end(), 0
    unknown: list[str] = []
    for (time_of, rows), (next_time, _) in pairwise(states):
        second = -(-time_of // 1000) * 1000
        if second <= begin or second >= min(next_time, end):
            continue
        try:
            view = await reader.at(second)
        except NotRecordedError as error:
            unknown.append(str(error))
            continue
        assert list(view.rows) == rows, (reader.shelf.name, second)
        told += 1
    assert all("there is a gap" in text for text in unknown), unknown
    return told
