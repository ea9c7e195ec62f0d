"""Messages and requests against a real bridge, a process of its own beside a real nats-server.

Whatever comes: the bridge answers with a documented code or goes on, a client beside the others stays exact, nothing is
counted as a fault of the bridge, and its log has no traceback.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from gapscan.bus.client import BusOptions
from gapscan.bus.client import connect as connect_bus
from gapscan.lists.state import Copy, Fit
from gapscan.protocol.codes import CLOSE_CODES, ERROR_CODES
from gapscan.protocol.messages import Delta, Snapshot
from gapscan.protocol.websocket import ACTIONS
from gapscan.supervisor.ports import free_port
from tests.fuzz.findings import Bounds, Report
from tests.support.answers import decode_answer
from tests.support.bridge import defined_list, masked
from tests.support.lists import Published
from tests.support.nats import NatsServer
from tests.support.processes import started
from tests.support.until import until

_TOGETHER = 8  # connections at a time
_MESSAGES = 40  # on one connection at most: the burst that a client may send
_WAIT = 10.0
_BODY = 2.0
_PATIENCE = 0.3  # for a request that may not be whole
_CLOSES = frozenset(code.code for code in CLOSE_CODES) | {1000, 1005, 1006}
_ERRORS = frozenset(code.code for code in ERROR_CODES)
_STATUSES = frozenset({100, 101, 200, 304, 400, 403, 404, 405, 417, 421, 426, 431, 503})
_LISTS = ("movers", "none", "", "movers\0", "Ω" * 120, "x" * 101)
_FAULTS = re.compile(r'gapscan_bridge_failures_total\{kind="(client_crashed|http_crashed)"\} ([\d.]+)')


@dataclass
class Target:
    """The bridge that is tried."""

    port: int
    movers: Published
    log: Path

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    async def get(self, data: bytes, patience: float = _WAIT) -> bytes:
        """The answer to a request as it is; b"" when none comes, because the bridge waits for more of it."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(data)
            return await asyncio.wait_for(_answer(reader), patience)
        except TimeoutError:
            return b""
        finally:
            writer.close()

    async def check(self, report: Report) -> None:
        """What the bridge says of itself, and what it has logged."""
        figures = (await self.get(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).decode()
        for kind, number in _FAULTS.findall(figures):
            if float(number):
                report.found(f"the bridge counts {kind}", number)
        text = self.log.read_text("utf-8", "replace")
        if "Traceback" in text:
            report.found("a traceback in the log", text[text.index("Traceback") :])
        if not figures.startswith("HTTP/1.1 200"):
            report.found("the bridge's figures do not come", figures[:100])


Fuzz = Callable[[Target, Bounds, int], Awaitable[Report]]


@asynccontextmanager
async def target(folder: Path) -> AsyncIterator[Target]:
    """A bridge with a list that moves; other peers' limits are off, so that all that is sent is looked at."""
    server = NatsServer(folder / "nats")
    await asyncio.to_thread(server.start)
    try:
        async with connect_bus(BusOptions(server.url), "fuzz") as bus:
            movers = await defined_list(bus)
            await movers.step(5)
            port, log = free_port(), folder / "bridge.log"
            settings = {
                "GAPSCAN_NATS_URL": server.url, "GAPSCAN_BRIDGE_PORT": str(port), "GAPSCAN_BRIDGE_WINDOW": "0.05",
            }  # fmt: skip
            command = (sys.executable, "-m", "gapscan.supervisor.run_service", "bridge")
            with log.open("wb") as file:
                async with started(*command, stderr=file, env={**os.environ, **settings}):
                    found = Target(port, movers, log)
                    await until(lambda: _ready(found), "the bridge")
                    yield found
    finally:
        await asyncio.to_thread(server.close)


async def _ready(found: Target) -> bool:
    with suppress(OSError):
        return b" 200 " in await found.get(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    return False


async def _answer(reader: asyncio.StreamReader) -> bytes:
    """One answer, whether the connection goes on after it or not."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    with suppress(asyncio.IncompleteReadError):  # the answer to HEAD has the length of what it leaves out
        return head + (await asyncio.wait_for(reader.readexactly(int(length[1])), _BODY) if length else b"")
    return head


# Messages.


def any_json(dice: random.Random, depth: int = 3) -> object:
    kind = dice.randrange(8 if depth else 6)
    if kind == 6:
        return [any_json(dice, depth - 1) for _ in range(dice.randint(0, 4))]
    if kind == 7:
        return {dice.choice(["list", "lists", "on", "x", "symbol"]): any_json(dice, depth - 1) for _ in range(3)}
    return dice.choice([None, True, False, 0, -1, 2**63, 1e308, 0.5, "", "movers", "\ud800", "\0", "x" * 200, "😀"])


def any_message(dice: random.Random) -> str | bytes:
    """Something that a client may send."""
    kind = dice.random()
    if kind < 0.55:
        return json.dumps(_action(dice))
    if kind < 0.75:
        return json.dumps({"action": dice.choice([*ACTIONS, "dance"]), **_members(dice)})
    if kind < 0.9:
        text = json.dumps(_action(dice))
        begin, end = sorted(dice.randint(0, len(text)) for _ in range(2))
        return text[:begin] + dice.choice(["", "{", "[", '"', "\0", "9" * 30, "\\ud800"]) + text[end:]
    if kind < 0.94:
        return dice.choice(['{"a":', "[", '{"action":"lists","a":['][:1]) * dice.randint(1, 3000)
    if kind < 0.97:
        return dice.randbytes(dice.randint(0, 60))
    return "".join(map(chr, dice.choices(range(0xD7FF), k=dice.randint(0, 60))))


def _action(dice: random.Random) -> dict[str, object]:
    name, action = dice.choice(_LISTS), dice.choice([each for each in ACTIONS if each != "why"])
    have: dict[str, object] = dice.choice([{}, {"epoch": "e", "last_sequence": dice.choice([0, 3, 2**62])}])
    more: dict[str, dict[str, object]] = {
        "subscribe": {"lists": [{"list": name, **have}]},
        "unsubscribe": {"lists": [name]},
        "resync": {"list": name, **have},
        "aggregates": {"on": dice.random() < 0.5},
        "overview": {"on": dice.random() < 0.5},
        "auth": {"token": name},
    }
    return {"action": action, **more.get(action, {})}


def _members(dice: random.Random) -> dict[str, object]:
    names = ("lists", "list", "epoch", "last_sequence", "on", "symbol", "token", "x")
    return {name: any_json(dice) for name in dice.sample(names, dice.randint(0, 4))}


async def fuzz_messages(found: Target, bounds: Bounds, seed: int) -> Report:
    """Try so many messages, over several connections at a time."""
    report = Report("messages")
    async with _exact_client(found, report):
        await asyncio.gather(*(_talk(found, bounds, report, random.Random(seed + each)) for each in range(_TOGETHER)))
        await found.movers.step()
    await found.check(report)
    return report


async def _talk(found: Target, bounds: Bounds, report: Report, dice: random.Random) -> None:
    while bounds.left(report.tried):
        said: list[str | bytes] = []
        try:
            async with connect(found.url, compression=None, proxy=None, ping_interval=None, max_queue=None) as ws:
                hearing = asyncio.create_task(_hear(ws, report))
                with suppress(ConnectionClosed):
                    while len(said) < _MESSAGES and bounds.left(report.tried):
                        message = any_message(dice)
                        said.append(message)
                        report.tried += 1
                        await _send(ws, message, dice)
                        if _ends(message):
                            break
                await ws.close()
                await asyncio.wait_for(hearing, _WAIT)
            report.count(f"closed {ws.close_code}")
            if ws.close_code not in _CLOSES:
                report.found(f"close code {ws.close_code}", said[-3:])
        except (OSError, InvalidHandshake, TimeoutError) as error:
            report.found(f"a connection failed: {type(error).__name__}: {error}", said[-3:])
            await asyncio.sleep(0.1)


def _ends(message: str | bytes) -> bool:
    """Whether the bridge looks at nothing that comes after this message."""
    with suppress(ValueError, RecursionError):
        return isinstance(message, bytes) or not isinstance(json.loads(message), dict)
    return True


async def _send(ws: ClientConnection, message: str | bytes, dice: random.Random) -> None:
    if isinstance(message, str) and dice.random() < 0.02:  # bytes that are no frame
        ws.transport.write(dice.choice([dice.randbytes(8), masked(b"\xff\xfe"), masked(b"?" * 125, opcode=0x9)]))
        return
    await ws.send(message if isinstance(message, bytes) else message.encode("utf-8", "replace").decode())


async def _hear(ws: ClientConnection, report: Report) -> None:
    with suppress(ConnectionClosed):
        async for text in ws:
            message = json.loads(text)
            if message["type"] == "error" and message["code"] not in _ERRORS:
                report.found(f"error code {message['code']}", message)


@asynccontextmanager
async def _exact_client(found: Target, report: Report) -> AsyncIterator[None]:
    """A client that does nothing wrong, and that keeps a copy; the list moves meanwhile."""
    async with connect(found.url, compression=None, proxy=None, max_queue=None) as ws:
        await ws.send('{"action":"subscribe","lists":[{"list":"movers"}]}')
        copy = Copy()
        following = asyncio.create_task(_follow(ws, copy, report))
        moving = asyncio.create_task(_move(found.movers))
        yield
        moving.cancel()
        await asyncio.wait([moving])
        with suppress(TimeoutError):
            async with asyncio.timeout(_WAIT):
                while copy.sequence < found.movers.publisher.sequence and not following.done():
                    await asyncio.sleep(0.05)
        if list(copy.rows) != list(found.movers.truth[found.movers.publisher.sequence]):
            report.found("a client that does nothing wrong has a wrong copy", copy.sequence)
        if following.done():
            report.found("a client that does nothing wrong was closed", ws.close_code)
        following.cancel()


async def _move(movers: Published) -> None:
    while True:
        await movers.step()
        await asyncio.sleep(0.2)


async def _follow(ws: ClientConnection, copy: Copy, report: Report) -> None:
    async for text in ws:
        match decode_answer(text):
            case Snapshot() as snapshot:
                copy.load(snapshot)
            case Delta(sequence=int(sequence)) as delta if (
                delta.changes and copy.apply(delta, sequence) is not Fit.APPLIED
            ):
                report.found("a delta does not fit", sequence)


# Requests.

_PATHS = (b"/", b"/ws", b"/healthz", b"/readyz", b"/metrics", b"/static/app.js", b"/static/../x", b"/%00", b"//", b"*",
          b"/ws?token=x", b"http://x/", b"/\xff", b"/" + b"p" * 9000, b"/" + b"p" * 70_000, b"")  # fmt: skip
_HEADERS = (
    b"Origin: http://x", b"Origin: null", b"Upgrade: websocket", b"Connection: Upgrade",
    b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", b"Sec-WebSocket-Protocol: x",
    b"Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=99", b"Content-Length: 5",
    b"Transfer-Encoding: chunked", b"Content-Encoding: gzip", b"Expect: 100-continue", b"Cookie: a=b",
    b"Cookie: " + b"c" * 9000, b"Accept-Encoding: gzip, br", b"Range: bytes=0-", b"If-None-Match: *",
    b'If-None-Match: "x', b"Connection: close", b"Connection: keep-alive",
)  # fmt: skip
_BAD_HEADERS = (
    b"Host: evil.example", b"Host: [", b"Host: \xff.example",
    b"Host:", b"Host: \xff", b"Origin: http://[", b"Sec-WebSocket-Version: 99",
    b"Sec-WebSocket-Key: ?", b"Content-Length: -1", b"Content-Length: 99999999999999999999", b"Transfer-Encoding: gzip",
    b"Connection: \xff", b"Expect: \xff", b"Expect: x", b"Cookie: " + b"c" * 70_000,
    b"X\0: y", b"X : y", b": y", b"X: \xff\xfe", b" x",
    b"X: " + b"y" * 66_000,
)  # fmt: skip
_HANDSHAKE = (b"Host: x", b"Upgrade: websocket", b"Connection: Upgrade", b"Sec-WebSocket-Version: 13")
_METHODS = (b"HEAD", b"POST", b"OPTIONS", b"CONNECT", b"get", b"G\0T", b"\x16\x03\x01", b"")
_VERSIONS = (b"HTTP/1.0", b"HTTP/2.0", b"HTTP/9", b"")


def any_request(dice: random.Random) -> bytes:
    """Something that may be a request: mostly a right one with a thing or two that are not."""
    if dice.random() < 0.03:
        return dice.randbytes(dice.randint(1, 80))
    method = b"GET" if dice.random() < 0.8 else dice.choice(_METHODS)
    version = b"HTTP/1.1" if dice.random() < 0.9 else dice.choice(_VERSIONS)
    headers = [*dice.choice([(b"Host: x",), (b"Host: x",), _HANDSHAKE, ()]), *dice.sample(_HEADERS, dice.randint(0, 5))]
    headers += dice.sample(_BAD_HEADERS, dice.choice([0, 0, 1, 2]))
    body = b""
    if b"Content-Length: 5" in headers or dice.random() < 0.05:
        body = b"hello"
    elif b"Transfer-Encoding: chunked" in headers:
        body = dice.choice([b"5\r\nhello\r\n0\r\n\r\n", b"5\r\nhello", b"x\r\n", b"\xff" * 20])
    data = b"\r\n".join(
        [b" ".join((method, dice.choice(_PATHS[: 7 if dice.random() < 0.7 else None]), version)), *headers, b"", body]
    )
    if dice.random() < 0.15:
        begin = dice.randint(0, len(data))
        data = data[:begin] + dice.randbytes(dice.randint(0, 6)) + data[begin + dice.randint(0, 6) :]
    return data


async def fuzz_requests(found: Target, bounds: Bounds, seed: int) -> Report:
    """Try so many requests, over several connections at a time."""
    report = Report("requests")
    async with _exact_client(found, report):
        await asyncio.gather(*(_ask(found, bounds, report, random.Random(seed + each)) for each in range(_TOGETHER)))
    await found.check(report)
    return report


async def _ask(found: Target, bounds: Bounds, report: Report, dice: random.Random) -> None:
    while bounds.left(report.tried):
        report.tried += 1
        data = any_request(dice)
        try:
            answer = await found.get(data, _PATIENCE)
        except (ConnectionResetError, asyncio.IncompleteReadError):
            report.count("cut")
            continue
        except OSError as error:
            report.found(f"no answer: {type(error).__name__}: {error}", data)
            continue
        if not answer:
            report.count("waited for more")
            continue
        head = answer.partition(b"\r\n")[0].split()
        status = int(head[1]) if len(head) > 1 and head[1].isdigit() else 0
        report.count(str(status))
        if status not in _STATUSES:
            report.found(f"status {status}", data)
        if b"Traceback" in answer:
            report.found("a traceback in an answer", data)
