"""The listening socket, and connections that do not get as far as a request that can be read."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import traceback
from collections.abc import Callable
from typing import Any, Final, Protocol, cast

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong
from aiohttp.web_protocol import RequestHandler
from aiohttp.web_server import Server

from gapscan.bridge.limits import HEADER_BYTES, NEWCOMERS
from gapscan.errors import ConfigError
from gapscan.obs import Tally

REQUEST_SECONDS: Final = 10.0  # for a connection's first request to come in whole
BACKLOG: Final = 4096
# The kernel would keep megabytes for a client that does not read, all of it old by the time it is read.
_KERNEL_BUFFER: Final = 128 * 1024
_KEEPALIVE_SECONDS: Final = 15.0
_IPV6_NETWORK: Final = 64  # bits of an address that are the peer's network: the rest it chooses as it likes
_HTTP_BAD: Final = 400
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_OF_THE_CLIENT: Final = (HttpProcessingError, web.RequestPayloadError)
_HTTP_HEADERS_TOO_LARGE: Final = 431


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


class _HasPeer(Protocol):
    def get_extra_info(self, name: str) -> Any: ...


def peer_of(transport: _HasPeer) -> str:
    """Whose connection it is: an address, of IPv6 the network that a peer has to itself; "" when that is not known."""
    address = address_of(transport)
    return peer_name(address) if address is not None else ""


def address_of(transport: _HasPeer) -> Address | None:
    """The address that has a connection; None when that is not known."""
    name = transport.get_extra_info("peername")
    return parsed_address(str(name[0])) if isinstance(name, tuple) else None


def parsed_address(text: str) -> Address | None:
    """An address, of IPv4 where IPv6 only wraps it; None for another text."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def peer_name(address: Address) -> str:
    """By what the limits know whoever has this address, see `peer_of`."""
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, _IPV6_NETWORK), strict=False))
    return str(address)


class HttpConnection(RequestHandler):
    """One connection. What is wrong with a request is answered, counted and logged as all that the bridge refuses."""

    __slots__ = ("_limiter", "_tally", "on_lost")

    def __init__(self, server: Server, limiter: ConnectionLimiter, tally: Tally) -> None:
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            access_log=cast(Any, None),  # none is kept
            keepalive_timeout=_KEEPALIVE_SECONDS,
            # localhost's cookies are those of all programs that were ever served from it.
            max_field_size=HEADER_BYTES,
            max_line_size=HEADER_BYTES,
            auto_decompress=False,  # nobody reads what a request may carry
        )
        self._limiter = limiter
        self._tally = tally
        self.on_lost: Callable[[], None] | None = None

    def connection_lost(self, exc: BaseException | None) -> None:
        """It has ended."""
        if self.on_lost is not None:
            self.on_lost()
        self._limiter.admit(self)
        super().connection_lost(exc)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to a request that cannot be read, or that a fault of ours keeps from its answer."""
        # aiohttp's refusals quote headers, whatever bytes they have, and fail over it.
        if status == _HTTP_BAD or (isinstance(exc, UnicodeEncodeError) and not _is_text(request)):
            status, text = self._refused(exc)
        else:
            text = "the bridge failed on this request\n"
            self._failed(exc)
        if request.writer.output_size > 0:
            raise ConnectionError("an answer has begun already")
        response = web.Response(status=status, text=text)
        response.force_close()
        return response

    def _refused(self, error: BaseException | None) -> tuple[int, str]:
        if isinstance(error, LineTooLong):
            self._tally.trouble("refused.too_large", f"a request was refused: a line of over {HEADER_BYTES} bytes")
            return _HTTP_HEADERS_TOO_LARGE, f"a line of the request has more than {HEADER_BYTES} bytes\n"
        self._tally.trouble("refused.bad_request", "a request was refused: it is no HTTP")
        return _HTTP_BAD, "this is no HTTP request\n"

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """A fault that reached the connection itself: of what came after a request's head, or ours."""
        error = kw.get("exc_info")
        if isinstance(error, _OF_THE_CLIENT):
            self._refused(error)
        else:
            self._failed(error)

    def _failed(self, error: object) -> None:
        shown = "".join(traceback.format_exception(error)) if isinstance(error, BaseException) else ""
        self._tally.trouble("http_crashed", f"answering a request failed\n{shown}".rstrip())


def _is_text(request: web.BaseRequest) -> bool:
    """Whether a request's headers are UTF-8; what is not stands for bytes of its own."""
    return all(
        value.isascii() or value.encode("utf-8", "ignore").decode() == value for value in request.headers.values()
    )


class _Door(asyncio.Protocol):
    """Decides once it is known who comes: until then a connection has no protocol of its own."""

    def __init__(self, limiter: ConnectionLimiter) -> None:
        self._limiter = limiter

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Of TCP, whatever class an event loop has for it.
        connection = cast(asyncio.Transport, transport)
        self._limiter.let_in(connection, peer_of(connection))


class ConnectionLimiter:
    """Makes the protocol of each connection. Those that send no request are cut after a while.

    There is room for so many that have sent none. When it is full, whoever has more than his share of it gets no more,
    and gives way to those who have less.
    """

    def __init__(self, server: Server, tally: Tally, clock: Callable[[], float]) -> None:
        self._server = server
        self._tally = tally
        self._clock = clock
        self._newcomers: dict[HttpConnection, tuple[str, float]] = {}  # their peers, and when they came; oldest first
        self._by_peer: dict[str, dict[HttpConnection, None]] = {}

    def __call__(self) -> asyncio.Protocol:
        """The protocol of a new connection."""
        return _Door(self)

    def let_in(self, transport: asyncio.Transport, peer: str) -> None:
        """A connection of `peer` has come."""
        if len(self._newcomers) >= NEWCOMERS and not self._make_room(peer):
            transport.abort()
            return
        connection = HttpConnection(self._server, self, self._tally)
        self._newcomers[connection] = peer, self._clock()
        self._by_peer.setdefault(peer, {})[connection] = None
        transport.set_protocol(connection)
        connection.connection_made(transport)

    def _make_room(self, peer: str) -> bool:
        """Cut a connection of the peer that has most, so that `peer` gets its share; False when it has that."""
        self._tally.trouble("refused.crowd", "too many connections without a request; peers with many are cut")
        share = len(self._newcomers) / len(self._by_peer.keys() | {peer})
        if len(self._by_peer.get(peer, ())) >= share:
            return False
        most = max(self._by_peer.values(), key=len)
        self._cut(next(iter(most)))
        return True

    def admit(self, connection: HttpConnection) -> None:
        """A connection has made a request, or has ended."""
        found = self._newcomers.pop(connection, None)
        if found is None:
            return
        others = self._by_peer[found[0]]
        del others[connection]
        if not others:
            del self._by_peer[found[0]]

    def _cut(self, connection: HttpConnection) -> None:
        self.admit(connection)
        if connection.transport is not None:
            connection.transport.abort()

    def sweep(self) -> None:
        """Cut those that have been silent for too long."""
        now = self._clock()
        for connection, (_, since) in tuple(self._newcomers.items()):
            if now - since <= REQUEST_SECONDS:
                return
            self._tally.trouble("refused.no_request", "a connection without a request is cut")
            self._cut(connection)
