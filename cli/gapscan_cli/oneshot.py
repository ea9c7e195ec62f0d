"""What is asked once: the rows of a list, and the lists there are."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from gapscan.bus.client import Bus, BusOptions, connect
from gapscan.bus.definitions import read_definitions
from gapscan.bus.snapshots import read_snapshot
from gapscan.client.current import current
from gapscan.client.past import PastView
from gapscan.client.view import ListView
from gapscan.errors import BusError, UnknownListError
from gapscan.lists.state import ranked
from gapscan.protocol.fields import FIELDS
from gapscan.protocol.messages import ListDefinition, Row
from gapscan_cli import output, render
from gapscan_cli.following import check_possible, check_published, shown_columns
from gapscan_cli.past import past_view

_TABLE_ROWS: Final = 20
_TABLE_COLUMNS: Final = 96
_FIELDS: Final = tuple(FIELDS)


async def print_top(
    options: BusOptions, name: str, number: int | None, form: str, moment: str | None = None, day: str | None = None
) -> None:
    """Print the list as it is now, or as it was at `moment`. `form` is table, json or csv."""
    check_possible(name)
    view: ListView | PastView
    async with connect(options, f"gapscan top {name}") as bus:
        view = await _current(bus, name) if moment is None else await past_view(bus, name, moment, day)
        columns = await shown_columns(bus, name) if form == "table" else ()
    if state_of(view) == "stale":
        output.note(f"warning: {name} is stale, these rows are old (see `gapscan status`)")
    if isinstance(view, ListView) and view.state == "delayed":
        output.note(f"warning: {name} is delayed, all prices are {_late(view)} old")
    output.write(as_table(view, number, columns) if form == "table" else _FORMS[form](view, number))


def _late(view: ListView) -> str:
    by = view.lateness.delayed_by
    return render.span(by) if by else "more than a minute"


def state_of(view: ListView | PastView) -> str:
    """Whether the list moves; one of the past never does."""
    return "past" if isinstance(view, PastView) else view.state


async def _current(bus: Bus, name: str) -> ListView:
    try:
        return await current(bus, name)
    except UnknownListError:
        await check_published(bus, name)
        raise BusError(f"{name} is not published yet", remedy="start a ranker, or try again") from None


def as_table(view: ListView | PastView, number: int | None, fields: Sequence[str] = ()) -> bytes:
    """Aligned text for people: as many of `fields` as there is room for."""
    number = _TABLE_ROWS if number is None else number
    columns = render.columns_for(_TABLE_COLUMNS, fields)
    label = "   SIMULATED" if view.simulated else ""
    stands = f"PAST, as it was at   {render.moment(view.when)}" if isinstance(view, PastView) else _state(view)
    lines = [
        f"{view.list}   {stands}   {len(view.rows)} rows   sequence {view.sequence}{label}",
        render.plain_line("#", None, columns),
        *(render.plain_line(rank, row, columns) for rank, row in enumerate(view.rows[:number], 1)),
    ]
    return "".join(f"{line}\n" for line in lines).encode()


def _state(view: ListView) -> str:
    return f"{view.state}   {render.moment(view.as_of)}"


def as_json(view: ListView | PastView, number: int | None) -> bytes:
    """One JSON object; that of the past has `when`."""
    content = {
        "list": view.list,
        "epoch": view.epoch,
        "sequence": view.sequence,
        "as_of": view.as_of,
        "state": state_of(view),
        "simulated": view.simulated,
        **({"when": view.when, "complete": view.complete} if isinstance(view, PastView) else {}),
        "rows": ranked(view.rows[:number]),
    }
    return msgspec.json.encode(content) + output.LINE_END


def as_csv(view: ListView | PastView, number: int | None) -> bytes:
    """Rank, symbol and every field; no value is an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["rank", "symbol", *_FIELDS])
    writer.writerows(_csv_row(rank, row) for rank, row in enumerate(view.rows[:number], 1))
    return text.getvalue().encode()


def _csv_row(rank: int, row: Row) -> list[Any]:
    values: dict[str, Any] = dict(row)
    return [rank, row["symbol"], *(_csv_cell(values.get(field)) for field in _FIELDS)]


def _csv_cell(value: object) -> object:
    return str(value).lower() if isinstance(value, bool) else value


_FORMS: Final = {"json": as_json, "csv": as_csv}


async def print_lists(options: BusOptions, as_json: bool) -> None:
    """Print the lists that the rankers publish."""
    async with connect(options, "gapscan lists") as bus:
        definitions = [definition for definition in await read_definitions(bus) if not definition.hidden]
        snapshots = await asyncio.gather(*(read_snapshot(bus, definition.name) for definition in definitions))
    if not definitions:
        raise BusError("no lists are published yet", remedy="start a ranker: `gapscan up`, or `gapscan run ranker`")
    rows = [len(snapshot.rows) if snapshot else None for snapshot in snapshots]
    if not as_json and any(snapshot.simulated for snapshot in snapshots if snapshot):
        output.say("SIMULATED")
    _print_definitions(definitions, rows, as_json)


def print_shipped(as_json: bool) -> None:
    """Print the lists that come with gapscan."""
    from gapscan.ranking.spec import shipped_lists

    definitions = [spec.definition for spec in shipped_lists().specs]
    _print_definitions(definitions, [None] * len(definitions), as_json)


def _print_definitions(definitions: Sequence[ListDefinition], rows: Sequence[int | None], as_json: bool) -> None:
    pairs = list(zip(definitions, rows, strict=True))
    if as_json:
        output.write(msgspec.json.encode([_entry(*pair) for pair in pairs]) + output.LINE_END)
    else:
        output.say("\n\n".join(definition_text(*pair) for pair in pairs))


def _entry(definition: ListDefinition, rows: int | None) -> dict[str, Any]:
    entry: dict[str, Any] = msgspec.to_builtins(definition)
    del entry["type"]
    return {**entry, "rows": rows}


def definition_text(definition: ListDefinition, rows: int | None) -> str:
    """A list's definition for people."""
    count = "" if rows is None else f"   {rows} of at most {definition.limit} rows"
    sessions = " ".join(definition.sessions) or "all sessions"
    return "\n".join(
        (
            f"{definition.name}   {'own   ' if definition.own else ''}{sessions}{count}",
            f"  {render.text(definition.description)}",
            f"  where {render.text(definition.where)}",
            f"  sort  {render.text(', '.join(definition.sort))}",
            *([f"  shows {render.text(', '.join(definition.columns))}"] if definition.columns else []),
        )
    )
