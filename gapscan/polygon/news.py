"""Polygon's reference news: what was published of any symbol since a moment."""

from __future__ import annotations

import datetime as dt
from typing import Final

from msgspec import Struct

from gapscan.polygon.elements import Elements
from gapscan.polygon.rest import PAGE, PolygonRest
from gapscan.provider import Story

PATH: Final = "/v2/reference/news"


class Publisher(Struct):
    """Who published it."""

    name: str | None = None


class Article(Struct):
    """One story; `published_utc` is RFC 3339."""

    id: str
    published_utc: dt.datetime
    title: str | None = None
    article_url: str | None = None
    publisher: Publisher | None = None
    tickers: list[str] | None = None


_articles: Final = Elements("results", Article)


async def news(rest: PolygonRest, since: int) -> list[Story]:
    """The stories since that moment (epoch ms), of all of their pages. Raises FeedError."""
    begin = dt.datetime.fromtimestamp(since / 1000, dt.UTC)
    query = {
        "published_utc.gte": f"{begin:%Y-%m-%dT%H:%M:%SZ}", "sort": "published_utc", "order": "asc", "limit": PAGE,
    }  # fmt: skip
    articles = await rest.all_pages("the news", rest.by_path(PATH, query), _articles)
    return [story_of(article) for article in articles if article.title and article.published_utc.tzinfo]


def story_of(article: Article) -> Story:
    """An article in the port's terms."""
    time, publisher = round(article.published_utc.timestamp() * 1000), article.publisher
    return Story(
        article.id, time, article.title or "", article.article_url, publisher.name if publisher else None,
        tuple(article.tickers or ()),
    )  # fmt: skip
