"""Symbols and halts by plain requests: what is said of them, and when they were in lists, which the tape knows."""

from __future__ import annotations

import json
import random
from typing import Any

import msgspec
import pytest

import gapscan
from gapscan.bridge import api_symbols, symbol_facts
from gapscan.bus.client import Bus, BusOptions
from gapscan.bus.definitions import remove_list, write_definition
from gapscan.bus.news import write_news
from gapscan.bus.publisher import ListPublisher
from gapscan.bus.topology import Retention, ensure_shared
from gapscan.client.tape_reader import TapeReader
from gapscan.client.timeline import moves_between
from gapscan.errors import UnknownListError
from gapscan.protocol.codec import encode
from gapscan.protocol.messages import Halts, Headline, ListDefinition, News, Row
from gapscan.protocol.tape import tape_stream
from tests.support.bridge import Served, running_bridge
from tests.support.nats import NatsServer
from tests.support.tape import START, PlayedList, caught_up, played_list, recorded, recording
from tests.support.until import until

STEPS = 15


@pytest.fixture(autouse=True)
def _nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """No answer is an older one."""
    monkeypatch.setattr(api_symbols, "SHARED_SECONDS", 0.0)
    monkeypatch.setattr(symbol_facts, "REFRESH_SECONDS", 0.0)


async def _json(served: Served, path: str) -> Any:
    status, _, body = await served.get(path)
    assert status == 200, body
    return json.loads(body)


async def test_the_news_and_the_halt_of_a_symbol(served: Served, bus: Bus) -> None:
    empty = await _json(served, "/api/symbols/AAA")
    assert (empty["news"], empty["halt"]) == ([], None)
    headlines = [Headline(START - age, f"Title {age}", None, "A paper") for age in range(3)]
    await write_news(bus, News("AAA", "2026-11-27", 3, headlines))
    halts = Halts(
        START, True, ["BBB", "AAA"], ["halted", "resumed"], [START - 9, START - 5], ["T1", None], [None, None]
    )
    await bus.js.publish(bus.names.feed_halts, encode(halts))
    answer = await _json(served, "/api/symbols/AAA")
    assert answer["news"] == [msgspec.to_builtins(each) for each in headlines]
    assert answer["halt"] == {
        "symbol": "AAA", "status": "resumed", "time": START - 5, "reason": None, "resumes_at": None
    }  # fmt: skip
    assert (await _json(served, "/api/symbols/no%20key"))["news"] == []


async def test_all_halts(served: Served, bus: Bus) -> None:
    nothing = await _json(served, "/api/halts")
    assert (nothing["as_of"], nothing["date"], nothing["halts"]) == (0, None, [])
    times = [START - 40, START - 10, START - 20, START - 30]
    status = ["halted", "resumed", "halted", "resumed"]
    await bus.js.publish(bus.names.feed_halts, encode(Halts(START, True, ["A", "B", "C", "D"], status, times)))  # type: ignore[arg-type]
    answer = await _json(served, "/api/halts")
    assert (answer["as_of"], answer["simulated"]) == (START, True)
    assert [each["symbol"] for each in answer["halts"]] == ["C", "A", "B", "D"], "those that last, then the newest"
    assert answer["halts"][0]["reason"] is None
    assert answer["date"] == "2026-11-27"


async def test_halts_go_by_the_time_of_the_lists_of_their_market(bus: Bus, nats_server: NatsServer) -> None:
    played = await played_list(bus, "winners")
    await write_definition(bus, ListDefinition("winners", "", "price > 0", ["-price"], 200, []))
    halts = Halts(START, False, ["A"], ["halted"], [START])
    await bus.js.publish(bus.names.feed_halts, encode(halts))
    async with running_bridge(nats_server.url) as served:
        await served.knows("winners")
        played.time += 3 * 86_400_000

        async def moved() -> bool:
            await played.beat()
            return bool((await _json(served, "/api/halts"))["market_time"] == played.time)

        await until(moved, "the market's time")
        answer = await _json(served, "/api/halts")
        assert (answer["as_of"], answer["date"], answer["market_date"]) == (START, "2026-11-27", "2026-11-30")
        assert answer["state"] == "live"
        about = await _json(served, "/api/symbols/A")
        assert (about["market_time"], about["state"], about["halt"]["time"]) == (played.time, "live", START)
        await bus.js.publish(bus.names.feed_halts, encode(Halts(START, True, ["A"], ["halted"], [START])))
        assert (await _json(served, "/api/halts"))["market_time"] == 0, "of the other market nothing is known"


async def test_what_cannot_be_read_does_not_hide_the_rest(
    served: Served, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bus.js.publish(bus.names.feed_halts, encode(Halts(START, True, ["AAA"], ["halted"], [START])))
    key = f"$KV.{bus.names.bucket_news}.AAA"
    await bus.js.publish(key, b"no news")
    answer = await _json(served, "/api/symbols/AAA")
    assert answer["news"] is None
    assert (answer["halt"]["status"], answer["halt_unread"]) == ("halted", False)
    await write_news(bus, News("BBB", "2026-11-27", 1, [Headline(START, "Title", None, "A paper")]))
    await bus.js.publish(bus.names.feed_halts, b"no halts")
    answer = await _json(served, "/api/symbols/BBB")
    assert [each["title"] for each in answer["news"]] == ["Title"]
    assert (answer["halt"], answer["halt_unread"]) == (None, True)


async def _stays(served: Served, bus: Bus, played: PlayedList) -> int:
    """Compare what is said of each symbol with the tape; how many stays there were."""
    number = 0
    for symbol in sorted({row["symbol"] for _, rows in played.truth for row in rows}):
        answer, wanted = await _json(served, f"/api/symbols/{symbol}/when"), await _recorded(bus, symbol)
        told, wanted = [
            [stay for stay in each if stay["entered"] != played.time]  # which the list alone may know
            for each in (answer["stays"], wanted)
        ]
        assert (answer["symbol"], answer["date"], told) == (symbol, "2026-11-27", wanted)
        number += len(wanted)
    return number


async def _recorded(bus: Bus, symbol: str) -> list[dict[str, Any]]:
    """The same by the tape."""
    stays = await gapscan.when(symbol, bus=bus)
    return [{name: getattr(stay, name) for name in stay.__slots__ if name != "symbol"} for stay in stays]


async def _moves_until(bus: Bus, time: int) -> bool:
    try:
        reader = await TapeReader.open(bus, "winners")
    except UnknownListError:
        return False
    return any(move.time == time for move in await moves_between(reader, START, time + 1))


async def test_when_symbols_were_in_a_list(bus: Bus, nats_server: NatsServer) -> None:
    played = await played_list(bus, "winners")
    await write_definition(bus, ListDefinition("winners", "", "price > 0", ["-price"], 200, []))
    async with recording(BusOptions(nats_server.url)) as recorder, running_bridge(nats_server.url) as served:
        await served.knows("winners")
        counts = []
        for _ in range(2):  # the second time, only what came since is read
            for _ in range(STEPS):
                await played.step(played.dice.choice((100, 1000, 3000)))
            await recorded(recorder, played)
            await until(lambda: _moves_until(bus, played.time - 60_000), "the moves of the last minute that is over")
            counts.append(await _stays(served, bus, played))
        assert 2 < counts[0] < counts[1]
        nats_server.kill()
        assert (await served.get("/api/symbols/END/when"))[0] == 503
        assert (await _json(served, "/api/symbols/END"))["news"] is None
        nats_server.start()


async def _list_of(bus: Bus, *symbols: str) -> PlayedList:
    """A list that these symbols are in from its first moment."""
    await ensure_shared(bus, Retention())
    await write_definition(bus, ListDefinition("winners", "", "price > 0", ["-price"], 200, []))
    played = PlayedList(ListPublisher(bus, "winners"), random.Random(1))
    await played.publisher.recover(Retention())
    await played.step(1, _rows(*symbols))
    await played.publisher.write_snapshot(False)
    return played


def _rows(*symbols: str) -> list[Row]:
    return [Row(symbol=symbol, price=9.0) for symbol in symbols]


async def _came(served: Served, symbol: str) -> list[tuple[int | None, bool]]:
    answer = await _json(served, f"/api/symbols/{symbol}/when")
    return [(stay["entered"], stay["unrecorded"]) for stay in answer["stays"]]


async def _in(served: Served, symbol: str) -> bool:
    return bool((await _json(served, f"/api/symbols/{symbol}"))["places"])


async def test_who_came_just_now_was_not_in_from_the_start(bus: Bus, nats_server: NatsServer) -> None:
    played = await _list_of(bus, "AAA")
    async with running_bridge(nats_server.url) as served:
        await served.knows("winners")
        assert await _came(served, "AAA") == [(None, True)], "nobody records, and it was in when the bridge came"
        await played.step(1000, _rows("AAA", "BBB"))
        at = played.time
        await until(lambda: _in(served, "BBB"), "the list with BBB")
        assert await _came(served, "BBB") == [(at, False)], "the bridge has seen it"


async def test_who_was_in_when_the_tape_began_was_in_from_the_start(bus: Bus, nats_server: NatsServer) -> None:
    played = await _list_of(bus, "AAA")
    async with recording(BusOptions(nats_server.url)) as recorder:
        await caught_up(recorder, played)
        await played.step(1000, _rows("AAA", "BBB"))  # in a minute that is not over: the tape tells of no move in it
        await played.publisher.write_snapshot(False)
        async with running_bridge(nats_server.url) as served:
            await served.knows("winners")
            await until(lambda: _in(served, "BBB"), "the list with BBB")
            assert await _came(served, "AAA") == [(None, False)]
            assert await _came(served, "BBB") == [(None, True)], "it came before the bridge, and after the tape began"


async def test_who_left_just_now_is_not_in(bus: Bus, nats_server: NatsServer) -> None:
    """The tape has told that it came, and tells what came after when that minute is over."""
    played = await _list_of(bus, "AAA")

    async def told() -> bool:
        await played.beat()
        return await _moves_until(bus, at)

    async def said() -> list[tuple[int | None, ...]]:
        answer = await _json(served, "/api/symbols/BBB/when")
        return [(stay["entered"], stay["left"], stay["rank_out"], stay["price_out"]) for stay in answer["stays"]]

    async with recording(BusOptions(nats_server.url)), running_bridge(nats_server.url) as served:
        await served.knows("winners")
        await played.step(1000, _rows("AAA", "BBB"))
        at = played.time
        await played.step(120_000, _rows("CCC", "AAA", "BBB"))
        await played.step(10_000, _rows("DDD", "AAA", "BBB"))
        await until(told, "that it came")
        assert await said() == [(at, None, None, None)]
        await played.step(1000, _rows("AAA"))
        gone = played.time
        await until(lambda: _out(served, "BBB"), "the list without BBB")
        assert await said() == [(at, gone, 3, 9.0)]
        await played.step(1000, _rows("AAA", "BBB"))
        await until(lambda: _in(served, "BBB"), "the list with BBB")
        assert await said() == [(at, gone, 3, 9.0), (played.time, None, None, None)]


async def _out(served: Served, symbol: str) -> bool:
    return not await _in(served, symbol)


async def test_a_tape_that_was_made_anew_is_another_one(bus: Bus, nats_server: NatsServer) -> None:
    played = await _list_of(bus, "AAA")
    async with running_bridge(nats_server.url) as served:
        await served.knows("winners")
        async with recording(BusOptions(nats_server.url)) as recorder:
            await played.step(1000, _rows("BBB"))
            await recorded(recorder, played)
            await until(lambda: _moves_until(bus, played.time - 60_000), "the moves of the last minute that is over")
        assert len(await _came(served, "BBB")) == 1
        await bus.js.purge_stream(tape_stream(bus.names, simulated=False))
        assert await _came(served, "BBB") == [], "what the tape has no more is not told"


async def test_a_list_that_was_removed_today_is_told_of(bus: Bus, nats_server: NatsServer) -> None:
    defined = await _list_of(bus, "AAA")
    removed = await played_list(bus, "losers", start=START - 200_000)
    async with recording(BusOptions(nats_server.url)) as recorder, running_bridge(nats_server.url) as served:
        await served.knows("winners")
        for symbols in (("BBB",), ("BBB", "AAA"), ("BBB",), ()):
            await removed.step(2000, _rows(*symbols))
        await recorded(recorder, removed)
        await recorded(recorder, defined)
        wanted = [stay for stay in await _recorded(bus, "AAA") if stay["list"] == "losers"]
        assert [stay["left"] is None for stay in wanted] == [False]

        async def said() -> bool:
            stays = (await _json(served, "/api/symbols/AAA/when"))["stays"]
            return [stay for stay in stays if stay["list"] == "losers"] == wanted

        await until(said, "the list that is not defined")


async def test_nobody_is_in_a_list_that_was_removed(bus: Bus, nats_server: NatsServer) -> None:
    """However long the market goes on after it."""
    defined, removed = await _list_of(bus, "CCC"), await played_list(bus, "losers")
    await write_definition(bus, ListDefinition("losers", "", "price > 0", ["-price"], 200, []))
    async with recording(BusOptions(nats_server.url)) as recorder, running_bridge(nats_server.url) as served:
        await served.knows("winners", "losers")
        for symbol in ("BBB", "CCC", "DDD"):  # moves are told when their minute is over
            await removed.step(61_000, _rows("AAA", symbol))
        await caught_up(recorder, removed)
        await remove_list(bus, "losers")
        await until(lambda: "losers" not in served.bridge.bridge.versions.histories, "the removal")
        await defined.step(6_000_000, _rows("CCC", "DDD"))

        async def said() -> bool:
            await defined.beat()
            end = await (await TapeReader.open(bus, "losers")).end()
            stays = (await _json(served, "/api/symbols/AAA/when"))["stays"]
            return [(stay["left"], stay["reason"], stay["uncertain"]) for stay in stays] == [(end, "removed", True)]

        await until(said, "the end of the list that was removed")
