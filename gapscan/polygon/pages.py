"""The pages of an answer, to their end: a provider that never ends is given up, and half of the pages is no answer."""

from __future__ import annotations

import time
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from gapscan.errors import FeedError
from gapscan.polygon.elements import Decoded

MOST_PAGES: Final = 100  # of a thousand elements each; the listings of the whole market are a dozen
MOST_EMPTY: Final = 3  # pages without an element, one after the other
MOST_TIMEOUTS: Final = 10  # all pages together, in times that a single request may take


class Paging:
    """Follows the pages of `what` for at most MOST_TIMEOUTS times `timeout` seconds."""

    def __init__(self, what: str, timeout: float) -> None:
        self._what = what
        self._seconds = timeout * MOST_TIMEOUTS
        self._ends = time.monotonic() + self._seconds
        self._seen: set[str] = set()
        self._page = 0
        self._empty = 0
        self._before: list[Any] = []

    def following(self, page: Decoded[Any]) -> dict[str, str] | None:
        """The query of the page after this one; None: it is the last. Raises FeedError when there is no end to them."""
        self._page += 1
        if not page.present and self._page > 1:
            raise FeedError(f"{self._what} breaks off: page {self._page} has no results")
        if page.bad and not page.items:
            raise FeedError(f"{self._what} has a page of which nothing can be read: {page.first_fault}")
        if not page.next_url:
            return None
        if fault := self._fault(page, page.next_url):
            raise FeedError(f"{self._what} {fault}")
        self._seen.add(page.next_url)
        self._before = page.items
        return dict(parse_qsl(urlsplit(page.next_url).query))

    def _fault(self, page: Decoded[Any], following: str) -> str:
        """Why no further page is asked for, or nothing."""
        self._empty = 0 if page.items else self._empty + 1
        if following in self._seen:
            return f"leads in a circle: page {self._page} is followed by an earlier one"
        if page.items and page.items == self._before:
            return f"repeats itself: page {self._page} is the one before it"
        if self._empty >= MOST_EMPTY:
            return f"has {self._empty} empty pages one after the other, the last is page {self._page}"
        if self._page >= MOST_PAGES:
            return f"has more than {MOST_PAGES} pages"
        return f"has no end within {self._seconds:g} s" if time.monotonic() > self._ends else ""
