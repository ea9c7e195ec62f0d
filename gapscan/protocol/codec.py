"""Bytes to messages and back, in one place. Anything that is not a message raises ProtocolError."""

from __future__ import annotations

from typing import Final, TypeVar

import msgspec

from gapscan.errors import ProtocolError
from gapscan.protocol.messages import (
    Bars,
    Halts,
    Message,
    PastBars,
    ReferenceFrame,
    SavedState,
    Trades,
    UniverseFrame,
)

M = TypeVar("M", bound=Message)

_encoder: Final = msgspec.json.Encoder()
_decoder: Final[msgspec.json.Decoder[Message]] = msgspec.json.Decoder(Message)

# Their lists are columns, one value a symbol.
_COLUMNAR: Final = (UniverseFrame, ReferenceFrame, Bars, Trades, Halts, SavedState)
_PACKED = 8  # bytes of a value in a packed column
_SHOWN = 80  # bytes of a bad message that an error quotes


def encode(message: Message) -> bytes:
    """The JSON of `message`, tagged with its type."""
    return _encoder.encode(message)


def decode(data: bytes) -> Message:
    """The message in `data`.

    Raises ProtocolError when it is no JSON, of an unknown type, or breaks the type's schema; the error names
    the field at fault. Columns of a message have one value a symbol each, or it is a bad one.
    """
    try:
        message = _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProtocolError(f"bad message: {error}; it begins {data[:_SHOWN]!r}") from error
    if isinstance(message, _COLUMNAR):
        _check_columns(message, data, "symbols")
    elif isinstance(message, PastBars):
        _check_columns(message, data, "start")
    return message


def _check_columns(message: Message, data: bytes, first: str) -> None:
    columns = {name: getattr(message, name) for name in message.__struct_fields__}
    symbols = len(columns[first])
    for name, column in columns.items():
        if isinstance(column, list) and len(column) != symbols:
            fault = f"{name} has {len(column)} values for {symbols} {first}"
        elif isinstance(column, bytes) and len(column) != _PACKED * symbols:
            fault = f"{name} has {len(column)} bytes for {symbols} symbols, not {_PACKED} for each"
        else:
            continue
        raise ProtocolError(f"bad message: {fault}; it begins {data[:_SHOWN]!r}")


def decode_as(kind: type[M], data: bytes) -> M:
    """The message in `data`, which must be a `kind`; else ProtocolError."""
    message = decode(data)
    if not isinstance(message, kind):
        raise ProtocolError(f"expected a {kind.__name__.lower()}, got a {type(message).__name__.lower()}")
    return message
