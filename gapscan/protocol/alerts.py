"""Alerts: what somebody wants to be told of, and what they were told, with the reasons."""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta, Struct

from gapscan.protocol.fields import Fields
from gapscan.protocol.values import EpochMs, ListName, Rank, Sequence, SessionName, Symbol, Symbols
from gapscan.protocol.why import Conditions

HIDDEN_PREFIX: Final = "alert_"  # of the list that an alert over any symbol makes
MAX_ALERTS: Final = 500
UNKNOWN_TIME: Final = "at an unknown time before"  # of one that was missed, beside its own words

# Aliases, because a field named `list` hides the type inside its class.
Sessions = list[SessionName]
Words = list[str]


class AlertDefinition(Struct, frozen=True, omit_defaults=True, tag_field="type", tag="alert_definition"):
    """What to tell of symbols in `list`: the value in the bucket of alerts. Times are seconds of market time.

    With `where`, the list is one that is made for this alert alone: all symbols for which that holds.
    """

    name: ListName
    list: ListName
    on: Annotated[str, Meta(description="enter, leave, first, halted, resumed, rank or when; others may come")] = (
        "enter"
    )
    when: Annotated[str, Meta(description="a condition: it must hold, or, where `on` is when, turn true")] = ""
    where: str = ""
    rank: Annotated[int, Meta(ge=0, le=1000, description="the place to be reached, where `on` is rank")] = 0
    dwell: Annotated[float, Meta(ge=0, description="for so long it must stay so")] = 0.0
    cooldown: Annotated[float, Meta(ge=0, description="until the same symbol is told of again")] = 0.0
    once_a_day: bool = False
    sessions: Annotated[Sessions, Meta(description="empty: all")] = []
    quiet: Annotated[Words, Meta(description="times of day in New York, 20:00-08:00")] = []
    text: Annotated[str, Meta(description="what to say; {symbol}, {rank}, {price} and all fields are put in")] = ""
    channels: Annotated[Words, Meta(description="where to; empty: to all")] = []


class Alert(Struct, frozen=True, omit_defaults=True, tag_field="type", tag="alert"):
    """What an alert said of a symbol: once for each delta at which it came true.

    `conditions` are those of its list and its own, with the values that the row had. The message id is made of name,
    list, epoch, sequence and symbol.
    """

    name: ListName
    list: ListName
    symbol: Symbol
    on: str
    text: str
    as_of: EpochMs
    epoch: str
    sequence: Sequence
    data: Fields
    conditions: Conditions = []
    rank: Rank | None = None
    channels: Words = []
    missed: bool = False
    simulated: bool = False

    @property
    def id(self) -> str:
        """What makes it one: the same on every try to store it, and the key of a delivery."""
        return f"{self.name}-{self.list}-{self.epoch}-{self.sequence}-{self.symbol}"


class AlertState(Struct, frozen=True, omit_defaults=True):
    """Of one alert: the symbols for which its condition holds, since when others wait, when which were told of.

    `left` are the rows, as they last were, of those that wait because they left. `told` are those that cooldown or
    once a day still hold back. `watches` is a digest of what the alert waited for: of another one this says nothing.
    """

    holds: Symbols = []
    waiting: dict[str, EpochMs] = {}
    told: dict[str, EpochMs] = {}
    left: dict[str, Fields] = {}
    watches: str = ""


class ChannelState(Struct, frozen=True, omit_defaults=True, tag_field="type", tag="channel_state"):
    """How far a channel has delivered the log of alerts, and what it did not take for a day."""

    channel: ListName
    sequence: Annotated[Sequence, Meta(description="of the last alert that is done with, in the log of alerts")]
    put_aside: Annotated[int, Meta(ge=0, description="how many it did not take")] = 0
    last_put_aside: Annotated[Words, Meta(description="the ids of the last of these")] = []
    last: Annotated[str, Meta(description="the id of the alert at that sequence, which another log has not")] = ""
