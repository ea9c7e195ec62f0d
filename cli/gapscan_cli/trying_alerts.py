"""`gapscan alerts test`: alerts on the lists as they are now."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np

from gapscan.bus.client import Bus, connect
from gapscan.bus.snapshots import read_snapshot
from gapscan.errors import BusError, UnknownListError
from gapscan.events.alerting import text_of
from gapscan.lists.state import unranked
from gapscan.protocol.alerts import AlertDefinition
from gapscan.protocol.messages import Row
from gapscan.ranking.alerts import AlertSpec, compile_alert
from gapscan.ranking.row_columns import RowColumns
from gapscan.service import own_lists_file
from gapscan_cli import exits, output
from gapscan_cli.own_alerts import OwnAlerts, checked
from gapscan_cli.own_lists import given


def try_alerts(desk: OwnAlerts, file: str | None, name: str | None) -> int:
    """Try the alerts of a file, or the user's own."""
    text, source = given(file) if file else (own_lists_file.read_own(desk.path), str(desk.path))
    good = checked(text, source)
    if good is None:
        return exits.USER
    wanted = [definition for definition in good if name in (None, definition.name)]
    if not wanted:
        raise UnknownListError(f"{source} has no such alert", remedy="`gapscan alerts check` shows which it has")
    if desk.nats is None:
        raise BusError("no gapscan is running there")
    asyncio.run(_try(desk, wanted))
    return exits.OK


async def _try(desk: OwnAlerts, definitions: Sequence[AlertDefinition]) -> None:
    assert desk.nats is not None  # for the type checker
    async with connect(desk.nats, "gapscan alerts") as bus:
        for definition in definitions:
            output.say(await _tried(bus, definition))


async def _tried(bus: Bus, definition: AlertDefinition) -> str:
    if definition.where:
        return f"{definition.name}: looks at any symbol; it is tried when it is added"
    snapshot = await read_snapshot(bus, definition.list)
    if snapshot is None:
        return f"{definition.name}: no list named {definition.list} is published"
    rows, spec = unranked(snapshot), compile_alert(definition)
    found = passing(spec, rows, snapshot.as_of)
    label = "   SIMULATED" if snapshot.simulated else ""
    said = f"\n  {text_of(spec, definition.list, *found[0])}" if found else ""
    return f"{definition.name}: {len(found)} of {len(rows)} rows of {definition.list} meet it now{label}{said}"


def passing(spec: AlertSpec, rows: Sequence[Row], as_of: int) -> list[tuple[Row, int]]:
    """The rows that meet the alert's condition, with their ranks; of words about two states, nothing is known."""
    holds = np.ones(len(rows), np.bool_)
    if spec.condition is not None:
        with np.errstate(all="ignore"):
            holds = np.broadcast_to(spec.condition.entry(RowColumns(rows, as_of)), (len(rows),))
    ranked = zip(rows, range(1, len(rows) + 1), holds.tolist(), strict=True)
    return [(row, rank) for row, rank, meets in ranked if meets]
