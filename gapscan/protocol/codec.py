"""Bytes to messages and back, in one place. Anything that is not a message raises ProtocolError."""

from __future__ import annotations

from typing import Final, TypeVar

import msgspec

from gapscan.errors import ProtocolError
from gapscan.protocol.messages import Message

M = TypeVar("M", bound=Message)

_encoder: Final = msgspec.json.Encoder()
_decoder: Final[msgspec.json.Decoder[Message]] = msgspec.json.Decoder(Message)

_SHOWN = 80  # bytes of a bad message that an error quotes


def encode(message: Message) -> bytes:
    """The JSON of `message`, tagged with its type."""
    return _encoder.encode(message)


def decode(data: bytes) -> Message:
    """The message in `data`.

    Raises ProtocolError when it is no JSON, of an unknown type, or breaks the type's schema; the error names
    the field at fault.
    """
    try:
        return _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProtocolError(f"bad message: {error}; it begins {data[:_SHOWN]!r}") from error


def decode_as(kind: type[M], data: bytes) -> M:
    """The message in `data`, which must be a `kind`; else ProtocolError."""
    message = decode(data)
    if not isinstance(message, kind):
        raise ProtocolError(f"expected a {kind.__name__.lower()}, got a {type(message).__name__.lower()}")
    return message
