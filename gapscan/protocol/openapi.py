"""The OpenAPI 3.1 document of the HTTP interface, made from the types of its answers."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from gapscan.protocol import api, api_own
from gapscan.protocol.bars import SymbolBars
from gapscan.protocol.field_docs import described
from gapscan.protocol.fields import FIELDS
from gapscan.protocol.messages import Delta, Near, Snapshot, Why
from gapscan.protocol.schema_text import tidied
from gapscan.protocol.websocket import Beat, Error

Document = dict[str, Any]

OPENAPI_FILE: Final = "openapi.json"
API_VERSION: Final = "1.0.0"

_SCHEMAS: Final = "#/components/schemas/"
_ANSWERS: Final = (
    api.ListsAnswer, api.ListAnswer, api.PastAnswer, api.SymbolAnswer, api.StaysAnswer, api.HaltsAnswer,
    api.TriedAnswer, Why, Near, api.Problem,
    api_own.PreviewAnswer, api_own.OwnListsAnswer, api_own.OwnListChanged,
)  # fmt: skip
_EVENTS: Final = (Snapshot, Delta, Beat, Error)
_ROWS: Final = ("Fields", "RankedRow")

_LIST: Final[Document] = {
    "name": "list",
    "in": "path",
    "required": True,
    "description": "the list's name; with `.json` or `.csv` after it, in that form",
    "schema": {"type": "string", "minLength": 1},
    "example": "gappers_up",
}
_SYMBOL: Final[Document] = {
    "name": "symbol",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "minLength": 1, "maxLength": 32},
    "example": "TSLA",
}
_LIMIT: Final[Document] = {
    "name": "limit",
    "in": "query",
    "description": "the first so many rows only",
    "schema": {"type": "integer", "minimum": 1, "maximum": 999_999_999},
}
_FIELDS: Final[Document] = {
    "name": "fields",
    "in": "query",
    "description": "of each row its symbol and these fields only; with commas; a CSV's columns in this order",
    "style": "form",
    "explode": False,
    "schema": {"type": "array", "items": {"enum": list(FIELDS)}},
}
_AT: Final[Document] = {
    "name": "at",
    "in": "query",
    "description": "as the list was at this market time: 09:31:07, 2026-11-27 09:31, 5m ago or epoch ms; in New York",
    "schema": {"type": "string", "minLength": 1},
    "example": "09:31:07",
}
_ONE_LIST: Final[Document] = {
    "name": "list",
    "in": "query",
    "description": "about this list only",
    "schema": {"type": "string", "minLength": 1},
}
_DEFINITION: Final[Document] = {
    "name": "definition",
    "in": "query",
    "required": True,
    "description": "one list as TOML, as in a file of own lists",
    "schema": {"type": "string", "minLength": 1},
    "example": '[lists.mine]\nwhere = "gap_percent >= 4"\nsort = ["-gap_percent"]',
}
_OWN_LIST: Final[Document] = {
    "name": "list",
    "in": "path",
    "required": True,
    "description": "the own list's name",
    "schema": {"type": "string", "minLength": 1},
    "example": "mine",
}
_IF_MATCH: Final[Document] = {
    "name": "If-Match",
    "in": "header",
    "description": "the `tag` of what is changed, in quotes",
    "schema": {"type": "string"},
}
_IF_NONE: Final[Document] = {
    "name": "If-None-Match",
    "in": "header",
    "description": "*: the list is new",
    "schema": {"const": "*"},
}
_OF_EDITORS: Final = ("not_allowed", "unavailable")
_DAYS: Final[Document] = {
    "name": "days",
    "in": "query",
    "description": "the latest so many days; 5 without it",
    "schema": {"type": "integer", "minimum": 1, "maximum": 20},
}
_LAST_EVENT: Final[Document] = {
    "name": "Last-Event-ID",
    "in": "header",
    "description": "the id of the last event: epoch, a colon, sequence. The stream goes on from there",
    "schema": {"type": "string"},
}
_IF_NONE_MATCH: Final[Document] = {
    "name": "If-None-Match",
    "in": "header",
    "description": "the ETag of what is had",
    "schema": {"type": "string"},
}


def _document() -> Document:
    schemas = msgspec.json.schema_components((*_ANSWERS, SymbolBars, *_EVENTS), ref_template=_SCHEMAS + "{name}")[1]
    for name in _ROWS:
        for field, schema in schemas.get(name, {}).get("properties", {}).items():
            if field in FIELDS:
                schema["description"] = described(FIELDS[field])
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "gapscan",
            "version": API_VERSION,
            "description": "Ranked lists of US stocks by plain requests. docs/protocol.md, section 17, has the rules.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {f"{api.PREFIX}{path}": methods for path, methods in _paths().items()},
        "components": {
            "schemas": dict(sorted(tidied(schemas).items())),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
    }


def _paths() -> dict[str, Document]:
    """What can be done at each path, by method."""
    return {path: {"get": operation} for path, operation in _operations().items()} | {"/own-lists/{list}": _changes()}


def _operations() -> dict[str, Document]:
    document = {"application/json": {"schema": {"type": "object"}}}
    return {
        **_of_lists(),
        **_of_symbols(),
        "/backtest": _operation(
            "tryDefinition",
            "How often a definition would have fired today and on the latest days of flat files, and what followed.",
            [_DEFINITION, _DAYS],
            _json(api.TriedAnswer),
            "no_files",
            "unavailable",
        ),
        "/preview": _operation(
            "previewList",
            "What a list would have now that nobody has added, or what is wrong with its definition.",
            [_DEFINITION],
            _json(api_own.PreviewAnswer),
            "unavailable",
        ),
        "/own-lists": _operation(
            "listOwnLists",
            "The user's own lists, as they are written.",
            [],
            _json(api_own.OwnListsAnswer),
            *_OF_EDITORS,
        ),
        "/openapi.json": _operation("readDocument", "This document.", [], document),
    }


def _changes() -> Document:
    """How an own list is written and removed."""
    put = _operation(
        "writeOwnList",
        "The list is changed; with `If-None-Match: *` it is added, and there must be none of that name.",
        [_OWN_LIST, _IF_MATCH, _IF_NONE],
        _json(api_own.OwnListChanged),
        *_OF_EDITORS, "exists", "changed", "bad_list",
    )  # fmt: skip
    put["requestBody"] = {
        "required": True,
        "description": "the list as TOML, as in a file of own lists; comments before it are kept",
        "content": {"application/toml": {"schema": {"type": "string"}, "example": _DEFINITION["example"]}},
    }
    put["responses"]["201"] = {**put["responses"]["200"], "description": "The list is added."}
    needed = {**_IF_MATCH, "required": True}
    delete = _operation(
        "removeOwnList", "The list is removed.", [_OWN_LIST, needed], {}, *_OF_EDITORS, "unknown_list", "changed"
    )
    delete["responses"]["204"] = {"description": delete["responses"].pop("200")["description"]}
    return {"put": put, "delete": delete}


def _of_lists() -> dict[str, Document]:
    events = {"oneOf": [{"$ref": _SCHEMAS + kind.__name__} for kind in _EVENTS]}
    stream = {"text/event-stream": {"schema": {"type": "string"}, "x-event-data": events}}
    either = {"oneOf": [{"$ref": _SCHEMAS + kind.__name__} for kind in (api.ListAnswer, api.PastAnswer)]}
    rows = {"application/json": {"schema": either}, "text/csv": {"schema": {"type": "string"}}}
    return {
        "/lists": _operation("listLists", "Which lists there are, and how they stand.", [], _json(api.ListsAnswer)),
        "/lists/{list}": _operation(
            "readList",
            "The rows of a list, now or as it was at a time.",
            [_LIST, _LIMIT, _FIELDS, _AT, _IF_NONE_MATCH],
            rows,
            "unknown_list",
            "not_acceptable",
            "not_published",
            "list_failed",
            "not_recorded",
            "unavailable",
        ),
        "/lists/{list}/stream": _operation(
            "followList",
            "A list's snapshot, then its deltas, as server-sent events.",
            [_LIST, _LIMIT, _FIELDS, _LAST_EVENT],
            stream,
            "unknown_list",
            "full",
        ),
        "/lists/{list}/near": _operation(
            "readNear",
            "Who nearly is in a list, the nearest first.",
            [_LIST],
            _json(Near),
            "unknown_list",
            "unavailable",
        ),
    }


def _of_symbols() -> dict[str, Document]:
    return {
        "/symbols/{symbol}": _operation(
            "readSymbol",
            "A symbol's row, its places in the lists, its news and its halt.",
            [_SYMBOL],
            _json(api.SymbolAnswer),
        ),
        "/symbols/{symbol}/when": _operation(
            "readStays",
            "When a symbol was in the lists today, as it is recorded.",
            [_SYMBOL],
            _json(api.StaysAnswer),
            "unavailable",
        ),
        "/halts": _operation(
            "readHalts", "Which symbols are halted, or were today.", [], _json(api.HaltsAnswer), "unavailable"
        ),
        "/symbols/{symbol}/bars": _operation(
            "readBars", "A symbol's minute bars of the trading day.", [_SYMBOL], _json(SymbolBars), "unavailable"
        ),
        "/symbols/{symbol}/why": _operation(
            "explainSymbol",
            "Why a symbol is in the lists, or why not.",
            [_SYMBOL, _ONE_LIST],
            _json(Why),
            "unknown_list",
            "unavailable",
        ),
    }


def _json(kind: type[msgspec.Struct]) -> Document:
    return {"application/json": {"schema": {"$ref": _SCHEMAS + kind.__name__}}}


def _operation(name: str, summary: str, parameters: list[Document], content: Document, *problems: str) -> Document:
    """One GET. What may become of any request is added to what may become of this one."""
    responses: dict[str, Document] = {"200": {"description": summary, "content": content}}
    if _IF_NONE_MATCH in parameters:
        responses["304"] = {"description": "the asker has it"}
    for code in ("bad_request", "no_token", "origin", "host", "rate_limited", *problems):
        status, meaning = api.PROBLEMS[code]
        before = responses.get(str(status), {}).get("description")
        text = f"`{code}`: {meaning}"
        responses[str(status)] = {
            "description": f"{before}; {text}" if before else text,
            "content": {"application/problem+json": {"schema": {"$ref": _SCHEMAS + api.Problem.__name__}}},
        }
    return {"operationId": name, "summary": summary, "parameters": parameters, "responses": responses}


OPENAPI: Final[Document] = _document()
