"""Clients that do wrong: each gets its error or its close code, and nobody else notices."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin

from gapscan.bridge import commands, connection_gate, server
from gapscan.bridge.limits import PING_AFTER, SILENT_AFTER
from gapscan.bridge.session import CLOSE_SECONDS
from gapscan.bus.client import Bus
from gapscan.protocol.codes import BAD_REQUEST, FAILED, SILENT, TOO_BIG, TOO_MANY, UNAUTHORIZED
from gapscan.protocol.messages import Delta, Snapshot
from gapscan.protocol.websocket import Beat, Error, Lists
from gapscan.service import all_lists
from tests.support.bridge import Browser, Served, browsing, masked, raw_client, running_bridge, wide_list
from tests.support.lists import Published
from tests.support.nats import NatsServer
from tests.support.until import until
from tests.support.wire import CLOSE, PONG, TEXT, split_frames


@pytest.fixture(autouse=True)
def _quick_definitions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(all_lists, "REREAD_SECONDS", 0.1)


@asynccontextmanager
async def undisturbed(served: Served, movers: Published) -> AsyncIterator[Browser]:
    """A good client, which must be exact at the end."""
    async with browsing(served, movers) as good:
        await good.reaches(movers)
        yield good
        await movers.step(3)
        await good.reaches(movers)
        assert good.close_code is None


async def test_errors_that_a_connection_survives(served: Served, movers: Published) -> None:
    async with browsing(served, movers) as browser:
        await browser.reaches(movers)
        for message, code in (
            ({"action": "dance"}, "unknown_action"),
            ({"type": "subscribe"}, "unknown_action"),
            ({"action": "subscribe"}, "bad_message"),
            ({"action": "subscribe", "lists": [{"list": 5}]}, "bad_message"),
            ({"action": "subscribe", "lists": [{"list": "x", "last_sequence": -1}]}, "bad_message"),
            ({"action": "resync", "list": "other"}, "not_subscribed"),
        ):
            before = len(browser.of(Error))
            await browser.send(**message)
            error = await browser.gets(Error, before + 1)
            assert (error.code, error.retry) == (code, False), message
        await movers.step()
        await browser.reaches(movers)


@pytest.mark.parametrize(
    ("message", "code", "close"),
    [
        ("{no json", "bad_json", BAD_REQUEST),
        ("[1]", "bad_json", BAD_REQUEST),
        ("[" * 10_000, "bad_json", BAD_REQUEST),
        (b"\x00\x01", "binary", BAD_REQUEST),
        ("x" * (16 * 1024 + 1), "too_long", TOO_BIG),
        ("x" * 3_000_000, "too_long", TOO_BIG),
    ],
    ids=["no json", "array", "deep", "binary", "too big", "huge"],
)
async def test_errors_that_end_a_connection(
    served: Served, movers: Published, message: str | bytes, code: str, close: object
) -> None:
    async with undisturbed(served, movers), browsing(served) as browser:
        assert browser.ws is not None
        sending = asyncio.create_task(browser.ws.send(message))
        assert await browser.closed() == close.code  # type: ignore[attr-defined]
        assert [error.code for error in browser.of(Error)] == [code]
        await asyncio.wait([sending])
        if not sending.cancelled():
            sending.exception()


async def test_the_largest_message_passes(served: Served) -> None:
    async with browsing(served) as browser:
        assert browser.ws is not None
        await browser.ws.send('{"action":"lists"}'.ljust(16 * 1024))
        await browser.gets(Lists, 2)


@pytest.mark.parametrize(
    "data",
    [b"\xff\xff\xff\xff", masked(b"\xc3\x28"), masked(b"x", opcode=0x3), masked(b"", opcode=0x0)],
    ids=["reserved bits", "no UTF-8", "unknown opcode", "continuation of nothing"],
)
async def test_broken_frames(served: Served, movers: Published, data: bytes) -> None:
    async with undisturbed(served, movers), raw_client(served) as client:
        await client.upgrade()
        await client.write(data)
        frames = [*split_frames(await client.ends())]
        assert b'"bad_frame"' in frames[-2][1]
        assert frames[-1] == (CLOSE, struct.pack("!H", BAD_REQUEST.code) + b"bad_request")


async def test_a_flood(served: Served, movers: Published) -> None:
    async with undisturbed(served, movers), browsing(served) as browser:
        assert browser.ws is not None
        while browser.close_code is None:
            with suppress(ConnectionClosed):
                await browser.ws.send('{"action":"lists"}')
        assert await browser.closed() == TOO_MANY.code
        assert browser.of(Error)[-1].code == "too_fast"


async def test_a_flood_of_pings_that_goes_on_after_the_close(served: Served, movers: Published) -> None:
    async with undisturbed(served, movers), raw_client(served) as client:
        await client.upgrade()
        with suppress(ConnectionError):
            for _ in range(100_000):
                await client.write(masked(b"?", opcode=0x9) * 100)
                await asyncio.sleep(0)
        assert served.counts["close.too_many"] == 1
        await until(lambda: len(served.bridge.bridge.sessions) == 1, "its end")


async def test_pings_are_answered(served: Served) -> None:
    async with raw_client(served) as client:
        await client.upgrade()
        await client.write(masked(b"hello?", opcode=0x9))
        data = b""
        while b"hello?" not in data:
            data += await client.read()
        assert (PONG, b"hello?") in split_frames(data)


async def test_too_many_lists(nats_server: NatsServer, bus: Bus, movers: Published) -> None:
    async with running_bridge(nats_server.url, lists=1) as served:
        await served.knows("movers")
        wide = await wide_list(bus)
        await wide.step()
        await served.knows("wide")
        async with browsing(served, movers, wide) as browser:
            assert (await browser.gets(Error)).code == "too_many_lists"
            assert browser.of(Error)[0].list == "wide"
            await browser.reaches(movers)
            await browser.subscribe("movers")  # again: not one more
            await browser.gets(Delta)


async def test_a_short_message_that_asks_for_much(served: Served, movers: Published) -> None:
    async with undisturbed(served, movers), browsing(served) as browser:
        await browser.subscribe(*(f"l{number}" for number in range(900)))
        await browser.until(lambda: any(e.code == "too_many_lists" for e in browser.of(Error)), "the refusal")
        codes = [error.code for error in browser.of(Error)]
        assert codes == ["unknown_list"] * 64 + ["too_many_lists"]
        await browser.subscribe("movers")
        await browser.gets(Snapshot)


@pytest.mark.usefixtures("each_writer")
async def test_one_that_says_goodbye_and_does_not_read_is_cut(served: Served, bus: Bus, movers: Published) -> None:
    wide = await wide_list(bus)
    await wide.step()
    await served.knows("wide")
    async with undisturbed(served, movers), raw_client(served, receive_buffer=4096) as client:
        await client.upgrade()
        await client.send({"action": "subscribe", "lists": [{"list": "wide"}]})
        while not served.bridge.bridge.lagging:
            for _ in range(3):
                await client.send({"action": "resync", "list": "wide"})
            await wide.step(5)
            await asyncio.sleep(0.16)
        await client.write(masked(b"", opcode=0x8))
        await until(lambda: len(served.bridge.bridge.sessions) == 1, "its end")
        await asyncio.sleep(CLOSE_SECONDS + 0.5)
        assert struct.pack("!BBH", 0x88, 2, 1000) not in await client.ends()  # what waited for it is dropped


async def test_origins(nats_server: NatsServer, movers: Published) -> None:
    async with running_bridge(nats_server.url, origins="https://scanner.example, http://other.example/") as served:
        await _check_origins(
            served, ["https://scanner.example", "http://other.example"], ["http://localhost:80", "null"]
        )
    async with running_bridge(nats_server.url) as served:
        here = f"http://127.0.0.1:{served.port}"
        await _check_origins(served, [here, "http://localhost:5"], ["https://scanner.example", "null", "http://["])


async def _check_origins(served: Served, good: list[str], bad: list[str]) -> None:
    for origin in good:
        async with connect(served.url, origin=Origin(origin), proxy=None):
            pass
    for origin in bad:
        with pytest.raises(InvalidStatus, match="403"):
            await connect(served.url, origin=Origin(origin), proxy=None)
    assert served.counts["refused.origin"] == len(bad)


async def test_a_page_cannot_take_the_bridge_for_its_own(nats_server: NatsServer, movers: Published) -> None:
    """The owner of a name lets it lead here: the origin is that of the page, and the host is the same."""
    async with running_bridge(nats_server.url, hosts="scanner.example") as served:
        for name, status in (("evil.example", 421), ("scanner.example", 101), ("my-nas.local", 101)):
            host = f"{name}:{served.port}"
            options = {"origin": Origin(f"http://{host}"), "proxy": None, "host": "127.0.0.1", "port": served.port}
            if status == 101:
                async with connect(f"ws://{host}/ws", **options):  # type: ignore[arg-type]
                    pass
            else:
                with pytest.raises(InvalidStatus, match="421"):
                    await connect(f"ws://{host}/ws", **options)  # type: ignore[arg-type]
        assert served.counts["refused.host"] == 1
        for path, expected in (("/", 421), ("/metrics", 421), ("/static/app.js", 421), ("/healthz", 200)):
            status, head, body = await served.get(path, host="evil.example")
            assert status == expected
        status, head, body = await served.get("/", host="evil.example:80")
        assert "421 Misdirected Request" in head
        assert "text/plain" in head
        assert body == (
            'the bridge has no name "evil.example": if it is to have it, set hosts = ["evil.example"] in [bridge] '
            "of its settings (or GAPSCAN_BRIDGE_HOSTS=evil.example)\n"
        )


async def test_a_token_comes_first(nats_server: NatsServer, movers: Published, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running_bridge(nats_server.url, token="séсret") as served:
        await served.knows("movers")
        for first in ({"action": "auth", "token": "guess"}, {"action": "lists"}):
            async with browsing(served) as browser:
                await browser.send(**first)
                assert await browser.closed() == UNAUTHORIZED.code
                assert browser.of(Error)[0].code == "no_token"
                assert not browser.of(Lists)
        async with browsing(served) as browser:
            browser.truth["movers"] = movers
            await browser.send(action="auth", token="séсret")
            await browser.subscribe("movers")
            await browser.gets(Lists)
            await browser.reaches(movers)
            monkeypatch.setattr(server, "AUTH_SECONDS", 0.0)
            async with browsing(served) as silent:
                assert await silent.closed() == UNAUTHORIZED.code
            assert browser.close_code is None


async def test_a_full_bridge(nats_server: NatsServer, movers: Published) -> None:
    async with running_bridge(nats_server.url, clients=1) as served:
        async with browsing(served), Refused(served):
            pass
        await until(lambda: not served.bridge.bridge.sessions, "room")
        async with browsing(served):
            assert served.counts["refused.full"] == 1


class Refused:
    """A client that is refused with 503."""

    def __init__(self, served: Served) -> None:
        self._served = served

    async def __aenter__(self) -> None:
        with pytest.raises(InvalidStatus, match="503"):
            await connect(self._served.url, proxy=None)

    async def __aexit__(self, *_: object) -> None:
        return


@pytest.mark.usefixtures("each_writer")
async def test_a_client_that_reads_late_catches_up(nats_server: NatsServer, bus: Bus, movers: Published) -> None:
    async with running_bridge(nats_server.url, slow_after=60.0) as served:
        wide = await wide_list(bus)
        await wide.step()
        await served.knows("wide")
        browser = Browser(served.url, {"wide": wide}, {"max_queue": 1, "write_limit": 1024})
        await browser.open()
        await browser.subscribe("wide")
        await browser.reaches(wide)
        assert browser.ws is not None
        browser.ws.transport.pause_reading()
        while not served.bridge.bridge.lagging:
            for _ in range(3):  # each is sent as a snapshot
                await browser.send(action="resync", list="wide")
            await wide.step(20)
            await asyncio.sleep(0.15)
        await wide.step(50)
        browser.ws.transport.resume_reading()
        await browser.reaches(wide)
        await until(lambda: not served.bridge.bridge.lagging, "its catching up")
        assert served.counts["recoveries"] >= 1
        assert len(browser.of(Snapshot)) > 1
        await browser.close()


async def test_a_client_that_is_gone_without_a_word(
    served: Served, movers: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "HEARTBEAT_SECONDS", 0.05)
    sessions = served.bridge.bridge.sessions
    async with undisturbed(served, movers) as good, raw_client(served) as client:
        others = set(sessions)
        await client.upgrade()  # and then not even a pong
        (silent,) = sessions - others
        silent.active_at -= PING_AFTER
        await until(lambda: silent.pinged, "a ping")
        await good.gets(Beat, len(good.of(Beat)) + 3)  # with each heartbeat, there is a look at all clients
        silent.active_at -= SILENT_AFTER - PING_AFTER
        frames = [*split_frames(await client.ends())]
        assert frames[-1] == (CLOSE, struct.pack("!H", SILENT.code) + b"silent")
        assert [opcode for opcode, _ in frames].count(0x9) == 1
        assert served.counts["close.silent"] == 1


async def test_half_open_connections_and_a_crowd(
    served: Served, movers: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_gate, "REQUEST_SECONDS", 0.3)
    monkeypatch.setattr(connection_gate, "NEWCOMERS", 100)
    async with undisturbed(served, movers), raw_client(served) as half:
        await half.write(b"GET /ws HTTP/1.1\r\nHost:")
        crowd = [await asyncio.open_connection("127.0.0.1", served.port) for _ in range(300)]
        await until(lambda: served.counts["refused.crowd"] >= 200, "turning away")
        assert await half.ends() == b""
        await until(lambda: served.counts["refused.no_request"] >= 100, "cutting")
        for _, writer in crowd:
            writer.close()
        async with browsing(served, movers) as late:
            await late.reaches(movers)


@pytest.mark.usefixtures("each_writer")
async def test_many_connects(served: Served, movers: Published) -> None:
    async with undisturbed(served, movers):
        for _ in range(70):
            browsers = [Browser(served.url) for _ in range(30)]
            await asyncio.gather(*(browser.open() for browser in browsers))
            for browser in browsers[::2]:
                assert browser.ws is not None
                browser.ws.transport.abort()
            await asyncio.gather(*(browser.close() for browser in browsers))
        await until(lambda: len(served.bridge.bridge.sessions) == 1, "their end")
        assert served.counts["connects"] == 2101
        assert set(served.bridge.bridge.subscriptions()) == {"movers"}


@pytest.mark.usefixtures("each_writer")
async def test_a_fault_of_ours_ends_one_connection(
    served: Served, movers: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with undisturbed(served, movers), browsing(served) as browser:

        def faulty(_text: str) -> None:
            raise ZeroDivisionError

        await browser.gets(Lists)
        with monkeypatch.context() as patch:
            patch.setattr(commands, "decode_action", faulty)
            await browser.send(action="lists")
            assert await browser.closed() == FAILED.code
        assert served.counts["client_crashed"] == 1


async def test_messages_after_a_close_are_not_heard(served: Served) -> None:
    async with raw_client(served) as client:
        await client.upgrade()
        await client.write(masked(b"nonsense") + masked(b'{"action":"lists"}') + masked(b"", opcode=0x8))
        frames = [*split_frames(await client.ends())]
        kinds = [opcode for opcode, _ in frames]
        assert kinds == [TEXT, TEXT, TEXT, CLOSE]  # hello, lists, the error


async def test_heartbeats_are_only_for_subscribers(
    served: Served, movers: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "HEARTBEAT_SECONDS", 0.05)
    async with browsing(served, movers) as subscriber, browsing(served) as other:
        await subscriber.gets(Beat, 3)
        assert not other.of(Beat)
