"""A replay never outruns the set: the same lists at the same market times, at whatever speed, on a busy machine too."""

from __future__ import annotations

import asyncio
import datetime as dt
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import pytest
from nats.aio.msg import Msg

from gapscan.bus.client import Bus, connect
from gapscan.bus.direct_get import get_from
from gapscan.lists.delta import RowList, apply, checksum
from gapscan.market.sessions import epoch_ms, new_york
from gapscan.protocol import names
from gapscan.protocol.codec import decode_as
from gapscan.protocol.messages import Delta, Ranked, Row
from gapscan.ranking.spec import shipped_lists
from gapscan.service.status import StatusReport, collect
from tests.support.processes import started
from tests.support.realdata import real_data
from tests.support.until import until
from tests.support.up import running_set

pytestmark = [pytest.mark.timeout(600)]

DAY: Final = dt.date(2023, 8, 4)
MINUTES: Final = 5
BEGIN = epoch_ms(DAY, dt.time(9, 30))
MOMENTS = [BEGIN + minute * 60_000 for minute in range(1, MINUTES + 1)]

LISTS: Final = tuple(spec.name for spec in shipped_lists().specs)
FIELDS: Final = ("price", "prev_close", "volume", "change_percent", "gap_percent", "open", "high", "low")

States = dict[str, dict[int, list[Row]]]
Paces = list[tuple[float, int]]  # when it was heard, and what moment of the market was ranked


async def played(root: Path, data: Path, speed: float, busy: int) -> tuple[States, StatusReport, Paces]:
    """The lists at each of MOMENTS of a replay beside `busy` processes that want all of the machine."""
    ranked: Paces = []

    async def hear(message: Msg) -> None:
        ranked.append((asyncio.get_running_loop().time(), decode_as(Ranked, message.data).as_of))

    settings = {"GAPSCAN_SIM_REPLAY": str(data), "GAPSCAN_SIM_DAY": str(DAY), "GAPSCAN_NATS_DELTA_MAX_AGE": "3600"}
    async with AsyncExitStack() as stack:
        for _ in range(busy):
            await stack.enter_async_context(started(sys.executable, "-c", "while True: pass"))
        running = await stack.enter_async_context(running_set(root, symbols=20, start="09:30", speed=speed, **settings))
        bus = await stack.enter_async_context(connect(running.nats, "test"))
        await bus.nc.subscribe(names.DEFAULT.ranked, cb=hear)
        await until(lambda: ranked and ranked[-1][1] >= MOMENTS[-1], lambda: f"the last minute, not {ranked[-3:]}", 240)
        return await states(bus), await collect(bus), ranked


def lead(paces: Paces, speed: float) -> float:
    """By how many seconds a market was faster than `speed`, a minute's step apart; below 0 while it kept to it.

    Of the first half of what was heard, whichever shows the least: what a busy machine let us hear late, looks faster.
    """
    heard, moment = paces[-1]
    half = paces[: max(1, len(paces) // 2)]
    return min((moment - then) / 1000 / speed - (heard - at) for at, then in half) - 60 / speed


async def states(bus: Bus) -> States:
    """Of each list its rows at each moment, from all of its deltas."""
    found: States = {}
    for name in LISTS:
        held: RowList | list[Row] = []
        rows, at = {}, list(MOMENTS)
        for stored in await get_from(bus, names.DEFAULT.list_stream(name), 1, 1_000_000):
            delta = decode_as(Delta, stored.data)
            while at and delta.as_of > at[0]:
                rows[at.pop(0)] = list(held)
            held = apply(held, delta.changes)
            assert checksum(held) == delta.checksum
        found[name] = rows | {moment: list(held) for moment in at}
    return found


def shown(rows: list[Row]) -> list[tuple[object, ...]]:
    return [(row["symbol"], *(row.get(field) for field in FIELDS)) for row in rows]


async def test_the_speed_changes_no_list(tmp_path: Path) -> None:
    data = real_data()
    slow, _, slow_paces = await played(tmp_path, data, 60.0, busy=0)
    fast, report, _ = await played(tmp_path, data, 5_000.0, busy=3)
    assert sum(len(rows) for of in slow.values() for rows in of.values()) > 250, "there is something to compare"
    for name in LISTS:
        for moment in MOMENTS:
            time = f"{name} at {new_york(moment):%H:%M}"
            assert shown(fast[name][moment]) == shown(slow[name][moment]), time
    assert lead(slow_paces, 60.0) < 0, f"no faster than its speed: {slow_paces}"
    assert 1 < report.lateness.speed < 5_000, "the speed reached"
