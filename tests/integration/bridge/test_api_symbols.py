"""Symbols and halts by plain requests: what is said of them, and when they were in lists, which the tape knows."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

import gapscan
from gapscan.bridge import api_symbols, symbol_facts
from gapscan.bus.client import Bus, BusOptions
from gapscan.bus.definitions import write_definition
from gapscan.bus.news import write_news
from gapscan.protocol.codec import encode
from gapscan.protocol.messages import Halts, Headline, ListDefinition, News
from tests.support.bridge import Served, running_bridge
from tests.support.nats import NatsServer
from tests.support.tape import START, PlayedList, played_list, recorded, recording
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
    assert await _json(served, "/api/halts") == {"as_of": 0, "simulated": False, "halts": []}
    times = [START - 40, START - 10, START - 20, START - 30]
    status = ["halted", "resumed", "halted", "resumed"]
    await bus.js.publish(bus.names.feed_halts, encode(Halts(START, True, ["A", "B", "C", "D"], status, times)))  # type: ignore[arg-type]
    answer = await _json(served, "/api/halts")
    assert (answer["as_of"], answer["simulated"]) == (START, True)
    assert [each["symbol"] for each in answer["halts"]] == ["C", "A", "B", "D"], "those that last, then the newest"
    assert answer["halts"][0]["reason"] is None


async def _stays(served: Served, bus: Bus, played: PlayedList) -> int:
    """Compare what is said of each symbol with the tape; how many stays there were."""
    number = 0
    for symbol in sorted({row["symbol"] for _, rows in played.truth for row in rows}):
        answer, wanted = await _json(served, f"/api/symbols/{symbol}/when"), await _recorded(bus, symbol)
        assert answer == {"symbol": symbol, "date": "2026-11-27", "stays": wanted}
        number += len(wanted)
    return number


async def _recorded(bus: Bus, symbol: str) -> list[dict[str, Any]]:
    """The same by the tape."""
    stays = await gapscan.when(symbol, bus=bus)
    return [{name: getattr(stay, name) for name in stay.__slots__ if name != "symbol"} for stay in stays]


async def _moves_until(bus: Bus, time: int) -> bool:
    return any(time in (stay["entered"], stay["left"]) for stay in await _recorded(bus, "END"))


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
