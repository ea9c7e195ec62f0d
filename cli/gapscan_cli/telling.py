"""`gapscan alerts`: what alerts said, and what one would have said."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Final

from gapscan.bus.client import Bus, BusOptions, connect
from gapscan.bus.direct_get import NoStreamError, Stored, get_from, get_latest
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
        sequence = 0
        while True:
            with suppress(BusError):
                sequence = await _look(bus, sequence, name or "*", number, as_json)
            await asyncio.sleep(_LOOK_SECONDS)


async def _look(bus: Bus, sequence: int, name: str, number: int, as_json: bool) -> int:
    """Print what is new behind a sequence; the last one that was looked at."""
    subject = bus.names.alert_subject(name)
    first = sequence == 0
    stored = (
        await get_latest(bus, bus.names.stream_alerts, subject, number)
        if first
        else await get_from(bus, bus.names.stream_alerts, sequence + 1, _BATCH, subject)
    )
    _print(_read(stored), as_json)
    if stored and not first and not as_json:
        output.write(_BELL.encode())
    return stored[-1].sequence if stored else max(sequence, 1)
