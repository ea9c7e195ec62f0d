"""One session against bare servers: what opening it may meet, and what it trusts."""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from gapscan.polygon.events import Frame, statuses_in
from gapscan.polygon.ledger import Ending, Reason, SessionEndedError
from gapscan.polygon.stream import ProviderSession, StreamSettings
from gapscan.runtime import end

KEY = "secret-key-of-the-account"
Handler = Callable[[ServerConnection], Awaitable[None]]


def status(word: str, message: str = "") -> str:
    return json.dumps([{"ev": "status", "status": word, "message": message}])


async def welcome(client: ServerConnection) -> None:
    """Greeting, key, and a word about it."""
    await client.send(status("connected"))
    assert json.loads(await client.recv()) == {"action": "auth", "params": KEY}
    await client.send(status("auth_success"))


def settings(server: Any, **more: Any) -> StreamSettings:
    port = server.sockets[0].getsockname()[1]
    chosen: dict[str, Any] = {"host": f"127.0.0.1:{port}", "key": KEY, "secure": False, "opening": 5.0} | more
    return StreamSettings(**chosen)


async def ending_of(session: ProviderSession) -> Ending:
    with pytest.raises(SessionEndedError) as ended:
        await asyncio.wait_for(session.run(), 20)
    return ended.value.ending


async def test_requests_and_frames() -> None:
    asked: list[Any] = []
    frames: list[Frame] = []

    async def handle(client: ServerConnection) -> None:
        assert client.request is not None
        asked.append(client.request.path)
        await welcome(client)
        for _ in range(2):
            asked.append(json.loads(await client.recv()))
        await client.send(b"\xff\xfe", text=True)
        await client.send(status("success", "subscribed to: A.X"))
        await client.close(1000)

    async with serve(handle, "127.0.0.1", 0) as server:
        session = ProviderSession(settings(server), frames.append)
        running = asyncio.create_task(ending_of(session))
        await session.ready.wait()
        await session.subscribe(["A.X", "LULD.*"])
        await session.unsubscribe([])
        await session.unsubscribe(["A.Y"])
        assert (await running).reason is Reason.CLOSED
    assert asked == [
        "/stocks",
        {"action": "subscribe", "params": "A.X,LULD.*"},
        {"action": "unsubscribe", "params": "A.Y"},
    ]
    assert frames[0] == b"\xff\xfe", "what cannot be read costs itself only"
    assert [one.message for frame in frames for one in statuses_in(frame)] == ["subscribed to: A.X"]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["connected", "auth_failed"], Reason.AUTH_FAILED),
        (["connected", "auth_timeout"], Reason.AUTH_FAILED),
        (["connected", "max_connections"], Reason.MAX_CONNECTIONS),
        (["max_connections", "max_connections"], Reason.MAX_CONNECTIONS),
        (["connected", "maintenance"], Reason.UNREACHABLE),
        (["connected"], Reason.UNREACHABLE),
        ([], Reason.UNREACHABLE),
    ],
)
async def test_a_server_that_does_not_let_in(words: list[str], reason: Reason) -> None:
    """It says so and keeps the connection, or says nothing."""
    gone = asyncio.Event()

    async def handle(client: ServerConnection) -> None:
        for word in words:
            await client.send(status(word, "you may not"))
        await client.wait_closed()
        gone.set()

    async with serve(handle, "127.0.0.1", 0) as server:
        session = ProviderSession(settings(server, opening=0.5), lambda _frame: None)
        ending = await ending_of(session)
        await asyncio.wait_for(gone.wait(), 10)
    assert ending.reason is reason
    assert ending.detail == ("no session within 0.5 s" if reason is Reason.UNREACHABLE else "you may not")
    assert not session.ready.is_set()


async def test_what_is_no_websocket_is_unreachable() -> None:
    async def handle(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example.org ESMTP\r\n")
        writer.close()

    async with await asyncio.start_server(handle, "127.0.0.1", 0) as server:
        ending = await ending_of(ProviderSession(settings(server), lambda _frame: None))
    assert ending.reason is Reason.UNREACHABLE
    assert "InvalidMessage" in ending.detail


async def test_the_key_is_in_no_ending_and_no_log(caplog: pytest.LogCaptureFixture) -> None:
    async def handle(client: ServerConnection) -> None:
        await client.send(status("connected"))
        await client.recv()
        await client.send(status("auth_failed", f"{KEY} is not known"))

    with caplog.at_level(logging.DEBUG):
        async with serve(handle, "127.0.0.1", 0) as server:
            ending = await ending_of(ProviderSession(settings(server), lambda _frame: None))
    assert ending == Ending(Reason.AUTH_FAILED, "*** is not known")
    ours = [record.getMessage() for record in caplog.records if record.name != "websockets.server"]
    assert not any(KEY in message for message in ours)


async def test_cancelled_it_leaves_no_connection() -> None:
    gone = asyncio.Event()

    async def handle(client: ServerConnection) -> None:
        await welcome(client)
        await client.wait_closed()
        gone.set()

    async with serve(handle, "127.0.0.1", 0) as server:
        session = ProviderSession(settings(server), lambda _frame: None)
        running = asyncio.create_task(session.run())
        await session.ready.wait()
        await end(running)
        await asyncio.wait_for(gone.wait(), 10)


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that nobody has signed, and its key."""
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=gapscan test",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    return certificate, key


@pytest.mark.parametrize("trusted", [True, False])
async def test_tls_trusts_whom_the_environment_says(
    certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, trusted: bool
) -> None:
    async def handle(client: ServerConnection) -> None:
        await welcome(client)
        await client.close(1000)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    else:
        monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    async with serve(handle, "127.0.0.1", 0, ssl=context) as server:
        session = ProviderSession(settings(server, secure=True), lambda _frame: None)
        ending = await ending_of(session)
    assert ending.reason is (Reason.CLOSED if trusted else Reason.UNREACHABLE)
    assert session.ready.is_set() is trusted
    assert trusted or "CERTIFICATE_VERIFY_FAILED" in ending.detail


async def test_a_link_that_takes_nothing() -> None:
    """The other side reads no more: a request is given up, and the session with it."""
    stop = asyncio.Event()

    async def handle(client: ServerConnection) -> None:
        await welcome(client)
        client.transport.pause_reading()
        await stop.wait()

    async with serve(handle, "127.0.0.1", 0) as server:
        session = ProviderSession(settings(server, sending=0.3, ping=60.0), lambda _frame: None)
        running = asyncio.create_task(session.run())
        await session.ready.wait()
        with pytest.raises(SessionEndedError) as ended:
            await session.subscribe([f"A.{number:07}" for number in range(2_000_000)])
        assert ended.value.ending.reason is Reason.STALLED
        await end(running)
        stop.set()
