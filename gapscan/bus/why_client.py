"""Asking the ranker that leads why a symbol is in a list, or why not, who nearly is, and what a new list would have."""

from __future__ import annotations

from nats.errors import NoRespondersError

from gapscan.bus.client import NATS_ERRORS, REQUEST_SECONDS, Bus, translated
from gapscan.errors import BusError
from gapscan.protocol.codec import decode_as, encode
from gapscan.protocol.messages import (
    ListDefinition,
    Message,
    Near,
    NearRequest,
    Preview,
    PreviewRequest,
    Why,
    WhyRequest,
)


async def ask_why(bus: Bus, symbol: str, name: str | None = None) -> Why:
    """Why `symbol` is in list `name`, or in each of the lists, or why not. Raises BusError or ProtocolError."""
    return decode_as(Why, await _ask(bus, bus.names.why, WhyRequest(symbol, name)))


async def ask_near(bus: Bus, name: str, limit: int) -> Near:
    """The near misses of list `name`, the nearest first. Raises BusError or ProtocolError."""
    return decode_as(Near, await _ask(bus, bus.names.why, NearRequest(name, limit)))


async def ask_preview(bus: Bus, definition: ListDefinition, limit: int) -> Preview:
    """What a list of this definition would have now. Raises BusError or ProtocolError."""
    return decode_as(Preview, await _ask(bus, bus.names.preview, PreviewRequest(definition, limit)))


async def _ask(bus: Bus, subject: str, question: Message) -> bytes:
    try:
        answer = await bus.nc.request(subject, encode(question), timeout=REQUEST_SECONDS)
    except NoRespondersError:
        remedy = "start one: `gapscan up`, or `gapscan run ranker`"
        raise BusError("no ranker leads that could answer", remedy=remedy) from None
    except NATS_ERRORS as error:
        raise translated(error, "asking the ranker") from error
    return answer.data
