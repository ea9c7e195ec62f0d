"""The headlines of symbols, on NATS: the feed writes them, whoever ranks reads them."""

from __future__ import annotations

from typing import Final

from gapscan.bus import keyvalue
from gapscan.bus.bucket_values import read_values
from gapscan.bus.client import Bus
from gapscan.protocol import names
from gapscan.protocol.codec import decode_as, encode
from gapscan.protocol.messages import News

_KEPT: Final = {names.HEADER_TTL: "100h"}  # over a long weekend; what is older is of no day that is ranked


def news_subject(bus: Bus) -> str:
    """A subscription on this hears all news as they are written."""
    return names.key_subject(bus.names.bucket_news)


async def write_news(bus: Bus, news: News) -> None:
    """Store the headlines of one symbol, in place of what was. Raises BusError."""
    await keyvalue.put(bus, bus.names.bucket_news, news.symbol, encode(news), _KEPT)


async def read_news_of(bus: Bus, symbol: str) -> News | None:
    """The headlines of one symbol; None when there are none. Raises BusError, ProtocolError."""
    stored = await keyvalue.get(bus, bus.names.bucket_news, symbol)
    return decode_as(News, stored.data) if stored is not None and stored.data else None


async def read_news(bus: Bus) -> list[News]:
    """Everything in the bucket; nothing when there is no bucket. Raises BusError."""
    return await read_values(bus, bus.names.bucket_news, News)
