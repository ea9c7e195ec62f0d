"""What the feed knows of symbols beside what they trade: their reference data, usual volumes, companies. See `messages`
for units."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from gapscan.protocol.values import Column, Counts, Flags, Symbol, Symbols, Table, Texts


class ReferenceFrame(Struct, frozen=True, tag_field="type", tag="reference"):
    """A part of what is known about the symbols for one trading day, column by column.

    `average_volume` is the mean daily volume (shares), `average_trades` and `trades_deviation` are the mean and the
    sample standard deviation of the daily number of trades. All are taken over the baseline sessions before `date`
    on which the symbol traded; `sessions` is how many those are. `complete` is false while the baselines are still
    being loaded, and null averages then mean "not yet".

    `split_ratio` is new shares for an old one. `prev_close` (USD) takes the place of the scans': in shares of today
    where a split was, as it was before a spin-off; where `split` is true and it is null, the close before is not known.
    `ex_today` says of a cash dividend of at least 3 % of that close, or of a spin-off, `ex_amount` its amount (USD a
    share; of a spin-off what the provider takes it to be worth).
    """

    part: Annotated[int, Meta(ge=1)]
    parts: Annotated[int, Meta(ge=1)]
    date: Annotated[str, Meta(description="trading day, YYYY-MM-DD")]
    complete: bool
    symbols: Symbols
    name: Texts
    exchange: Texts
    kind: Texts
    test: Flags
    split: Flags
    average_volume: Column
    average_trades: Column
    trades_deviation: Column
    sessions: Counts
    split_ratio: Column | UnsetType = UNSET
    prev_close: Column | UnsetType = UNSET
    ex_today: Texts | UnsetType = UNSET
    ex_amount: Column | UnsetType = UNSET
    atr: Column | UnsetType = UNSET
    ssr_carried: Annotated[
        Column | UnsetType,
        Meta(description="1 where the last session's low was 10 % below the close before it, else 0"),
    ] = UNSET


class VolumeCurves(Struct, frozen=True, tag_field="type", tag="volume_curves"):
    """A part of how much of the symbols' volume has usually traded by which time of the day.

    `volumes` has a row for each symbol: the mean cumulative volume (shares) at each of `knots`, which are minutes
    since midnight in New York, ascending; between two of them it is interpolated linearly. The mean is over those
    of the baseline sessions before `date` on which the symbol traded; `sessions` is how many these are. A set is
    parts 1 to `parts`, one after the other, and counts when it is whole.
    """

    part: Annotated[int, Meta(ge=1)]
    parts: Annotated[int, Meta(ge=1)]
    date: Annotated[str, Meta(description="trading day, YYYY-MM-DD")]
    knots: Annotated[Counts, Meta(min_length=2)]
    symbols: Symbols
    sessions: Counts
    volumes: Table


class Detail(Struct, frozen=True, tag_field="type", tag="detail"):
    """What the provider knows of one symbol beside its listing: the value in the details bucket, its key the symbol.

    Asked for when the symbol enters a list. Null means that the provider does not say.
    """

    symbol: Symbol
    date: Annotated[str, Meta(description="day on which it was asked for, YYYY-MM-DD")]
    market_cap: Annotated[float | None, Meta(description="USD")]
    shares_outstanding: Annotated[float | None, Meta(description="of this class of shares, else of all")]
    float_shares: Annotated[float | None, Meta(description="shares that are free to trade")]
    sector: Annotated[str | None, Meta(description="a short name, from the SIC code")]
    listed: Annotated[
        str | UnsetType | None, Meta(description="day since when the company has been listed, under whatever symbol")
    ] = UNSET
