"""Asking the feed that leads for a symbol's bars."""

from __future__ import annotations

from typing import Final

from nats.errors import NoRespondersError

from gapscan.bus.client import NATS_ERRORS, Bus, translated
from gapscan.errors import BusError
from gapscan.protocol.codec import decode_as, encode
from gapscan.protocol.messages import BarsRequest, SymbolBars

SECONDS: Final = 15.0  # the provider is asked meanwhile


async def ask_bars(bus: Bus, symbol: str) -> SymbolBars:
    """The minute bars of `symbol`, of the trading day. Raises BusError or ProtocolError."""
    try:
        answer = await bus.nc.request(bus.names.bars, encode(BarsRequest(symbol)), timeout=SECONDS)
    except NoRespondersError:
        remedy = "start one: `gapscan up`, or `gapscan run feed`"
        raise BusError("no feed leads that could answer", remedy=remedy) from None
    except NATS_ERRORS as error:
        raise translated(error, "asking the feed") from error
    return decode_as(SymbolBars, answer.data)
