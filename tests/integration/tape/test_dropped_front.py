"""Where the oldest of a tape was dropped: a list that rests is told from the next whole one on, nothing of it fails."""

from __future__ import annotations

import json

import pytest

import gapscan
from gapscan.bus.client import Bus, BusOptions
from gapscan.bus.definitions import write_definition
from gapscan.bus.direct_get import Stored
from gapscan.bus.tape import TapeLimits, TapeWriter
from gapscan.bus.topology import Retention, ensure_shared
from gapscan.client.minutes import full_minutes
from gapscan.client.stays import first_symbols
from gapscan.client.tape_reader import TapeReader
from gapscan.client.timeline import day_bounds
from gapscan.errors import NotRecordedError
from gapscan.lists.delta import checksum
from gapscan.lists.recording import Recording
from gapscan.lists.state import ranked
from gapscan.protocol.messages import ListDefinition, Row, Snapshot
from gapscan.protocol.tape import MINUTE_MS
from gapscan.tape import term
from tests.support.nats import NatsServer
from tests.support.tape import START, played_list, recorded, recording
from tests.support.until import until

LIMITS = TapeLimits(3600.0, 64 * 1024 * 1024)
MINUTES = 70  # the reference to a whole list goes back for an hour
ROWS = [Row(symbol="HHH", price=1.0), Row(symbol="III", price=2.0)]


async def rested(bus: Bus, name: str) -> list[Stored]:
    """The tape of a list that never changed, as it is stored."""
    await ensure_shared(bus, Retention())
    await write_definition(bus, ListDefinition(name, "Rests.", "volume > 0", ["-volume"], 30, []))
    writer, made = TapeWriter(bus, simulated=False), Recording(name)
    await writer.open(LIMITS)
    begin = Snapshot(name, "e", 1, START, ranked(ROWS), checksum(ROWS), simulated=False)
    writer.append(name, made.begin(begin, "not_kept"))
    end = START + MINUTES * MINUTE_MS
    writer.append(name, made.advance(end, end))
    await writer.store()
    return [stored async for stored in (await TapeReader.open(bus, name)).messages(1)]


def kind(stored: Stored) -> str:
    said: str = json.loads(stored.data)["type"]
    return said


@pytest.fixture
async def cut(bus: Bus) -> TapeReader:
    """Its reader, after the whole list was dropped that the oldest minutes refer to."""
    stored = await rested(bus, "halted")
    first = next(each for each in stored if kind(each) == "unchanged")
    await bus.js.purge_stream("GAPSCAN_TAPE", seq=first.sequence)
    return await TapeReader.open(bus, "halted")


async def test_what_can_be_known_is_told(cut: TapeReader, bus: Bus) -> None:
    whole = await cut.begin()
    assert START + 50 * MINUTE_MS < whole < START + MINUTES * MINUTE_MS
    begin, over = day_bounds("today", await cut.end())
    minutes = [view async for view in full_minutes(cut, begin, over)]
    assert [view.when for view in minutes] == [*range(whole, await cut.end() + 1, MINUTE_MS)]
    assert all(list(view.rows) == ROWS for view in minutes)
    assert await first_symbols(cut, begin, over) == {"HHH", "III"}
    (stay,) = await gapscan.when("HHH", bus=bus)
    assert (stay.entered, stay.left, stay.unrecorded) == (None, None, False)
    assert list((await gapscan.at("halted", whole, bus=bus)).rows) == ROWS
    views = [view async for view in gapscan.between("halted", START, whole + MINUTE_MS, bus=bus)]
    assert [(view.when, view.gap_before) for view in views] == [(whole, True)]


async def test_before_that_it_is_not_kept(cut: TapeReader, bus: Bus) -> None:
    for moment in (START + 5 * MINUTE_MS, await cut.begin() - 1):
        with pytest.raises(NotRecordedError, match="not kept: its past begins at"):
            await gapscan.at("halted", moment, bus=bus)
    with pytest.raises(NotRecordedError, match="is not recorded"):
        await cut.at_position("e", 0)


async def test_a_minute_whose_beginning_was_dropped_is_not_kept(bus: Bus, nats_server: NatsServer) -> None:
    played = await played_list(bus, "winners")
    async with recording(BusOptions(nats_server.url)) as recorder:
        for _ in range(12):
            await played.step(10_000)
        await recorded(recorder, played)
    found = [each async for each in (await TapeReader.open(bus, "winners")).messages(1)]
    at = next(place for place, each in enumerate(found) if [kind(each), kind(found[place + 1])] == ["delta", "delta"])
    await bus.js.purge_stream("GAPSCAN_TAPE", seq=found[at + 1].sequence)
    reader = await TapeReader.open(bus, "winners")
    with pytest.raises(NotRecordedError, match="not kept: its past begins at"):
        await reader.at(START + 20_000)
    begins = await reader.begin()
    views = [view async for view in reader.views(START, begins + 5000)]
    assert views[0].when == begins
    assert [list(view.rows) for view in views] == [played.rows_at(-(-view.when // 1000) * 1000) for view in views]


async def test_one_list_that_cannot_be_read_takes_nothing_from_the_others(bus: Bus) -> None:
    for name in ("halted", "losers"):
        await rested(bus, name)
    await bus.js.publish("gapscan.moves.halted.20261127", b"{}")
    await bus.js.publish("gapscan.moves.losers.20261127", b'{"type":"moves","list":"losers","as_of":1,"moves":[]}')
    assert [stay.list for stay in await gapscan.when("HHH", bus=bus)] == ["losers"]
    with pytest.raises(gapscan.GapscanError):
        await gapscan.when("HHH", name="halted", bus=bus)


async def test_the_recorder_refers_to_nothing_that_is_dropped(
    bus: Bus, nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(term, "LOOK_SECONDS", 0.02)
    played = await played_list(bus, "halted")
    busy = await played_list(bus, "winners")

    async def kinds() -> list[str]:
        await busy.step(20_000)
        played.time = busy.time
        await busy.beat()
        await played.beat()
        try:
            reader = await TapeReader.open(bus, "halted")
        except gapscan.UnknownListError:
            return []
        return [kind(stored) async for stored in reader.messages(1)]

    async def rests() -> bool:
        return (await kinds())[-1:] == ["unchanged"]

    async with recording(BusOptions(nats_server.url)):
        await until(rests, "a minute that refers to an earlier one")
        await bus.js.purge_stream("GAPSCAN_TAPE", seq=(await bus.js.stream_info("GAPSCAN_TAPE")).state.last_seq)

        async def is_whole() -> bool:
            return "snapshot" in await kinds()

        await until(is_whole, "a whole list again")
        await until(rests, "that it is referred to")
    reader = await TapeReader.open(bus, "halted")
    assert list((await reader.at(await reader.end())).rows) == list(played.publisher.rows)
