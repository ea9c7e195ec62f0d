"""All values of a bucket whose keys are symbols."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, TypeVar

from gapscan.bus.client import Bus
from gapscan.bus.direct_get import NoStreamError, Stored, get_from
from gapscan.errors import ProtocolError
from gapscan.obs import logger
from gapscan.protocol import names
from gapscan.protocol.codec import decode_as
from gapscan.protocol.messages import Message

M = TypeVar("M", bound=Message)

_BATCH: Final = 1000
# What NATS takes as a key: no empty part between dots, no wildcard, no space.
_KEY: Final = re.compile(r"[-/_=a-zA-Z0-9]+(\.[-/_=a-zA-Z0-9]+)*")

_log = logger("bus")


def can_be_key(symbol: str) -> bool:
    """Whether `symbol` can name a value in a bucket."""
    return _KEY.fullmatch(symbol) is not None


async def read_values(bus: Bus, bucket: str, kind: type[M]) -> list[M]:
    """Everything in the bucket; nothing when there is no bucket. Raises BusError.

    What cannot be read is passed over, and logged.
    """
    found: list[M] = []
    stream, sequence = names.bucket_stream(bucket), 1
    try:
        # By sequence, not by subject: the server answers a request for more than 1,024 subjects with an error.
        while entries := await get_from(bus, stream, sequence, _BATCH):
            found += _decoded(entries, kind)
            sequence = entries[-1].sequence + 1
    except NoStreamError:
        return []
    return found


def _decoded(entries: list[Stored], kind: type[M]) -> Iterator[M]:
    for entry in entries:
        if not entry.data:  # the key was deleted
            continue
        try:
            yield decode_as(kind, entry.data)
        except ProtocolError as error:
            _log.warning("a value cannot be read: %s", error, extra={"subject": entry.subject})
