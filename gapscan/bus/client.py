"""The connection to NATS: opened with the options that survive restarts, its errors translated."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import nats.errors
from nats.aio.subscription import Subscription
from nats.js.errors import ServiceUnavailableError

from gapscan.bus.credentials import CredentialsError
from gapscan.bus.jetstream import JetStream, JetStreamHealth
from gapscan.bus.link import LastingClient, RefusedError, refusal_in
from gapscan.bus.nats_compat import propagate_cancels
from gapscan.bus.options import BusOptions, options_of, servers, shown
from gapscan.bus.unstored import Unstored
from gapscan.errors import BusError
from gapscan.obs import logger

__all__ = [
    "CONNECT_SECONDS",
    "LEAST_PAYLOAD",
    "NATS_ERRORS",
    "REQUEST_SECONDS",
    "Bus",
    "BusOptions",
    "connect",
    "options_of",
    "servers",
    "translated",
    "unreachable",
]

CONNECT_SECONDS: Final = 3.0
LEAST_PAYLOAD: Final = 256 * 1024  # bytes: a list of 200 rows in one message
REQUEST_SECONDS: Final = 2.0
_RECONNECT_WAIT: Final = 0.1
# A dead server is noticed within three of these, and goes on being asked until then.
_PING_INTERVAL: Final = 2
_PINGS_UNANSWERED: Final = 2

_log = logger("bus")

propagate_cancels()

# Everything that the client library raises when the server is away or refuses.
NATS_ERRORS: Final = (nats.errors.Error, OSError, asyncio.TimeoutError)


class Bus:
    """An open connection. It is opened again by itself, whatever ends it, for as long as it lives."""

    def __init__(self, options: BusOptions) -> None:
        access = options.completed()
        self.nc = LastingClient(options)
        # What was asked by way of JetStream is to be told here: that of a live link may be mute.
        self.health = JetStreamHealth(self._jetstream_is_mute)
        self.names = access.names
        self.api_prefix = access.api_prefix
        self.js = JetStream(self.nc, self.health, prefix=self.api_prefix, timeout=REQUEST_SECONDS)
        self.unstored = Unstored()
        self.reconnects = 0
        self._domain = access.jetstream_domain
        self._listeners: set[Callable[[], None]] = set()
        self._moving: asyncio.Task[None] | None = None

    @property
    def connected(self) -> bool:
        """Whether the link is up at this moment."""
        return self.nc.is_connected

    @property
    def max_payload(self) -> int:
        """How many bytes a message may have, as the server says."""
        return self.nc.max_payload

    @property
    def trouble(self) -> str:
        """Why there is no link, in words; empty while there is one."""
        if self.connected:
            return ""
        return f"NATS: {self.nc.refusal}" if self.nc.refusal else "NATS does not answer"

    def key_value_subject(self, subject: str) -> str:
        """Where a value of a bucket is put: with a JetStream domain, in that one and no other."""
        return f"{self.api_prefix}.{subject}" if self._domain else subject

    def on_link_change(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` after each loss and return of the link; the result takes it off again.

        A listener must not raise.
        """
        self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)

    async def unsubscribe(self, *subscriptions: Subscription) -> None:
        """End subscriptions, also while the link is away: the library would renew them when it is back."""
        if self.nc.is_closed or self.nc.is_draining:
            return
        for subscription in subscriptions:
            with suppress(*NATS_ERRORS):  # it is taken off here before the server is told
                await subscription.unsubscribe()

    def _jetstream_is_mute(self, why: str) -> None:
        self._moving = asyncio.create_task(self.nc.leave(why))

    def _changed(self) -> None:
        self.health.reset()
        for listener in tuple(self._listeners):
            listener()


@asynccontextmanager
async def connect(options: BusOptions, name: str) -> AsyncIterator[Bus]:
    """Connect to NATS and close again at the end; `name` shows in the server's monitoring.

    Raises BusError within CONNECT_SECONDS when the server cannot be reached or refuses, ConfigError for a URL that is
    none.
    """
    urls = servers(options.url)
    bus = Bus(options)
    try:
        await _open(bus, urls, options, name)
        yield bus
    finally:
        with suppress(*NATS_ERRORS, AssertionError):  # the library asserts where nothing was ever connected
            await bus.nc.close()


class _Callbacks:
    """What the client library calls. None may ever raise: the library goes deaf, or never reconnects, when one does."""

    def __init__(self, bus: Bus, url: str, servers: int) -> None:
        self.first_trouble: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()
        self._bus = bus
        self._shown = shown(url)
        self._is_open = self._was_open = False
        self._untried = servers

    async def lost(self) -> None:
        """The link is down, or was closed."""
        if self._bus.nc.is_closed:  # by us
            return
        if self._is_open:  # else this was said, and the link broke again before it was whole
            self._is_open = False
            _log.warning("NATS link lost, reconnecting", extra={"url": self._shown})
            self._bus._changed()

    async def back(self) -> None:
        """The link is up again."""
        self.opened()
        self._bus.reconnects += 1
        _log.info("NATS link is back", extra={"url": self._shown})
        self._bus._changed()

    def opened(self) -> None:
        """The link is up."""
        if self._bus.max_payload < LEAST_PAYLOAD:
            _log.warning("NATS takes messages of %d bytes only, lists need %d", self._bus.max_payload, LEAST_PAYLOAD)
        self._is_open = self._was_open = True
        self._bus.nc.opened()

    async def lame(self) -> None:
        """The server will be stopped."""
        await self._bus.nc.leave("the NATS server is going out of service")

    async def trouble(self, error: Exception) -> None:
        """Something failed: before the first connection, a server.

        Told to reconnect for ever, the library also retries a refused first connection in silence: once each server
        has been tried, that is enough.
        """
        _log.debug("NATS: %r", error)
        if self._was_open:
            if words := refusal_in(error):
                self._bus.nc.note_refusal(words)
            return
        self._untried -= 1
        if self._untried <= 0 and not self.first_trouble.done():
            self.first_trouble.set_result(error)


async def _open(bus: Bus, urls: list[str], options: BusOptions, name: str) -> None:
    access = options.completed()
    callbacks = _Callbacks(bus, options.url, len(urls))
    connecting = bus.nc.connect(
        [shown(one) for one in urls],  # logins are given when a server asks
        name=name,
        inbox_prefix=access.inbox_prefix,
        tls_handshake_first=access.tls_first,
        disconnected_cb=callbacks.lost,
        reconnected_cb=callbacks.back,
        error_cb=callbacks.trouble,
        lame_duck_mode_cb=callbacks.lame,
        reconnect_to_server_handler=bus.nc.next_server,
        max_reconnect_attempts=-1,
        reconnect_time_wait=_RECONNECT_WAIT,  # type: ignore[arg-type]  # seconds; fractions work
        ping_interval=_PING_INTERVAL,
        max_outstanding_pings=_PINGS_UNANSWERED,
        # A publish while the link is down fails at once: buffered, it would land after its author gave up on it.
        pending_size=0,
    )
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            await _unless(callbacks.first_trouble, connecting)
    except NATS_ERRORS as error:
        raise unreachable(options.url, error) from None
    callbacks.opened()


async def _unless(failed: asyncio.Future[Exception], connecting: Coroutine[Any, Any, None]) -> None:
    task = asyncio.ensure_future(connecting)
    try:
        await asyncio.wait((task, failed), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise failed.result()
        await task
    finally:
        task.cancel()


def unreachable(url: str, error: BaseException) -> BusError:
    """The error for a server that does not answer at `url`, or is none to talk to."""
    where, words = f"NATS at {shown(url)}", refusal_in(error)
    if isinstance(error, CredentialsError):
        return BusError(words)
    if isinstance(error, ssl.SSLCertVerificationError):
        return BusError(f"{where}: {words}", remedy="tls_ca in [nats] names the file of your own authority")
    if isinstance(error, ssl.SSLError):
        return BusError(f"{where}: {words}", remedy="see tls_ca, tls_cert, tls_key and tls_first in [nats]")
    if _is_hung_up(error):
        return BusError(f"{where} hangs up", remedy="where it asks for a certificate: tls_cert and tls_key in [nats]")
    if isinstance(error, RefusedError):
        return BusError(f"{where}: {words}")
    if "authorization" in str(error).lower():
        return BusError(f"{where} refuses these credentials", remedy="check the login in [nats]")
    if words:
        return BusError(f"{where} refuses the link: {words}")
    return BusError(f"cannot reach {where}", remedy="start it with `gapscan up`, or name another with --nats URL")


def _is_hung_up(error: BaseException) -> bool:
    """Whether there was a server, which ended the link: the reason that TLS has for that is lost at times."""
    if isinstance(error, ConnectionRefusedError):
        return False
    return isinstance(error, ConnectionError | nats.errors.UnexpectedEOF)


def translated(error: BaseException, doing: str) -> BusError:
    """A library error as a BusError that says what was being done."""
    if isinstance(error, asyncio.TimeoutError):
        return BusError(f"NATS did not answer in time while {doing}")
    if isinstance(error, nats.errors.NoRespondersError | ServiceUnavailableError) and not getattr(error, "code", None):
        return BusError(
            f"JetStream does not answer while {doing}",
            remedy="is it enabled there? through a leaf node, jetstream_domain in [nats] names where it is",
        )
    return BusError(f"NATS failed while {doing}: {error}")
