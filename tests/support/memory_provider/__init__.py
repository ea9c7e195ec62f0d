"""A second market data provider: a market in memory. It needs no key."""

from typing import Final

KEY_VARIABLE: Final = ""
