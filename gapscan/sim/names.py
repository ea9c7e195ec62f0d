"""Invented listings: tickers and company names that belong to nobody.

No ticker on a US exchange began with one of `PREFIXES` when they were chosen.
"""

from __future__ import annotations

from collections.abc import Iterator
from string import ascii_uppercase

import numpy as np

from gapscan.sim.source import Listing

PREFIXES = (
    "FZ", "GZ", "HJ", "NQ", "OJ", "OQ", "QK", "QZ", "UQ", "VJ", "VQ", "WJ", "XK", "YK", "YV", "YW", "YZ",
    "ZP", "ZQ", "ZZ",
)  # fmt: skip
_ONSETS = (
    "br", "cal", "dor", "el", "fen", "gal", "har", "il", "jor", "kel", "lum", "mar", "nor", "or", "pel",
    "quin", "ros", "sil", "tor", "ul", "ver", "wes", "yor", "zan",
)  # fmt: skip
_CODAS = (
    "adis", "amor", "ander", "en", "era", "ica", "ionis", "ista", "ix", "olan", "on", "ora", "osa", "um",
    "undra", "wick",
)  # fmt: skip
_FIELDS = {
    "CS": (
        "Therapeutics",
        "Holdings",
        "Energy",
        "Systems",
        "Bancorp",
        "Technologies",
        "Foods",
        "Minerals",
        "Group",
    ),
    "ADRC": ("Shipping", "Telecom", "Pharma", "Resources", "Digital"),
    "ETF": ("Dividend", "Growth", "Small Cap", "Treasury Bond", "Semiconductor", "2X Daily Long", "Value"),
    "FUND": ("Income", "Municipal", "High Yield"),
}
_ENDINGS = {
    "CS": "{} Inc. Common Stock",
    "ADRC": "{} plc American Depositary Shares",
    "ETF": "{} ETF",
    "FUND": "{} Fund",
    "PFD": "{} Inc. Series {} Preferred Stock",
    "WARRANT": "{} Inc. Warrant",
    "UNIT": "{} Acquisition Corp. Units",
}
_SHARES = (
    ("CS", 0.5),
    ("ETF", 0.35),
    ("ADRC", 0.04),
    ("PFD", 0.045),
    ("WARRANT", 0.04),
    ("UNIT", 0.01),
    ("FUND", 0.015),
)
_EXCHANGES = {
    "CS": (("XNAS", 0.62), ("XNYS", 0.33), ("XASE", 0.05)),
    "ETF": (("ARCX", 0.6), ("XNAS", 0.22), ("BATS", 0.18)),
}
_TEST_SYMBOLS = 4
_OTC_SHARE = 0.005


def roots() -> Iterator[str]:
    """Endless distinct ticker roots of three and four letters, short ones thinly spread."""
    for first in PREFIXES:
        for second in ascii_uppercase:
            yield first + second
            for third in ascii_uppercase:
                yield first + second + third
    for number in range(10**6):
        yield "ZQ" + "".join(ascii_uppercase[number // 26**place % 26] for place in range(4))


def invent_listings(rng: np.random.Generator, count: int) -> list[Listing]:
    """`count` listings, sorted by symbol, none of them twice."""
    types = _pick(rng, _SHARES, count)
    made: dict[str, Listing] = {}
    names = _company_names(rng, count)
    root = roots()
    common = ""
    for kind, name in zip(types, names, strict=True):
        symbol = _suffixed(kind, common, rng) if common and kind in ("PFD", "WARRANT", "UNIT") else next(root)
        if symbol in made:
            symbol = next(root)
        made[symbol] = _listing(symbol, name, kind, rng)
        common = symbol if kind == "CS" else common
    listings = sorted(made.values())
    return _with_oddities(listings, rng)


def _pick(rng: np.random.Generator, table: tuple[tuple[str, float], ...], count: int) -> list[str]:
    weights = np.array([weight for _, weight in table])
    return [table[i][0] for i in rng.choice(len(table), count, p=weights / weights.sum())]


def _company_names(rng: np.random.Generator, count: int) -> list[str]:
    onsets, codas = rng.integers(len(_ONSETS), size=(2, count)), rng.integers(len(_CODAS), size=count)
    return [f"{_ONSETS[a]}{_ONSETS[b]}{_CODAS[c]}".capitalize() for a, b, c in zip(*onsets, codas, strict=True)]


def _suffixed(kind: str, common: str, rng: np.random.Generator) -> str:
    if kind == "PFD":
        return f"{common}p{ascii_uppercase[rng.integers(8)]}"
    return f"{common}.{'WS' if kind == 'WARRANT' else 'U'}"


def _listing(symbol: str, company: str, kind: str, rng: np.random.Generator) -> Listing:
    fields = _FIELDS.get(kind, ("Holdings",))
    name = _ENDINGS[kind].format(f"{company} {fields[rng.integers(len(fields))]}", symbol[-1])
    exchange = _pick(rng, _EXCHANGES.get(kind, _EXCHANGES["CS"]), 1)[0]
    return Listing(symbol, name, kind, exchange, cik=f"{9_000_000 + int(rng.integers(900_000)):010d}")


def _with_oddities(listings: list[Listing], rng: np.random.Generator) -> list[Listing]:
    """Some share classes with a dot, over-the-counter listings, and test symbols."""
    common = [place for place, listing in enumerate(listings) if listing.type == "CS"]
    rng.shuffle(common)
    dotted, otc = len(common) // 100, int(len(common) * _OTC_SHARE)
    for place in common[:dotted]:
        listings[place] = listings[place]._replace(symbol=listings[place].symbol + ".A")
    for place in common[dotted : dotted + otc]:
        listings[place] = listings[place]._replace(exchange="", otc=True)
    for place in common[dotted + otc : dotted + otc + min(_TEST_SYMBOLS, len(common) // 20)]:
        listings[place] = listings[place]._replace(name=f"{listings[place].symbol} Test Stock")
    return sorted(listings)
