"""`gapscan alerts`: what alerts said, and what one would have said."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Final

from gapscan.bus.client import Bus, BusOptions, connect
from gapscan.bus.direct_get import NoStreamError, Stored, get_from, get_last_matching, get_latest
from gapscan.errors import BusError, ProtocolError
from gapscan.protocol.alerts import UNKNOWN_TIME, Alert
from gapscan.protocol.codec import decode_as, encode
from gapscan_cli import output, render
from gapscan_cli.connection import patient_link

_LOOK_SECONDS: Final = 0.25
_BATCH: Final = 500
_BELL: Final = "\a"


async def last_alerts(bus: Bus, number: int, name: str = "*", symbol: str = "") -> list[Alert]:
    """The last alerts, the oldest first, of one alert or symbol if one is given. Raises BusError."""
    try:
        stored = await get_latest(
            bus, bus.names.stream_alerts, bus.names.alert_subject(name), _BATCH if symbol else number
        )
    except NoStreamError:
        raise BusError("no alerts are kept there", remedy="start the service: `gapscan run events`") from None
    found = [alert for alert in _read(stored) if symbol in ("", alert.symbol)]
    return found[-number:]


def _read(stored: Iterable[Stored]) -> list[Alert]:
    """What can be read of them: one of a later version may not be."""
    found = []
    for one in stored:
        with suppress(ProtocolError):
            found.append(decode_as(Alert, one.data))
    return found


async def print_alerts(options: BusOptions, name: str | None, number: int, as_json: bool) -> None:
    """Print the last alerts."""
    async with connect(options, "gapscan alerts") as bus:
        found = await last_alerts(bus, number, name or "*")
    if not found and not as_json:
        output.note("no alert has said anything")
    _print(found, as_json)


def _print(alerts: Sequence[Alert], as_json: bool) -> None:
    for alert in alerts:
        if as_json:
            output.write(encode(alert) + output.LINE_END)
        else:
            output.say(line_of(alert))


def line_of(alert: Alert) -> str:
    """One alert for people."""
    label = "   SIMULATED" if alert.simulated else ""
    missed = f"   {UNKNOWN_TIME}" if alert.missed else ""
    return render.text(f"{render.moment(alert.as_of)}   {alert.name}   {alert.text}{missed}{label}")


async def follow_alerts(options: BusOptions, name: str | None, number: int, as_json: bool) -> None:
    """Print the last alerts, then each as it comes, with the bell; for as long as somebody reads."""
    async with patient_link(options, "gapscan alerts", output.note) as bus:
        following = Following(bus, name or "*", number)
        while True:
            with suppress(BusError):
                _print(await following.look(), as_json)
                if following.rings and not as_json:
                    output.write(_BELL.encode())
            await asyncio.sleep(_LOOK_SECONDS)


class Following:
    """The last alerts, the oldest first, then what is new at each look. `rings`: the last look found something new."""

    def __init__(self, bus: Bus, name: str, number: int) -> None:
        self.rings = False
        self._bus = bus
        self._subject = bus.names.alert_subject(name)
        self._number = number
        self._begun = False
        self._sequence = 0  # of the last one that was found
        self._ended_before = False  # the log seemed to end before that one

    async def look(self) -> list[Alert]:
        """What is to be shown now. Raises BusError."""
        self.rings = False
        try:
            stored = await self._found()
        except NoStreamError:
            stored, self._sequence = [], 0  # nobody makes any yet, or they are made anew: then all of them are new
        self._begun, self._sequence = True, stored[-1].sequence if stored else self._sequence
        return _read(stored)

    async def _found(self) -> list[Stored]:
        log = self._bus.names.stream_alerts
        if not self._begun:
            return await get_latest(self._bus, log, self._subject, self._number)
        stored = await get_from(self._bus, log, self._sequence + 1, _BATCH, self._subject)
        if not stored and await self._is_another():
            stored = await get_from(self._bus, log, 1, _BATCH, self._subject)
        self.rings = bool(stored)
        return stored

    async def _is_another(self) -> bool:
        """A log that ends before what was found was made anew; one look may have met a replica that is behind."""
        last = await get_last_matching(self._bus, self._bus.names.stream_alerts, self._subject)
        before, self._ended_before = self._ended_before, last is not None and last.sequence < self._sequence
        return before and self._ended_before
