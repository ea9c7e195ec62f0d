"""The exchanges' list of trading halts, in the form of Nasdaq Trader's RSS feed: of all listings, with reasons.

An item has the fields HaltDate (MM/DD/YYYY), HaltTime (HH:MM:SS, fractions possible), IssueSymbol, ReasonCode,
ResumptionDate, ResumptionQuoteTime and ResumptionTradeTime, in a namespace of its own; times are New York's. What is
not known yet is empty.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Final
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser

from msgspec import Struct

from gapscan.errors import FeedError
from gapscan.market.sessions import epoch_ms

_YEARS: Final = (1990, 2100)


class HaltNotice(Struct, frozen=True):
    """A symbol's trading was halted at `at`, for `reason` (the exchange's code, in capitals).

    It is to resume at `resumes_at`, where that is known; times are epoch ms.
    """

    symbol: str
    at: int
    reason: str
    resumes_at: int | None = None


class HaltList(Struct, frozen=True):
    """What a body lists; `bad` items could not be read, for the first of them `fault` says why."""

    notices: list[HaltNotice]
    bad: int = 0
    fault: str = ""


class _Doctype(Exception):
    """A document type declaration: only with one can a document define entities, or name others to be fetched."""


class _Builder(TreeBuilder):
    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        """Called by the parser before anything that is in the declaration counts."""
        raise _Doctype


def notices_of(body: bytes) -> HaltList:
    """The items of a feed. Raises FeedError for what is no such document, or has a document type declaration."""
    what = "the exchanges' list of halts"
    parser = XMLParser(target=_Builder())  # no declaration, no entity: nothing to expand or to fetch
    try:
        parser.feed(body)
        root = parser.close()
    except _Doctype:
        raise FeedError(f"{what} has a document type declaration, which no feed needs") from None
    except (ParseError, ValueError, LookupError) as error:  # the latter are of encodings
        raise FeedError(f"{what} is unreadable: {error}; it begins {body[:60]!r}") from None
    if root.tag != "rss":
        raise FeedError(f"{what} is none: a document of kind {root.tag[:40]!r}")
    return _read(root.iter("item"))


def _read(items: Iterable[Element]) -> HaltList:
    notices, bad, fault = list[HaltNotice](), 0, ""
    for item in items:
        try:
            notices.append(_notice({child.tag.rpartition("}")[2]: (child.text or "").strip() for child in item}))
        except (ValueError, KeyError, OverflowError) as error:
            bad, fault = bad + 1, fault or f"{type(error).__name__}: {error}"
    return HaltList(notices, bad, fault)


def _notice(fields: dict[str, str]) -> HaltNotice:
    symbol, at = fields["IssueSymbol"], _moment(fields["HaltDate"], fields["HaltTime"])
    if not symbol:
        raise ValueError("no symbol")
    ends = fields.get("ResumptionDate", ""), fields.get("ResumptionTradeTime", "")
    resumes_at = _moment(*ends) if all(ends) else None
    # A class of shares is written with a space there, with a dot elsewhere.
    return HaltNotice(symbol.replace(" ", "."), at, fields.get("ReasonCode", "").upper(), resumes_at)


def _moment(date: str, time: str) -> int:
    day = dt.datetime.strptime(date, "%m/%d/%Y").date()  # a date
    if not _YEARS[0] <= day.year <= _YEARS[1]:
        raise ValueError(f"{date} is no date of a market")
    clock, _, fraction = time.partition(".")
    whole = epoch_ms(day, dt.time.fromisoformat(clock))
    return whole + int((fraction + "000")[:3]) if fraction else whole
