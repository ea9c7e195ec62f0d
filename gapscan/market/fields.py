"""The fields that are known of every symbol, by where they come from."""

from __future__ import annotations

from typing import Final

# What the feed observes; forgotten when a trading day begins. `high` and `low` are of pre-market until the first
# regular trade, `high_time` and `low_time` are when they were last passed. `close` is the regular session's so far,
# `close_volume` the day's volume when that session had ended,
# `scanned` the time of the newest scan's values.
DAY_FIELDS: Final = ("open", "high", "low", "close", "vwap", "volume", "minute_start", "minute_trades")
PASSED: Final = ("high_time", "low_time")
# What a scan tells; it is observed as one block, and lies together for that.
SCANNED: Final = (
    "price", "price_time", "from_bar", "prev_close", *DAY_FIELDS, "updated", "scanned", "close_volume",
)  # fmt: skip
OBSERVED: Final = (*SCANNED, *PASSED)

# What reference data and details say; 1.0 and 0.0 in the flags.
KNOWN: Final = (
    "average_volume", "average_trades", "trades_deviation", "baseline_sessions", "split_today", "test_symbol",
    "market_cap", "float_shares",
)  # fmt: skip

# What metrics compute from these. `gone` is a symbol that has not traded for so long that it leaves its lists,
# `left_at` the time of the trade after which that was.
COMPUTED: Final = (
    "spiking", "spike_time", "left_at", "spike_size", "change_1m_percent", "change_5m_percent", "volume_1m",
    "change_percent", "gap_percent", "change_from_open_percent", "from_high_percent", "from_low_percent",
    "post_change_percent", "post_volume", "dollar_volume", "rvol", "trades_z", "thin_baseline",
    "gap_indicative", "stale", "gone", "halt_time",
)  # fmt: skip

NUMBERS: Final = (*OBSERVED, *KNOWN, *COMPUTED)
TEXTS: Final = ("name", "exchange", "type", "sector", "halt")
