"""What agents are told of the past: a list at a time, and when a symbol was in lists."""

from __future__ import annotations

from typing import Any

import msgspec

from gapscan.bus.client import Bus
from gapscan.client.past import at, find_stays
from gapscan.lists.state import ranked
from gapscan.lists.wish import Wish


async def past_list(bus: Bus, name: str, moment: str, wish: Wish) -> dict[str, Any]:
    """The list as it was; `complete` is false where the tape ends. Raises as `gapscan.at`."""
    view = await at(name, moment, bus=bus)
    head = {"list": view.list, "state": "past", "time": view.when, "simulated": view.simulated, "as_of": view.as_of}
    place = {"epoch": view.epoch, "sequence": view.sequence, "size": len(view.rows), "complete": view.complete}
    return {**head, **place, "rows": ranked(wish.rows(view.rows))}


async def past_stays(bus: Bus, symbol: str, day: str, name: str | None) -> dict[str, Any]:
    """When a symbol was in lists; with `faults`, of which lists that cannot be read. Raises as `gapscan.when`."""
    found = await find_stays(bus, symbol, day, name)
    faults = {"faults": found.faults} if found.faults else {}
    return {"symbol": symbol, "stays": [msgspec.to_builtins(stay) for stay in found.stays], **faults}
