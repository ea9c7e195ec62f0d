"""Why a symbol is in a list or not: the question and its answer."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from gapscan.protocol.headlines import Headlines
from gapscan.protocol.values import EpochMs, Idle, ListName, Rank, SessionName, Symbol, Symbols


class WhyRequest(Struct, frozen=True, tag_field="type", tag="why_request"):
    """Asks the leading ranker why `symbol` is, or is not, in `list`; null: in each of the lists."""

    symbol: Annotated[str, Meta(min_length=1, max_length=32, description="case-sensitive where that matters")]
    list: ListName | None = None


class Condition(Struct, frozen=True):
    """One line of a filter, taken apart: a `test`, or a group whose members follow it with a greater depth.

    Of the lines at depth 0 all must hold. `value` is the symbol's, `threshold` what it is compared with. Programs know
    a condition by its `id`, whatever its text.
    """

    text: Annotated[str, Meta(description="in the words of the definition")]
    kind: Annotated[Literal["test", "all", "any"], Meta(description="which members of a group must hold")]
    depth: Annotated[int, Meta(ge=0)]
    passes: Annotated[bool, Meta(description="whether it lets the symbol enter")]
    stays: Annotated[bool, Meta(description="whether it lets a row stay: behind a threshold by up to a tenth")]
    value: float | str | bool | None = None
    threshold: float | str | bool | None = None
    since: Annotated[EpochMs | None, Meta(description="when `passes` last changed")] = None
    at_least: Annotated[bool, Meta(description="`since` is only when it was first looked at")] = False
    id: Annotated[str | None, Meta(description="the flag, or `seconds_since_trade`; null: the text says all")] = None
    unknown_since: Annotated[
        EpochMs | None, Meta(description="until when it had been observed: there is no value because the feed was away")
    ] = None


Conditions = list[Condition]


class ListWhy(Struct, frozen=True):
    """How a symbol stands to one list."""

    list: ListName
    open: Annotated[bool, Meta(description="whether the list is ranked in this session")]
    passes: Annotated[bool, Meta(description="whether gate and conditions let the symbol enter")]
    rank: Rank | None
    size: Annotated[int, Meta(ge=0, description="rows that the list has")]
    limit: Annotated[int, Meta(ge=1, description="rows that it may have")]
    since: Annotated[EpochMs | None, Meta(description="since when the symbol is in the list")]
    at_least: Annotated[bool, Meta(description="`since` is only when the ranker began to look")]
    key: Annotated[str, Meta(description="the first sort key; minus: descending")]
    value: Annotated[float | None, Meta(description="what the symbol is sorted by, without the minus")]
    last_value: Annotated[float | None, Meta(description="the same of the last row")]
    conditions: Conditions
    idle: Annotated[Idle, Meta(description="stay: how long ago the symbol traded does not matter")] = "leave"
    gate: Annotated[
        Conditions | None, Meta(description="the conditions of a gate of its own, which stand in for those of `Why`")
    ] = None


ListWhys = list[ListWhy]


class Why(Struct, frozen=True, tag_field="type", tag="why"):
    """The answer: what the lists' conditions say of a symbol at market time `as_of`.

    `gate` has the conditions that hold for every list without a gate of its own. An unknown symbol has neither gate nor
    lists; `nearest` are the symbols that may have been meant.
    """

    symbol: Symbol
    known: bool
    as_of: EpochMs
    session: SessionName
    simulated: bool
    gate: Conditions
    lists: ListWhys
    nearest: Symbols
    news: Annotated[
        Headlines | UnsetType,
        Meta(description="the newest headlines since the close before; left out when there are none"),
    ] = UNSET
    night: Annotated[bool | UnsetType, Meta(description="true: it is night, which `session` has as closed")] = UNSET


class NearRequest(Struct, frozen=True, tag_field="type", tag="near_request"):
    """Asks the leading ranker who nearly is in a list."""

    list: ListName
    limit: Annotated[int, Meta(ge=1, le=200, description="symbols at most")] = 20


class NearMiss(Struct, frozen=True):
    """A symbol that lacks one condition: which, and how far it is from there."""

    symbol: Symbol
    condition: Condition
    distance: Annotated[float, Meta(ge=0, description="percent of the threshold")]
    price: float | None = None


NearMisses = list[NearMiss]


class Near(Struct, frozen=True, tag_field="type", tag="near"):
    """The answer: the near misses of a list at market time `as_of`, the nearest first."""

    list: ListName
    as_of: EpochMs
    session: SessionName
    simulated: bool
    symbols: NearMisses
    night: Annotated[bool | UnsetType, Meta(description="true: it is night, which `session` has as closed")] = UNSET
