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
from gapscan.service import own_lists_file

_SOURCE: Final = "definition"

AskPreview = Callable[[ListDefinition], Awaitable[Preview]]
Publish = Callable[[Sequence[ListDefinition], Sequence[str]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Changed:
    """What the file is to be, and what the rankers are to be told."""

    text: str
    wanted: Sequence[ListDefinition]
    removed: Sequence[str]


class OwnLists:
    """The lists of the file that `find` names, one change at a time. Raises ProblemError.

    A change says what it was made from (`tag`): what somebody else wrote in the meantime is not overwritten. `publish`
    tells the rankers, `taken` whether a list of that name is ranked already.
    """

    def __init__(self, find: Callable[[], Path], publish: Publish, taken: Callable[[str], bool]) -> None:
        self._find = find
        self._publish = publish
        self._taken = taken
        self._turn = asyncio.Lock()

    async def all(self) -> list[OwnList]:
        """All of them, in the order of the file."""
        return await asyncio.to_thread(self._read)

    async def put(self, name: str, definition: str, tag: str | None) -> tuple[OwnList, list[str]]:
        """Add the list, or put it in the place of what `tag` is of; and what it asks for in vain."""
        new = _checked(name, definition)
        if tag is None and self._taken(name):
            raise ProblemError("exists", f"there is a list {name} already")
        await self._change(lambda path: self._with(path, name, definition, tag))
        found = next(own for own in await self.all() if own.name == name)
        return found, own_lists_file.warnings([new])

    async def remove(self, name: str, tag: str | None) -> None:
        """Remove the list; of it, nothing is left."""
        await self._change(lambda path: self._without(path, name, tag))

    def _path(self) -> Path:
        try:
            return self._find()
        except ConfigError as error:
            raise ProblemError("unavailable", f"nothing says where own lists are kept: {error}") from None

    def _read(self) -> list[OwnList]:
        text = _readable(self._path())
        tables = own_lists_file.tables_of(text)
        return [OwnList(name, tag_of(table), table, _comment(text, name)) for name, table in tables.items()]

    async def _change(self, changed: Callable[[Path], Changed]) -> None:
        """Change the file, then tell the rankers."""
        async with self._turn:
            wanted = await asyncio.to_thread(self._write, changed)
            try:
                await self._publish(wanted.wanted, wanted.removed)
            except BusError as error:
                text = f"the file of own lists is changed, but no ranker was told: {error.message}"
                raise ProblemError("unavailable", text, Retry_After="1") from None

    def _write(self, changed: Callable[[Path], Changed]) -> Changed:
        path = self._path()
        try:
            result = changed(path)
            own_lists_file.write_own(path, result.text)
        except ConfigError as error:
            raise ProblemError("unavailable", str(error)) from None
        return result

    def _with(self, path: Path, name: str, definition: str, tag: str | None) -> Changed:
        text = _readable(path)
        _check_tag(name, own_lists_file.tables_of(text), tag)
        result = own_lists_file.merged(text, definition, replace=True)
        good, _ = own_lists_file.check(result, str(path))
        return Changed(result, [each for each in good if each.name == name], [])

    def _without(self, path: Path, name: str, tag: str | None) -> Changed:
        text = _readable(path)
        tables = own_lists_file.tables_of(text)
        if name not in tables:
            raise ProblemError("unknown_list", f"there is no own list {name!r}")
        _check_tag(name, tables, tag)
        return Changed(own_lists_file.without(text, name), [], [name])


def tag_of(table: object) -> str:
    """Names what a list says: another tag, another definition."""
    return f"{zlib.crc32(json.dumps(table, sort_keys=True, default=str).encode()):08x}"


def _check_tag(name: str, tables: dict[str, Any], tag: str | None) -> None:
    if tag is None and name in tables:
        raise ProblemError("exists", f"there is a list {name} already")
    if tag is not None and (name not in tables or tag_of(tables[name]) != tag):
        raise ProblemError("changed", f"list {name} was changed by somebody else in the meantime")


def _readable(path: Path) -> str:
    """The file's text, which as a whole can be read. Faulty lists in it are the user's to mend."""
    try:
        text = own_lists_file.read_own(path)
        own_lists_file.check(text, str(path))
    except ConfigError as error:
        raise ProblemError("unavailable", str(error)) from None
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
