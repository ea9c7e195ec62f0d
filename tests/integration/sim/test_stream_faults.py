"""Each stream fault, and what a client makes of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
import websockets
from polygon.exceptions import AuthError

from tests.integration.sim.conftest import Listener, Serve
from tests.support.simulator import advance, close_code
from tests.support.until import until

OPEN = {"start": "09:30"}


async def bars(server: Any, listener: Any, seconds: Any = 10) -> None:
    """Advance, and wait for the bars of these seconds."""
    before = len(listener.frames)
    advance(server, seconds * 1000)
    await until(lambda: len(listener.frames) >= before + 2, "the bars")


async def test_auth_failure(serve: Serve, listen: Callable[..., Listener]) -> None:
    server = await serve()
    server.faults.set("ws_auth_failure", count=1)
    with pytest.raises(AuthError, match="authentication failed"):
        await listen(server, "A.*").task
    await listen(server, "A.*").subscribed()


async def test_silent_link(serve: Serve, listen: Callable[..., Listener]) -> None:
    server = await serve(**OPEN)
    listener = listen(server, "A.*")
    await listener.subscribed()
    await bars(server, listener)
    await until(lambda: server.market.position == server.clock.now(), "the market's next seconds")
    await (await listener.client.websocket.ping())  # all that was sent before has arrived
    await listener.at_rest()
    server.faults.set("ws_silent")
    seen = len(listener.frames)
    advance(server, 30_000)
    await until(lambda: server.market.position == server.clock.now(), "the market's next seconds")
    await (await listener.client.websocket.ping())  # the link itself is well
    assert len(listener.frames) == seen
    server.faults.clear("ws_silent")
    await bars(server, listener)


async def test_stalled_socket(serve: Serve, listen: Callable[..., Listener]) -> None:
    server = await serve(**OPEN)
    listener = listen(server, "A.*")
    await listener.subscribed()
    server.faults.set("ws_stall", count=1)
    seen = len(listener.frames)
    advance(server, 30_000)
    pong = await listener.client.websocket.ping()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(pong), 0.3)
    assert len(listener.frames) == seen
    other = listen(server, "A.*")  # the stalled connection does not count as one
    await other.subscribed()
    await other.close()
    server.faults.clear()
    await asyncio.wait_for(pong, 5)
    await until(lambda: len(listener.frames) > seen, "what was held up")


async def test_abort_without_a_close_frame(serve: Serve, listen: Callable[..., Listener]) -> None:
    server = await serve(**OPEN)
    listener = listen(server, "A.*")
    await listener.subscribed()
    server.faults.set("ws_abort", count=1)
    with pytest.raises(websockets.ConnectionClosedError) as closed:
        await listener.task
    assert closed.value.rcvd is None


async def test_close_1000_ends_the_client_without_a_word(serve: Serve, listen: Callable[..., Listener]) -> None:
    server = await serve(**OPEN)
    listener = listen(server, "A.*")
    await listener.subscribed()
    server.faults.set("ws_close", count=1)
    await asyncio.wait_for(listener.task, 5)
    await listen(server, "A.*").subscribed()


async def test_close_with_another_code(serve: Serve, listen: Callable[..., Listener]) -> None:
    server = await serve(**OPEN)
    listener = listen(server, "A.*")
    await listener.subscribed()
    server.faults.set("ws_close", code=1011, count=1)
    with pytest.raises(websockets.ConnectionClosedError) as closed:
        await listener.task
    assert close_code(closed.value) == 1011


async def test_max_connections_for_a_running_connection(serve: Serve, listen: Callable[..., Listener]) -> None:
    server = await serve(**OPEN)
    listener = listen(server, "A.*")
    await listener.subscribed()
    server.faults.set("ws_max_connections", count=1)
    with pytest.raises(websockets.ConnectionClosedError) as closed:
        await listener.task
    assert close_code(closed.value) == 1008
    assert listener.statuses("max_connections")


async def test_max_connections_for_a_newcomer(serve: Serve, listen: Callable[..., Listener]) -> None:
    server = await serve(**OPEN)
    server.faults.set("ws_max_connections")
    listener = listen(server, "A.*")
    with pytest.raises(websockets.ConnectionClosedError) as closed:
        await listener.task
    assert close_code(closed.value) == 1008
    assert not listener.statuses("success")


@pytest.mark.parametrize(("after", "answered"), [("auth", 0), ("subscribe", 2)])
async def test_max_connections_for_a_newcomer_that_was_let_in(
    serve: Serve, listen: Callable[..., Listener], after: Any, answered: Any
) -> None:
    server = await serve(**OPEN)
    server.faults.set("ws_max_connections", after=after)
    listener = listen(server, "A.*", "T.*")
    with pytest.raises(websockets.ConnectionClosedError) as closed:
        await listener.task
    assert close_code(closed.value) == 1008
    assert len(listener.statuses("success")) == answered
    assert listener.statuses("max_connections")
    assert server.stats.stream.rejected == 1
    assert server.stats.stream.open == 0


async def test_a_frame_that_is_not_json(serve: Serve, listen: Callable[..., Listener]) -> None:
    server = await serve(**OPEN)
    listener = listen(server, "A.*")
    await listener.subscribed()
    server.faults.set("ws_garbage", count=1)
    await bars(server, listener)
    (bad,) = [frame for frame in listener.frames if not _is_json(frame)]
    assert bad
    assert _is_json(listener.frames[-1])


def _is_json(text: str) -> Any:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


async def test_one_bad_event_in_a_good_frame(serve: Serve, listen: Callable[..., Listener]) -> None:
    server = await serve(start="09:30", symbols=1000)
    listener = listen(server, "A.*")
    await listener.subscribed()
    server.faults.set("ws_garbage", kind="element", count=1)
    await bars(server, listener)
    (frame,) = [frame for frame in listener.frames if any(e.get("sym", "") is None for e in json.loads(frame))]
    good = [event for event in json.loads(frame) if event["sym"]]
    assert len(good) == len(json.loads(frame)) - 1
    assert good


async def test_lost_subscribe(serve: Serve, listen: Callable[..., Listener]) -> None:
    server = await serve(**OPEN)
    a, b = server.market.symbols[:2]
    server.faults.set("ws_lost_subscribe", topics=[f"A.{a}"])
    listener = listen(server, f"A.{a}", f"A.{b}")
    await listener.subscribed()
    await (await listener.client.websocket.ping())
    assert listener.statuses("success") == [f"subscribed to: A.{b}"]
    assert not listener.statuses("error")


async def test_refused_topic(serve: Serve, listen: Callable[..., Listener]) -> None:
    server = await serve(**OPEN)
    symbol = server.market.symbols[0]
    server.faults.set("ws_refused", topics=[f"A.{symbol}"], count=1)
    listener = listen(server, f"A.{symbol}")
    await until(lambda: listener.statuses("error"), "the refusal")
    assert f"A.{symbol}" in listener.statuses("error")[0]
    assert not listener.statuses("success")


async def test_duplicate_bars(serve: Serve, listen: Callable[..., Listener]) -> None:
    server = await serve(**OPEN)
    listener = listen(server, "A.*")
    await listener.subscribed()
    server.faults.set("ws_duplicates")
    await bars(server, listener)

    def keys() -> Any:
        return [(bar["sym"], bar["s"], bar["v"]) for bar in listener.of("A")]

    first = keys()
    await until(lambda: all(keys().count(key) > 1 for key in first), "the second of each bar")
    assert all(keys().count(key) == 2 for key in first)


async def test_late_bars(serve: Serve, listen: Callable[..., Listener]) -> None:
    server = await serve(**OPEN)
    listener = listen(server, "AM.*")
    await listener.subscribed()
    server.faults.set("ws_late", minutes=3)
    advance(server, 62_000)
    await until(lambda: listener.of("AM"), "minute bars")
    server.faults.clear()
    first = {(bar["sym"], bar["s"]): bar for bar in listener.of("AM")}
    advance(server, 3 * 60_000)
    await until(
        lambda: max(bar["s"] for bar in listener.of("AM")) > min(key[1] for key in first) + 2 * 60_000,
        "what was held back",
    )
    advance(server, 1_000)
    repeated = [bar for bar in listener.of("AM") if (bar["sym"], bar["s"]) in first]
    assert len(repeated) == 2 * len(first)
    assert all(bar == first[bar["sym"], bar["s"]] for bar in repeated)
