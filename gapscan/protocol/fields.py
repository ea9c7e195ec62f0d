"""The fields of a row: the one table that everything else about them comes from.

An entry of `Fields` says all there is to say of a field. From it come the typed row, rounding, what expressions may
use, the columns of the page and of the command line, the tables in docs and the JSON schemas. To add a field, append an
entry: its place in the table is its place in a row. `gapscan schema --out nats --docs .` then renews what is generated.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from re import findall
from types import NoneType
from typing import Annotated, Final, Literal, TypedDict, cast, get_args, get_origin, get_type_hints

from gapscan.protocol.values import SessionName

# Who knows a field. The feed says what it has from scans (and bars), reference data, company details, halts and news,
# and the ranker hears of it; the rest is the ranker's own: what it computes, and the market's session.
Origin = Literal["scan", "reference", "details", "halts", "news", "ranker", "market"]

# How a value is written for people. `percent` has a sign, and a colour by it; `amount` is short: 1.23M.
Show = Literal["price", "percent", "ratio", "number", "amount", "clock", "words", "flag"]

Group = Literal["Price", "Change", "Volume", "Company", "Levels", "Data"]
GROUPS: Final[tuple[Group, ...]] = get_args(Group)

# Unit and decimals of what is shown in these ways, unless the field says otherwise.
_USUAL: Final[dict[Show, tuple[str, int | None]]] = {
    "price": ("USD", 4),
    "percent": ("percent", 2),
    "ratio": ("times", 2),
    "number": ("", 1),
    "amount": ("", 0),
    "clock": ("epoch ms", 0),
    "words": ("", None),
    "flag": ("", 0),
}


@dataclass(frozen=True, slots=True)
class Field:
    """What is to be known of a field. The last four come from its place and its type in the table."""

    title: str  # a short heading
    meaning: str  # a sentence; what comes before its first comma or colon stands for it where there is little room
    show: Show
    group: Group
    origin: Origin = "ranker"
    unit: str = ""
    decimals: int | None = None  # of a number: it is rounded to these once, where rows are made
    column: str = ""  # the universe's column that holds it
    doubted_by: str = ""  # the flag that marks a value as no more than about right
    doubt: str = ""  # the sign of that
    marked_by: str = ""  # the text that says what a value is held against
    marked_word: str = ""  # the word of it that is marked
    mark: str = ""  # the sign of that
    expressions: bool = True  # whether filters and sort keys may use it
    name: str = ""
    type: Literal["number", "integer", "boolean", "text"] = "number"
    words: tuple[str, ...] = ()  # all that a text can be, if that is known
    is_coded: bool = False  # a text whose column has numbers: 0 is the first word


class Fields(TypedDict, total=False):
    """The fields of a row beside its symbol. Null and absent both mean "no value"; a missing value is never 0."""

    # fmt: off
    name: Annotated[str | None, Field(
        "Name", "Name of the company.", "words", "Company", "reference")]
    exchange: Annotated[str | None, Field(
        "Exch", "Primary exchange.", "words", "Company", "reference")]
    type: Annotated[str | None, Field(
        "Type", "Kind of security: CS, ADRC ...", "words", "Company", "reference")]
    price: Annotated[float | None, Field(
        "Price", "Last price.", "price", "Price", "scan")]
    prev_close: Annotated[float | None, Field(
        "Prev close", "Close of the session before, adjusted for a split today: missing while no two sources agree.",
        "price", "Levels", "scan")]
    open: Annotated[float | None, Field(
        "Open", "The official open.", "price", "Levels", "scan")]
    high: Annotated[float | None, Field(
        "High", "High of the session: of pre-market until the first regular trade, then of the regular session.",
        "price", "Levels", "scan")]
    low: Annotated[float | None, Field(
        "Low", "Low of the session: of pre-market until the first regular trade, then of the regular session.",
        "price", "Levels", "scan")]
    vwap: Annotated[float | None, Field(
        "VWAP", "Volume-weighted average price of the day.", "price", "Levels", "scan")]
    change_percent: Annotated[float | None, Field(
        "Chg %", "Price against the previous close.", "percent", "Change")]
    gap_percent: Annotated[float | None, Field(
        "Gap %", "Open against the previous close; before the open, price against it.", "percent", "Change",
        doubted_by="gap_indicative", doubt="~")]
    change_from_open_percent: Annotated[float | None, Field(
        "Open %", "Price against the open.", "percent", "Change")]
    from_high_percent: Annotated[float | None, Field(
        "High %", "Price against the high, 0 there.", "percent", "Change")]
    volume: Annotated[int | None, Field(
        "Volume", "Shares traded today, pre-market included.", "amount", "Volume", "scan", "shares")]
    dollar_volume: Annotated[int | None, Field(
        "$ Vol", "Dollars traded today.", "amount", "Volume", unit="USD")]
    average_volume: Annotated[int | None, Field(
        "Avg vol", "Mean volume of a day, over the last sessions.", "amount", "Volume", "reference", "shares")]
    rvol: Annotated[float | None, Field(
        "RVol", "Volume against what is usual at this time of the day.", "ratio", "Volume",
        doubted_by="thin_baseline", doubt="≈", marked_by="rvol_source", marked_word="market", mark="ᵐ")]
    price_time: Annotated[int | None, Field(
        "Time", "Time of the price.", "clock", "Data", "scan")]
    as_of: Annotated[int | None, Field(
        "As of", "Time of the data that the row was made from.", "clock", "Data", "scan", column="updated")]
    session: Annotated[SessionName | None, Field(
        "Session", "Trading session of the row.", "words", "Data", "market")]
    gap_indicative: Annotated[bool | None, Field(
        "Indic.", "Before the open: the gap is what it may become.", "flag", "Data")]
    split_today: Annotated[bool | None, Field(
        "Split", "The stock splits today.", "flag", "Data", "reference")]
    stale: Annotated[bool | None, Field(
        "Stale", "No trade for a while; the row stays where it is.", "flag", "Data")]
    source: Annotated[Literal["snapshot", "bar"] | None, Field(
        "Source", "Where the price is from: a bar or trade of this symbol, or a scan of the whole market.", "words",
        "Data", "scan", column="from_bar")]
    sector: Annotated[str | None, Field(
        "Sector", "Sector of the company, known once the symbol has been in a list.", "words", "Company", "details")]
    from_low_percent: Annotated[float | None, Field(
        "Low %", "Price against the low, 0 there.", "percent", "Change")]
    change_1m_percent: Annotated[float | None, Field(
        "1m %", "Price against that of a minute ago, if something was observed then.", "percent", "Change", decimals=1)]
    change_5m_percent: Annotated[float | None, Field(
        "5m %", "Price against that of five minutes ago, if something was observed then.", "percent", "Change",
        decimals=1)]
    high_time: Annotated[int | None, Field(
        "High at", "When the high was last passed; the first value of a session, or after a gap, has no time.",
        "clock", "Price")]
    low_time: Annotated[int | None, Field(
        "Low at", "When the low was last passed; the first value of a session, or after a gap, has no time.",
        "clock", "Price")]
    post_change_percent: Annotated[float | None, Field(
        "Post %", "Price since the regular close, of what has traded after it.", "percent", "Change")]
    post_volume: Annotated[int | None, Field(
        "Post vol", "Shares traded since the regular close; none on a day whose close the ranker did not see.",
        "amount", "Volume", unit="shares")]
    volume_1m: Annotated[int | None, Field(
        "1m vol", "Shares traded in the latest minute, if something was observed at its start.", "amount", "Volume",
        unit="shares")]
    trades_z: Annotated[float | None, Field(
        "Trades z", "Trades of the latest minute against what is usual.", "number", "Volume",
        unit="standard deviations")]
    thin_baseline: Annotated[bool | None, Field(
        "Thin", "What is usual is known from few sessions only.", "flag", "Volume")]
    market_cap: Annotated[int | None, Field(
        "Mkt cap", "Market capitalisation, known once the symbol has been in a list.", "amount", "Company", "details",
        "USD")]
    float_shares: Annotated[int | None, Field(
        "Float", "Shares that are free to trade, known once the symbol has been in a list.", "amount", "Company",
        "details", "shares")]
    spike_size: Annotated[float | None, Field(
        "Spike", "The move of the last minute against what counts as a spike at this price.", "number", "Price",
        unit="times")]
    spike_time: Annotated[int | None, Field(
        "Spike at", "When the present or latest spike began.", "clock", "Price")]
    halt: Annotated[Literal["halted", "resumed"] | None, Field(
        "Halt", "Whether trading is halted, be it since an earlier day, or resumed today.", "words", "Price", "halts")]
    halt_time: Annotated[int | None, Field(
        "Since", "When trading halted or resumed.", "clock", "Price", "halts")]
    rvol_source: Annotated[Literal["own", "market", "none"] | None, Field(
        "RVol by", "What the relative volume is held against: the symbol's own curve, or its daily average by the "
        "market's curve, in regular hours only; none: nothing, and there is no relative volume.", "words", "Volume",
        column="rvol_by")]
    new_listing: Annotated[bool | None, Field(
        "New", "First day of trading: no close before, no session in the baseline, not listed before by another name.",
        "flag", "Company")]
    split_ratio: Annotated[float | None, Field(
        "Ratio", "New shares for an old one, on the day of a split.", "ratio", "Data", "reference", decimals=6)]
    ex_today: Annotated[Literal["dividend", "spin_off"] | None, Field(
        "Ex", "From today on the share is traded without a dividend of 3 % of its price or more, or without what was "
        "spun off: the gap has it in it.", "words", "Data", "reference")]
    ex_amount: Annotated[float | None, Field(
        "Ex amount", "Amount of that a share: of a spin-off what the provider takes it to be worth.", "price", "Data",
        "reference")]
    halt_reason: Annotated[str | None, Field(
        "Halt why", "Why trading was halted, by the exchange's code: T1 news pending, LUDP volatility pause, H10 "
        "suspended by the SEC ...", "words", "Price", "halts")]
    resumption_time: Annotated[int | None, Field(
        "Resumes", "When trading is to resume after a halt, or has by the exchange's word.", "clock", "Price", "halts")]
    prev_high: Annotated[float | None, Field(
        "Prev high", "High of the session before.", "price", "Levels", "scan")]
    prev_low: Annotated[float | None, Field(
        "Prev low", "Low of the session before.", "price", "Levels", "scan")]
    prev_volume: Annotated[int | None, Field(
        "Prev vol", "Shares traded on the day before.", "amount", "Volume", "scan", "shares")]
    pre_high: Annotated[float | None, Field(
        "Pre high", "High of today's pre-market, kept after the open: by the minutes of the scans, and bars.", "price",
        "Levels")]
    pre_low: Annotated[float | None, Field(
        "Pre low", "Low of today's pre-market, kept after the open: by the minutes of the scans, and bars.", "price",
        "Levels")]
    range_position: Annotated[float | None, Field(
        "In range", "Where the price is between low (0) and high (100) of the session.", "number", "Levels",
        unit="percent")]
    spread_percent: Annotated[float | None, Field(
        "Spread %", "Ask less bid, against their middle, where the plan has quotes.", "ratio", "Price", "scan",
        "percent", 3)]
    atr: Annotated[float | None, Field(
        "ATR", "Average true range of 14 sessions, by Wilder.", "price", "Levels", "reference")]
    ssr: Annotated[bool | None, Field(
        "SSR", "Short-sale restriction: the low was 10 % below the close before, today or in the last session.", "flag",
        "Price")]
    news_time: Annotated[int | None, Field(
        "News at", "When the newest headline since the close before was published.", "clock", "Data", "news")]
    news_count: Annotated[int | None, Field(
        "News", "Headlines since the close before, if there are any.", "amount", "Data", "news", "headlines")]
    # fmt: on


_TYPES: Final[dict[type, Literal["number", "integer", "boolean", "text"]]] = {
    float: "number",
    int: "integer",
    bool: "boolean",
    str: "text",
}


def _entry(name: str, hint: object) -> Field:
    """The entry of a field, with what its type and its way of being shown say."""
    values, about = cast(tuple[object, Field], get_args(hint))
    value = next(kind for kind in get_args(values) if kind is not NoneType)
    words = get_args(value) if get_origin(value) is Literal else ()
    unit, decimals = _USUAL[about.show]
    type_ = "text" if words else _TYPES[value]
    column = about.column or name
    return replace(
        about,
        name=name,
        type=type_,
        words=words,
        unit=about.unit or unit,
        decimals=decimals if about.decimals is None else about.decimals,
        column=column,
        is_coded=type_ == "text" and column != name,
    )


def _entries() -> Iterable[Field]:
    for name, hint in get_type_hints(Fields, include_extras=True).items():
        yield _entry(name, hint)


FIELDS: Final[dict[str, Field]] = {field.name: field for field in _entries()}
# The fields that are held as numbers, and those that are held as texts.
NUMBER_FIELDS: Final = tuple(field for field in FIELDS.values() if field.type != "text" or field.is_coded)
TEXT_FIELDS: Final = tuple(field for field in FIELDS.values() if field.type == "text" and not field.is_coded)

# What a list shows that does not say which columns it wants, the most wanted first.
USUAL_COLUMNS: Final = (
    "change_percent", "volume", "gap_percent", "change_from_open_percent", "rvol", "change_5m_percent",
    "from_high_percent", "dollar_volume",
)  # fmt: skip
MAX_COLUMNS: Final = 12  # that a list may ask for


def fields_in(sort: Iterable[str]) -> list[str]:
    """The fields that are named in sort keys, such as "-abs(gap_percent)"; each once."""
    return list(dict.fromkeys(name for key in sort for name in findall(r"[a-z]\w*", key) if name in FIELDS))


def shown_fields(columns: Sequence[str], sort: Iterable[str]) -> list[str]:
    """The fields to show of a list beside symbol and name, the most wanted first.

    They are the price, what the list is sorted by, and the columns that its definition asks for (without any: the usual
    ones). Unknown ones are left out.
    """
    wanted = dict.fromkeys(["price", *fields_in(sort), *(columns or USUAL_COLUMNS)])
    return [name for name in wanted if name in FIELDS and name != "name"]
