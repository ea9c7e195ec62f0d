"""A client's connection from its coming to its end, whichever way the messages go out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from gapscan.bridge.connection_gate import HttpConnection
from gapscan.bridge.encodings import Encoding
from gapscan.bridge.questions import Questions
from gapscan.bridge.server import BridgeServer
from gapscan.bridge.session import CLOSE_SECONDS, BrowserSession
from gapscan.obs import logger
from gapscan.protocol.codes import FAILED

_log = logger("bridge")


@asynccontextmanager
async def client_session(
    bridge: BridgeServer,
    questions: Questions,
    request: web.Request,
    transport: asyncio.Transport,
    encoding: Encoding,
    *,
    authorized: bool,
) -> AsyncIterator[BrowserSession]:
    """A client on `transport`, which the request came by."""
    session = bridge.enter(transport, encoding, authorized=authorized)
    if isinstance(request.protocol, HttpConnection):
        request.protocol.on_lost = session.over.set
    try:
        yield session
    except Exception:  # noqa: BLE001  # whatever it is, it is this client's connection alone that ends
        bridge.tally.count("client_crashed")
        _log.exception("a client's connection failed")
        session.close(FAILED)
        await linger(request)
    finally:
        bridge.leave(session)
        await questions.forget(session)
        # aiohttp closes the transport once all is sent, which a client that does not read can put off for ever.
        asyncio.get_running_loop().call_later(CLOSE_SECONDS, transport.abort)


async def linger(request: web.Request) -> None:
    """Wait until the client has gone, reading and dropping what it sends.

    Closed at once, with data still unread, the connection would be reset, and the client would never see why.
    """
    request.protocol.close()  # from now on it drops what comes
    deadline = asyncio.get_running_loop().time() + CLOSE_SECONDS
    while request.transport is not None and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.02)
