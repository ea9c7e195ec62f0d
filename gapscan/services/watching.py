"""Following all lists that are defined: new ones are picked up, removed ones dropped, a bad one costs no other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import Final

from gapscan.bus.client import NATS_ERRORS, Bus
from gapscan.bus.direct import NoStreamError, Stored, get_last_of_each
from gapscan.bus.follow import Follower, ListView
from gapscan.errors import GapscanError, UnknownListError
from gapscan.obs import Tally
from gapscan.protocol import names
from gapscan.runtime import Backoff, end

ABSENT_SECONDS: Final = 30.0  # a list that is defined but that nobody publishes is not waited for any longer
_RETRY_FIRST: Final = 0.1
_RETRY_LIMIT: Final = 2.0

OnView = Callable[[ListView], None]


async def defined_lists(bus: Bus) -> set[str]:
    """The names of all lists that are defined now. Raises BusError.

    The keys alone say it, so that a definition that cannot be read hides no other list.
    """
    prefix = f"$KV.{names.BUCKET_LISTS}."
    try:
        stored = await get_last_of_each(bus, f"KV_{names.BUCKET_LISTS}", f"{prefix}>")
    except NoStreamError:
        return set()
    keys = (entry.subject.removeprefix(prefix) for entry in stored if not _is_deleted(entry))
    return {key for key in keys if names.LIST_NAME.fullmatch(key)}


def _is_deleted(entry: Stored) -> bool:
    return names.HEADER_OPERATION in entry.headers or not entry.data
