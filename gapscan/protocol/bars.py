"""The minute bars of one symbol: the question and its answer."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from gapscan.protocol.values import Column, EpochMs, Symbol, Times


class BarsRequest(Struct, frozen=True, tag_field="type", tag="bars_request"):
    """Asks the leading feed for a symbol's minute bars of the trading day."""

    symbol: Annotated[str, Meta(min_length=1, max_length=32, description="case-sensitive where that matters")]


class SymbolBars(Struct, frozen=True, tag_field="type", tag="symbol_bars"):
    """The answer: what traded in each minute from 04:00 New York to market time `as_of`, oldest first, as columns.

    A minute without a trade has no bar; the last bar may go on. `opens` is the regular session's start. Without bars,
    `fault` says what the provider said, if it was that.
    """

    symbol: Symbol
    as_of: EpochMs
    opens: EpochMs
    simulated: bool
    start: Annotated[Times, Meta(description="beginnings of the minutes")]
    open: Column
    high: Column
    low: Column
    close: Column
    volume: Column
    fault: str = ""
