"""What is known of symbols that were in lists, on NATS: the feed writes it, whoever ranks or shows reads it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from gapscan.bus import keyvalue
from gapscan.bus.client import Bus
from gapscan.bus.direct_get import NoStreamError, Stored, get_from
from gapscan.errors import ProtocolError
from gapscan.obs import logger
from gapscan.protocol import names
from gapscan.protocol.codec import decode_as, encode
from gapscan.protocol.messages import Detail

_BATCH: Final = 1000
# What NATS takes as a key: no empty part between dots, no wildcard, no space.
_KEY: Final = re.compile(r"[-/_=a-zA-Z0-9]+(\.[-/_=a-zA-Z0-9]+)*")

_log = logger("bus")


def details_subject(bus: Bus) -> str:
    """A subscription on this hears every detail as it is written."""
    return names.key_subject(bus.names.bucket_details)


def can_be_key(symbol: str) -> bool:
    """Whether `symbol` can name a value in the bucket."""
    return _KEY.fullmatch(symbol) is not None


async def write_detail(bus: Bus, detail: Detail) -> None:
    """Store what is known of one symbol, in place of what was. Raises BusError."""
    await keyvalue.put(bus, bus.names.bucket_details, detail.symbol, encode(detail))


async def read_details(bus: Bus) -> dict[str, Detail]:
    """Everything in the bucket by symbol; empty when there is no bucket. Raises BusError.

    What cannot be read is passed over, and logged.
    """
    found: dict[str, Detail] = {}
    stream, sequence = names.bucket_stream(bus.names.bucket_details), 1
    try:
        # By sequence, not by subject: the server answers a request for more than 1,024 subjects with an error.
        while entries := await get_from(bus, stream, sequence, _BATCH):
            found.update((detail.symbol, detail) for detail in _decoded(entries))
            sequence = entries[-1].sequence + 1
    except NoStreamError:
        return {}
    return found


def _decoded(entries: list[Stored]) -> Iterator[Detail]:
    for entry in entries:
        if not entry.data:  # the key was deleted
            continue
        try:
            yield decode_as(Detail, entry.data)
        except ProtocolError as error:
            _log.warning("a detail cannot be read: %s", error, extra={"subject": entry.subject})
