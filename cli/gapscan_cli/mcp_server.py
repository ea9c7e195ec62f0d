"""`gapscan mcp`: lists for agents, by the Model Context Protocol on standard input and output. It only reads.

The lists are followed on NATS as any client follows them, once for each call.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, Final

import msgspec
from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations
from pydantic import Field

from gapscan import __version__
from gapscan.bus.client import Bus, BusOptions, connect
from gapscan.bus.definitions import read_definitions
from gapscan.bus.snapshots import read_snapshot
from gapscan.bus.why_client import ask_near, ask_why
from gapscan.client.current import current
from gapscan.errors import GapscanError, UnknownListError
from gapscan.lists.state import ranked
from gapscan.lists.wish import Wish, not_fields
from gapscan.protocol.field_docs import described
from gapscan.protocol.fields import FIELDS
from gapscan.protocol.messages import ListDefinition
from gapscan.protocol.names import check_list_name
from gapscan_cli.mcp_past import past_list, past_stays
from gapscan_cli.telling import last_alerts

_READS: Final = ToolAnnotations(read_only_hint=True, open_world_hint=False)
_LIMIT: Final = 20  # rows that come without a limit
_ABOUT: Final = (
    "Ranked lists of US stocks, live. `lists` says which there are, `list` has a list's rows now, `list_at` what they "
    "were, `when` when a symbol was in lists, `why` explains why a symbol is in a list or not, `near` has those that "
    "lack one condition, `alerts` has what alerts said. Times are UTC epoch milliseconds, money is US dollars, "
    "5.0 is 5 percent, null is unknown. Say that data is simulated where `simulated` is true, and old where `state` is "
    "stale. Fields of a row: "
)

Name = Annotated[str, Field(description="the list's name, as `lists` has it", min_length=1, max_length=48)]
Symbol = Annotated[str, Field(description="such as TSLA; case-sensitive", min_length=1, max_length=32)]
Limit = Annotated[int, Field(description="the first so many rows", ge=1, le=1000)]
Fields = Annotated[list[str] | None, Field(description="only these fields of each row, beside rank and symbol")]

At = Annotated[
    str, Field(description="09:31:07, 2026-11-27 09:31, 5m ago or epoch ms; New York, newest day", max_length=40)
]
Day = Annotated[str, Field(description="today (the newest recorded), yesterday, or such as 2026-11-27", max_length=20)]
OneList = Annotated[Name | None, Field(description="only this list")]


class Link:
    """A connection that is made when it is first needed, and serves all calls."""

    def __init__(self, options: BusOptions) -> None:
        self._options = options
        self._making = asyncio.Lock()
        self._bus: Bus | None = None
        self._over = asyncio.Event()
        self._holding: asyncio.Task[None] | None = None

    async def bus(self) -> Bus:
        """The connection. Raises GapscanError while NATS cannot be reached; the next call tries again."""
        async with self._making:
            if self._bus is None:
                opened: asyncio.Future[Bus] = asyncio.get_running_loop().create_future()
                self._holding = asyncio.create_task(self._hold(opened))
                self._bus = await opened
            return self._bus

    async def _hold(self, opened: asyncio.Future[Bus]) -> None:
        """One task opens and closes it, whichever call asked first."""
        try:
            async with connect(self._options, "gapscan mcp") as bus:
                opened.set_result(bus)
                await self._over.wait()
        except GapscanError as error:
            if not opened.done():
                opened.set_exception(error)

    async def close(self) -> None:
        """Close it, if it is open."""
        self._over.set()
        if self._holding is not None:
            await self._holding


async def _lists(bus: Bus) -> dict[str, Any]:
    definitions = await _shown(bus)
    snapshots = await asyncio.gather(*(read_snapshot(bus, definition.name) for definition in definitions))
    entries = [
        {**_plain(definition), "rows": len(snapshot.rows) if snapshot else None}
        for definition, snapshot in zip(definitions, snapshots, strict=True)
    ]
    return {"lists": entries, "simulated": any(snapshot.simulated for snapshot in snapshots if snapshot)}


async def _shown(bus: Bus) -> list[ListDefinition]:
    """All lists but those that only alerts look at."""
    return [definition for definition in await read_definitions(bus) if not definition.hidden]


async def _list(bus: Bus, name: str, wish: Wish) -> dict[str, Any]:
    try:
        view = await current(bus, name)
    except UnknownListError as error:
        known = ", ".join(definition.name for definition in await _shown(bus))
        raise ToolError(f"{error.message}; the lists are {known or 'not published yet'}") from None
    head = {"list": view.list, "state": view.state, "simulated": view.simulated, "as_of": view.as_of}
    place = {"epoch": view.epoch, "sequence": view.sequence, "size": len(view.rows)}
    return {**head, **place, "rows": ranked(wish.rows(view.rows))}


def _plain(message: msgspec.Struct) -> dict[str, Any]:
    content: dict[str, Any] = msgspec.to_builtins(message)
    del content["type"]
    return content


@asynccontextmanager
async def _expected() -> AsyncIterator[None]:
    """What goes wrong as gapscan knows it is said to the agent; all else is a fault, and goes to the log."""
    try:
        yield
    except GapscanError as error:
        raise ToolError(str(error)) from None


def _wish(limit: int, fields: list[str] | None) -> Wish:
    if unknown := not_fields(fields or ()):
        raise ToolError(f"a row has no field {unknown[0]!r}; the fields are {', '.join(FIELDS)}")
    return Wish.of(limit, fields)


def server(link: Link) -> MCPServer:
    """The server and its tools."""
    fields = " ".join(f"{name}: {described(field)}" for name, field in FIELDS.items())
    made: MCPServer = MCPServer("gapscan", instructions=_ABOUT + fields, version=__version__, log_level="WARNING")

    @made.tool(name="lists", title="Which lists there are", annotations=_READS)
    async def lists() -> dict[str, Any]:
        """Which lists there are: what is in each, by which condition and order, when it is ranked, how many rows."""
        async with _expected():
            return await _lists(await link.bus())

    @made.tool(name="list", title="The rows of a list now", annotations=_READS)
    async def rows(name: Name, limit: Limit = _LIMIT, fields: Fields = None) -> dict[str, Any]:
        """The first rows of a ranked list as it is now, with its state and market time."""
        async with _expected():
            return await _list(await link.bus(), check_list_name(name), _wish(limit, fields))

    @made.tool(name="list_at", title="The rows of a list at a time", annotations=_READS)
    async def rows_at(name: Name, at: At, limit: Limit = _LIMIT, fields: Fields = None) -> dict[str, Any]:
        """The first rows of a ranked list as it was at a market time, from the tape. This is past, not live."""
        async with _expected():
            return await past_list(await link.bus(), check_list_name(name), at, _wish(limit, fields))

    @made.tool(name="when", title="When a symbol was in lists", annotations=_READS)
    async def when(symbol: Symbol, day: Day = "today", name: OneList = None) -> dict[str, Any]:
        """When a symbol came into lists on a day, when it left and why, with ranks and prices, from the tape."""
        async with _expected():
            return await past_stays(await link.bus(), symbol, day, name and check_list_name(name))

    @made.tool(name="near", title="Who nearly is in a list", annotations=_READS)
    async def near(name: Name, limit: Limit = _LIMIT) -> dict[str, Any]:
        """The symbols that lack one condition of a list, and by how much, the nearest first."""
        async with _expected():
            return _plain(await ask_near(await link.bus(), check_list_name(name), limit))

    @made.tool(name="alerts", title="What alerts said", annotations=_READS)
    async def alerts(
        limit: Limit = _LIMIT,
        name: Annotated[Name | None, Field(description="of this alert only")] = None,
        symbol: Annotated[Symbol | None, Field(description="of this symbol only")] = None,
    ) -> dict[str, Any]:
        """The last things that alerts said, the oldest first: of which symbol, when, and by which conditions."""
        async with _expected():
            found = await last_alerts(await link.bus(), limit, (name and check_list_name(name)) or "*", symbol or "")
            return {"alerts": [_plain(alert) for alert in found]}

    @made.tool(name="why", title="Why a symbol is in a list, or not", annotations=_READS)
    async def why(symbol: Symbol, name: OneList = None) -> dict[str, Any]:
        """Why a symbol is in the lists, or why not: each condition with its value, its threshold, and since when."""
        async with _expected():
            return _plain(await ask_why(await link.bus(), symbol, name and check_list_name(name)))

    return made


async def serve(options: BusOptions) -> None:
    """Serve on standard input and output until the input ends."""
    link = Link(options)
    try:
        await server(link).run_stdio_async()
    finally:
        await link.close()
