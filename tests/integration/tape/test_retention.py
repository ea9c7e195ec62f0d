"""How much of the past is kept: by the settings, whatever they were before; nothing where none is wanted."""

from __future__ import annotations

import asyncio
import random

import msgspec
import pytest

from gapscan.bus.client import Bus, BusOptions
from gapscan.bus.tape import TapeLimits, TapeWriter, tape_info
from gapscan.bus.topology import Retention, ensure_shared
from gapscan.client.tape_reader import TapeReader
from gapscan.config import Config, HistorySection
from gapscan.errors import NotRecordedError
from gapscan.lists.delta import checksum
from gapscan.lists.recording import Record
from gapscan.lists.state import ranked
from gapscan.protocol.messages import Row, Snapshot
from gapscan.protocol.tape import MINUTE_MS
from gapscan.runtime import end
from gapscan.tape.service import Recorder
from tests.support.nats import NatsServer
from tests.support.tape import START, played_list, recorded, recording
from tests.support.until import until

LEAST = 16 * 1024 * 1024  # bytes: no tape is smaller
MINUTES = 50
MINUTE = START // MINUTE_MS


def _whole(minute: int) -> Snapshot:
    """A list that takes half a megabyte."""
    dice = random.Random(minute)
    rows = [Row(symbol="AAA", price=2.0, name=dice.randbytes(256 * 1024).hex())]
    return Snapshot("winners", "e", minute, minute * MINUTE_MS, ranked(rows), checksum(rows), simulated=False)


async def test_the_oldest_goes_first(bus: Bus) -> None:
    writer = TapeWriter(bus, simulated=False)
    await writer.open(TapeLimits(86_400.0, LEAST))
    writer.append("winners", [Record(MINUTE + each, _whole(MINUTE + each)) for each in range(MINUTES)])
    await writer.store()
    info = await tape_info(bus, simulated=False)
    assert info is not None
    assert LEAST * 0.9 < info.state.bytes <= LEAST
    reader, gone = await TapeReader.open(bus, "winners"), info.state.first_seq - 1
    assert 0 < gone < MINUTES
    for each in range(MINUTES):
        when = (MINUTE + each) * MINUTE_MS
        if each >= gone:
            assert (await reader.at(when)).sequence == MINUTE + each
            continue
        with pytest.raises(NotRecordedError, match="is not kept: its past begins at"):
            await reader.at(when)


async def test_other_settings_count_from_the_next_start_on(bus: Bus) -> None:
    await ensure_shared(bus, Retention())
    await played_list(bus, "winners")
    for section in (HistorySection(days=5, max_bytes=4 * LEAST), HistorySection(days=2, max_bytes=2 * LEAST)):
        task = asyncio.create_task(Recorder(bus, msgspec.structs.replace(Config(), history=section)).run())

        async def limits() -> tuple[float | None, int | None]:
            info = await tape_info(bus, simulated=False)
            return (info.config.max_age, info.config.max_bytes) if info else (None, None)

        async def taken_over(wanted: tuple[float, int] = (section.max_age, section.max_bytes)) -> bool:
            return await limits() == wanted

        try:
            await until(taken_over, "the limits of the settings")
        finally:
            await end(task)


async def test_one_that_is_off_records_nothing_and_is_in_nobodys_way(bus: Bus, nats_server: NatsServer) -> None:
    played = await played_list(bus, "winners")
    off = Recorder(bus, msgspec.structs.replace(Config(), history=HistorySection(enabled=False)))
    task = asyncio.create_task(off.run())
    try:
        async with recording(BusOptions(nats_server.url)) as recorder:
            await recorded(recorder, played)
        assert off.report()["role"] == "off"
        assert off.term is None
        assert not task.done()
    finally:
        await end(task)
