"""The connection to NATS: opened with the options that survive restarts, its errors translated."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import nats.errors
from nats.aio.client import Client
from nats.aio.subscription import Subscription
from nats.js import JetStreamContext

from gapscan.bus.nats_compat import propagate_cancels
from gapscan.config import NatsSection
from gapscan.errors import BusError, ConfigError
from gapscan.obs import logger

CONNECT_SECONDS: Final = 3.0
REQUEST_SECONDS: Final = 2.0
_RECONNECT_WAIT: Final = 0.1
_PING_INTERVAL: Final = 5

_log = logger("bus")

propagate_cancels()

# Everything that the client library raises when the server is away or refuses.
NATS_ERRORS: Final = (nats.errors.Error, OSError, asyncio.TimeoutError)

_SCHEMES: Final = ("nats", "tls", "ws", "wss")


def servers(url: str) -> list[str]:
    """The servers of a URL, or of several with commas between. Raises ConfigError for what is no URL."""
    found = [part.strip() for part in url.split(",") if part.strip()]
    for one in found:
        try:
            parts = urlsplit(one)
            good = parts.scheme in _SCHEMES and parts.hostname and parts.port != 0
        except ValueError:
            good = False
        if not good:
            raise ConfigError(f"{_shown(one)} is no NATS URL", remedy="such as nats://127.0.0.1:4222")
    if not found:
        raise ConfigError("no NATS URL is given", remedy="such as nats://127.0.0.1:4222")
    return found


@dataclass
class BusOptions:
    """How to reach NATS. `credentials` is the path of a .creds file; user and password are the alternative."""

    url: str = "nats://127.0.0.1:4222"
    user: str | None = None
    password: str | None = None
    credentials: str | None = None
    inbox_prefix: str = "_INBOX"


def options_of(section: NatsSection, url: str | None = None) -> BusOptions:
    """How to reach the NATS of the settings, or the one at `url` with the settings' rights."""
    return BusOptions(url or section.url, section.user, section.password, section.credentials, section.inbox_prefix)


@dataclass
class Bus:
    """An open connection. It reconnects by itself for as long as it lives."""

    nc: Client
    js: JetStreamContext
    reconnects: int = 0
    _listeners: set[Callable[[], None]] = field(default_factory=set)

    @property
    def connected(self) -> bool:
        """Whether the link is up at this moment."""
        return self.nc.is_connected

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

    def _changed(self) -> None:
        for listener in tuple(self._listeners):
            listener()


@asynccontextmanager
async def connect(options: BusOptions, name: str) -> AsyncIterator[Bus]:
    """Connect to NATS and close again at the end; `name` shows in the server's monitoring.

    Raises BusError within CONNECT_SECONDS when the server cannot be reached or refuses, ConfigError for a URL that is
    none.
    """
    urls = servers(options.url)
    nc = Client()
    # A publish while the link is down fails at once: buffered, it would land after its author gave up on it.
    bus = Bus(nc, nc.jetstream(timeout=REQUEST_SECONDS))
    try:
        await _open(bus, urls, options, name)
        yield bus
    finally:
        with suppress(*NATS_ERRORS, AssertionError):  # the library asserts where nothing was ever connected
            await nc.close()


class _Callbacks:
    """What the client library calls. None may ever raise: the library goes deaf, or never reconnects, when one does."""

    def __init__(self, bus: Bus, url: str, servers: int) -> None:
        self.first_trouble: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()
        self._bus = bus
        self._shown = _shown(url)
        self._untried = servers

    async def lost(self) -> None:
        """The link is down, or was closed."""
        if self._bus.nc.is_closed:  # by us
            return
        _log.warning("NATS link lost, reconnecting", extra={"url": self._shown})
        self._bus._changed()

    async def back(self) -> None:
        """The link is up again."""
        self._bus.reconnects += 1
        _log.info("NATS link is back", extra={"url": self._shown})
        self._bus._changed()

    async def trouble(self, error: Exception) -> None:
        """Something failed: before the first connection, a server.

        Told to reconnect for ever, the library also retries a refused first connection in silence: once each server
        has been tried, that is enough.
        """
        _log.debug("NATS: %r", error)
        self._untried -= 1
        if self._untried <= 0 and not self.first_trouble.done():
            self.first_trouble.set_result(error)


async def _open(bus: Bus, urls: list[str], options: BusOptions, name: str) -> None:
    callbacks = _Callbacks(bus, options.url, len(urls))
    connecting = bus.nc.connect(
        urls,
        name=name,
        user=options.user,
        password=options.password,
        user_credentials=options.credentials,
        inbox_prefix=options.inbox_prefix,
        disconnected_cb=callbacks.lost,
        reconnected_cb=callbacks.back,
        error_cb=callbacks.trouble,
        max_reconnect_attempts=-1,
        reconnect_time_wait=_RECONNECT_WAIT,  # type: ignore[arg-type]  # seconds; fractions work
        ping_interval=_PING_INTERVAL,
        pending_size=0,
    )
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            await _unless(callbacks.first_trouble, connecting)
    except NATS_ERRORS as error:
        raise unreachable(options.url, error) from None


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
    """The error for a server that does not answer at `url`."""
    if "authorization" in str(error).lower():
        return BusError(f"NATS at {_shown(url)} refuses these credentials", remedy="check user and password")
    return BusError(
        f"cannot reach NATS at {_shown(url)}",
        remedy="start it with `gapscan up`, or name another with --nats URL",
    )


def _shown(url: str) -> str:
    """The URL, or several, without user and password."""
    return ",".join(_bare(one) for one in url.split(","))


def _bare(url: str) -> str:
    scheme, mark, rest = url.rpartition("://")
    return scheme + mark + rest.rpartition("@")[2]


def translated(error: BaseException, doing: str) -> BusError:
    """A library error as a BusError that says what was being done."""
    if isinstance(error, asyncio.TimeoutError):
        return BusError(f"NATS did not answer in time while {doing}")
    return BusError(f"NATS failed while {doing}: {error}")
