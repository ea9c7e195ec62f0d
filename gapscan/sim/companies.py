"""Invented companies: what line of business a listing's name stands for, and how many of its shares trade freely."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gapscan.sim.source import Listing
from gapscan.sim.tape import Ints

_COMPANIES = ("CS", "ADRC")
# Words of a name -> SIC code and its title, as the SEC has them.
_BY_WORD = {
    "Bancorp": ("6022", "STATE COMMERCIAL BANKS"),
    "Digital": ("7372", "SERVICES-PREPACKAGED SOFTWARE"),
    "Energy": ("1311", "CRUDE PETROLEUM & NATURAL GAS"),
    "Foods": ("2000", "FOOD & KINDRED PRODUCTS"),
    "Minerals": ("1040", "GOLD & SILVER ORES"),
    "Pharma": ("2834", "PHARMACEUTICAL PREPARATIONS"),
    "Resources": ("1000", "METAL MINING"),
    "Shipping": ("4412", "DEEP SEA FOREIGN TRANSPORTATION OF FREIGHT"),
    "Systems": ("3674", "SEMICONDUCTORS & RELATED DEVICES"),
    "Technologies": ("7372", "SERVICES-PREPACKAGED SOFTWARE"),
    "Telecom": ("4813", "TELEPHONE COMMUNICATIONS (NO RADIOTELEPHONE)"),
    "Therapeutics": ("2836", "BIOLOGICAL PRODUCTS, (NO DIAGNOSTIC SUBSTANCES)"),
}
# For names that tell nothing.
_OTHERS = (
    ("1531", "OPERATIVE BUILDERS"),
    ("3711", "MOTOR VEHICLES & PASSENGER CAR BODIES"),
    ("3841", "SURGICAL & MEDICAL INSTRUMENTS & APPARATUS"),
    ("4911", "ELECTRIC SERVICES"),
    ("5311", "RETAIL-DEPARTMENT STORES"),
    ("6770", "BLANK CHECKS"),
    ("6798", "REAL ESTATE INVESTMENT TRUSTS"),
    ("8742", "SERVICES-MANAGEMENT CONSULTING SERVICES"),
)


def with_companies(listings: Sequence[Listing], shares: Ints, seed: int) -> list[Listing]:
    """The listings with `shares` outstanding, one count each, and the stocks among them with their companies.

    Random numbers of their own, so that prices do not depend on what is told of a company.
    """
    rng = np.random.default_rng((seed, 30))
    count = len(listings)
    floating = np.floor(shares * rng.beta(5, 2, count)).astype(np.int64)
    other = rng.integers(len(_OTHERS), size=count)
    columns = zip(listings, shares.tolist(), floating.tolist(), other.tolist(), strict=True)
    return [_with_company(listing._replace(shares=held), free, place) for listing, held, free, place in columns]


def _with_company(listing: Listing, free_float: int, other: int) -> Listing:
    if listing.type not in _COMPANIES:
        return listing
    known = (_BY_WORD[word] for word in listing.name.split() if word in _BY_WORD)
    sic_code, sic_description = next(known, _OTHERS[other])
    return listing._replace(free_float=free_float, sic_code=sic_code, sic_description=sic_description)
