"""Following a list from the command line: patient with a server that starts, strict with a name that is wrong."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import aclosing, suppress
from typing import Any, Final

from gapscan.bus.client import Bus
from gapscan.bus.definitions import read_definition, read_definitions
from gapscan.client.api import Follower, ListView
from gapscan.errors import BusError, UnknownListError
from gapscan.protocol.fields import shown_fields
from gapscan.protocol.names import LIST_NAME
from gapscan_cli.completion import nearest, shipped_names
from gapscan_cli.connection import RETRY_SECONDS

_ENDINGS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run_until_stopped(work: Coroutine[Any, Any, None]) -> None:
    """Run `work` to its end; Ctrl-C and SIGTERM end it quietly, its clean-up included."""
    asyncio.run(_stoppable(work))


async def _stoppable(work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for number in _ENDINGS:
        loop.add_signal_handler(number, task.cancel)
    with suppress(asyncio.CancelledError):
        await task


async def patient_views(bus: Bus, name: str, note: Callable[[str], None]) -> AsyncIterator[ListView]:
    """Views of a list. A list that is known but not there yet is waited for; an unknown one is an error."""
    check_possible(name)
    said = ""
    while True:
        try:
            async with aclosing(Follower(bus, name).views()) as views:
                async for view in views:
                    yield view
        except UnknownListError:
            await check_published(bus, name)
            why = f"waiting for {name}: no ranker has published it yet"
        except BusError as error:
            why = f"waiting for NATS: {error.message}"
        if why != said:
            said = why
            note(why)
        await asyncio.sleep(RETRY_SECONDS)


async def shown_columns(bus: Bus, name: str) -> tuple[str, ...]:
    """The fields to show of a list, the most wanted first; none while its definition cannot be had."""
    try:
        definition = await read_definition(bus, name)
    except BusError:
        return ()
    return tuple(shown_fields(definition.columns, definition.sort)) if definition else ()


def check_possible(name: str) -> None:
    """Refuse what cannot name a list, with the list that was probably meant."""
    if LIST_NAME.fullmatch(name) is None:
        raise unknown(name, shipped_names())


async def check_published(bus: Bus, name: str) -> None:
    """Raise UnknownListError if lists are published and this is none of them."""
    with suppress(BusError):
        known = [definition.name for definition in await read_definitions(bus)]
        if known and name not in known:
            raise unknown(name, known)


def unknown(name: str, known: list[str]) -> UnknownListError:
    """The error for a name that is no list's."""
    meant = nearest(name, known)
    remedy = f"did you mean {meant}?" if meant else "`gapscan lists` shows the names"
    return UnknownListError(f"there is no list named {name!r}", remedy=remedy)
