"""Waiting out what can pass by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from gapscan.errors import GapscanError
from gapscan.obs import logger
from gapscan.runtime import Backoff

T = TypeVar("T")

# Seconds between two tries of what NATS refused or did not answer.
RETRY_FIRST: Final = 0.1
RETRY_LIMIT: Final = 2.0


async def retrying(log_name: str, doing: str, action: Callable[[], Awaitable[T]]) -> T:
    """Await `action()` until it works; only errors that can pass by themselves are waited out."""
    log, backoff = logger(log_name), Backoff(RETRY_FIRST, RETRY_LIMIT)
    while True:
        try:
            return await action()
        except GapscanError as error:
            if not error.retry:
                raise
            log.warning("%s: %s, trying again", doing, error.message)
            await asyncio.sleep(backoff.next())
