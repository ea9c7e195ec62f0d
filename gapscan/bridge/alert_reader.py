"""Reading the log of alerts for the bridge: the last ones, then each as it is stored."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

from nats.aio.msg import Msg

from gapscan.bridge.alert_log import KEPT, AlertLog
from gapscan.bus.client import NATS_ERRORS, Bus, translated
from gapscan.bus.direct_get import NoStreamError, Stored, get_from, get_last_matching, get_latest
from gapscan.errors import BusError, ProtocolError
from gapscan.obs import Tally
from gapscan.protocol.alerts import Alert
from gapscan.protocol.codec import decode_as

LOOK_SECONDS: Final = 2.0  # without a word, until the log is looked at


class AlertReader:
    """Keeps `log` in step. What is heard on the subject is not stored yet, or refused: it only says when to look."""

    def __init__(self, bus: Bus, log: AlertLog, tally: Tally) -> None:
        self._bus = bus
        self._log = log
        self._tally = tally
        self._all = bus.names.alert_subject("*")
        self._woken = asyncio.Event()
        self._ended_before = False  # the stream seemed to end before what was read

    async def run(self) -> None:
        """Read for ever."""
        try:
            await self._bus.nc.subscribe(self._all, cb=self._wake)
        except NATS_ERRORS as error:
            raise translated(error, "subscribing to alerts") from error
        while True:
            try:
                await self._read()
            except NoStreamError:
                self._log.restart()  # nobody makes any, or they are made anew
            except BusError as error:
                self._tally.trouble("alerts_unread", f"alerts cannot be read: {error.message}")
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._woken.wait()
            self._woken.clear()

    async def _wake(self, _message: Msg) -> None:
        self._woken.set()

    async def _read(self) -> None:
        if not self._log.place:
            self._put(await get_latest(self._bus, self._bus.names.stream_alerts, self._all, KEPT))
            return
        while found := await get_from(self._bus, self._bus.names.stream_alerts, self._log.place + 1, KEPT):
            self._put(found)
        await self._look_for_another()

    async def _look_for_another(self) -> None:
        """A stream that ends before what was read is another one; one look may have met a replica that is behind."""
        last = await get_last_matching(self._bus, self._bus.names.stream_alerts, self._all)
        ends_before = last is not None and last.sequence < self._log.place
        if ends_before and self._ended_before:
            self._log.restart()
            self._woken.set()
        self._ended_before = ends_before

    def _put(self, found: list[Stored]) -> None:
        self._log.put([(one.sequence, alert) for one in found if (alert := self._alert(one))])
        if found:
            self._log.skip_to(found[-1].sequence)

    def _alert(self, stored: Stored) -> Alert | None:
        try:
            return decode_as(Alert, stored.data)
        except ProtocolError as error:
            self._tally.trouble("alerts_unreadable", f"an alert cannot be read: {error.message}")
            return None
