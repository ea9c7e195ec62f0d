"""A user's own lists from the command line: the file is changed first, then whoever ranks is told."""

from __future__ import annotations

import asyncio
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import typer

from gapscan import config as settings
from gapscan.bus.client import Bus, BusOptions, connect
from gapscan.bus.definitions import read_entries
from gapscan.bus.snapshots import read_snapshot
from gapscan.errors import BusError, ConfigError, UnknownListError
from gapscan.protocol.messages import ListDefinition
from gapscan.ranking.spec import MAX_FILE, shipped_lists
from gapscan.service import own_lists_file
from gapscan_cli import exits, output
from gapscan_cli.completion import nearest
from gapscan_cli.connection import find_nats

_PUBLISHED_SECONDS: Final = 3.0  # a ranker takes up a new list within two
_LOOK_SECONDS: Final = 0.05
_TEMPLATE: Final = """\
# Lists of your own. `gapscan lists --shipped` shows expressions to begin with.
#
# [lists.cheap_movers]
# description = "Cheap stocks that rise on high volume."
# where = "price < 20 and change_percent > 5 and rvol >= 2"
# sort = ["-change_percent", "symbol"]
# limit = 50
# sessions = ["pre", "regular"]
"""


@dataclass(frozen=True, slots=True)
class OwnLists:
    """Where the user's file is, and how to reach the NATS that is to know. `asked`: the user named that NATS."""

    path: Path
    nats: BusOptions | None
    asked: bool

    @classmethod
    def of(
        cls,
        lists_file: str | None,
        nats: str | None,
        data: Path | None,
        config_file: Path | None,
        context: str | None = None,
    ) -> OwnLists:
        """What the options say. Raises ConfigError."""
        loaded = settings.load(config_file)
        path = settings.expanded(lists_file) if lists_file else own_lists_file.own_file(loaded.config)
        try:
            options = find_nats(nats, config_file, data, context)
        except BusError:
            options = None
        return cls(path, options, any(one is not None for one in (nats, data, context)))

    def read(self) -> tuple[str, list[ListDefinition]]:
        """The user's file and what it defines. Faulty lists are left out: whoever edits may have come to mend them."""
        text = own_lists_file.read_own(self.path)
        return text, own_lists_file.check(text, str(self.path))[0]


def add_lists(desk: OwnLists, file: str, replace: bool) -> int:
    """Take the lists of `file` in."""
    addition, source = given(file)
    new = _checked(addition, source)
    if new is None:
        return exits.USER
    if not new:
        raise ConfigError(f"{source} has no lists", remedy="a list is a table, [lists.NAME]")
    own_lists_file.change_own(desk.path, lambda text: own_lists_file.merged(text, addition, replace=replace))
    names = {definition.name for definition in new}
    _, after = desk.read()
    return _tell(desk, [definition for definition in after if definition.name in names], [])


def edit_lists(desk: OwnLists, name: str | None) -> int:
    """Let the user edit the file, or one list of it. Faults of lists that were not edited keep nothing back."""

    def whole(part: str) -> str | None:
        if _checked(part, "the edited text") is None:
            return None
        return written(desk.path, text, own_lists_file.replaced(text, name, part) if name else part)

    text, before = desk.read()
    edited = in_editor_until(whole, _own_block(desk, text, name) if name else text or _TEMPLATE, desk.path)
    if edited is None:
        return exits.USER
    if edited == text:
        output.say("nothing changed")
        return exits.OK
    after, faults = own_lists_file.check(edited, str(desk.path))
    for fault in faults:
        output.note(exits.lines_of(fault))
    gone = {definition.name for definition in before} - {definition.name for definition in after}
    return _tell(desk, own_lists_file.changed(before, after), sorted(gone))


def in_editor_until(whole: Callable[[str], str | None], part: str, path: Path) -> str | None:
    """What `whole` makes and writes of the text as the user leaves it in the editor; None when it stays faulty.

    What was written is never lost: what the file at `path` does not take is kept in a file of its own, which is said.
    """
    while True:
        part = in_editor(part)
        try:
            result = whole(part)
        except ConfigError:
            _say_kept(part, path)
            raise
        if result is not None:
            return result
        try:
            again = sys.stdin.isatty() and typer.confirm("edit again?", default=True, err=True)
        except typer.Abort:
            _say_kept(part, path)
            raise
        if not again:
            _say_kept(part, path)
            return None


def written(path: Path, text: str, edited: str) -> str:
    """The edited text, which is in the file now, if that still says `text`. Raises ConfigError."""

    def checked(now: str) -> str:
        if now != text:
            raise ConfigError(f"{path} was changed by somebody else in the meantime", remedy="edit it as it is now")
        return edited

    return edited if edited == text else own_lists_file.change_own(path, checked)


def _say_kept(part: str, path: Path) -> None:
    output.note(f"{path} is as it was; what you wrote is in {_kept(part)}")


def _own_block(desk: OwnLists, text: str, name: str) -> str:
    if name not in own_lists_file.tables_of(text):
        raise _not_own(name, own_lists_file.tables_of(text), desk.path)
    return own_lists_file.block_of(text, name)


def in_editor(text: str) -> str:
    """The text as the user's editor leaves it."""
    path = _kept(text)
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    try:
        code = subprocess.run([*shlex.split(editor), str(path)], check=False).returncode
        if code:
            raise ConfigError(f"the editor {editor!r} ended with code {code}", remedy="set EDITOR to another one")
        return own_lists_file.read_text(path)
    except (OSError, ValueError) as error:
        raise ConfigError(f"the editor {editor!r} cannot be started: {error}", remedy="set EDITOR") from None
    finally:
        path.unlink(missing_ok=True)


def _kept(text: str) -> Path:
    handle, name = tempfile.mkstemp(prefix="gapscan-", suffix=".toml")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    return Path(name)


def remove_own(desk: OwnLists, name: str) -> int:
    """Remove one of the user's lists, from the file and from NATS."""
    if name in shipped_lists().names:
        raise ConfigError(f"list {name} comes with gapscan and cannot be removed")
    text, _ = desk.read()
    mine = own_lists_file.tables_of(text)
    if name in mine:
        own_lists_file.change_own(desk.path, lambda now: own_lists_file.without(now, name))
    elif name not in _known(desk):
        raise _not_own(name, mine, desk.path)
    return _tell(desk, [], [name])


def _known(desk: OwnLists) -> set[str]:
    """The own lists that are on NATS, which somebody else may have added."""

    async def read(bus: Bus) -> set[str]:
        entries = await read_entries(bus) or []
        return {entry.name for entry in entries if entry.definition is None or _is_users(entry.definition)}

    try:
        return asyncio.run(_with_nats(desk, read))
    except BusError:
        return set()


def _is_users(definition: ListDefinition) -> bool:
    return definition.own and not definition.hidden


def _not_own(name: str, mine: Iterable[str], path: Path) -> UnknownListError:
    meant = nearest(name, mine)
    remedy = f"did you mean {meant}?" if meant else "`gapscan lists check` shows yours"
    return UnknownListError(f"there is no list named {name!r} in {path}", remedy=remedy)


def check_lists(desk: OwnLists, file: str | None) -> int:
    """Say whether the lists of `file`, or the user's own, are right."""
    text, source = given(file) if file else (own_lists_file.read_own(desk.path), str(desk.path))
    good = _checked(text, source)
    if good is None:
        return exits.USER
    names = ", ".join(definition.name for definition in good) or "no lists"
    output.say(f"ok: {source}: {names}")
    return exits.OK


def given(file: str) -> tuple[str, str]:
    """The text that the user names, and what to call it."""
    if file == "-":
        return own_lists_file.decoded(sys.stdin.buffer.read(MAX_FILE + 1), "the input"), "the input"
    return own_lists_file.read_text(Path(file)), file


def _checked(text: str, source: str) -> list[ListDefinition] | None:
    """The lists of the text; None when it has faults, which are all said."""
    try:
        good, faults = own_lists_file.check(text, source)
    except ConfigError as error:
        good, faults = [], [error]
    for fault in faults:
        output.note(exits.lines_of(fault))
    for warning in own_lists_file.warnings(good):
        output.note(f"warning: {source}: {warning}")
    return None if faults else good


def _tell(desk: OwnLists, changed: Sequence[ListDefinition], removed: Sequence[str]) -> int:
    """Publish what changed, and say what came of it."""
    try:
        late = asyncio.run(_published(desk, changed, removed))
    except BusError as error:
        output.say(f"{desk.path} is changed; the next `gapscan up` takes it up")
        output.note(f"not told to any ranker: {error.message}")
        return exits.WORLD if desk.asked else exits.OK
    for definition in changed:
        wait = "no ranker has published it yet" if definition.name in late else f"gapscan watch {definition.name}"
        output.say(f"{definition.name}: {wait}")
    for name in removed:
        output.say(f"{name}: removed")
    return exits.OK


async def _published(desk: OwnLists, changed: Sequence[ListDefinition], removed: Sequence[str]) -> set[str]:
    """Tell NATS; the lists that nobody publishes in time."""

    async def work(bus: Bus) -> set[str]:
        if await read_entries(bus) is None:
            raise BusError("gapscan has never run on that NATS")
        await own_lists_file.publish(bus, changed, removed)
        return await _late(bus, {definition.name for definition in changed})

    return await _with_nats(desk, work)


async def _late(bus: Bus, names: set[str]) -> set[str]:
    deadline = asyncio.get_running_loop().time() + _PUBLISHED_SECONDS
    while names and asyncio.get_running_loop().time() < deadline:
        names = {name for name in names if await read_snapshot(bus, name) is None}
        await asyncio.sleep(_LOOK_SECONDS if names else 0)
    return names


async def _with_nats(desk: OwnLists, work: Callable[[Bus], Awaitable[set[str]]]) -> set[str]:
    if desk.nats is None:
        raise BusError("no gapscan is running there")
    async with connect(desk.nats, "gapscan lists") as bus:
        return await work(bus)
