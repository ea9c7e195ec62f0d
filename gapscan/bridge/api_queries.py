"""What a request of the HTTP interface says: its parameters, and in which form it wants a list."""

from __future__ import annotations

import re
from typing import Final, Literal

from aiohttp import web

from gapscan.bridge.problems import ProblemError
from gapscan.lists.wish import Wish, not_fields

Kind = Literal["json", "csv"]

_KINDS: Final[dict[str, Kind]] = {"application/json": "json", "text/csv": "csv"}
_ANY: Final[dict[str, Kind]] = {"*/*": "json", "application/*": "json", "text/*": "csv"}
_LIMIT: Final = re.compile(r"[0-9]{1,9}", re.ASCII)


class Query:
    """The parameters of a request. Raises ProblemError when one is unknown, or comes twice."""

    def __init__(self, request: web.Request, *known: str) -> None:
        self._query = request.query
        for name in request.query:
            if name not in known:
                may = f"it may be {', '.join(known)}" if known else "there is none here"
                raise ProblemError("bad_request", f"there is no parameter {name[:40]!r}: {may}")
            if len(request.query.getall(name)) > 1:
                raise ProblemError("bad_request", f"the parameter {name!r} comes more than once")

    def text(self, name: str) -> str | None:
        """The parameter as it stands; None without it."""
        return self._query.get(name)

    def limit(self) -> int | None:
        """How many rows are wanted; None: all."""
        text = self.text("limit")
        if text is None:
            return None
        if not _LIMIT.fullmatch(text) or not int(text):
            raise ProblemError("bad_request", f"limit must be a whole number from 1 on, not {text[:40]!r}")
        return int(text)

    def fields(self) -> list[str] | None:
        """The fields that are wanted, in this order; None: all."""
        text = self.text("fields")
        if text is None:
            return None
        names = [name for part in text.split(",") if (name := part.strip())]
        if unknown := not_fields(names):
            raise ProblemError("bad_request", f"a row has no field {unknown[0][:40]!r}")
        return list(dict.fromkeys(names))

    def wish(self) -> Wish:
        """What is wanted of a list."""
        return Wish.of(self.limit(), self.fields())


def symbol_in(request: web.Request) -> str:
    """The symbol that the path names. Raises ProblemError when it cannot be one."""
    symbol = request.match_info["symbol"]
    if not 0 < len(symbol) <= 32:
        raise ProblemError("bad_request", "a symbol has 1 to 32 characters")
    return symbol


def kind_wanted(name: str, accept: str) -> tuple[str, Kind]:
    """A list's name without its suffix, and the form in which it is wanted. Raises ProblemError when it has none such.

    A suffix counts more than what is accepted.
    """
    for suffix, kind in ((".csv", "csv"), (".json", "json")):
        if name.endswith(suffix):
            return name.removesuffix(suffix), kind  # type: ignore[return-value]
    return name, _accepted(accept)


def _accepted(accept: str) -> Kind:
    """The best of what is accepted; where nothing is said, JSON."""
    ranges = [_media_range(part) for part in accept.split(",") if part.strip()]
    for types in (_KINDS, _ANY):
        found = [(quality, -at, types[kind]) for at, (kind, quality) in enumerate(ranges) if kind in types and quality]
        if found:
            return max(found)[2]
    if ranges:
        raise ProblemError("not_acceptable", "a list comes as application/json or text/csv")
    return "json"


def _media_range(text: str) -> tuple[str, float]:
    kind, *parameters = (part.strip().lower() for part in text.split(";"))
    quality = next((each[2:] for each in parameters if each.startswith("q=")), "1")
    try:
        return kind, float(quality)
    except ValueError:
        return kind, 0.0
