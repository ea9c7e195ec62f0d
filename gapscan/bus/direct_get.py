"""Reading stored messages by sequence or subject through JetStream's direct get.

Nothing here needs a consumer or stream permissions: direct get is all a reader is granted.
Batched gets are part of the server's direct-get API (ADR-31) that the client library has no call for.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import msgspec
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import NoRespondersError

from gapscan.bus.client import NATS_ERRORS, REQUEST_SECONDS, Bus, translated
from gapscan.errors import BusError, UnknownListError
from gapscan.protocol import names

_STATUS: Final = "Status"
_END_OF_BATCH: Final = "204"
_NOT_FOUND: Final = "404"


@dataclass(frozen=True, slots=True)
class Stored:
    """A message as the stream holds it."""

    subject: str
    sequence: int
    data: bytes
    headers: dict[str, str]


class NoStreamError(BusError):
    """The stream does not exist, or may not be read."""


async def get_last(bus: Bus, stream: str, subject: str) -> Stored | None:
    """The last message on `subject`, or None. Raises NoStreamError or BusError."""
    found = await _batch(bus, stream, {"last_by_subj": subject})
    return found[0] if found else None


async def get_at(bus: Bus, stream: str, sequence: int) -> Stored | None:
    """The message with exactly this sequence, or None when it was never stored or is gone."""
    found = await get_from(bus, stream, sequence, 1)
    return found[0] if found and found[0].sequence == sequence else None


async def get_from(bus: Bus, stream: str, sequence: int, count: int) -> list[Stored]:
    """Up to `count` messages from the first one at or after `sequence`, in order.

    When messages from `sequence` on were trimmed, the first result has a higher sequence.
    """
    return await _batch(bus, stream, {"seq": max(1, sequence), "batch": count})


async def get_last_of_each(bus: Bus, stream: str, pattern: str) -> list[Stored]:
    """The last message of every subject that matches `pattern`."""
    return await _batch(bus, stream, {"multi_last": [pattern]})


async def _batch(bus: Bus, stream: str, query: dict[str, object]) -> list[Stored]:
    try:
        async with _inbox(bus) as (inbox, replies):
            address, payload = _request(stream, query)
            await bus.nc.publish(address, payload, reply=inbox)
            return await _collect(replies, single="last_by_subj" in query)
    except NoRespondersError:
        raise NoStreamError(f"there is no stream {stream}") from None
    except NATS_ERRORS as error:
        raise translated(error, f"reading stream {stream}") from error


def _request(stream: str, query: dict[str, object]) -> tuple[str, bytes]:
    """Where to ask, and with what: a subject is a part of the request's own, so that a reader's rights can name it."""
    if subject := query.get("last_by_subj"):
        return names.direct_get_subject(stream, str(subject)), b""
    return names.direct_get_subject(stream), msgspec.json.encode(query)


@asynccontextmanager
async def _inbox(bus: Bus) -> AsyncIterator[tuple[str, Subscription]]:
    inbox = bus.nc.new_inbox()
    subscription = await bus.nc.subscribe(inbox)
    try:
        yield inbox, subscription
    finally:
        await bus.unsubscribe(subscription)


async def _collect(replies: Subscription, *, single: bool) -> list[Stored]:
    found: list[Stored] = []
    while True:
        message = await replies.next_msg(timeout=REQUEST_SECONDS)
        status = (message.headers or {}).get(_STATUS)
        if status is None:
            found.append(_stored(message))
            if single:
                return found
        elif status in (_END_OF_BATCH, _NOT_FOUND):
            return found
        elif status == "503":
            raise NoRespondersError
        else:
            raise BusError(f"direct get refused: {status} {(message.headers or {}).get('Description', '')}")


def _stored(message: Msg) -> Stored:
    headers = message.headers or {}
    subject, sequence = headers.get(names.HEADER_SUBJECT, ""), int(headers[names.HEADER_SEQUENCE])
    return Stored(subject, sequence, message.data, headers)


def no_such_list(name: str) -> UnknownListError:
    """The error for a list that nobody publishes."""
    return UnknownListError(f"no list named {name} is published", remedy="`gapscan lists` shows the names")
