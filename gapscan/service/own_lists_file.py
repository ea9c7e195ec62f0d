"""A user's own lists: one TOML file, edited as text so that comments stay, and what of it is on NATS."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Container, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from msgspec import structs

from gapscan.bus.client import Bus
from gapscan.bus.definitions import read_entries, remove_list, write_definition
from gapscan.config import Config, expanded, user_config_dir
from gapscan.errors import ConfigError
from gapscan.files import one_at_a_time, replace_file
from gapscan.protocol.alerts import HIDDEN_PREFIX
from gapscan.protocol.messages import ListDefinition
from gapscan.ranking.gate_check import kept_out
from gapscan.ranking.spec import MAX_FILE, check_own_lists, shipped_lists
from gapscan.service.list_words import reworded

FILE_NAME: Final = "lists.toml"
_HEADERS: Final = {
    section: re.compile(
        rf"""^[ \t]*\[[ \t]*{section}[ \t]*\.[ \t]*(?:"([^"]*)"|'([^']*)'|([\w-]+))[ \t]*\][ \t]*(?:#.*)?$"""
    )
    for section in ("lists", "alerts")
}

Tables = dict[str, dict[str, Any]]


def own_file(config: Config) -> Path:
    """Where the user's own lists are. Raises ConfigError when nothing says it, and the user has no home."""
    given = config.ranker.lists_file
    return expanded(given) if given else user_config_dir() / FILE_NAME


def read_text(path: Path) -> str:
    """The text of a file of lists. Raises ConfigError when it cannot be read, or is too large to be one."""
    try:
        with path.open("rb") as file:
            return decoded(file.read(MAX_FILE + 1), str(path))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None


def read_own(path: Path) -> str:
    """The text of the user's own file; empty when there is none."""
    return read_text(path) if path.exists() else ""


def decoded(data: bytes, source: str) -> str:
    """Bytes as the text of a file of lists. Raises ConfigError."""
    if len(data) > MAX_FILE:
        raise ConfigError(f"{source} is too large for a file of lists", remedy=f"at most {MAX_FILE} bytes")
    try:
        return data.decode("utf-8-sig")  # Windows' editors write a byte order mark
    except UnicodeDecodeError as error:
        raise ConfigError(f"{source} is not UTF-8: byte {error.start}") from None


def change_own(path: Path, changed: Callable[[str], str]) -> str:
    """Put what `changed` makes of the file's text in its place, as a whole; that text.

    Nobody reads half of it, and of two who change it at once, in whichever process, the second one changes what the
    first one wrote. Raises ConfigError, and what `changed` raises; then the file stays as it was.
    """
    try:
        with one_at_a_time(path):
            text = changed(read_own(path))
            replace_file(path, text.encode())
    except TimeoutError:
        raise ConfigError(f"{path} is being written by somebody else", remedy="try again") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from None
    return text


def check(text: str, source: str) -> tuple[list[ListDefinition], list[ConfigError]]:
    """The lists of the text, and all faults in it, names that gapscan's own lists have included."""
    good, faults = check_own_lists(text, source)
    shipped = set(shipped_lists().names)
    taken = {definition.name: why for definition in good if (why := _taken(definition.name, shipped))}
    refused = [ConfigError(f"{source}: list {name} {why}", remedy="choose another name") for name, why in taken.items()]
    return [definition for definition in good if definition.name not in taken], [*faults, *refused]


def _taken(name: str, shipped: Container[str]) -> str:
    """Why a name cannot be that of an own list; empty when it can."""
    if name in shipped:
        return "comes with gapscan"
    return f"has a name as alerts give their lists: {HIDDEN_PREFIX}..." if name.startswith(HIDDEN_PREFIX) else ""


def warnings(definitions: Iterable[ListDefinition]) -> list[str]:
    """What the lists ask for in vain, since their gate keeps it out."""
    gate = shipped_lists().gate.text
    return [
        f"list {definition.name} asks for {what}, which its gate keeps out; "
        'gate = "none", or one of its own, would let it in'
        for definition in definitions
        for what in kept_out(definition, gate)
    ]


def tables_of(text: str, section: str = "lists") -> Tables:
    """The lists of a text that was checked; or the alerts, which are kept in the same way."""
    tables: Tables = tomllib.loads(text).get(section, {})
    return tables


def merged(text: str, addition: str, *, replace: bool, section: str = "lists") -> str:
    """The text with the lists of another one, in the words of each.

    A list that is replaced stays where it was, with its comments where the new one has none. Raises ConfigError when a
    list is there already as another one, unless it is to be replaced.
    """
    mine, theirs = tables_of(text, section), tables_of(addition, section)
    both = [name for name in theirs if name in mine and theirs[name] != mine[name]]
    if both and not replace:
        raise ConfigError(f"{' and '.join(both)} is there already", remedy="--replace takes the new one")
    found = _blocks(addition, section)[1].items()
    blocks = {name: block for name, block in found if _says(block, {name: theirs.get(name, {})}, section)}
    words = {name: blocks.get(name) or _written(name, theirs[name], section) for name in theirs}
    if both:
        head, parts = _blocks(text, section)
        kept = {name: _in_words(parts.get(name, ""), words[name], {name: theirs[name]}, section) for name in both}
        text = _joined([head, *(kept.get(name, part) for name, part in parts.items())])
    result = _joined([text, *(words[name] for name in theirs if name not in mine)])
    return _verified(result, {**{name: mine[name] for name in mine if name not in both}, **theirs}, section)


def replaced(text: str, name: str, part: str, section: str = "lists") -> str:
    """The text with another part in the place of one of its lists, as somebody edited it: in its words alone.

    Raises ConfigError when the text is written in a way that cannot be taken apart.
    """
    mine, theirs = tables_of(text, section), tables_of(part, section)
    head, blocks = _blocks(text, section)
    others = {other: block for other, block in blocks.items() if other == name or other not in theirs}
    result = _joined([head, *(part if other == name else block for other, block in others.items())])
    expected = {**{other: table for other, table in mine.items() if other != name}, **theirs}
    if name in blocks and _says(result, expected, section):
        return result
    return merged(without(text, name, section), part, replace=True, section=section)


def without(text: str, name: str, section: str = "lists") -> str:
    """The text without one of its lists. Raises ConfigError when it is written in a way that cannot be taken apart."""
    head, blocks = _blocks(text, section)
    rest = {other: table for other, table in tables_of(text, section).items() if other != name}
    return _verified(_joined([head, *(block for other, block in blocks.items() if other != name)]), rest, section)


def block_of(text: str, name: str, section: str = "lists") -> str:
    """What the text says of one list, with the comments before it. Raises ConfigError."""
    block = _blocks(text, section)[1].get(name, "")
    return _verified(block, {name: tables_of(text, section)[name]}, section)


def _in_words(old: str, new: str, expected: Tables, section: str) -> str:
    """The new block of a list, with what of the old one's words and comments can stay."""
    try:
        text = reworded(old, new)
    except ValueError:
        return new
    return text if _says(text, expected, section) else new


def _says(text: str, expected: Tables, section: str) -> bool:
    try:
        return tables_of(text, section) == expected
    except (ValueError, RecursionError, AttributeError):
        return False


def _verified(text: str, expected: Tables, section: str) -> str:
    """The text, if it says just what is expected: cutting may go wrong, in a text of many lines for example."""
    if not _says(text, expected, section):
        raise ConfigError(
            f"the file of {section} is written in a way that cannot be changed one table at a time",
            remedy=f"give each a table, [{section}.NAME], with `gapscan {section} edit`",
        )
    return text


def _blocks(text: str, section: str) -> tuple[str, dict[str, str]]:
    """What comes before the first list, and the part of each list: its table, and the comments right before it."""
    lines = text.splitlines(keepends=True)
    starts = [
        (number, _name(match)) for number, line in enumerate(lines) if (match := _HEADERS[section].match(line.rstrip()))
    ]
    begins = [_with_comments(lines, number) for number, _ in starts]
    ends = [*begins[1:], len(lines)]
    head = "".join(lines[: begins[0]]) if begins else text
    parts = zip(starts, begins, ends, strict=False)
    return head, {name: "".join(lines[begin:end]) for (_, name), begin, end in parts}


def _name(header: re.Match[str]) -> str:
    return next(group for group in header.groups() if group is not None)


def _with_comments(lines: list[str], number: int) -> int:
    while number > 0 and lines[number - 1].lstrip().startswith("#"):
        number -= 1
    return number


def _joined(parts: Iterable[str]) -> str:
    """The parts with an empty line between them."""
    said = [part.strip("\r\n") for part in parts if part.strip()]
    return "\n\n".join(said) + "\n" if said else ""


def _written(name: str, table: Mapping[str, Any], section: str) -> str:
    """A list or an alert as TOML."""
    return "\n".join([f"[{section}.{name}]", *(f"{key} = {_value(value)}" for key, value in table.items())])


def _value(value: object) -> str:
    # A JSON text, number or array is TOML too, but for one character.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


async def publish(bus: Bus, wanted: Iterable[ListDefinition], removed: Iterable[str]) -> None:
    """Tell the rankers of new and changed lists, and remove others. Raises BusError."""
    for definition in wanted:
        await write_definition(bus, definition)
    for name in removed:
        await remove_list(bus, name)


async def load(bus: Bus, path: Path) -> list[str]:
    """Make the lists of the file the only own lists there are; what is wrong with it.

    A faulty list stays as it was. Raises BusError.
    """
    try:
        text = read_own(path)
        good, faults = check(text, str(path))
    except ConfigError as error:
        return [str(error)]
    found = {entry.name: entry.definition for entry in await read_entries(bus) or []}
    own = {
        name
        for name, definition in found.items()
        if definition is not None and definition.own and not definition.hidden
    }
    wanted = [definition for definition in good if found.get(definition.name) != definition]
    await publish(bus, wanted, own - tables_of(text).keys())
    return [str(fault) for fault in faults]


def changed(before: Iterable[ListDefinition], after: Iterable[ListDefinition]) -> list[ListDefinition]:
    """What is new or another one in `after`; moving within the file changes no list."""
    old = {definition.name: structs.replace(definition, place=0) for definition in before}
    return [definition for definition in after if old.get(definition.name) != structs.replace(definition, place=0)]
