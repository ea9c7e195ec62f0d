"""What is wrong with a list that somebody is writing: key by key, with the place in the expression."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from gapscan.errors import ConfigError, SpecError
from gapscan.protocol.messages import ListDefinition
from gapscan.ranking.language.expression import Filter, SortKey
from gapscan.ranking.spec import DEFAULT_GATE, NO_GATE, ROW_FIELDS, check_own_lists

_SOURCE: Final = "definition"


class Fault(NamedTuple):
    """`key` is the definition's, "" for all of it; of a list of texts, `at` says which one, from 0.

    `column` is where in that text, 0-based, in characters, without blanks before it; None: all of it.
    """

    key: str
    at: int | None
    column: int | None
    message: str
    remedy: str


def definition_in(text: str) -> tuple[ListDefinition | None, list[Fault]]:
    """The one list of a TOML text, or all faults in it."""
    try:
        good, wrong = check_own_lists(text, _SOURCE)
    except ConfigError as error:
        return None, [_whole(error)]
    if len(good) + len(wrong) != 1:
        message = f"there are {len(good) + len(wrong)} lists: it must be one, [lists.NAME]"
        return None, [Fault("", None, None, message, "")]
    if good:
        return good[0], []
    (table,) = tomllib.loads(text)["lists"].values()
    return None, [*_faults(table)] or [_whole(error) for error in wrong]


def _whole(error: ConfigError) -> Fault:
    return Fault("", None, None, error.message.partition("\n")[0].removeprefix(f"{_SOURCE}: "), error.remedy)


def _faults(table: dict[str, Any]) -> Iterator[Fault]:
    """What is wrong with each expression by itself."""
    yield from _fault(Filter, "where", None, table.get("where"))
    sort = table.get("sort")
    for at, key in enumerate(sort if isinstance(sort, list) else []):
        yield from _fault(SortKey, "sort", at, key)
    gate = table.get("gate")
    if gate not in (DEFAULT_GATE, NO_GATE):
        yield from _fault(Filter, "gate", None, gate)


def _fault(kind: type[Filter | SortKey], key: str, at: int | None, text: object) -> Iterator[Fault]:
    if not isinstance(text, str):
        return
    try:
        kind(text, ROW_FIELDS)
    except SpecError as error:
        message = error.message.partition("\n")[0].partition(" at column ")[0]
        yield Fault(key, at, error.column, message, error.remedy)
