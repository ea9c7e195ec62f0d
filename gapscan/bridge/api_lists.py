"""Lists as plain answers: JSON or CSV, with an ETag by position, made once for all who ask for the same."""

from __future__ import annotations

import csv
import io
from collections import OrderedDict
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import msgspec
from aiohttp import web

from gapscan.bridge.api_queries import Kind, Query
from gapscan.bridge.history import ListHistory, Version
from gapscan.bridge.problems import ProblemError
from gapscan.bridge.server import BridgeServer
from gapscan.lists.delta import checksum
from gapscan.lists.state import ranked
from gapscan.lists.wish import Wish
from gapscan.protocol.api import ListAnswer, ListSummary, SymbolPlace
from gapscan.protocol.fields import FIELDS
from gapscan.protocol.messages import Row
from gapscan.protocol.websocket import ListInfo

_KEPT: Final = 256  # answers
CONTENT_TYPES: Final[dict[Kind, str]] = {"json": "application/json", "csv": "text/csv"}
_TIMES: Final = frozenset(name for name, field in FIELDS.items() if field.show == "clock")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


class _Asked(NamedTuple):
    list: str
    wish: Wish
    order: tuple[str, ...]  # of a CSV's columns
    kind: Kind


class _Made(NamedTuple):
    etag: str
    body: bytes


class ListReader:
    """Answers requests for a list."""

    def __init__(self, bridge: BridgeServer) -> None:
        self._bridge = bridge
        self._made: OrderedDict[_Asked, _Made] = OrderedDict()  # the longest unasked first

    def known(self, name: str) -> str:
        """`name`, if there may be such a list. Raises ProblemError."""
        if not self._bridge.versions.may_exist(name):
            raise ProblemError("unknown_list", f"there is no list {name[:100]!r}")
        return name

    def response(self, name: str, query: Query, kind: Kind, request: web.Request) -> web.Response:
        """The list, or 304 when the asker has it. Raises ProblemError."""
        history = self._bridge.versions.histories.get(self.known(name))
        if history is None or history.current is None:
            raise ProblemError("not_published", f"list {name!r} has no rows yet", Retry_After="1")
        order = tuple(query.fields() or FIELDS) if kind == "csv" else ()
        made = self._answer(_Asked(name, query.wish(), order, kind), history, history.current)
        headers = {"ETag": made.etag}
        if is_had(request.headers.get("If-None-Match", ""), made.etag):
            return web.Response(status=304, headers=headers)
        return web.Response(body=made.body, content_type=CONTENT_TYPES[kind], charset="utf-8", headers=headers)

    def _answer(self, asked: _Asked, history: ListHistory, version: Version) -> _Made:
        etag = f'"{version.position.text}-{history.state}-{asked.kind}"'
        made = self._made.pop(asked, None)
        if made is None or made.etag != etag:
            made = _Made(etag, self._body(asked, history, version))
        self._made[asked] = made
        while len(self._made) > _KEPT:
            self._made.popitem(last=False)
        return made

    def _body(self, asked: _Asked, history: ListHistory, version: Version) -> bytes:
        rows = asked.wish.rows(version.rows)
        try:
            return csv_of(rows, asked.order) if asked.kind == "csv" else _json(history, version, rows)
        except (TypeError, ValueError) as error:
            self._bridge.tally.trouble(f"unsent.{history.name}", f"list {history.name} cannot be sent: {error}")
            raise ProblemError("list_failed", f"list {history.name!r} cannot be sent", Retry_After="1") from None


def _json(history: ListHistory, version: Version, rows: list[Row]) -> bytes:
    answer = ListAnswer(
        list=history.name,
        epoch=version.position.epoch,
        sequence=version.position.sequence,
        as_of=version.as_of,
        state=history.state,
        simulated=history.status.simulated,
        size=len(version.rows),
        checksum=checksum(rows),
        rows=ranked(rows),
    )
    return msgspec.json.encode(answer)


def csv_of(rows: list[Row], order: tuple[str, ...]) -> bytes:
    """Rank, symbol and the fields in this order; a missing value is empty, a time in ISO 8601."""
    names = ["rank", "symbol", *(name for name in order if name in FIELDS)]
    text = io.StringIO()
    writer = csv.writer(text)  # lines end in CR LF, as RFC 4180 has them
    writer.writerow(names)
    for ranked_row in ranked(rows):
        writer.writerow([_cell(name, ranked_row.get(name)) for name in names])
    return text.getvalue().encode()


def _cell(name: str, value: Any) -> object:
    if name in _TIMES and isinstance(value, int):
        return datetime.fromtimestamp(value / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"  # a spreadsheet must not take a text for a formula
    return value


def is_had(header: str, etag: str) -> bool:
    """Whether an If-None-Match names the answer (RFC 9110, section 13.1.2)."""
    tags = [tag.strip().removeprefix("W/") for tag in header.split(",")]
    return etag in tags or "*" in tags


def list_summary(info: ListInfo, history: ListHistory) -> ListSummary:
    """What a list is, and how it stands."""
    current = history.current
    return ListSummary(
        name=info.name,
        description=info.description,
        sort=info.sort,
        sessions=info.sessions,
        limit=info.limit,
        columns=info.columns,
        state=history.state,
        epoch=current.position.epoch if current else None,
        sequence=current.position.sequence if current else 0,
        as_of=current.as_of if current else 0,
        size=len(current.rows) if current else 0,
    )


def place_of(symbol: str, history: ListHistory) -> tuple[Row, SymbolPlace] | None:
    """A symbol's row in a list, and where it stands; None when it is not there."""
    current = history.current
    if current is None or symbol not in current.rows.symbols:
        return None
    at = current.rows.symbols.index(symbol)
    position = current.position
    size = len(current.rows)
    return current.rows[at], SymbolPlace(
        history.name, at + 1, size, history.state, position.epoch, position.sequence, current.as_of
    )
