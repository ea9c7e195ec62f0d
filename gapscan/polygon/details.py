"""What Polygon knows of one company: its answers as CompanyDetails, and the sector that a SIC code stands for."""

from __future__ import annotations

import datetime as dt
from typing import Final

from msgspec import Struct

from gapscan.provider import CompanyDetails

# Ranges of the Standard Industrial Classification, first and last code. The first range that has a code counts:
# major groups and industries that traders tell apart come before the division that they are part of.
# Standard Industrial Classification Manual, 1987 (US Office of Management and Budget).
_SECTORS: Final = (
    (1200, 1399, "Energy"),  # coal, oil and gas
    (2830, 2836, "Health Care"),  # drugs
    (2900, 2999, "Energy"),  # refining
    (3570, 3579, "Technology"),  # computers
    (3660, 3679, "Technology"),  # communications equipment, semiconductors
    (3820, 3829, "Technology"),  # instruments
    (3840, 3859, "Health Care"),  # medical instruments
    (6500, 6599, "Real Estate"),
    (6798, 6798, "Real Estate"),  # investment trusts
    (7370, 7379, "Technology"),  # software and data
    (8000, 8099, "Health Care"),  # health services
    (8731, 8734, "Health Care"),  # research and testing
    # divisions A to J
    (100, 999, "Agriculture"),
    (1000, 1499, "Mining"),
    (1500, 1799, "Construction"),
    (2000, 3999, "Manufacturing"),
    (4000, 4799, "Transport"),
    (4800, 4899, "Communications"),
    (4900, 4999, "Utilities"),
    (5000, 5199, "Wholesale"),
    (5200, 5999, "Retail"),
    (6000, 6799, "Finance"),
    (7000, 8999, "Services"),
    (9100, 9729, "Government"),
)


class TickerOverview(Struct):
    """The ticker overview, as far as it is used. Zero and absent both mean that it is not known."""

    ticker: str
    market_cap: float | None = None
    share_class_shares_outstanding: float | None = None
    weighted_shares_outstanding: float | None = None
    sic_code: str | int | None = None
    list_date: str | None = None


class OverviewBody(Struct):
    """The answer that holds it."""

    results: TickerOverview | None = None


class FloatRow(Struct):
    """One symbol's free float."""

    ticker: str
    free_float: float | None = None


class FloatBody(Struct):
    """The answer of the float endpoint: no row for a symbol whose float is not known."""

    results: list[FloatRow] | None = None

    def of(self, symbol: str) -> float | None:
        """That of one symbol, in shares."""
        of_it = (_known(row.free_float) for row in self.results or () if row.ticker == symbol)
        return next((shares for shares in of_it if shares is not None), None)


def details_of(overview: TickerOverview) -> CompanyDetails:
    """What an overview says. A class's own shares come before those of all classes together."""
    shares = overview.share_class_shares_outstanding or overview.weighted_shares_outstanding
    return CompanyDetails(
        market_cap=_known(overview.market_cap),
        shares_outstanding=_known(shares),
        sector=sector_of(overview.sic_code),
        listed=_date(overview.list_date),
    )


def _date(text: str | None) -> dt.date | None:
    """A date as it is written, if it is one."""
    try:
        return dt.date.fromisoformat(text or "")
    except ValueError:
        return None


def _known(value: float | None) -> float | None:
    return value if value is not None and value > 0 else None


def sector_of(sic_code: str | int | None) -> str | None:
    """The short name of a SIC code's sector; None for what is no code of an industry."""
    text = str(sic_code or "")
    if not (text.isascii() and text.isdecimal()):
        return None
    code = int(text)
    return next((name for first, last, name in _SECTORS if first <= code <= last), None)
