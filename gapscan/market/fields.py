"""The fields that are known of every symbol, by where they come from."""

from __future__ import annotations

from typing import Final

from gapscan.protocol.feed import SCAN_COLUMNS
from gapscan.protocol.fields import NUMBER_FIELDS, TEXT_FIELDS, Origin

# What the feed observes; forgotten when a trading day begins. `high` and `low` are of pre-market until the first
# regular trade, `high_time` and `low_time` are when they were last passed. `close` is the regular session's so far,
# `close_volume` the day's volume when that session had ended,
# `scanned` until when the newest scan saw the newest minute, its time that of the scan's values.
DAY_FIELDS: Final = tuple(name for name in SCAN_COLUMNS if name not in ("price", "price_time", "prev_close", "updated"))
PASSED: Final = ("high_time", "low_time")
# What a scan has; it is observed as one block, and lies together for that.
SCANNED: Final = (
    "price", "price_time", "from_bar", "prev_close", *DAY_FIELDS, "updated", "scanned", "close_volume",
)  # fmt: skip
OBSERVED: Final = (*SCANNED, *PASSED)


def _shown(*origins: Origin) -> tuple[str, ...]:
    """The columns behind the fields of rows that come from there, but for what is observed."""
    return tuple(field.column for field in NUMBER_FIELDS if field.origin in origins and field.column not in OBSERVED)


# What reference data and details say; 1.0 and 0.0 in the flags. `first_day` is a symbol that traded on none of the
# baseline's sessions, once these are known, `listed_on` the day (its ordinal) since when the company is listed at all.
# `known_close` takes the place of the scans' prev_close.
KNOWN: Final = (
    "average_trades", "trades_deviation", "baseline_sessions", "test_symbol", "first_day", "ssr_carried", "known_close",
    "listed_on", *_shown("reference", "details"),
)  # fmt: skip

# What metrics compute from these. `gone` is a symbol that has not traded for so long that it leaves its lists,
# `left_at` the time of the trade after which that was. What comes of merging stands apart: `high_unknown_since` is
# until when the high had been known that was passed at a time that nobody observed.
_MERGED: Final = (
    "high_unknown_since", "low_unknown_since", "pre_high", "pre_low", "halt_time", "resumption_time",
    *_shown("news"),
)  # fmt: skip
MADE: Final = (
    "spiking", "left_at", "gone", *(name for name in _shown("ranker", "halts") if name not in _MERGED),
)  # fmt: skip
COMPUTED: Final = (*MADE, *_MERGED)

NUMBERS: Final = (*OBSERVED, *KNOWN, *COMPUTED)
TEXTS: Final = tuple(field.name for field in TEXT_FIELDS if field.origin != "market")  # the session is the same for all
