"""What a client may want of a list: its first rows, and some fields only.

A view is a function of the list: at each of the list's positions it is `Wish.rows` of the list there. So it needs no
numbers of its own. Its position stays while nothing changes that it shows, and is then the list's again; whatever
positions a client may have, from this bridge or another one, lead on from there.
"""

from __future__ import annotations

from dataclasses import replace
from operator import is_
from typing import NamedTuple

from gapscan.bridge.encodings import Message
from gapscan.bridge.history import ListHistory, Position, Version
from gapscan.lists.delta import RowList, Rows, checksum
from gapscan.lists.wish import WHOLE, Wish
from gapscan.protocol.messages import Row, State


class ViewKey(NamedTuple):
    """A list, and what is wanted of it."""

    list: str
    wish: Wish = WHOLE


class View(ListHistory):
    """A wish of which clients have the answer. It follows the list's history, when it is asked for something."""

    def __init__(self, base: ListHistory, wish: Wish) -> None:
        super().__init__(base.name)
        self.kinds = base.kinds
        self._base = base
        self._wish = wish
        self._seen: Position | None = None  # the list's newest position of which the view took note
        self._pairs: dict[str, tuple[Row, Row]] = {}  # the list's newest rows, and what is shown of each
        self._derived: dict[Position, Version] = {}  # at positions that only the list's history has
        self._unusable: set[Position] = set()  # of those, from which no delta could be made

    @property
    def state(self) -> State:
        """As of a list; a part does not move while the whole cannot be sent."""
        return "stale" if self._base.stuck and super().state in ("live", "delayed") else super().state

    def sync(self) -> None:
        """Take in what the list has come to, if that changes what is shown."""
        self.set_status(self._base.status)
        newest = self._base.current
        if newest is None or newest.position == self._seen:
            return
        self._seen = newest.position
        rows = self._shown(newest.rows)
        self._pairs = dict(zip(rows.symbols, zip(newest.rows, rows, strict=False), strict=True))
        current = self.current
        if current is None or rows is not current.rows or current.position.epoch != newest.position.epoch:
            self._derived.clear()
            self._unusable.clear()
            self.put(newest.position, newest.as_of, rows, newest.since)

    def _shown(self, rows: Rows) -> RowList:
        """What is wanted of `rows`; rows that show the same as now are the same objects, the list too."""
        shown = [self._row(row) for row in rows[: self._wish.limit]]
        current = self.current.rows if self.current else None
        if current is not None and len(shown) == len(current) and all(map(is_, shown, current)):
            return current
        return RowList(shown, [row["symbol"] for row in shown])

    def _row(self, row: Row) -> Row:
        before, shown = self._pairs.get(row["symbol"], (None, None))
        if shown is not None and before is row:
            return shown
        mine = self._wish.row(row)
        return shown if shown == mine else mine

    def message_for(self, have: Position | None) -> Message | None:
        """As of a list; None too when nothing of what is shown has changed since `have`."""
        self.sync()
        old = self.version_at(have) if have else None
        if old is not None and self.current is not None and old.rows is self.current.rows:
            return None
        return super().message_for(have)

    def answer_for(self, have: Position | None) -> Message | None:
        """As of a list."""
        self.sync()
        return super().answer_for(have)

    def version_at(self, position: Position) -> Version | None:
        """The view as it was at `position`: one of its own, or made of the list's."""
        found = super().version_at(position) or self._derived.get(position)
        if found is None and position not in self._unusable and not self.fault:
            found = self._derive(position)
        return found

    def _derive(self, position: Position) -> Version | None:
        version = self._base.version_at(position)
        if version is None:
            return None
        rows = self._shown(version.rows)
        self._derived[position] = Version(position, version.as_of, rows, checksum(rows), version.since)
        self._catch_up_with(position)
        return self._derived[position]

    def _catch_up_with(self, position: Position) -> None:
        """No message leads back: what a client has that is ahead of the view's position is led to the list's."""
        newest, current = self._base.current, self.current
        if newest and current and position.epoch == current.position.epoch and position > current.position:
            ahead = replace(current, position=newest.position, as_of=newest.as_of, since=newest.since)
            self.current = self._versions[ahead.position] = ahead
            self._messages.clear()

    def give_up(self, have: Position | None, fault: str) -> bool:
        """As of a list."""
        if have in self._derived:
            del self._derived[have]
            self._unusable.add(have)
            return False
        return super().give_up(have, fault)
