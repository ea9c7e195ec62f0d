"""The past by way of the bridge: lists at a time, days at a glance, pasts played; each as the tape has it."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gapscan.bridge import plays
from gapscan.bridge.limits import PLAYS
from gapscan.bus.client import Bus, BusOptions
from gapscan.lists.delta import checksum
from gapscan.protocol.messages import Delta, Row, Snapshot
from gapscan.protocol.past import Past, PastDelta, PastSnapshot, Playing, Timeline
from gapscan.protocol.websocket import Beat, Error
from tests.support.bridge import Browser, Served, browsing, running_bridge
from tests.support.nats import NatsServer
from tests.support.tape import START, PlayedList, played_list, recorded, recording
from tests.support.until import until

STEPS = (50, 100, 400, 1000, 1000, 3000, 200, 20_000)
SECOND = 1000


@pytest.fixture
async def played(bus: Bus, nats_server: NatsServer) -> PlayedList:
    """A list of which some minutes are on the tape."""
    played = await played_list(bus, "winners")
    async with recording(BusOptions(nats_server.url)) as recorder:
        for _ in range(60):
            await played.step(played.dice.choice(STEPS))
        await played.beat()
        await recorded(recorder, played)
    return played


@pytest.fixture
async def past(played: PlayedList, nats_server: NatsServer) -> AsyncIterator[Served]:
    async with running_bridge(nats_server.url) as served:
        await until(lambda: served.bridge.conditions()["nats_connected"], "NATS")
        yield served


def second_after(as_of: int) -> int:
    """From when on a change counts."""
    return -(-as_of // SECOND) * SECOND


def moments(played: PlayedList, number: int, seed: int = 1) -> list[int]:
    dice = random.Random(seed)
    return [dice.randrange(START + SECOND, played.truth[-3][0]) for _ in range(number)]


async def test_a_list_at_a_time(past: Served, played: PlayedList) -> None:
    async with browsing(past) as browser:
        for number, time in enumerate(moments(played, 20), 1):
            await browser.send(action="at", list="winners", time=time, id=str(number))
            answer: Past = await browser.gets(Past, number)
            rows = played.rows_at(time)
            assert rows is not None
            assert (answer.id, answer.time, answer.simulated) == (str(number), time, False)
            assert [{**row, "rank": rank} for rank, row in enumerate(rows, 1)] == answer.rows
            assert (answer.size, answer.checksum) == (len(rows), checksum(rows))
        assert not browser.of(Snapshot)


async def test_a_part_of_it_and_times_in_words(past: Served, played: PlayedList) -> None:
    async with browsing(past) as browser:
        await browser.send(action="at", list="winners", time="2026-11-27 09:31:00", limit=3, fields=["price"])
        answer: Past = await browser.gets(Past)
        rows = played.rows_at(answer.time) or []
        assert answer.time == START + 30_000
        assert answer.rows == [
            {"rank": rank, "symbol": row["symbol"], "price": row["price"]} for rank, row in enumerate(rows[:3], 1)
        ]
        assert answer.size == len(rows)


@pytest.mark.parametrize(
    ("question", "code"),
    [
        ({"list": "winners", "time": START - 3_600_000}, "not_recorded"),
        ({"list": "winners", "time": START + 36_000_000}, "not_recorded"),
        ({"list": "losers", "time": START}, "not_recorded"),
        ({"list": "No such", "time": START}, "not_recorded"),
        ({"list": "winners@1", "time": START}, "not_recorded"),
        ({"list": "winners", "time": "half past nine"}, "bad_message"),
        ({"list": "winners", "time": -1}, "bad_message"),
        ({"list": "winners"}, "bad_message"),
    ],
)
async def test_what_cannot_be_said_is_refused(past: Served, question: dict[str, Any], code: str) -> None:
    async with browsing(past) as browser:
        await browser.send(action="at", **question)
        error: Error = await browser.gets(Error)
        assert error.code == code, error.message
        if question.get("time") == "half past nine":
            assert "09:31" in error.message, "an example"


async def test_every_frame_of_a_play_is_what_stood_there(past: Served, played: PlayedList) -> None:
    async with browsing(past) as browser:
        await browser.send(action="play", list="winners", time=START + 2000, speed=60, id="mine")
        first: Playing = await browser.gets(Playing)
        assert (first.of, first.speed, first.state, first.id) == ("winners", 60.0, "playing", "mine")
        end = played.truth[-3][0]
        await browser.until(lambda: browser.of(Playing)[-1].time > min(end, START + 240_000), "four minutes")
        assert_exact(browser, played, first.list)
        assert len(browser.steps) > 10
        assert not [each for each in browser.of(Snapshot) if not isinstance(each, PastSnapshot)]
        assert not [each for each in browser.of(Delta) if not isinstance(each, PastDelta)]


def assert_exact(browser: Browser, played: PlayedList, name: str) -> None:
    """Each frame is the list as it stood when its newest change counted."""
    frames = [each for each in browser.seen if isinstance(each, PastSnapshot | PastDelta)]
    shown = [rows for shown, _, _, rows in browser.steps if shown == name]
    assert len(frames) == len(shown) > 0
    for frame, rows in zip(frames, shown, strict=True):
        assert rows == played.rows_at(second_after(frame.as_of)), frame.as_of


async def paused_play(browser: Browser, time: int) -> Playing:
    await browser.send(action="play", list="winners", time=time, speed=0)
    playing: Playing = await browser.gets(Playing)
    return playing


async def sought(browser: Browser, name: str, time: int) -> list[Row]:
    """Go to a time, and what is shown then."""
    await browser.send(action="play", list=name, time=time, id=str(time))
    await browser.until(lambda: browser.of(Playing)[-1].id == str(time), f"being at {time}")
    playing: Playing = browser.of(Playing)[-1]
    assert (playing.state, playing.time) == ("paused", time)
    await browser.until(lambda: browser.copies[name].sequence == playing.sequence, "its rows")
    return browser.copies[name].rows


async def test_wherever_one_goes_it_is_what_stood_there(past: Served, played: PlayedList) -> None:
    async with browsing(past) as browser:
        name = (await paused_play(browser, START + 5000)).list
        for time in moments(played, 40):
            assert await sought(browser, name, time) == played.rows_at(time)


async def test_pause_and_speed(past: Served) -> None:
    async with browsing(past) as browser:
        name = (await paused_play(browser, START + 5000)).list
        await browser.send(action="play", list=name, speed=10)
        await browser.until(lambda: browser.of(Playing)[-1].time > START + 8000, "its going on")
        await browser.send(action="play", list=name, speed=0)
        await browser.until(lambda: browser.of(Playing)[-1].state == "paused", "a pause")
        stands: int = browser.of(Playing)[-1].time
        number = len(browser.of(Playing))
        await browser.gets(Playing, number + 1)
        assert browser.of(Playing)[-1].time == stands


async def test_where_nothing_is_recorded_a_play_stays(past: Served, played: PlayedList) -> None:
    async with browsing(past) as browser:
        name = (await paused_play(browser, START + 5000)).list
        await browser.send(action="play", list=name, time=START - 3_600_000)
        error: Error = await browser.gets(Error)
        assert (error.code, error.list) == ("not_recorded", name)
        await browser.send(action="play", list=name, time="soon")
        assert (await browser.gets(Error, 2)).code == "bad_message"
        assert await sought(browser, name, START + 9000) == played.rows_at(START + 9000)


async def test_at_the_end_it_waits_for_more(
    past: Served, played: PlayedList, bus: Bus, nats_server: NatsServer
) -> None:
    async with browsing(past) as browser:
        await browser.send(action="play", list="winners", time="now", speed=5)
        await browser.until(lambda: browser.of(Playing) and browser.of(Playing)[-1].state == "waiting", "the end")
        async with recording(BusOptions(nats_server.url)) as recorder:
            await played.step(1000)
            await recorded(recorder, played)
        name = browser.of(Playing)[0].list
        await browser.until(lambda: browser.copies[name].rows == played.rows_at(played.time), "what came")


async def test_a_part_of_a_played_list(past: Served, played: PlayedList) -> None:
    async with browsing(past) as browser:
        await browser.send(action="play", list="winners", time=START + 5000, speed=0, limit=5, fields=["price"])
        name = (await browser.gets(Playing)).list
        for time in moments(played, 10):
            rows = played.rows_at(time) or []
            want = [{"symbol": row["symbol"], "price": row["price"]} for row in rows[:5]]
            await browser.send(action="play", list=name, time=time)
            await browser.until(lambda at=time: browser.of(Playing)[-1].time == at, "being there")  # type: ignore[misc]
            await browser.until(lambda w=want: browser.copies[name].rows == w, "its rows")  # type: ignore[misc]


async def test_heartbeats_say_that_it_is_past(past: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    async with browsing(past) as browser:
        name = (await paused_play(browser, START + 5000)).list
        beat: Beat = await browser.gets(Beat)
        assert beat.lists[name].state == "past"
        await browser.send(action="resync", list=name)
        await browser.gets(PastSnapshot, 2)


async def test_as_many_plays_as_may_be(played: PlayedList, nats_server: NatsServer) -> None:
    async with running_bridge(nats_server.url, plays=PLAYS + 1) as served, browsing(served) as one:
        await until(lambda: served.bridge.conditions()["nats_connected"], "NATS")
        for number in range(PLAYS):
            await one.send(action="play", list="winners", time=START + 5000, speed=0, id=str(number))
        await one.until(lambda: {each.id for each in one.of(Playing)} == {*"0123"}, "the plays")
        await one.send(action="play", list="winners", time=START + 5000)
        error: Error = await one.gets(Error)
        assert (error.code, error.retry) == ("too_many_plays", True)
        assert str(PLAYS) in error.message
        async with browsing(served) as other:
            await paused_play(other, START + 5000)
            await other.send(action="play", list="winners", time=START + 5000)
            assert str(PLAYS + 1) in (await other.gets(Error)).message
        await until(lambda: len(served.bridge.bridge.versions.plays) == PLAYS, "the end of the other's")
        await one.send(action="unsubscribe", lists=[one.of(Playing)[0].list])
        await one.send(action="play", list="winners", time=START + 5000, speed=0, id="more")
        await one.until(lambda: one.of(Playing)[-1].id == "more", "room")
    assert not served.bridge.bridge.versions.plays


async def test_a_play_is_its_clients_alone(past: Served) -> None:
    async with browsing(past) as one, browsing(past) as other:
        name = (await paused_play(one, START + 5000)).list
        await other.send(action="play", list=name, speed=60)
        assert (await other.gets(Error)).code == "not_subscribed"
        await other.send(action="subscribe", lists=[{"list": name}])
        assert (await other.gets(Error, 2)).code == "unknown_list"
        await other.send(action="unsubscribe", lists=[name])
        await one.send(action="play", list=name, time=START + 7000)
        await one.until(lambda: one.of(Playing)[-1].time == START + 7000, "its going on")


async def test_who_goes_leaves_nothing_behind(past: Served) -> None:
    async with browsing(past) as browser:
        await paused_play(browser, START + 5000)
        await browser.send(action="play", list="winners", time=START, speed=60)
    await until(lambda: not past.bridge.bridge.versions.plays, "the end of the plays")
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("play ")]


async def test_a_fault_is_that_plays_alone(past: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    async with browsing(past) as browser:
        name = (await paused_play(browser, START + 5000)).list

        def fail(*_: object, **__: object) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(plays, "Player", fail)
        await browser.send(action="play", list="winners", time=START)
        error: Error = await browser.gets(Error)
        assert (error.code, error.list) == ("unavailable", "winners")
        await browser.send(action="play", list=name, time=START + 9000)
        await browser.until(lambda: browser.of(Playing)[-1].time == START + 9000, "the other's going on")


async def test_a_day_at_a_glance(past: Served, played: PlayedList) -> None:
    async with browsing(past) as browser:
        await browser.send(action="timeline", list="winners")
        answer: Timeline = await browser.gets(Timeline)
        assert (answer.list, answer.simulated, answer.gaps, answer.left_out) == ("winners", False, [], 0)
        assert START <= answer.begin < START + 60_000
        assert answer.end >= played.truth[-3][0]
        last: dict[str, str] = {}
        for move in answer.moves:
            assert last.get(move.symbol) != move.action
            last[move.symbol] = move.action
        assert {symbol for symbol, action in last.items() if action == "enter"} == symbols(played.truth[-2][1])
        middle = answer.moves[len(answer.moves) // 2].time
        await browser.send(action="timeline", list="winners", since=middle)
        later: Timeline = await browser.gets(Timeline, 2)
        assert list(later.moves) == [move for move in answer.moves if move.time > middle]


async def test_a_day_of_which_nothing_is_recorded(past: Served) -> None:
    async with browsing(past) as browser:
        await browser.send(action="timeline", list="losers")
        answer: Timeline = await browser.gets(Timeline)
        assert (answer.begin, answer.end, answer.moves) == (0, 0, [])


def symbols(rows: list[Row]) -> set[str]:
    return {row["symbol"] for row in rows}


def header(head: str, name: str) -> str:
    return next(line.partition(": ")[2] for line in head.splitlines() if line.lower().startswith(f"{name}:"))


async def test_by_a_plain_request(past: Served, played: PlayedList) -> None:
    time = START + 41_000
    rows = played.rows_at(time) or []
    path = f"/api/lists/winners?at={time}&limit=4&fields=price"
    status, head, body = await past.get(path)
    answer = json.loads(body)
    assert (status, answer["state"], answer["time"], answer["size"]) == (200, "past", time, len(rows))
    assert [(row["symbol"], row["price"]) for row in answer["rows"]] == [(r["symbol"], r["price"]) for r in rows[:4]]
    assert (await past.get(path, f"If-None-Match: {header(head, 'etag')}"))[0] == 304
    status, _, text = await past.get("/api/lists/winners.csv?at=2026-11-27T09:31:11&fields=price")
    assert [line["symbol"] for line in csv.DictReader(io.StringIO(text))] == [row["symbol"] for row in rows]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        (f"winners?at={START - 3_600_000}", 404, "not_recorded"),
        ("winners?at=half+past+nine", 400, "bad_request"),
        ("winners?at=", 400, "bad_request"),
        ("losers?at=09:31", 404, "not_recorded"),
        ("winners/stream?at=09:31", 400, "bad_request"),
    ],
)
async def test_plain_requests_that_are_refused(past: Served, path: str, status: int, code: str) -> None:
    got, _, body = await past.get(f"/api/lists/{path}")
    assert (got, json.loads(body)["code"]) == (status, code)
