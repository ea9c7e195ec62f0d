"""A client of NATS that never closes by itself.

The library's own closes for ever on whatever the server says against it: a changed password, an expired JWT, a lowered
limit. Here each is a lost link like any other. A new one is opened with credentials read again, and everything that
stands on the client goes on: subscriptions, services, JetStream contexts.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from typing import Any, Final

import nats.errors
from nats.aio.client import Client, Server
from nats.aio.transport import TcpTransport

from gapscan.bus.credentials import CredentialsError, identity, tls_context
from gapscan.bus.headers import parse_header_lines
from gapscan.bus.options import Access, BusOptions
from gapscan.errors import ConfigError
from gapscan.obs import logger

LEAST_SERVER: Final = (2, 11)
PERMISSIONS: Final = "permissions violation"
_STALE: Final = "stale connection"
_RETRY_FIRST: Final = 0.1
_RETRY_LIMIT: Final = 2.0  # seconds between two tries where the server refuses
_SETTLED: Final = 5.0  # a link that held for so long is well
_LOOK_LIMIT: Final = 3600.0  # seconds between two links that are opened to see whether a limit was raised
# For so long, a server may be silent: in the first round one that is alive is sought, later on one that is slow.
_SILENT_FIRST: Final = 0.7
_SILENT: Final = 2.0
_AVOID_SECONDS: Final = 3.0  # for so long, a server that was left is not taken again

_log = logger("bus")


class RefusedError(nats.errors.Error):
    """The server, or what stands in its place, is not one to talk to."""


class LeftError(nats.errors.Error):
    """The server is the one that was just left."""


class LinkDownError(nats.errors.OutboundBufferLimitError):
    """Nothing can be sent while the link is away."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self._why = why

    def __str__(self) -> str:
        return f"the link is down: {self._why}" if self._why else "the link is down"


def refusal_in(error: BaseException) -> str:
    """What is said against the link, by the server or by us; empty for a server that is merely away."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {(error.reason or str(error)).replace('_', ' ').lower()}"
    if isinstance(error, RefusedError | CredentialsError):
        return str(error)
    # The library gives the server's own words as a plain Error, in quotes.
    _, quote, words = str(error).partition("'") if type(error) is nats.errors.Error else ("", "", "")
    return words.rpartition("'")[0] if quote else ""


class LastingClient(Client):
    """The library's client, reopened whatever ended it but a call of `close` or `drain`.

    `refusal` is what stands against the link, in the server's own words, until the link is well again.
    """

    def __init__(self, options: BusOptions) -> None:
        super().__init__()
        self.refusal = ""
        self._options = options
        self._tries = 0
        self._open_since = 0.0
        self._limit_seen, self._look_again = 0, _SETTLED
        self._avoided: dict[str, float] = {}  # servers' ids, and until when

    @staticmethod
    def _parse_header_lines(raw: bytes) -> dict[str, str]:
        """As the library's, but quick."""
        return parse_header_lines(raw)

    # What the library would do on an error of the server's.

    async def _process_err(self, err_msg: str) -> None:
        words = err_msg.strip().strip("'")
        if PERMISSIONS in words.lower() or _STALE in words.lower():
            await super()._process_err(err_msg)
            return
        self.note_refusal(words)
        await self._process_op_err(nats.errors.Error(f"nats: {words}"))

    async def _attempt_reconnect(self) -> None:
        """As the library's, which ends for ever when something raises what it does not expect."""
        self._tries = 0 if time.monotonic() - self._open_since > _SETTLED else self._tries
        while True:
            try:
                await super()._attempt_reconnect()
            except Exception as error:  # noqa: BLE001 - a link for life has no other edge
                _log.error("reconnecting to NATS failed, trying again", exc_info=error)
                await asyncio.sleep(_RETRY_LIMIT)
            else:
                return

    async def _connect_to_server(self, s: Any) -> None:
        """As the library's, which leaves the sockets of refused tries to the garbage collector."""
        if self._transport:
            self._transport.close()  # type: ignore[no-untyped-call]
        await super()._connect_to_server(s)

    async def _close(self, *args: Any, **options: Any) -> None:
        """As the library's, which writes what is pending to a socket that is gone; uvloop's raises then."""
        writer = self._transport._io_writer if isinstance(self._transport, TcpTransport) else None
        if writer is not None and writer.is_closing():
            self._pending.clear()
            self._pending_data_size = 0
        await super()._close(*args, **options)

    def note_refusal(self, words: str) -> None:
        """Say what stands against the link: once, until it is another thing or the link was well."""
        if words != self.refusal:
            self.refusal = words
            _log.warning("there is no link to NATS: %s", words)

    def opened(self) -> None:
        """The link is up, with all that stands on it."""
        self.refusal = ""

    # Which server comes next, and when.

    def next_server(self, known: list[Server], _info: dict[str, Any]) -> tuple[Server | None, float]:
        """The known server that failed least, and how long to wait: longer and longer where servers refuse."""
        round_of, self._tries = self._tries // max(1, len(known)), self._tries + 1
        self.options["connect_timeout"] = _SILENT if round_of else _SILENT_FIRST
        limit = _RETRY_LIMIT if self.refusal else _RETRY_FIRST
        delay = min(limit, _RETRY_FIRST * 2 ** min(round_of - 1, 10)) if round_of else 0.0
        return min(known, key=lambda server: server.reconnects), delay

    async def leave(self, why: str) -> None:
        """Move to another server, if one is known."""
        if len(self._server_pool) < 2 or not self.is_connected or self.is_draining:
            _log.info("%s; no other server is known", why)
            return
        _log.warning("%s; moving to another server", why, extra={"server": self._server_info.get("server_name")})
        self._avoided[str(self._server_info.get("server_id"))] = time.monotonic() + _AVOID_SECONDS
        await self.force_reconnect()

    # What is shown to a server before it is trusted, and checked before anything is shown.

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:
        if initial_connection and info.get("tls_available") and self._access().wants_tls:
            info["tls_required"] = True  # the library encrypts only where the server insists
        await super()._process_info(info, initial_connection)
        self._max_payload = info.get("max_payload", self._max_payload)

    @property
    def ssl_context(self) -> ssl.SSLContext:
        """Made anew for each link, as certificates are renewed."""
        return tls_context(self._access())

    async def _process_connect_init(self) -> None:
        """As the library's, which takes it for a link when the server hangs up in place of an answer."""
        await super()._process_connect_init()
        if not self.is_connected:
            for task in (self._reading_task, self._ping_interval_task, self._flusher_task):
                if task is not None:
                    task.cancel()
            raise nats.errors.UnexpectedEOF
        self._open_since = time.monotonic()

    def _connect_command(self) -> bytes:
        access = self._access()
        self._check_server(access)
        shown = identity(access)
        here = self._current_server.uri if self._current_server else None
        user, password, token = access.login_at(here.hostname, here.port) if here else (None, None, None)
        if shown is not None:
            jwt, self._signature_cb, self._public_nkey = shown.jwt, shown.sign, shown.public
            self._user_jwt_cb = (lambda: bytearray(jwt)) if jwt else None
        else:
            self._signature_cb = self._user_jwt_cb = self._public_nkey = None
        self.options.update(user=user, password=password, token=token)
        self._auth_configured = True
        return super()._connect_command()

    def _access(self) -> Access:
        try:
            return self._options.completed()
        except ConfigError as error:  # such as a context that was removed
            raise RefusedError(str(error)) from None

    def _check_server(self, access: Access) -> None:
        if access.wants_tls and not self.is_encrypted:
            raise RefusedError("the server offers no TLS, which the settings ask for")
        if self._version() < LEAST_SERVER:
            least = ".".join(map(str, LEAST_SERVER))
            raise RefusedError(
                f"nats-server {self._server_info.get('version')} is too old: gapscan needs {least} or newer"
            )
        if self._avoided.get(str(self._server_info.get("server_id")), 0.0) > time.monotonic():
            raise LeftError("this server was just left")

    def _version(self) -> tuple[int, ...]:
        try:
            return tuple(int(part) for part in str(self._server_info.get("version")).split(".")[:2])
        except ValueError:  # a build of one's own: it is taken at its word
            return LEAST_SERVER

    @property
    def is_encrypted(self) -> bool:
        """Whether what is sent cannot be read on the way."""
        transport = self._transport
        if isinstance(transport, TcpTransport):
            writer = transport._io_writer
            return writer is not None and writer.get_extra_info("sslcontext") is not None
        return self._current_server is not None and self._current_server.uri.scheme == "wss"

    async def publish(self, *args: Any, **options: Any) -> None:
        """As the library's, which says that a buffer is full when the link is away."""
        try:
            await super().publish(*args, **options)
        except nats.errors.OutboundBufferLimitError:
            raise LinkDownError(self.refusal) from None
        except nats.errors.MaxPayloadError:
            await self._look_for_a_raised_limit()
            raise

    async def _look_for_a_raised_limit(self) -> None:
        """It is said to new links only: open one, less and less often while the limit is the same."""
        if self._max_payload != self._limit_seen:
            self._limit_seen, self._look_again = self._max_payload, _SETTLED
        if time.monotonic() - self._open_since > self._look_again:
            self._look_again = min(_LOOK_LIMIT, self._look_again * 4)
            await self.force_reconnect()
