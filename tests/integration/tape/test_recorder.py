"""The recorder on a real server: exact over its own death, never two at once, nothing hidden, the disk kept free."""

from __future__ import annotations

import json
import random
from contextlib import suppress
from functools import partial

import msgspec
import pytest

import gapscan
from gapscan.bus.client import Bus, BusOptions, connect
from gapscan.bus.direct_get import NoStreamError, get_from
from gapscan.bus.tape import TapeLimits, ensure_tape
from gapscan.client.history import kept, verified
from gapscan.client.tape_reader import TapeReader
from gapscan.client.timeline import moves_between
from gapscan.config import HistorySection
from gapscan.errors import NotRecordedError, UnknownListError
from gapscan.lists.verification import Verification
from gapscan.obs import Tally, logger
from gapscan.protocol import names
from gapscan.tape.disk import DiskWatch
from gapscan.tape.service import Recorder
from tests.support.nats import NatsServer
from tests.support.tape import START, PlayedList, played_list, recorded, recording
from tests.support.until import until

STEPS = (50, 100, 400, 1000, 1000, 3000, 200, 70_000)


@pytest.fixture
async def options(nats_server: NatsServer) -> BusOptions:
    return BusOptions(nats_server.url)


@pytest.fixture
async def played(bus: Bus) -> PlayedList:
    return await played_list(bus, "winners")


async def move(played: PlayedList, steps: int) -> None:
    """Change the list some times, and say so as a ranker does."""
    for step in range(steps):
        await played.step(played.dice.choice(STEPS))
        if step % 4 == 0:
            await played.beat()
    await played.beat()


def has_lists(recorder: Recorder) -> bool:
    return recorder.term is not None and bool(recorder.term.tapes)


async def exact(bus: Bus, played: PlayedList) -> int:
    """At every second that is told, the tape has what a follower held; how many are in gaps."""
    reader = await TapeReader.open(bus, played.publisher.name)
    gaps = 0
    for time in {time // 1000 * 1000 + more for time, _ in played.truth for more in (0, 1000, 17_000)}:
        if time < START + 1000 or time >= played.time:
            continue
        try:
            view = await reader.at(time)
        except NotRecordedError:
            gaps += 1
        else:
            assert list(view.rows) == played.rows_at(time)
    return gaps


async def faults(bus: Bus, *, simulated: bool = False) -> list[str]:
    verification = Verification()
    return [
        fault async for _, found in verified(bus, simulated=simulated, verification=verification) for fault in found
    ]


async def test_every_second_is_what_a_follower_held(bus: Bus, options: BusOptions, played: PlayedList) -> None:
    async with recording(options) as recorder:
        await move(played, 120)
        await recorded(recorder, played)
    assert await exact(bus, played) == 0
    assert await faults(bus) == []
    (found,) = await kept(bus, ["winners"])
    assert played.time - 60_000 <= found.end <= played.time
    assert not found.gaps


async def test_views_from_a_time_on_are_those_of_each_second(bus: Bus, options: BusOptions, played: PlayedList) -> None:
    async with recording(options) as recorder:
        await move(played, 60)
        await recorded(recorder, played)
    views = [view async for view in gapscan.between("winners", START + 5000, played.time, bus=bus)]
    assert views[0].when == START + 5000
    for view in views:
        assert list(view.rows) == played.rows_at(-(-view.when // 1000) * 1000)
    last = {-(-time // 1000): rows for time, rows in played.truth}
    seconds = {-(-view.as_of // 1000): list(view.rows) for view in views[1:]}
    assert seconds == {second: rows for second, rows in last.items() if second in seconds}
    assert {second for second in last if second * 1000 > START + 5000} <= seconds.keys()


async def test_a_position_is_found(bus: Bus, options: BusOptions, played: PlayedList) -> None:
    async with recording(options) as recorder:
        await move(played, 60)
        await recorded(recorder, played)
    epoch, reader = played.publisher.epoch, await TapeReader.open(bus, "winners")
    for sequence in range(1, played.publisher.sequence):
        view = await reader.at_position(epoch, sequence)
        assert view.sequence <= sequence
        assert list(view.rows) == played.truth[view.sequence - 1][1]
        later = [time for time, _ in played.truth[view.sequence : sequence]]
        assert len({-(-time // 1000) for time in later}) <= 1, "what lies between is one second's"
    with pytest.raises(NotRecordedError, match="epoch nobody"):
        await gapscan.at("winners", ("nobody", 3), bus=bus)


async def test_a_recorder_goes_on_where_another_ended(bus: Bus, options: BusOptions, played: PlayedList) -> None:
    for _ in range(4):
        async with recording(options, "one") as recorder:
            await move(played, 25)
            await until(partial(has_lists, recorder), "a list")
        await move(played, 10)
    async with recording(options, "one") as recorder:
        await recorded(recorder, played)
    assert await exact(bus, played) == 0
    assert await faults(bus) == []


async def test_what_is_gone_before_it_was_read_is_a_stated_gap(bus: Bus, options: BusOptions) -> None:
    played = await played_list(bus, "winners")
    async with recording(options, "one") as recorder:
        await move(played, 20)
        await until(partial(has_lists, recorder), "a list")
        await recorded(recorder, played)
    await move(played, 10)

    await bus.js.purge_stream(names.DEFAULT.list_stream("winners"), keep=1)
    await played.publisher.write_snapshot(False)
    await move(played, 3)
    async with recording(options, "one") as recorder:
        await recorded(recorder, played)
    assert await exact(bus, played) > 0
    assert await faults(bus) == []
    (found,) = await kept(bus, ["winners"])
    assert [gap.reason for gap in found.gaps] == ["not_kept"]
    with pytest.raises(NotRecordedError, match="there is a gap from"):
        await gapscan.at("winners", (found.gaps[0].begin + found.gaps[0].end) // 2, bus=bus)


async def test_only_one_records(bus: Bus, options: BusOptions, played: PlayedList) -> None:
    async with recording(options) as one, recording(options) as other:
        await until(lambda: one.term or other.term, "a leader")
        await move(played, 30)
        leader, standby = (one, other) if one.term else (other, one)
        await recorded(leader, played)
        assert standby.report()["role"] == "standby"
    assert await exact(bus, played) == 0
    assert await faults(bus) == []


async def test_a_simulated_market_has_a_tape_of_its_own_that_goes_with_it(bus: Bus, options: BusOptions) -> None:
    played = await played_list(bus, "winners", simulated=True)
    async with recording(options) as recorder:
        await move(played, 20)
        await recorded(recorder, played)
        assert (await gapscan.at("winners", START + 2000, bus=bus)).simulated
        with pytest.raises(UnknownListError):
            await gapscan.at("winners", START + 2000, simulated=False, bus=bus)
        played.time, played.truth, late = START - 86_400_000, [], played.time
        await played.step(1000)
        await played.publisher.write_snapshot(True)
        await move(played, 10)
        await recorded(recorder, played)
    with pytest.raises(NotRecordedError):
        await gapscan.at("winners", late, bus=bus)
    assert await faults(bus, simulated=True) == []
    (found,) = await kept(bus, ["winners"])
    assert found.begin < START - 80_000_000


async def test_another_day_is_recorded_of_lists_that_rest_or_are_gone_too(bus: Bus, options: BusOptions) -> None:
    """A day earlier is played: one list changes, one rests as it was, one was removed."""
    moving, resting, gone = [await played_list(bus, name, simulated=True) for name in ("winners", "halted", "removed")]
    async with recording(options) as recorder:
        for played in (moving, resting, gone):
            await played.step(1000)
            await recorded(recorder, played)
        late, held = resting.time, resting.publisher.rows
        moving.time, moving.truth = START - 86_400_000, []
        for _ in range(8):
            await moving.step(700)
        await moving.publisher.write_snapshot(True)
        stored = recorder.report()["stored"]
        resting.time = moving.time

        async def there(name: str, when: int | None = None) -> bool:
            await moving.step(100)
            resting.time = moving.time
            await moving.beat()
            await resting.beat()
            with suppress(NotRecordedError, UnknownListError):
                reader = await TapeReader.open(bus, name)
                return await reader.end() < START if when is None else (await reader.at(when)).complete
            return False

        first = moving.time
        await until(partial(there, "winners", first + 2000), "the list that moves")
        await until(partial(there, "halted"), "the list that rests")
        then = moving.time + 70_000
        moving.time += 200_000
        await until(partial(there, "halted", then), "its next minutes")
        tapes = recorder.report()["lists"]
        assert tapes["winners"]["gaps"] == tapes["halted"]["gaps"] == 0
        assert recorder.report()["stored"] - stored < 300, "each was deleted once"
    view = await gapscan.at("halted", then, simulated=True, bus=bus)
    assert list(view.rows) == list(held)
    reader = await TapeReader.open(bus, "winners")
    for time in range(first + 1000, await reader.end(), 5000):
        assert list((await reader.at(time)).rows) == moving.rows_at(time)
    with pytest.raises(NotRecordedError):
        await gapscan.at("halted", late, simulated=True, bus=bus)
    assert await faults(bus, simulated=True) == []


async def test_moves_tell_who_came_and_went(bus: Bus, options: BusOptions, played: PlayedList) -> None:
    async with recording(options) as recorder:
        await move(played, 80)
        await recorded(recorder, played)
    moves = await moves_between(await TapeReader.open(bus, "winners"), START, played.time + 86_400_000)
    held = {row["symbol"] for row in played.truth[0][1]}
    for one in moves:
        assert (one.symbol in held) is (one.action == "leave")
        held ^= {one.symbol}
    symbol = moves[0].symbol
    stays = await gapscan.when(symbol, name="winners", bus=bus)
    assert [stay.left for stay in stays if stay.left] == [
        m.time for m in moves if (m.symbol, m.action) == (symbol, "leave")
    ]
    assert [s.entered for s in stays if s.entered] == [
        m.time for m in moves if (m.symbol, m.action) == (symbol, "enter")
    ]


async def test_a_tape_that_is_gone_is_made_anew(bus: Bus, options: BusOptions, played: PlayedList) -> None:
    async with recording(options) as recorder:
        await move(played, 10)
        await recorded(recorder, played)
        await bus.js.delete_stream(names.DEFAULT.stream_tape)
        await move(played, 10)

        async def there() -> bool:
            await played.beat()
            try:
                return await get_from(bus, names.DEFAULT.stream_tape, 1, 1) != []
            except NoStreamError:
                return False

        await until(there, "another tape")
        await recorded(recorder, played)
    assert await faults(bus) == []


@pytest.mark.parametrize("deed", ["changed", "left_out", "added"])
async def test_verify_finds_what_was_done_to_a_stored_tape(
    bus: Bus, options: BusOptions, played: PlayedList, deed: str
) -> None:
    """The messages of a tape, with one deed done to one of them, on another server's tape."""
    async with recording(options) as recorder:
        await move(played, 40)
        await recorded(recorder, played)
    stored = await get_from(bus, names.DEFAULT.stream_tape, 1, 1000)
    await bus.js.delete_stream(names.DEFAULT.stream_tape)
    await ensure_tape(bus, TapeLimits(3600, 64_000_000), simulated=False)
    victim = random.Random(deed).randrange(2, len(stored) - 1)
    for at, message in enumerate(stored):
        headers = {name: value for name, value in message.headers.items() if name.startswith("Gapscan-")}
        data = message.data
        if at == victim and deed == "left_out":
            continue
        if at == victim and deed == "changed":
            content = json.loads(data)
            data = json.dumps({**content, "list": "losers"}).encode()
        await bus.js.publish(message.subject, data, headers=headers)
        if at == victim and deed == "added":
            await bus.js.publish(message.subject, data, headers=headers)
    assert await faults(bus)


async def test_the_past_gives_way_to_a_full_disk(
    bus: Bus, options: BusOptions, played: PlayedList, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with recording(options) as recorder:
        await move(played, 10)
        await recorded(recorder, played)
    tally = Tally(logger("recorder"))
    full = msgspec.structs.replace(HistorySection(), store_dir="/", min_free=2**62)
    monkeypatch.setattr("shutil.disk_usage", lambda _: (1000, 999, 1))
    watch = DiskWatch(bus, full, tally)
    await watch.look(names.DEFAULT.stream_tape)
    assert watch.paused, "so little is kept that nothing can be dropped"
    for _ in range(40):
        await bus.js.publish("gapscan.tape.winners.20261127.1431", random.Random(1).randbytes(700_000))
    before = (await bus.js.stream_info(names.DEFAULT.stream_tape)).state
    await watch.look(names.DEFAULT.stream_tape)
    after = (await bus.js.stream_info(names.DEFAULT.stream_tape)).state
    assert not watch.paused
    assert after.first_seq > before.first_seq
    assert after.last_seq == before.last_seq
    assert tally.counts == {"disk_short": 2, "dropped": 1}
    roomy = DiskWatch(bus, msgspec.structs.replace(full, min_free=0), tally)
    await roomy.look(names.DEFAULT.stream_tape)
    assert not roomy.paused
    assert roomy.free


async def test_readers_may_read_the_past(tmp_path_factory: pytest.TempPathFactory) -> None:
    server = NatsServer(tmp_path_factory.mktemp("nats"), accounts=True)
    server.start()
    try:
        async with connect(server.services, "test") as bus, connect(server.reader, "reader") as reader:
            played = await played_list(bus, "winners")
            async with recording(server.services) as recorder:
                await move(played, 20)
                await recorded(recorder, played)
            assert await exact(reader, played) == 0
            assert await faults(reader) == []
    finally:
        server.close()
