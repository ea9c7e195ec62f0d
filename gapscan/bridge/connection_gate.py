"""The listening socket, and connections that do not get as far as a request."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Final

from aiohttp.web_protocol import RequestHandler
from aiohttp.web_server import Server

from gapscan.errors import ConfigError
from gapscan.obs import Tally

REQUEST_SECONDS: Final = 10.0  # for a connection's first request to come in whole
_NEWCOMERS: Final = 1000
BACKLOG: Final = 4096
# The kernel would keep megabytes for a client that does not read, all of it old by the time it is read.
_KERNEL_BUFFER: Final = 128 * 1024


def open_socket(host: str, port: int) -> socket.socket:
    """A listening socket. Raises ConfigError when the address cannot be had."""
    try:
        family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, proto)
    except OSError as error:
        raise ConfigError(f"cannot listen on {host}: {error.strerror}") from None
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_BUFFER)  # its connections inherit it
        listening.bind(address)
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise ConfigError(
            f"cannot listen on {host}:{port}: {error.strerror}", remedy="set another [bridge] port, or 0 for a free one"
        ) from None
    return listening


class _TurnedAway(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)  # for the type checker: TCP
        transport.abort()


class ConnectionLimiter:
    """Makes the protocol of each connection. Those that send no request are cut after a while."""

    def __init__(self, server: Server, tally: Tally, clock: Callable[[], float]) -> None:
        self._server = server
        self._tally = tally
        self._clock = clock
        self._newcomers: dict[RequestHandler, float] = {}

    def __call__(self) -> asyncio.Protocol:
        """The protocol of a new connection."""
        if len(self._newcomers) >= _NEWCOMERS:
            self._tally.trouble("refused.crowd", "too many connections without a request; new ones are cut")
            return _TurnedAway()
        protocol: RequestHandler = self._server()
        self._newcomers[protocol] = self._clock()
        return protocol

    def admit(self, protocol: RequestHandler) -> None:
        """A connection has made a request."""
        self._newcomers.pop(protocol, None)

    def sweep(self) -> None:
        """Cut those that have been silent for too long; forget those that went away."""
        now = self._clock()
        for protocol, since in tuple(self._newcomers.items()):
            if protocol.transport is None and now - since > 1:
                del self._newcomers[protocol]
            elif protocol.transport is not None and now - since > REQUEST_SECONDS:
                self._tally.trouble("refused.no_request", "a connection without a request is cut")
                protocol.transport.abort()
                del self._newcomers[protocol]
