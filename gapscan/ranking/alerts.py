"""Alert definitions: read from TOML like lists, checked against the real fields, compiled once."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from gapscan.errors import ConfigError, SpecError
from gapscan.protocol.alerts import HIDDEN_PREFIX, MAX_ALERTS, AlertDefinition, Sessions, Words
from gapscan.protocol.fields import FIELDS
from gapscan.protocol.lists import ListDefinition
from gapscan.protocol.names import check_list_name
from gapscan.ranking.language.alert_words import AlertCondition
from gapscan.ranking.spec import MAX_FILE, OWN_PLACE, compile_list, meant

MAX_TEXT: Final = 500
_KINDS: Final = ("enter", "leave", "first", "halted", "resumed", "rank", "when")
_LONGEST_NAME: Final = 48 - len(HIDDEN_PREFIX)
_QUIET: Final = re.compile(r"(\d\d:\d\d)-(\d\d:\d\d)")
PLACEHOLDER: Final = re.compile(r"\{(\w*)\}")
_PLACEHOLDERS: Final = ("symbol", "rank", "list", "alert", *FIELDS)
_SORT: Final = ["-dollar_volume"]  # of a list over any symbol: the busiest, if there are more than a list may have
_LIMIT: Final = 1000

Seconds = Annotated[float, Meta(ge=0, le=86_400)]


class _AlertTable(Struct, forbid_unknown_fields=True):
    list: str = ""
    where: str = ""
    on: str = ""
    when: str = ""
    rank: Annotated[int, Meta(ge=0, le=1000)] = 0
    dwell: Seconds = 0.0
    cooldown: Seconds = 0.0
    once_a_day: bool = False
    sessions: Sessions = []
    quiet: Words = []
    text: Annotated[str, Meta(max_length=MAX_TEXT)] = ""
    channels: Words = []


class _AlertsFile(Struct, forbid_unknown_fields=True):
    alerts: dict[str, dict[str, Any]] = {}


@dataclass(frozen=True, slots=True)
class AlertSpec:
    """One alert, ready to be watched for. `quiet` are minutes of the day, from and to.

    `watches` is a digest of what it waits for: the same as long as what is known of its list is of use to it.
    """

    definition: AlertDefinition
    condition: AlertCondition | None
    quiet: tuple[tuple[int, int], ...]
    watches: str


def check_alerts(text: str, source: str) -> tuple[list[AlertDefinition], list[ConfigError]]:
    """The alerts of a TOML text, and all faults in those that cannot be used; `source` names the text in errors.

    Raises ConfigError when the text as a whole cannot be read.
    """
    tables = _file(text, source).alerts
    if len(tables) > MAX_ALERTS:
        raise ConfigError(f"{source}: {len(tables)} alerts are too many", remedy=f"at most {MAX_ALERTS}")
    good: list[AlertDefinition] = []
    faults: list[ConfigError] = []
    for name, values in tables.items():
        try:
            definition = _definition(name, values)
            compile_alert(definition)
            good.append(definition)
        except SpecError as error:
            faults.append(SpecError(f"{source}: {error.message}", column=error.column, remedy=error.remedy))
        except ConfigError as error:
            faults.append(ConfigError(f"{source}: {error.message}", remedy=error.remedy))
    return good, faults


def _file(text: str, source: str) -> _AlertsFile:
    if len(text) > MAX_FILE:
        raise ConfigError(f"{source}: {len(text)} characters are too many", remedy=f"at most {MAX_FILE}")
    try:
        return msgspec.convert(tomllib.loads(text), _AlertsFile)
    except RecursionError:
        raise ConfigError(f"{source}: it is nested too deeply") from None
    except (ValueError, msgspec.ValidationError) as error:
        raise ConfigError(f"{source}: {error}") from None


def _definition(name: str, values: Mapping[str, Any]) -> AlertDefinition:
    check_list_name(name)
    try:
        table = msgspec.convert(values, _AlertTable)
    except msgspec.ValidationError as error:
        known = _AlertTable.__struct_fields__
        unknown = next((key for key in values if key not in known), None)
        remedy = meant(unknown, known) if unknown is not None else ""
        raise ConfigError(f"alert {name}: {error}", remedy=remedy) from None
    if bool(table.list) == bool(table.where):
        raise ConfigError(
            f"alert {name}: it is about a list, or about any symbol", remedy="give either `list` or `where`"
        )
    usual = "when" if table.when and not table.where else "enter"
    given = msgspec.structs.asdict(table)
    given.update(name=name, list=table.list or HIDDEN_PREFIX + name, on=table.on or usual)
    return AlertDefinition(**given)


def compile_alert(definition: AlertDefinition) -> AlertSpec:
    """Check and compile a definition; SpecError names the alert, the key and the place of the fault."""
    where = f"alert {definition.name}"
    check_list_name(definition.name)
    _check_words(where, definition)
    if definition.where:
        if len(definition.name) > _LONGEST_NAME:
            raise SpecError(f"{where}: the name is too long", remedy=f"at most {_LONGEST_NAME} characters with `where`")
        compile_list(hidden_list(definition))
    condition = _condition(f"{where}, when", definition.when) if definition.when else None
    quiet = tuple(_quiet(where, text) for text in definition.quiet)
    return AlertSpec(definition, condition, quiet, _watches(definition))


def _watches(definition: AlertDefinition) -> str:
    """Whom it tells, how often and in which words may change without that."""
    parts = (definition.list, definition.on, definition.when, definition.where, definition.rank, definition.dwell)
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:16]


def _condition(place: str, text: str) -> AlertCondition:
    try:
        return AlertCondition(text)
    except SpecError as error:
        raise SpecError(f"{place}: {error.message}", column=error.column, remedy=error.remedy) from None


def _check_words(where: str, definition: AlertDefinition) -> None:
    check_list_name(definition.list)
    if definition.on not in _KINDS:
        raise SpecError(
            f"{where}, on: {definition.on[:40]!r} is nothing to wait for", remedy=meant(definition.on, _KINDS)
        )
    if definition.on == "when" and not definition.when:
        raise SpecError(
            f"{where}: on is when, and there is no `when`", remedy="give the condition that is to turn true"
        )
    if (definition.on == "rank") != bool(definition.rank):
        raise SpecError(f"{where}: rank is the place to be reached", remedy='give both, on = "rank" and rank = 10')
    if len(definition.text) > MAX_TEXT:
        raise SpecError(f"{where}: the text is too long", remedy=f"at most {MAX_TEXT} characters")
    for word in PLACEHOLDER.findall(definition.text):
        if word not in _PLACEHOLDERS:
            raise SpecError(f"{where}, text: {{{word[:40]}}} is not a field", remedy=meant(word, _PLACEHOLDERS))


def _quiet(where: str, text: str) -> tuple[int, int]:
    """`20:00-08:00` as minutes of the day; it may end on the next one."""
    found = _QUIET.fullmatch(text)
    try:
        begin, end = (dt.time.fromisoformat(part) for part in (found.groups() if found else ("", "")))
    except ValueError:
        raise SpecError(f"{where}, quiet: {text[:40]!r} is no time", remedy='write it as "20:00-08:00"') from None
    return begin.hour * 60 + begin.minute, end.hour * 60 + end.minute


def is_quiet(minute: int, times: Collection[tuple[int, int]]) -> bool:
    """Whether a minute of the day lies in one of the times."""
    return any(begin <= minute < end if begin <= end else minute >= begin or minute < end for begin, end in times)


def hidden_list(definition: AlertDefinition) -> ListDefinition:
    """The list that an alert over any symbol needs."""
    return ListDefinition(
        name=definition.list,
        description=f"What the alert {definition.name} looks at.",
        where=definition.where,
        sort=_SORT,
        limit=_LIMIT,
        sessions=list(definition.sessions),
        place=2 * OWN_PLACE,
        own=True,
        hidden=True,
    )
