"""Storing a message in the stream that listens on its subject: the one place that reads what the server answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from nats.js.errors import APIError, NoStreamResponseError

from gapscan.bus.client import NATS_ERRORS, REQUEST_SECONDS, Bus, translated
from gapscan.errors import BusError

_WRONG_SEQUENCE: Final = (10071, 10164)  # "wrong last sequence", and its newer twin


class OvertakenError(BusError):
    """The message expected another sequence than the last one: something else was stored after that, or is gone."""

    retry = False


async def store(
    bus: Bus,
    subject: str,
    payload: bytes,
    doing: str,
    headers: Mapping[str, str] | None = None,
    seconds: float = REQUEST_SECONDS,
) -> int:
    """Publish a message and return the sequence that it was stored at; `doing` is for errors. Waits for `seconds`.

    Raises OvertakenError when a header expects another sequence, BusError when no stream answered or the fate of the
    message is not known.
    """
    try:
        sequence = await _store(bus, subject, payload, doing, headers, seconds)
    except OvertakenError:
        bus.unstored.clear(subject)
        raise
    except BusError as error:
        bus.unstored.note(subject, error.message)
        raise
    bus.unstored.clear(subject)
    return sequence


async def _store(
    bus: Bus, subject: str, payload: bytes, doing: str, headers: Mapping[str, str] | None, seconds: float
) -> int:
    try:
        ack = await bus.js.publish(subject, payload, timeout=seconds, headers=dict(headers) if headers else None)
    except APIError as error:
        if error.err_code in _WRONG_SEQUENCE:
            raise OvertakenError(f"another sequence was expected while {doing}") from None
        raise translated(error, doing) from error
    except NoStreamResponseError:
        raise BusError(f"no stream answered while {doing}") from None
    except NATS_ERRORS as error:
        raise translated(error, doing) from error
    return ack.seq
