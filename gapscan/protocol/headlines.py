"""The headlines of a trading day."""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta, Struct

from gapscan.protocol.values import EpochMs, Symbol

KEPT_HEADLINES: Final = 5  # of a symbol, the newest


class Headline(Struct, frozen=True):
    """A piece of news: when it was published, its title, and where it is."""

    time: EpochMs
    title: str
    url: Annotated[str | None, Meta(description="http or https; null: the provider gave none")] = None
    publisher: str | None = None


Headlines = list[Headline]


class News(Struct, frozen=True, tag_field="type", tag="news"):
    """The value in the news bucket, its key the symbol: the newest headlines of trading day `date`, newest first.

    `count` is how many there are since the close of the session before.
    """

    symbol: Symbol
    date: Annotated[str, Meta(description="trading day, YYYY-MM-DD")]
    count: Annotated[int, Meta(ge=0)]
    headlines: Annotated[Headlines, Meta(max_length=KEPT_HEADLINES)]
