"""What can be saved of JSON that a strict decoder refuses: all fields of an element but the unreadable ones, and all
elements of an array but the malformed ones."""

from __future__ import annotations

import json
import math
import re
from functools import lru_cache
from typing import Any, Final, TypeVar, get_args

import msgspec
from msgspec import Struct

T = TypeVar("T")

UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError)

# Strings as a whole, for they may have brackets in them; what lies between such tokens is of no interest here.
_TOKEN: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]', re.DOTALL)


def elements_of(body: bytes, key: str = "") -> list[bytes]:
    """The elements of the array that `body` is, or has as `key` at its top, cut by their brackets alone.

    Whether they are JSON is not looked at. Raises ValueError where there is no such array, or it does not end.
    """
    start = _start_of(body, key)
    depth, begin, found = 0, 0, []
    for token in _TOKEN.finditer(body, start):
        text = token.group()
        if text in (b"{", b"["):
            depth += 1
            begin = token.start() if depth == 2 else begin
        elif text in (b"}", b"]"):
            depth -= 1
            if depth == 1:
                found.append(body[begin : token.end()])
            if depth == 0:
                return found
    raise ValueError("the array does not end")


def _start_of(body: bytes, key: str) -> int:
    """Where the array begins."""
    pattern = rb'"%s"\s*:\s*\[' % key.encode() if key else rb"\["
    if (match := re.search(pattern, body)) is None:
        raise ValueError("there is no array")
    return match.end() - 1


def saved(text: bytes, kind: type[T]) -> tuple[T, int]:
    """`text` as `kind` without the fields that cannot be read, and how many these are. Raises one of UNREADABLE when
    one of them must be there. `NaN` and `Infinity`, which are no JSON, are fields that cannot be read."""
    return _convert(json.loads(text), kind)


def _convert(value: Any, kind: Any) -> tuple[Any, int]:
    if not (isinstance(value, dict) and isinstance(kind, type) and issubclass(kind, Struct)):
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{value} is no number")
        if isinstance(value, str):
            value.encode()  # half of a surrogate pair is no text: nobody could be sent it
        return msgspec.convert(value, kind), 0
    left: dict[str, Any] = {}
    lost = 0
    for name, type_, needed in _fields(kind):
        if name not in value:
            continue
        try:
            left[name], bad = _convert(value[name], _struct_in(type_, value[name]))
            lost += bad
        except UNREADABLE:
            if needed:
                raise
            lost += value[name] is not None  # null is "nothing", in any field
    try:
        return kind(**left), lost
    except TypeError as error:  # a field that must be there is not
        raise ValueError(str(error)) from None


@lru_cache(maxsize=64)
def _fields(kind: type[Struct]) -> tuple[tuple[str, Any, bool], ...]:
    """Name and type of each field, and whether nothing is to be made of an element without it."""
    needed = getattr(kind, "NEEDED", ())
    fields = msgspec.structs.fields(kind)
    return tuple((each.encode_name, each.type, each.required or each.name in needed) for each in fields)


def _struct_in(type_: Any, value: Any) -> Any:
    """Of a union with a struct, the struct, if the value is an object."""
    if isinstance(value, dict):
        structs = (each for each in get_args(type_) if isinstance(each, type) and issubclass(each, Struct))
        return next(structs, type_)
    return type_
