"""Who comes to the door, and what nobody may do there: shut it to others, fill the log, guess the token."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvloop
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from gapscan.bridge import connection_gate, guesses, session
from gapscan.protocol.codes import BAD_REQUEST, LOCKED_OUT, UNAUTHORIZED
from gapscan.protocol.messages import Snapshot
from gapscan.protocol.websocket import Beat, Error, Lists
from tests.support.bridge import Browser, Served, browsing, running_bridge, wide_list
from tests.support.lists import Published
from tests.support.nats import NatsServer
from tests.support.until import until

ELSEWHERE = "127.0.0.2"  # another address of this machine


def test_this_is_the_product_s_loop() -> None:
    async def loop() -> type:
        return type(asyncio.get_running_loop())

    from gapscan.runtime import loop_factory

    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        assert runner.run(loop()) is uvloop.Loop


async def test_tests_run_on_it() -> None:
    assert type(asyncio.get_running_loop()) is uvloop.Loop


@asynccontextmanager
async def crowd(served: Served, number: int) -> AsyncIterator[list[asyncio.StreamReader]]:
    """So many connections that say nothing."""
    opened = [await asyncio.open_connection("127.0.0.1", served.port) for _ in range(number)]
    try:
        yield [reader for reader, _ in opened]
    finally:
        for _, writer in opened:
            writer.close()


async def is_cut(reader: asyncio.StreamReader) -> bool:
    try:
        return await asyncio.wait_for(reader.read(1), 0.05) == b""
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False


async def test_one_peer_does_not_shut_the_door_to_others(
    served: Served, movers: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_gate, "NEWCOMERS", 50)
    async with crowd(served, 80) as silent:
        await until(lambda: served.counts["refused.crowd"] == 30, "turning away")
        assert [await is_cut(reader) for reader in silent] == [False] * 50 + [True] * 30
        for _ in range(3):
            async with browsing(served, movers, local_addr=(ELSEWHERE, 0)) as other:
                await other.reaches(movers)
        assert [await is_cut(reader) for reader in silent[:2]] == [True, False], "the oldest one gave way, once"
    async with browsing(served, movers) as again:
        await again.reaches(movers)
    assert not served.bridge.tally.counts["http_crashed"]


async def test_each_peer_gets_its_share(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_gate, "NEWCOMERS", 20)
    async with crowd(served, 20):
        others = [await asyncio.open_connection("127.0.0.1", served.port, local_addr=(ELSEWHERE, 0)) for _ in range(20)]
        await until(lambda: served.counts["refused.crowd"] == 20, "all looked at")
        assert [await is_cut(reader) for reader, _ in others] == [False] * 10 + [True] * 10
        for _, writer in others:
            writer.close()


@pytest.mark.parametrize(
    ("request_bytes", "status", "count"),
    [
        (b"hello?\r\n\r\n", 400, "refused.bad_request"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "refused.bad_request"),
        (b"GET / HTTP/9.9\r\nHost: x\r\n\r\n", 400, "refused.bad_request"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400, "refused.bad_request"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nCookie: " + b"c" * 70_000 + b"\r\n\r\n", 431, "refused.too_large"),
        (b"GET /" + b"p" * 70_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431, "refused.too_large"),
    ],
    ids=["no HTTP", "TLS", "version", "length", "cookies", "path"],
)
async def test_bad_requests_are_answered_counted_and_logged_once(
    served: Served, caplog: pytest.LogCaptureFixture, request_bytes: bytes, status: int, count: str
) -> None:
    for _ in range(5):
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(request_bytes)
        head, _, body = (await asyncio.wait_for(reader.read(), 5)).decode().partition("\r\n\r\n")
        assert head.startswith((f"HTTP/1.1 {status} ", f"HTTP/1.0 {status} "))
        assert body.endswith("\n")
        assert "Traceback" not in body
        writer.close()
    assert served.counts[count] == 5
    said = [record for record in caplog.records if record.levelno >= logging.INFO and "refused" in record.getMessage()]
    assert [record.name for record in said] == ["gapscan.bridge"]
    assert not [record for record in caplog.records if record.exc_info or record.name.startswith("aiohttp")]


async def test_cookies_of_all_that_was_ever_served_from_localhost(
    served: Served, movers: Published, caplog: pytest.LogCaptureFixture
) -> None:
    cookies = "; ".join(f"name{number}={'x' * 90}" for number in range(100))
    assert len(cookies) > 9000
    assert (await served.get("/", f"Cookie: {cookies}"))[0] == 200
    async with browsing(served, movers, additional_headers={"Cookie": cookies}) as browser:
        await browser.reaches(movers)
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.parametrize(
    "text",
    ['{"a":' * 2000, '{"a":' * 2000 + "1" + "}" * 2000, '{"action":"lists","a":' + '{"a":' * 2000 + "1" + "}" * 2001],
    ids=["open", "whole", "an action"],
)
async def test_deeply_nested_objects(served: Served, text: str) -> None:
    async with browsing(served) as browser:
        assert browser.ws is not None
        await browser.ws.send(text)
        assert await browser.closed() == BAD_REQUEST.code
        assert [error.code for error in browser.of(Error)] == ["bad_json"]
    assert not served.counts["client_crashed"]


async def test_a_handshake_that_is_none(served: Served) -> None:
    status, _, body = await served.get("/ws", "Upgrade: websocket", "Sec-WebSocket-Version: 13")
    assert (status, "\n" in body.rstrip()) == (400, False)
    for header in ("Upgrade: h2c", "Connection: keep-alive"):
        assert (await served.get("/ws", header))[0] == 426
    assert served.counts["refused.no_upgrade"] == 2


async def test_resyncs_cost_a_client_its_own_budget(
    served: Served, movers: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide = await wide_list(movers.publisher._bus)
    await wide.step()
    await served.knows("wide")
    monkeypatch.setattr(session, "ANSWER_BYTES", 50_000)
    monkeypatch.setattr(session, "ANSWER_BYTES_PER_SECOND", 25_000)
    async with browsing(served, movers) as good, browsing(served, movers, wide) as greedy:
        await greedy.reaches(wide)
        size = len(served.bridge.bridge.versions.histories["wide"].answer_for(None).payload)  # type: ignore[union-attr]
        assert 5_000 < size < 25_000
        began = time.monotonic()
        for _ in range(55):
            await greedy.send(action="resync", list="wide")
        await until(lambda: served.counts["resyncs"] == 55, "all of them")
        answers = len([each for each in greedy.of(Snapshot) if each.list == "wide"])
        assert answers <= 2 + (50_000 + 25_000 * (time.monotonic() - began)) / size
        assert answers < 30
        assert served.counts["answers_deferred"] >= 1
        await movers.step(3)
        await greedy.reaches(movers)  # its other list goes on
        await good.reaches(movers)
        await wide.step()
        await greedy.reaches(wide)  # the answer comes when there are bytes again
        assert greedy.close_code is None
        before = len(greedy.of(Beat))
        await greedy.gets(Beat, before + 1)


async def _guess(served: Served, token: str, **options: object) -> Browser:
    async with browsing(served, **options) as browser:
        await browser.send(action="auth", token=token)
        await browser.until(lambda: browser.close_code is not None or browser.of(Lists), "the end of it")
    return browser


async def test_guessing_the_token_takes_longer_and_longer(
    nats_server: NatsServer, movers: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guesses, "GUESSES", 3)
    monkeypatch.setattr(guesses, "GUESS_SECONDS", 1.5)
    async with running_bridge(nats_server.url, token="sesame") as served:
        await served.knows("movers")
        async with browsing(served) as early, browsing(served, local_addr=(ELSEWHERE, 0)) as other:
            for number in range(3):
                assert (await _guess(served, f"guess {number}")).close_code == UNAUTHORIZED.code
            await early.send(action="auth", token="sesame")  # the right one is not looked at either
            assert await early.closed() == LOCKED_OUT.code
            assert [(error.code, error.retry) for error in early.of(Error)] == [("too_many_guesses", True)]
            with pytest.raises(InvalidStatus) as raised:
                await connect(served.url, proxy=None)
            assert raised.value.response.status_code == 429
            assert raised.value.response.headers["Retry-After"] in ("1", "2")
            await other.send(action="auth", token="sesame")
            await other.gets(Lists)
        assert served.counts["refused.guesses"] == 2
        assert served.counts["wrong_tokens"] == 3
        await asyncio.sleep(1.6)
        assert (await _guess(served, "sesame")).of(Lists)
        for _ in range(5):
            assert (await _guess(served, "sesame")).of(Lists), "a right one costs nothing"
        assert (await _guess(served, "one more")).close_code == UNAUTHORIZED.code
        with pytest.raises(InvalidStatus, match="429"):
            await connect(served.url, proxy=None)


async def test_what_is_counted_is_in_the_figures(served: Served) -> None:
    await served.get("/ws")
    text = (await served.get("/metrics"))[2]
    for line in (
        'gapscan_bridge_refused_total{reason="no_upgrade"} 1.0',
        'gapscan_bridge_refused_total{reason="guesses"} 0.0',
        'gapscan_bridge_refused_total{reason="bad_request"} 0.0',
        'gapscan_bridge_refused_total{reason="too_large"} 0.0',
        'gapscan_bridge_failures_total{kind="http_crashed"} 0.0',
        'gapscan_bridge_failures_total{kind="wrong_tokens"} 0.0',
        "gapscan_bridge_answers_deferred_total 0.0",
    ):
        assert line in text.splitlines()


async def test_a_fault_of_ours_in_a_request(
    served: Served, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def faulty() -> None:
        raise ZeroDivisionError("of ours")

    monkeypatch.setattr(served.bridge, "conditions", faulty)
    for _ in range(3):
        status, _, body = await served.get("/metrics")
        assert (status, body) == (500, "the bridge failed on this request\n")
    assert served.counts["http_crashed"] == 3
    said = [record.getMessage() for record in caplog.records if "answering a request failed" in record.getMessage()]
    assert len(said) == 1
    assert "ZeroDivisionError: of ours" in said[0]
