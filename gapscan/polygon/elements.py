"""Decoding a body that holds an array of elements, so that one bad element costs itself only."""

from __future__ import annotations

from typing import Any, Final, Generic, TypeVar

import msgspec
from msgspec import Raw, Struct

from gapscan.errors import FeedError

T = TypeVar("T")

_SHOWN: Final = 60  # bytes of a bad element or body that an error quotes


class Decoded(Struct, Generic[T]):
    """The readable elements, how many were not, and what the first of those said."""

    items: list[T]
    bad: int = 0
    first_fault: str = ""


class Elements(Generic[T]):
    """A decoder for bodies like `{"results": [...]}`; a body without the array has no elements."""

    def __init__(self, key: str, kind: type[T]) -> None:
        self._key = key
        self._kind = kind
        whole: Any = msgspec.defstruct("Whole", [(key, list[kind], msgspec.field(default_factory=list))])  # type: ignore[valid-type]
        parts: Any = msgspec.defstruct("Parts", [(key, list[Raw], msgspec.field(default_factory=list))])
        self._whole = msgspec.json.Decoder(whole)
        self._parts = msgspec.json.Decoder(parts)
        self._element: msgspec.json.Decoder[T] = msgspec.json.Decoder(kind)

    def decode(self, what: str, body: bytes) -> Decoded[T]:
        """The elements of `body`; `what` names it in errors. Raises FeedError when it is unreadable as a whole."""
        try:
            return Decoded(getattr(self._whole.decode(body), self._key))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return self._one_by_one(what, body)

    def _one_by_one(self, what: str, body: bytes) -> Decoded[T]:
        try:
            elements: list[Raw] = getattr(self._parts.decode(body), self._key)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise FeedError(f"{what} is unreadable: {error}; it begins {body[:_SHOWN]!r}") from None
        decoded: Decoded[T] = Decoded([])
        for element in elements:
            try:
                decoded.items.append(self._element.decode(element))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                decoded.bad += 1
                decoded.first_fault = decoded.first_fault or f"{error} in {bytes(element)[:_SHOWN]!r}"
        return decoded
