"""What `gapscan status` says of the account with the provider."""

from __future__ import annotations

from msgspec import Struct


class Backfill(Struct):
    """Bars of a time that was missed: symbols filled in, requests to be made, and those made in vain."""

    filled: int = 0
    waiting: int = 0
    failed: int = 0
    state: str = ""


class Plan(Struct):
    """What the plan gives, each given, withheld or unknown; seconds of market time by which data are late."""

    quotes: str = "unknown"
    trades: str = "unknown"
    halts: str = "unknown"
    bars: str = "unknown"
    delayed_by: float = 0.0
