"""Which alerts there are: their definitions in a key-value bucket, as those of lists."""

from __future__ import annotations

from nats.js.errors import NotFoundError

from gapscan.bus import keyvalue
from gapscan.bus.client import NATS_ERRORS, Bus, translated
from gapscan.bus.direct_get import NoStreamError, get_last_of_each
from gapscan.errors import ProtocolError
from gapscan.protocol import names
from gapscan.protocol.alerts import AlertDefinition
from gapscan.protocol.codec import decode_as, encode


async def read_alerts(bus: Bus) -> dict[str, AlertDefinition | str] | None:
    """The alerts by name; of one that cannot be read, why. None when there is no bucket. Raises BusError."""
    bucket = bus.names.bucket_alerts
    try:
        stored = await get_last_of_each(bus, names.bucket_stream(bucket), names.key_subject(bucket))
    except NoStreamError:
        return None
    return {name: _read(name, one.data) for one in stored if one.data and (name := names.key_of(bucket, one.subject))}


def _read(name: str, data: bytes) -> AlertDefinition | str:
    try:
        definition = decode_as(AlertDefinition, data)
    except ProtocolError as error:
        return str(error)
    return definition if definition.name == name else f"it defines {definition.name}"


async def write_alert(bus: Bus, definition: AlertDefinition) -> None:
    """Publish what is to be told of. Raises BusError."""
    await keyvalue.put(bus, bus.names.bucket_alerts, definition.name, encode(definition))


async def remove_alert(bus: Bus, name: str) -> None:
    """Take an alert away; what it said stays. Raises BusError."""
    bucket = bus.names.bucket_alerts
    try:
        await bus.js.purge_stream(names.bucket_stream(bucket), subject=names.key_subject(bucket, name))
    except NotFoundError:
        return
    except NATS_ERRORS as error:
        raise translated(error, f"removing alert {name}") from error
