"""One channel's deliveries: in order, at its pace, again until they succeed or are too old."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from msgspec import structs

from gapscan.bus.client import NATS_ERRORS, Bus, translated
from gapscan.bus.direct_get import Stored, get_from, get_last_matching, leader_at
from gapscan.bus.fenced import FencedValue
from gapscan.errors import BusError, FencedError, ProtocolError
from gapscan.notify.channels import Channel
from gapscan.notify.sending import Sender, SendError
from gapscan.obs import Tally
from gapscan.protocol import names
from gapscan.protocol.alerts import Alert, ChannelState
from gapscan.protocol.codec import decode_as, encode
from gapscan.runtime import Backoff, TokenBucket
from gapscan.service.retrying import retrying

BATCH: Final = 200  # alerts in one delivery at most
GIVE_UP_SECONDS: Final = 86_400.0
LOOK_SECONDS: Final = 2.0  # without a word, until the stream is looked at
RETRY_FIRST: Final = 1.0
RETRY_LIMIT: Final = 300.0
_REMEMBERED: Final = 100  # ids of what was put aside
_BURST: Final = 3.0  # deliveries at once, after a quiet while


@dataclass(frozen=True, slots=True)
class Found:
    """An alert in the log, with the seconds since it was stored; None: one for others, or unreadable."""

    sequence: int
    id: str
    age: float
    alert: Alert | None


class Delivery:
    """Carries alerts to one channel from where it was left, by whichever process. `wake` it when there may be more."""

    def __init__(self, bus: Bus, channel: Channel, sender: Sender, tally: Tally) -> None:
        self.ready = False  # it knows where it was left
        self.sent = 0
        self.failing = ""  # why the last try failed
        self._bus = bus
        self._channel = channel
        self._sender = sender
        self._tally = tally
        self._value = FencedValue(bus, bus.names.bucket_channels, channel.name, f"the place of channel {channel.name}")
        self._state = ChannelState(channel.name, 0)
        self._bucket = TokenBucket(channel.per_minute / 60, _BURST)
        self._woken = asyncio.Event()
        self._ended_before = False  # the log seemed to end before what was delivered

    def wake(self) -> None:
        """There may be more."""
        self._woken.set()

    async def run(self) -> None:
        """Deliver for ever. Raises FencedError when another process does."""
        await retrying("notify", f"taking up channel {self._channel.name}", self._recover)
        self.ready = True
        backoff = Backoff(RETRY_FIRST, RETRY_LIMIT)
        while True:
            try:
                if await self._deliver():
                    backoff.reset()
                    continue
                await self._wait(LOOK_SECONDS)
            except FencedError:
                raise
            except SendError as error:
                self.failing = error.message
                self._tally.trouble("deliveries_failed", f"channel {self._channel.name}: {error.message}")
                await asyncio.sleep(backoff.next())
            except BusError as error:
                self._tally.trouble("alerts_unread", f"channel {self._channel.name}: {error.message}")
                await asyncio.sleep(RETRY_FIRST)

    async def _wait(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        self._woken.clear()

    async def _recover(self) -> None:
        """Go on where it was left; a channel that is new begins with what comes now."""
        stored = await self._value.read()
        with suppress(ProtocolError):
            if stored and stored.data:
                self._state = decode_as(ChannelState, stored.data)
                await self._check_log()
                return
        await self._keep(ChannelState(self._channel.name, await self._last()))

    async def _last(self) -> int:
        """Where the log of alerts ends. Raises BusError."""
        try:
            return (await self._bus.js.stream_info(self._bus.names.stream_alerts)).state.last_seq
        except NATS_ERRORS as error:
            raise translated(error, "looking for the log of alerts") from error

    async def _check_log(self) -> None:
        """A log that ends before what was delivered, or has another alert there, was made anew. Raises BusError."""
        place = self._state.sequence
        there = await leader_at(self._bus, self._bus.names.stream_alerts, place) if self._state.last else None
        other = there is not None and there.headers.get(names.HEADER_MSG_ID, "") != self._state.last
        if other or await self._last() < place:
            await self._begin_again()

    async def _look_for_another(self) -> None:
        """The same while it runs, by the end alone; one look may have met a replica that is behind."""
        log = self._bus.names
        last = await get_last_matching(self._bus, log.stream_alerts, log.alert_subject("*"))
        ends_before = last is not None and last.sequence < self._state.sequence
        if ends_before and self._ended_before:
            await self._begin_again()
        self._ended_before = ends_before

    async def _begin_again(self) -> None:
        """What is in the log now, nobody was told."""
        self._tally.trouble("logs_made_anew", f"channel {self._channel.name}: the log of alerts is another one")
        await self._keep(structs.replace(self._state, sequence=0, last=""))
        self._woken.set()

    async def _keep(self, state: ChannelState) -> None:
        await self._value.put(encode(state))
        self._state = state

    async def _deliver(self) -> bool:
        """Deliver what there is; False when there is nothing. Raises SendError, BusError."""
        found = await self._next()
        if not found:
            await self._look_for_another()
            return False
        if any(one.alert for one in found) and (wait := self._bucket.wait(time.monotonic())):
            await asyncio.sleep(wait)
            found = await self._next()  # with what came meanwhile
        alerts = [one.alert for one in found if one.alert]
        try:
            if alerts:
                self._bucket.spend(time.monotonic(), 1)
                await self._sender.send(alerts)
                self.sent += len(alerts)
        except SendError:
            await self._put_aside(found)
            raise
        self.failing = ""
        await self._keep(structs.replace(self._state, sequence=found[-1].sequence, last=found[-1].id))
        return True

    async def _next(self) -> list[Found]:
        stored = await get_from(self._bus, self._bus.names.stream_alerts, self._state.sequence + 1, BATCH)
        return [
            Found(one.sequence, one.headers.get(names.HEADER_MSG_ID, ""), _age(one), self._mine(one)) for one in stored
        ]

    def _mine(self, stored: Stored) -> Alert | None:
        try:
            alert = decode_as(Alert, stored.data)
        except ProtocolError:
            self._tally.count("alerts_unreadable")
            return None
        return alert if not alert.channels or self._channel.name in alert.channels else None

    async def _put_aside(self, found: Sequence[Found]) -> None:
        """Go on behind what could not be delivered for too long: it is kept in the log of alerts, and counted here."""
        old = [one for one in found if one.age >= GIVE_UP_SECONDS]
        if not old:
            return
        ids = [one.alert.id for one in old if one.alert]
        self._tally.count("put_aside", len(ids))
        await self._keep(
            ChannelState(
                self._channel.name,
                old[-1].sequence,
                self._state.put_aside + len(ids),
                [*self._state.last_put_aside, *ids][-_REMEMBERED:],
                old[-1].id,
            )
        )

    def report(self) -> dict[str, Any]:
        """What `gapscan status` shows of it."""
        return {
            "sent": self.sent,
            "sequence": self._state.sequence,
            "failing": self.failing,
            "put_aside": self._state.put_aside,
            "last_put_aside": self._state.last_put_aside[-5:],
        }


def _age(stored: Stored) -> float:
    """Seconds since it was stored."""
    text = stored.headers.get(names.HEADER_TIME, "")
    try:
        whole, _, fraction = text.rstrip("Z").partition(".")
        at = dt.datetime.fromisoformat(whole).replace(tzinfo=dt.UTC).timestamp() + float(f"0.{fraction or 0}")
    except ValueError:
        return 0.0
    return time.time() - at
