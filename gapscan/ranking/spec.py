"""List definitions: read from TOML, checked against the real fields, compiled once."""

from __future__ import annotations

import tomllib
from collections.abc import Collection
from dataclasses import dataclass
from importlib import resources
from typing import Annotated, Any, Final, cast

import msgspec
from msgspec import Meta, Struct

from gapscan.errors import ConfigError, SpecError
from gapscan.market.sessions import Session
from gapscan.market.universe import COMPUTED, KNOWN, OBSERVED, TEXTS
from gapscan.protocol.messages import ListDefinition, SessionName
from gapscan.protocol.names import check_list_name
from gapscan.ranking.expression import Filter, SortKey

DEFAULT_LIMIT: Final = 200
TIE_BREAKERS: Final = ("-dollar_volume", "symbol")
_FLAGS: Final = frozenset({"gap_indicative", "stale", "split_today", "test_symbol"})
_INTERNAL: Final = frozenset({"gone", "updated", "from_bar"})
_NUMBERS: Final = frozenset({*OBSERVED, *KNOWN, *COMPUTED}) - _FLAGS - _INTERNAL


class RowFields:
    """The names that filters and sort keys may use."""

    @property
    def numbers(self) -> Collection[str]:
        """Fields with a number."""
        return _NUMBERS

    @property
    def flags(self) -> Collection[str]:
        """Fields that are true or false."""
        return _FLAGS

    @property
    def texts(self) -> Collection[str]:
        """Fields with a text; `session` is the market's."""
        return ("symbol", *TEXTS, "session")


ROW_FIELDS: Final = RowFields()


class _ListTable(Struct, forbid_unknown_fields=True):
    where: str
    sort: list[str]
    description: str = ""
    limit: Annotated[int, Meta(ge=1, le=1000)] = DEFAULT_LIMIT
    sessions: list[SessionName] = []


class _ListsFile(Struct, forbid_unknown_fields=True):
    lists: dict[str, dict[str, Any]]
    gate: str = ""


@dataclass(frozen=True, slots=True)
class ListSpec:
    """One list, ready to be ranked."""

    definition: ListDefinition
    filter: Filter
    keys: tuple[SortKey, ...]
    sessions: frozenset[Session]

    @property
    def name(self) -> str:
        """The list's name."""
        return self.definition.name

    def is_open(self, session: Session) -> bool:
        """Whether the list is ranked in `session`."""
        return not self.sessions or session in self.sessions


@dataclass(frozen=True, slots=True)
class ListSet:
    """The lists of one file, and the gate that all their rows must pass."""

    gate: Filter
    specs: tuple[ListSpec, ...]

    @property
    def names(self) -> list[str]:
        """The lists' names, in the order of the file."""
        return [spec.name for spec in self.specs]


def compile_list(definition: ListDefinition) -> ListSpec:
    """Check and compile a definition; SpecError names the list, the key and the place of the fault."""
    where = f"list {definition.name}"
    check_list_name(definition.name)
    if not definition.sort:
        raise SpecError(f"{where}: sort is empty", remedy='give at least one key, such as ["-change_percent"]')
    keys = [*definition.sort, *(key for key in TIE_BREAKERS if key not in definition.sort)]
    return ListSpec(
        definition,
        _compile(f"{where}, where", definition.where),
        tuple(_key(f"{where}, sort", key) for key in keys),
        frozenset(Session(name) for name in definition.sessions),
    )


def _compile(place: str, text: str) -> Filter:
    try:
        return Filter(text, ROW_FIELDS)
    except SpecError as error:
        raise SpecError(f"{place}: {error.message}", column=error.column, remedy=error.remedy) from None


def _key(place: str, text: str) -> SortKey:
    try:
        return SortKey(text, ROW_FIELDS)
    except SpecError as error:
        raise SpecError(f"{place}: {error.message}", column=error.column, remedy=error.remedy) from None


def parse_lists(text: str, source: str) -> ListSet:
    """The lists of a TOML text; `source` names it in errors. Raises ConfigError or SpecError."""
    try:
        tables = msgspec.convert(tomllib.loads(text), _ListsFile)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ConfigError(f"{source}: {error}") from None
    definitions = [_definition(source, *item) for item in enumerate(tables.lists.items())]
    gate = _compile(f"{source}, gate", tables.gate) if tables.gate else Filter("True", ROW_FIELDS)
    return ListSet(gate, tuple(compile_list(definition) for definition in definitions))


def _definition(source: str, place: int, item: tuple[str, dict[str, Any]]) -> ListDefinition:
    name, values = item
    try:
        table = msgspec.convert(values, _ListTable)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{source}: list {name}: {error}") from None
    sessions = cast(list[SessionName], [str(session) for session in table.sessions])
    return ListDefinition(name, table.description, table.where, table.sort, table.limit, sessions, place)


def shipped_lists() -> ListSet:
    """The lists that come with gapscan."""
    text = resources.files("gapscan.ranking").joinpath("lists.toml").read_text("utf-8")
    return parse_lists(text, "lists.toml")
