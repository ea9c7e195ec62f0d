"""The user's own lists as the page changes them: the file that `gapscan lists` edits, then the rankers are told."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gapscan.bridge.problems import ProblemError
from gapscan.errors import BusError, ConfigError
from gapscan.protocol.api_own import OwnList
from gapscan.protocol.messages import ListDefinition, Preview
from gapscan.ranking.spec import shipped_lists
from gapscan.service import own_lists_file

_SOURCE: Final = "definition"
_UNTOLD: Final = 1000  # changed lists that no ranker was told of; until one is, no more are changed

AskPreview = Callable[[ListDefinition], Awaitable[Preview]]
Publish = Callable[[Sequence[ListDefinition], Sequence[str]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class News:
    """What the rankers are to be told of: what the file says of lists, and which it has no longer."""

    wanted: Sequence[ListDefinition]
    removed: Sequence[str]


class OwnLists:
    """The lists of the file that `find` names, one change at a time. Raises ProblemError.

    A change says what it was made from (`tag`): what somebody else wrote in the meantime is not overwritten. `publish`
    tells the rankers, `taken` whether a list of that name is ranked already.

    The file may be changed, and NATS not there to tell the rankers. The same change, made again, tells them: that it is
    in the file already is no conflict. Any other change tells them too.
    """

    def __init__(self, find: Callable[[], Path], publish: Publish, taken: Callable[[str], bool]) -> None:
        self._find = find
        self._publish = publish
        self._taken = taken
        self._turn = asyncio.Lock()
        self._untold: set[str] = set()  # lists of which the file may say what no ranker was told

    async def all(self) -> list[OwnList]:
        """All of them, in the order of the file."""
        return await asyncio.to_thread(self._read)

    async def put(self, name: str, definition: str, tag: str | None) -> tuple[OwnList, list[str]]:
        """Add the list, or put it in the place of what `tag` is of; and what it asks for in vain."""
        new = _checked(name, definition)
        await self._change(name, lambda text: self._with(text, name, definition, tag))
        found = next(own for own in await self.all() if own.name == name)
        return found, own_lists_file.warnings([new])

    async def remove(self, name: str, tag: str | None) -> None:
        """Remove the list; of it, nothing is left."""
        await self._change(name, lambda text: self._without(text, name, tag))

    def _path(self) -> Path:
        try:
            return self._find()
        except ConfigError as error:
            raise ProblemError("unavailable", f"nothing says where own lists are kept: {error}") from None

    def _read(self) -> list[OwnList]:
        text = _readable(self._path())
        tables = own_lists_file.tables_of(text)
        return [OwnList(name, tag_of(table), table, _comment(text, name)) for name, table in tables.items()]

    async def _change(self, name: str, changed: Callable[[str], str]) -> None:
        """Change the file, then tell the rankers of the list, and of what they were not told before."""
        async with self._turn:
            if len(self._untold) >= _UNTOLD and name not in self._untold:
                raise ProblemError("unavailable", "no ranker was told of too many changes", Retry_After="1")
            news = await asyncio.to_thread(self._write, {name, *self._untold}, changed)
            self._untold.add(name)
            try:
                await self._publish(news.wanted, news.removed)
            except BusError as error:
                text = f"the file of own lists is changed, but no ranker was told: {error.message}"
                raise ProblemError("unavailable", text, Retry_After="1") from None
            self._untold.clear()

    def _write(self, names: set[str], changed: Callable[[str], str]) -> News:
        """Change the file; what it says of `names` then."""
        path = self._path()
        try:
            result = own_lists_file.change_own(path, lambda text: changed(_sound(text, path)))
            good, _ = own_lists_file.check(result, str(path))
        except ConfigError as error:
            raise ProblemError("unavailable", str(error)) from None
        gone = names - own_lists_file.tables_of(result).keys() - set(shipped_lists().names)
        return News([each for each in good if each.name in names], sorted(gone))

    def _with(self, text: str, name: str, definition: str, tag: str | None) -> str:
        tables = own_lists_file.tables_of(text)
        if tables.get(name) != own_lists_file.tables_of(definition)[name]:
            _check_tag(name, tables, tag)
            if name not in tables and name not in self._untold and self._taken(name):
                raise _exists(name)
        return own_lists_file.merged(text, definition, replace=True)

    def _without(self, text: str, name: str, tag: str | None) -> str:
        tables = own_lists_file.tables_of(text)
        if name in tables:
            _check_tag(name, tables, tag)
            return own_lists_file.without(text, name)
        if name not in self._untold:
            raise ProblemError("unknown_list", f"there is no own list {name!r}")
        return text


def tag_of(table: object) -> str:
    """Names what a list says: another tag, another definition."""
    return f"{zlib.crc32(json.dumps(table, sort_keys=True, default=str).encode()):08x}"


def _check_tag(name: str, tables: dict[str, Any], tag: str | None) -> None:
    if tag is None and name in tables:
        raise _exists(name)
    if tag is not None and (name not in tables or tag_of(tables[name]) != tag):
        raise ProblemError("changed", f"list {name} was changed by somebody else in the meantime")


def _exists(name: str) -> ProblemError:
    return ProblemError("exists", f"there is a list {name} already")


def _readable(path: Path) -> str:
    """The file's text, which as a whole can be read. Faulty lists in it are the user's to mend."""
    try:
        return _sound(own_lists_file.read_own(path), path)
    except ConfigError as error:
        raise ProblemError("unavailable", str(error)) from None


def _sound(text: str, path: Path) -> str:
    """The text, if it is one of a file of lists. Raises ConfigError."""
    own_lists_file.check(text, str(path))
    return text


def _comment(text: str, name: str) -> str:
    """What stands before a list in the file."""
    try:
        lines = own_lists_file.block_of(text, name).splitlines(keepends=True)
    except ConfigError:
        return ""
    before = next((at for at, line in enumerate(lines) if not line.lstrip().startswith("#")), 0)
    return "".join(lines[:before])


def _checked(name: str, definition: str) -> ListDefinition:
    """The one list of the text, by that name."""
    try:
        good, faults = own_lists_file.check(definition, _SOURCE)
    except ConfigError as error:
        good, faults = [], [error]
    if faults:
        raise ProblemError("bad_list", str(faults[0]))
    if [each.name for each in good] != [name]:
        raise ProblemError("bad_list", f"the body must be one list, [lists.{name}]")
    return good[0]
