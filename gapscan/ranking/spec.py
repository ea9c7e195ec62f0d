"""List definitions: read from TOML, checked against the real fields, compiled once."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from typing import Annotated, Any, Final, TypeVar, cast

import msgspec
from msgspec import Meta, Struct, structs

from gapscan.errors import ConfigError, SpecError
from gapscan.market.sessions import MarketSession
from gapscan.protocol.fields import FIELDS, MAX_COLUMNS
from gapscan.protocol.messages import ListDefinition, SessionName
from gapscan.protocol.names import check_list_name
from gapscan.protocol.values import Idle
from gapscan.ranking.language.expression import Filter, SortKey

DEFAULT_LIMIT: Final = 200
TIE_BREAKERS: Final = ("-dollar_volume", "symbol")
OWN_PLACE: Final = 1000  # users' lists are shown after those that come with gapscan
DEFAULT_GATE: Final = "default"
NO_GATE: Final = "none"
MAX_OWN: Final = 100
MAX_KEYS: Final = 8
MAX_DESCRIPTION: Final = 500
MAX_FILE: Final = 256 * 1024
_USABLE: Final = tuple(field for field in FIELDS.values() if field.expressions)
_FLAGS: Final = frozenset({"test_symbol", *(field.name for field in _USABLE if field.type == "boolean")})
_NUMBERS: Final = frozenset({"now", *(field.name for field in _USABLE if field.type in ("number", "integer"))})
_TEXTS: Final = ("symbol", *(field.name for field in _USABLE if field.type == "text"))


class RowFields:
    """The names that filters and sort keys may use: what rows show, `test_symbol`, and market time as `now`."""

    @property
    def numbers(self) -> Collection[str]:
        """Fields with a number; times are epoch ms."""
        return _NUMBERS

    @property
    def flags(self) -> Collection[str]:
        """Fields that are true or false."""
        return _FLAGS

    @property
    def texts(self) -> Collection[str]:
        """Fields with a text; `session` is the market's."""
        return _TEXTS


ROW_FIELDS: Final = RowFields()


class _ListTable(Struct, forbid_unknown_fields=True):
    where: str
    sort: list[str]
    description: Annotated[str, Meta(max_length=MAX_DESCRIPTION)] = ""
    limit: Annotated[int, Meta(ge=1, le=1000)] = DEFAULT_LIMIT
    sessions: list[SessionName] = []
    columns: list[str] = []
    idle: Idle = "leave"
    gate: str = DEFAULT_GATE
    settle: Annotated[float, Meta(ge=0, le=60)] = 3.0
    near: bool = False


class _ListsFile(Struct, forbid_unknown_fields=True):
    lists: dict[str, dict[str, Any]]
    gate: str = ""


class _OwnFile(Struct, forbid_unknown_fields=True):
    lists: dict[str, dict[str, Any]] = {}


_OwnOrShipped = TypeVar("_OwnOrShipped", _ListsFile, _OwnFile)


@dataclass(frozen=True, slots=True)
class ListSpec:
    """One list, ready to be ranked."""

    definition: ListDefinition
    filter: Filter
    keys: tuple[SortKey, ...]
    sessions: frozenset[MarketSession]
    gate: Filter | None = None  # without one of its own, that of most lists

    @property
    def name(self) -> str:
        """The list's name."""
        return self.definition.name

    @property
    def fields(self) -> frozenset[str]:
        """The columns that filter and sort keys read."""
        return self.filter.fields.union(*(key.fields for key in self.keys))

    @property
    def keeps_idle(self) -> bool:
        """Whether a symbol that has not traded for long stays."""
        return self.definition.idle == "stay"

    def is_open(self, session: MarketSession) -> bool:
        """Whether the list is ranked in `session`: in the night, if it names that."""
        return session in self.sessions if self.sessions else session is not MarketSession.NIGHT


@dataclass(frozen=True)
class ListSet:
    """The lists of one file, and the gate that their rows must pass, but for lists with one of their own."""

    gate: Filter
    specs: tuple[ListSpec, ...]

    @property
    def names(self) -> list[str]:
        """The lists' names, in the order of the file."""
        return [spec.name for spec in self.specs]

    def gate_of(self, spec: ListSpec) -> Filter:
        """The gate of one of the lists."""
        return spec.gate or self.gate

    @cached_property
    def gates(self) -> tuple[Filter, ...]:
        """The gates of the lists, each once: what is the same for many is computed once."""
        return tuple({gate.text: gate for gate in (self.gate, *map(self.gate_of, self.specs))}.values())

    def door_of(self, spec: ListSpec) -> int:
        """Which door is the list's: each of `gates` has one that idle symbols do not pass, then one that they do."""
        texts = [gate.text for gate in self.gates]
        return 2 * texts.index(self.gate_of(spec).text) + spec.keeps_idle


def compile_list(definition: ListDefinition) -> ListSpec:
    """Check and compile a definition; SpecError names the list, the key and the place of the fault."""
    where = f"list {definition.name}"
    check_list_name(definition.name)
    _check_size(where, definition)
    keys = [*definition.sort, *(key for key in TIE_BREAKERS if key not in definition.sort)]
    return ListSpec(
        definition,
        _compile(f"{where}, where", Filter, definition.where),
        tuple(_compile(f"{where}, sort", SortKey, key) for key in keys),
        frozenset(MarketSession(name) for name in definition.sessions),
        _own_gate(where, definition.gate),
    )


def gate_of(definition: ListDefinition, default: str) -> str:
    """The expression that rows of the list must pass first; `default` is that of most lists."""
    return {DEFAULT_GATE: default, NO_GATE: "True"}.get(definition.gate, definition.gate)


def _own_gate(where: str, text: str) -> Filter | None:
    if text == DEFAULT_GATE:
        return None
    try:
        return _compile(f"{where}, gate", Filter, "True" if text == NO_GATE else text)
    except SpecError as error:
        if not text.isidentifier():
            raise
        raise SpecError(error.message, column=error.column, remedy='"default", "none" or an expression') from None


def _check_size(where: str, definition: ListDefinition) -> None:
    """A definition can come from anybody: what is ranked ten times a second must be small."""
    if not definition.sort:
        raise SpecError(f"{where}: sort is empty", remedy='give at least one key, such as ["-change_percent"]')
    if len(definition.sort) > MAX_KEYS:
        raise SpecError(f"{where}: sort has {len(definition.sort)} keys", remedy=f"at most {MAX_KEYS}")
    if len(definition.description) > MAX_DESCRIPTION:
        raise SpecError(f"{where}: the description is too long", remedy=f"at most {MAX_DESCRIPTION} characters")
    if len(definition.columns) > MAX_COLUMNS:
        raise SpecError(f"{where}: columns has {len(definition.columns)} fields", remedy=f"at most {MAX_COLUMNS}")


def _check_columns(where: str, columns: list[str]) -> None:
    """What somebody writes must be right. What is in the bucket may be of a later version, with fields to come."""
    for place, name in enumerate(columns):
        if name not in FIELDS:
            raise SpecError(f"{where}, columns: {name[:MAX_DESCRIPTION]} is not a field", remedy=meant(name, FIELDS))
        if name in columns[:place]:
            raise SpecError(f"{where}, columns: {name} is there twice")


_Compiled = TypeVar("_Compiled", Filter, SortKey)


def _compile(place: str, kind: type[_Compiled], text: str) -> _Compiled:
    try:
        return kind(text, ROW_FIELDS)
    except SpecError as error:
        raise SpecError(f"{place}: {error.message}", column=error.column, remedy=error.remedy) from None


def parse_lists(text: str, source: str) -> ListSet:
    """The lists of a TOML text; `source` names it in errors. Raises ConfigError or SpecError."""
    tables = _file(text, source, _ListsFile)
    definitions = [_definition(source, *item) for item in enumerate(tables.lists.items())]
    gate = _compile(f"{source}, gate", Filter, tables.gate or "True")
    return ListSet(gate, tuple(compile_list(definition) for definition in definitions))


def check_own_lists(text: str, source: str) -> tuple[list[ListDefinition], list[ConfigError]]:
    """A user's lists, and all faults in those that cannot be used; `source` names the text in errors.

    Raises ConfigError when the text as a whole cannot be read.
    """
    tables = _file(text, source, _OwnFile).lists
    if len(tables) > MAX_OWN:
        raise ConfigError(f"{source}: {len(tables)} lists are too many", remedy=f"at most {MAX_OWN}")
    good: list[ListDefinition] = []
    faults: list[ConfigError] = []
    for place, item in enumerate(tables.items()):
        try:
            definition = structs.replace(_definition(source, OWN_PLACE + place, item), own=True)
            compile_list(definition)
            good.append(definition)
        except SpecError as error:
            faults.append(SpecError(f"{source}: {error.message}", column=error.column, remedy=error.remedy))
        except ConfigError as error:
            faults.append(error)
    return good, faults


def _file(text: str, source: str, kind: type[_OwnOrShipped]) -> _OwnOrShipped:
    if len(text) > MAX_FILE:
        raise ConfigError(f"{source}: {len(text)} characters are too many", remedy=f"at most {MAX_FILE}")
    try:
        return msgspec.convert(tomllib.loads(text), kind)
    except RecursionError:
        raise ConfigError(f"{source}: it is nested too deeply") from None
    except (ValueError, msgspec.ValidationError) as error:  # also a number with too many digits
        raise ConfigError(f"{source}: {error}") from None


def _definition(source: str, place: int, item: tuple[str, dict[str, Any]]) -> ListDefinition:
    name, values = item
    try:
        check_list_name(name)
        table = msgspec.convert(values, _ListTable)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{source}: list {name}: {error}", remedy=_meant_key(values)) from None
    except ConfigError as error:
        raise ConfigError(f"{source}: {error.message}", remedy=error.remedy) from None
    sessions = cast(list[SessionName], [str(session) for session in table.sessions])
    _check_columns(f"list {name}", table.columns)
    return ListDefinition(
        name, table.description, table.where, table.sort, table.limit, sessions, place, columns=table.columns,
        idle=table.idle, gate=table.gate, settle=table.settle, near=table.near,
    )  # fmt: skip


def _meant_key(values: dict[str, Any]) -> str:
    """The remedy for a key that does not exist, if there is one."""
    known = _ListTable.__struct_fields__
    unknown = next((key for key in values if key not in known), None)
    return meant(unknown, known) if unknown is not None else ""


def meant(unknown: str, known: Collection[str]) -> str:
    """The remedy for a name that is not known."""
    close = difflib.get_close_matches(unknown[:MAX_DESCRIPTION], known, n=1)
    return f"did you mean {close[0]}?" if close else "one of " + ", ".join(known)


def shipped_lists() -> ListSet:
    """The lists that come with gapscan."""
    text = resources.files("gapscan.ranking").joinpath("lists.toml").read_text("utf-8")
    return parse_lists(text, "lists.toml")
