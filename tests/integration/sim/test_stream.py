"""The WebSocket interface as polygon's own client, and bare websockets, see it."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import websockets
from polygon.exceptions import AuthError
from polygon.websocket.models import EquityAgg, EquityTrade, LimitUpLimitDown

from gapscan.market.sessions import session_times
from tests.integration.sim.conftest import Listener, Rest, Serve
from tests.support.simulator import advance, bars_of, close_code
from tests.support.until import until

DAY = dt.date(2026, 11, 20)
TIMES = session_times(DAY)


@asynccontextmanager
async def connected(server: Any, key: Any = "key", **options: Any) -> AsyncIterator[Any]:
    """A bare connection that has sent its key."""
    url = f"ws://{server.ws_feed}/stocks"
    async with websockets.connect(url, proxy=None, max_size=None, **options) as link:
        assert json.loads(await link.recv()) == [
            {"ev": "status", "status": "connected", "message": "Connected Successfully"}
        ]
        await link.send(json.dumps({"action": "auth", "params": key}))
        yield link


async def reply(link: Any) -> Any:
    async with asyncio.timeout(10):
        (event,) = json.loads(await link.recv())
    return event["status"], event["message"]


async def test_connect_authenticate_subscribe(serve: Serve) -> None:
    server = await serve()
    a, b = server.market.symbols[:2]
    async with connected(server) as link:
        assert await reply(link) == ("auth_success", "authenticated")
        await link.send(json.dumps({"action": "subscribe", "params": f"A.{a},AM.*, T.{b}"}))
        assert [await reply(link) for _ in range(3)] == [
            ("success", f"subscribed to: A.{a}"),
            ("success", "subscribed to: AM.*"),
            ("success", f"subscribed to: T.{b}"),
        ]
        await link.send(json.dumps({"action": "unsubscribe", "params": f"A.{a}"}))
        assert await reply(link) == ("success", f"unsubscribed to: A.{a}")


@pytest.mark.parametrize("topic", ["A.NOSUCH", "Q.*", "AAPL", "A."])
async def test_unknown_topics(serve: Serve, topic: Any) -> None:
    server = await serve()
    async with connected(server) as link:
        await reply(link)
        await link.send(json.dumps({"action": "subscribe", "params": topic}))
        status, message = await reply(link)
        assert status == "error"
        assert topic in message


async def test_nonsense_is_answered_and_forgiven(serve: Serve) -> None:
    server = await serve()
    async with connected(server) as link:
        await reply(link)
        for nonsense in ("{", "[]", '{"action":"dance"}', '{"action":"subscribe","params":7}'):
            await link.send(nonsense)
            assert (await reply(link))[0] == "error"
        await link.send('{"action":"subscribe","params":"A.*"}')
        assert (await reply(link))[0] == "success"


async def test_nothing_before_authentication(serve: Serve) -> None:
    server = await serve()
    async with websockets.connect(f"ws://{server.ws_feed}/stocks", proxy=None) as link:
        await link.recv()
        await link.send('{"action":"subscribe","params":"A.*"}')
        assert (await reply(link))[0] == "auth_required"


async def test_wrong_key(serve: Serve, listen: Callable[..., Listener]) -> None:
    server = await serve(keys=frozenset({"right"}))
    with pytest.raises(AuthError):
        await listen(server, "A.*", key="wrong").task


async def test_not_authenticated_in_time(serve: Serve) -> None:
    server = await serve(auth_timeout=0.05)
    async with websockets.connect(f"ws://{server.ws_feed}/stocks", proxy=None) as link:
        await link.recv()
        assert (await reply(link))[0] == "auth_timeout"
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await link.recv()
    assert close_code(closed.value) == 1008


async def test_bars_decode_with_the_clients_own_models(serve: Serve, listen: Callable[..., Listener]) -> None:
    server = await serve(start="09:30")
    listener = listen(server, "A.*", "AM.*", "T.*")
    await listener.subscribed(3)
    advance(server, 63_000)
    await until(lambda: listener.of("AM"), "minute bars")
    await until(lambda: max(event["s"] for event in listener.of("A")) >= TIMES.regular + 58_000, "the last second bars")
    bar = EquityAgg.from_dict(listener.of("A")[0])
    trade = EquityTrade.from_dict(listener.of("T")[0])
    assert bar.end_timestamp - bar.start_timestamp == 1000
    assert bar.low <= bar.vwap <= bar.high
    assert bar.official_open_price > 0
    assert trade.price > 0
    assert len(max(listener.frames, key=len)) > 3 * len(json.dumps(listener.of("A")[0]))


async def test_seconds_minutes_trades_and_snapshot_agree(
    serve: Serve, listen: Callable[..., Listener], rest: Rest
) -> None:
    server = await serve(start="09:40")
    before = await rest.snapshot(server, include_otc=True)
    listener = listen(server, "A.*", "AM.*", "T.*")
    await listener.subscribed(3)
    advance(server, 60_000)
    after = await rest.snapshot(server, include_otc=True)
    advance(server, 2_000)
    await until(lambda: listener.of("AM"), "minute bars")
    minutes = listener.of("AM")
    assert len(minutes) > 20
    for minute in minutes:
        symbol = minute["sym"]
        seconds = [a for a in listener.of("A") if a["sym"] == symbol and a["s"] < minute["e"]]
        trades = [t for t in listener.of("T") if t["sym"] == symbol and t["t"] < minute["e"]]
        assert sum(a["v"] for a in seconds) == pytest.approx(minute["v"])
        assert seconds[-1]["av"] == pytest.approx(minute["av"])
        assert minute["av"] == pytest.approx(before[symbol]["min"]["av"] + minute["v"])
        assert (minute["o"], minute["c"]) == (trades[0]["p"], trades[-1]["p"])
        assert minute["h"] == max(a["h"] for a in seconds) == max(t["p"] for t in trades)
        assert minute["l"] == min(a["l"] for a in seconds) == min(t["p"] for t in trades)
        shown = after[symbol]["min"]
        if shown["t"] == minute["s"]:
            assert [shown[key] for key in "ohlcv"] == [minute[key] for key in "ohlcv"]


async def test_second_bars_lag(serve: Serve, listen: Callable[..., Listener]) -> None:
    server = await serve(start="09:30", bar_delay=2)
    listener = listen(server, "A.*", "T.*")
    await listener.subscribed(2)
    server.clock.set(TIMES.regular + 2_999)
    await until(lambda: listener.of("T"), "trades")
    assert listener.of("A") == []
    server.clock.set(TIMES.regular + 3_000)
    await until(lambda: listener.of("A"), "second bars")
    assert {event["s"] for event in listener.of("A")} == {TIMES.regular}


async def test_only_what_was_asked_for(serve: Serve, listen: Callable[..., Listener]) -> None:
    server = await serve(start="09:30")
    symbol = server.market.symbols[int(bars_of(server.market.source, DAY).volume.argmax())]
    listener = listen(server, f"A.{symbol}")
    await listener.subscribed()
    advance(server, 30_000)
    await until(lambda: len(listener.of("A")) >= 5, "five bars")
    listener.client.unsubscribe(f"A.{symbol}")
    listener.client.subscribe("AM.*")
    await until(lambda: len(listener.of("status")) >= 3, "the answers")
    seen = len(listener.of("A"))
    advance(server, 40_000)
    await until(lambda: listener.of("AM"), "minute bars")
    assert {event["sym"] for event in listener.of("A")} == {symbol}
    assert len(listener.of("A")) == seen


async def test_halts_are_announced_and_nothing_prints(serve: Serve, listen: Callable[..., Listener]) -> None:
    server = await serve(start="09:30", symbols=1000)
    halt = server.market.halts[0]
    symbol = server.market.symbols[halt.symbol]
    server.clock.set(TIMES.pre + (halt.start - 1) * 60_000)
    listener = listen(server, f"LULD.{symbol}", f"AM.{symbol}", "T." + symbol)
    await listener.subscribed(3)
    server.clock.set(TIMES.pre + (halt.end + 1) * 60_000 + 2_000)
    await until(lambda: len(listener.of("LULD")) == 2, "a halt and its end")
    await until(
        lambda: any(bar["s"] == TIMES.pre + halt.end * 60_000 for bar in listener.of("AM")), "bars after the halt"
    )
    stop, resume = map(LimitUpLimitDown.from_dict, listener.of("LULD"))
    assert (stop.indicators, resume.indicators) == ([17], [18])
    assert resume.timestamp - stop.timestamp >= 5 * 60_000
    times = [trade["t"] for trade in listener.of("T")]
    assert not any(stop.timestamp <= time < resume.timestamp for time in times)
    assert min(time for time in times if time >= resume.timestamp) < resume.timestamp + 1000


async def test_a_key_connects_once(serve: Serve) -> None:
    server = await serve()
    async with connected(server) as first:
        assert (await reply(first))[0] == "auth_success"
        async with connected(server) as second:
            assert (await reply(second))[0] == "max_connections"
            with pytest.raises(websockets.ConnectionClosed) as closed:
                await second.recv()
        assert close_code(closed.value) == 1008
        async with connected(server, key="another") as third:
            assert (await reply(third))[0] == "auth_success"
        await first.send('{"action":"subscribe","params":"A.*"}')
        assert (await reply(first))[0] == "success"


async def test_or_the_older_connection_goes(serve: Serve) -> None:
    server = await serve(kick="old")
    async with connected(server) as first:
        await reply(first)
        async with connected(server) as second:
            assert (await reply(second))[0] == "auth_success"
            assert (await reply(first))[0] == "max_connections"
            with pytest.raises(websockets.ConnectionClosed) as closed:
                await first.recv()
        assert close_code(closed.value) == 1008


async def test_a_key_is_free_again_after_its_connection(serve: Serve) -> None:
    server = await serve()
    async with connected(server) as first:
        await reply(first)
    await until(lambda: server.stats.stream.open == 0, "the connection's end")
    async with connected(server) as second:
        assert (await reply(second))[0] == "auth_success"


async def test_a_slow_client_is_told_and_closed(serve: Serve) -> None:
    server = await serve(start="09:30", unsent_limit=40_000, connections_per_key=2)
    narrow = socket.create_connection((server.host, server.port))
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    async with connected(server, sock=narrow, close_timeout=0.1) as slow, connected(server) as good:
        for client in (slow, good):
            await reply(client)
            await client.send('{"action":"subscribe","params":"A.*,AM.*,T.*"}')
            for _ in range(3):
                await reply(client)
        slow.transport.pause_reading()
        received: list[Any] = []
        reader = asyncio.create_task(_collect(good, received))
        steps = 0
        while not server.stats.stream.slow and steps < 1000:
            steps += 1
            advance(server, 20_000)
            await asyncio.sleep(0.01)
        assert server.stats.stream.slow == 1
        seen = len(received)
        advance(server, 60_000)
        await until(lambda: len(received) > seen, "more frames")
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)


async def _collect(link: Any, received: Any) -> None:
    async for frame in link:
        received.append(frame)


async def test_a_slow_client_that_wakes_sees_why(serve: Serve) -> None:
    server = await serve(start="09:30", unsent_limit=3_000)
    async with connected(server) as link:
        await reply(link)
        await link.send('{"action":"subscribe","params":"AM.*"}')
        await reply(link)
        advance(server, 62_000)
        assert await reply(link) == ("error", "disconnected: slow consumer")
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await link.recv()
    assert close_code(closed.value) == 1008


async def test_a_closing_server_says_goodbye(serve: Serve, listen: Callable[..., Listener]) -> None:
    server = await serve(start="09:30")
    listener = listen(server, "A.*")
    await listener.subscribed()
    await server.__aexit__(None, None, None)
    await asyncio.wait_for(listener.task, 5)  # polygon's client takes an orderly close for the end


async def test_the_market_runs_by_itself_at_any_speed(serve: Serve, listen: Callable[..., Listener]) -> None:
    server = await serve(start="09:30", manual=False, speed=60)
    listener = listen(server, "A.*")
    await listener.subscribed()
    await until(lambda: len({event["s"] for event in listener.of("A")}) > 20, "bars of twenty seconds")
    starts = [event["s"] for event in listener.of("A")]
    assert starts == sorted(starts)


async def test_other_paths_are_no_stream(serve: Serve) -> None:
    server = await serve()
    with pytest.raises(websockets.InvalidStatus):
        await websockets.connect(f"ws://{server.ws_feed}/crypto", proxy=None)
