"""The exchanges' list of trading halts as Nasdaq Trader's RSS feed has it: of all listings, public, without a key."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final
from xml.etree.ElementTree import Element, SubElement, register_namespace, tostring

from gapscan.market.sessions import MINUTE_MS, new_york
from gapscan.sim.source import HaltRecord, Listing

PATH: Final = "/rss/tradehalts"
_SPACE: Final = "http://www.nasdaqtrader.com/"
_MARKETS: Final = {"XNAS": "NASDAQ", "XNYS": "NYSE", "XASE": "NYSE American", "ARCX": "NYSE Arca", "BATS": "BATS"}
_KNOWN_BEFORE_MS: Final = MINUTE_MS  # a resumption is announced so long before it
_QUOTES_BEFORE_MS: Final = MINUTE_MS  # trading, quotes resume

register_namespace("ndaq", _SPACE)


def rss(records: Iterable[HaltRecord], listings: Sequence[Listing], now: int) -> bytes:
    """The feed at the moment `now`, epoch ms; the newest first."""
    begun = sorted((one for one in records if one.at <= now), key=lambda one: one.at, reverse=True)
    root = Element("rss", version="2.0")
    channel = SubElement(root, "channel")
    SubElement(channel, "title").text = "Trade Halts (SIMULATED)"
    SubElement(channel, "pubDate").text = f"{new_york(now):%a, %d %b %Y %H:%M:%S} EST"
    SubElement(channel, f"{{{_SPACE}}}numItems").text = str(len(begun))
    for record in begun:
        _add_item(channel, record, listings[record.symbol], now)
    body: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return body


def _add_item(channel: Element, record: HaltRecord, listing: Listing, now: int) -> None:
    item = SubElement(channel, "item")
    SubElement(item, "title").text = listing.symbol
    ends = record.resumes_at
    known = ends if ends is not None and now >= ends - _KNOWN_BEFORE_MS else None
    fields = {
        "HaltDate": f"{new_york(record.at):%m/%d/%Y}",
        "HaltTime": f"{new_york(record.at):%H:%M:%S}.{record.at % 1000:03d}",
        "IssueSymbol": listing.symbol.replace(".", " "),
        "IssueName": listing.name,
        "Market": _MARKETS.get(listing.exchange, "NYSE"),
        "ReasonCode": record.reason,
        "PauseThresholdPrice": "",
        "ResumptionDate": f"{new_york(known):%m/%d/%Y}" if known else "",
        "ResumptionQuoteTime": f"{new_york(known - _QUOTES_BEFORE_MS):%H:%M:%S}" if known else "",
        "ResumptionTradeTime": f"{new_york(known):%H:%M:%S}" if known else "",
    }
    for name, text in fields.items():
        SubElement(item, f"{{{_SPACE}}}{name}").text = text
