"""Symbols that exist to test systems with. The exchanges quote and trade them as any other, at prices of any size.

The provider has no flag for them. They are known by the symbols that the exchanges publish (Nasdaq Trader's symbol
directory, column "Test Issue"; NYSE and Cboe, test symbols) and by how their listings are named.
"""

from __future__ import annotations

import re
from typing import Final

_PUBLISHED: Final = frozenset(
    ("CBO", "CBX", "IGZ", "ZBZX", "ZEXIT", "ZIEXT", "ZTST", "ZVV", "ZXIET", "ZXYZ")
)  # fmt: skip
# ZVZZT and its like are of Nasdaq; ATEST (NYSE American), CTEST, MTEST, NTEST, PTEST and ZTEST of the NYSE and Cboe
# groups. Classes and suffixes follow a dot, in the provider's notation perhaps nothing or a small letter.
_FORMS: Final = re.compile(r"(?:Z[A-Z]ZZT|[ACMNPZ]TEST)[a-z]?[A-Z]?")
# "Aehr Test Systems" is a company.
_NAMES: Final = re.compile(
    r"\btest (?:stocks?|issues?|symbols?|company|common stock|control|group|one|two|three|six|sym|[a-z0-9] )"
    r"|\b(?:tick|test) pilot test\b|\bsymbology test\b|\(listing market\b",
    re.IGNORECASE,
)


def is_test_issue(symbol: str, name: str | None) -> bool:
    """Whether a listing is none of a security."""
    stem = symbol.partition(".")[0]
    return stem in _PUBLISHED or _FORMS.fullmatch(stem) is not None or _NAMES.search(name or "") is not None
