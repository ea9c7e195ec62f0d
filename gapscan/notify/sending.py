"""The two ways to send: a signed web hook of our own, and the services that apprise knows."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, Protocol

import aiohttp
import msgspec

from gapscan.errors import ConfigError, GapscanError
from gapscan.notify.channels import Channel
from gapscan.protocol.alerts import UNKNOWN_TIME, Alert

if TYPE_CHECKING:
    from apprise import Apprise

SEND_SECONDS: Final = 20.0
KEY_HEADER: Final = "Idempotency-Key"
TIME_HEADER: Final = "X-Gapscan-Timestamp"
SIGNATURE_HEADER: Final = "X-Gapscan-Signature"


class SendError(GapscanError):
    """A channel did not take what was sent."""

    retry = True


class Sender(Protocol):
    """One channel's way out."""

    async def send(self, alerts: Sequence[Alert]) -> None:
        """Deliver some alerts as one. Raises SendError."""

    async def close(self) -> None:
        """Let go of what is open."""


def sender_of(channel: Channel) -> Sender:
    """How to send to a channel. Raises ConfigError when its address cannot be one."""
    return Webhook(channel) if channel.is_webhook else AppriseSender(channel)


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """HMAC-SHA256 of the time, a dot and the body, as the header has it."""
    return "sha256=" + hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()


class Webhook:
    """Posts JSON. Whatever is no 2xx is a failure: a redirect would turn the post into a get, and lose it."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SEND_SECONDS))

    async def send(self, alerts: Sequence[Alert]) -> None:
        """Deliver some alerts in one post."""
        body = payload(self._channel.name, alerts)
        try:
            async with self._session.post(
                self._channel.address, data=body, headers=self._headers(alerts, body), allow_redirects=False
            ) as answer:
                if not 200 <= answer.status < 300:
                    raise SendError(f"the web hook answers {answer.status}")
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise SendError(f"the web hook does not answer: {type(error).__name__}") from None

    def _headers(self, alerts: Sequence[Alert], body: bytes) -> dict[str, str]:
        now = str(int(time.time()))
        headers = {"Content-Type": "application/json", KEY_HEADER: key_of(alerts), TIME_HEADER: now}
        if self._channel.secret:
            headers[SIGNATURE_HEADER] = signature(self._channel.secret, now, body)
        return headers

    async def close(self) -> None:
        """Close its connections."""
        await self._session.close()


def key_of(alerts: Sequence[Alert]) -> str:
    """The same for the same alerts: an alert's own id, or a digest of several."""
    if len(alerts) == 1:
        return alerts[0].id
    return hashlib.sha256("\n".join(alert.id for alert in alerts).encode()).hexdigest()


def payload(channel: str, alerts: Sequence[Alert]) -> bytes:
    """What a web hook gets: every alert with the key by which it is known when it comes again."""
    keyed: list[dict[str, Any]] = [{"key": alert.id, **msgspec.to_builtins(alert)} for alert in alerts]
    return msgspec.json.encode({"type": "alerts", "channel": channel, "alerts": keyed})


class AppriseSender:
    """Sends text by apprise, which blocks: on a thread of its own, so that a slow service costs no other."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._service = _service(channel)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"notify-{channel.name}")

    async def send(self, alerts: Sequence[Alert]) -> None:
        """Deliver some alerts as one text."""
        title, body = words(alerts, self._channel.lines)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(2 * SEND_SECONDS):
                sent = await loop.run_in_executor(self._thread, self._notify, title, body)
        except TimeoutError:
            raise SendError("the service does not answer") from None
        if not sent:
            raise SendError("the service did not take it")

    def _notify(self, title: str, body: str) -> bool:
        from apprise import NotifyFormat

        return bool(self._service.notify(title=title, body=body, body_format=NotifyFormat.TEXT))

    async def close(self) -> None:
        """Let the thread end; it is not waited for."""
        self._thread.shutdown(wait=False, cancel_futures=True)


def _service(channel: Channel) -> Apprise:
    try:
        from apprise import Apprise, AppriseAsset
    except ImportError:
        raise ConfigError(
            f"channel {channel.name} needs apprise, which is not installed", remedy="pip install 'gapscan[notify]'"
        ) from None
    # A redirected post arrives as a get, which it would take for a success; four seconds are too few for an answer.
    service = Apprise(asset=AppriseAsset(http_redirects=False, async_mode=False))
    if not service.add(channel.address):
        raise ConfigError(f"channel {channel.name}: apprise does not know such an address")
    for one in service:
        one.socket_read_timeout = one.socket_connect_timeout = SEND_SECONDS
    return service


def words(alerts: Sequence[Alert], lines: int) -> tuple[str, str]:
    """Title and text for people: the first ones, and how many more there are."""
    shown = [f"{alert.name}: {_said(alert)}" if len(alerts) > 1 else _said(alert) for alert in alerts[:lines]]
    if len(alerts) > lines:
        shown.append(f"and {len(alerts) - lines} more")
    title = alerts[0].name if len(alerts) == 1 else f"{len(alerts)} alerts"
    label = "SIMULATED " if any(alert.simulated for alert in alerts) else ""
    return f"{label}{title}", "\n".join(shown)


def _said(alert: Alert) -> str:
    return f"{alert.text} ({UNKNOWN_TIME})" if alert.missed else alert.text
