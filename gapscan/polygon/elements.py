"""Decoding a body that holds an array of elements, so that a bad field or element costs itself only."""

from __future__ import annotations

import re
from typing import Any, Final, Generic, TypeVar

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from gapscan.errors import FeedError
from gapscan.polygon.lenient import UNREADABLE, elements_of, saved
from gapscan.polygon.refusals import check_served

T = TypeVar("T")

_NEXT_URL: Final = re.compile(rb'"next_url"\s*:\s*"([^"\\]*)"')

_SHOWN: Final = 60  # bytes of a bad element or body that an error quotes


class Faults(Struct, kw_only=True):
    """How many elements were not readable, and how many fields of the others; what the first of those said."""

    bad: int = 0
    lost: int = 0
    first_fault: str = ""


class Decoded(Faults, Generic[T]):
    """The readable elements. `present`: there was an array, or null in its place; `next_url`: where the provider says
    that it goes on."""

    items: list[T]
    present: bool = True
    next_url: str | None = None


class Head(Struct):
    """What a body says of itself."""

    status: Any = None
    error: Any = None
    message: Any = None
    next_url: str | None = None


class Elements(Generic[T]):
    """A decoder for bodies like `{"status": "OK", "results": [...]}`; a body without the array, or with null in its
    place, has no elements."""

    def __init__(self, key: str, kind: type[T]) -> None:
        self._key = key
        self._kind = kind
        whole: Any = msgspec.defstruct("Whole", [(key, list[kind] | UnsetType | None, UNSET)], bases=(Head,))  # type: ignore[valid-type]
        parts: Any = msgspec.defstruct("Parts", [(key, list[Raw] | UnsetType | None, UNSET)], bases=(Head,))
        self._whole = msgspec.json.Decoder(whole)
        self._parts = msgspec.json.Decoder(parts)
        self.one: Final[msgspec.json.Decoder[T]] = msgspec.json.Decoder(kind)  # of one element

    def decode(self, what: str, body: bytes) -> Decoded[T]:
        """The elements of `body`; `what` names it in errors. Raises FeedError when it is unreadable as a whole, or
        says that it is no answer."""
        try:
            head = self._whole.decode(body)
        except UNREADABLE:
            head, elements = self._elements(what, body)
            decoded = self._one_by_one(elements)
        else:
            elements = getattr(head, self._key)
            decoded = Decoded(elements or [], present=elements is not UNSET)
        check_served(what, head.status, head.error, head.message)
        decoded.next_url = head.next_url
        return decoded

    def undecoded(self, what: str, body: bytes) -> list[Raw]:
        """The elements of `body` as they stand there. Raises as `decode` does."""
        head, elements = self._elements(what, body)
        check_served(what, head.status, head.error, head.message)
        return elements

    def _elements(self, what: str, body: bytes) -> tuple[Head, list[Raw]]:
        try:
            head = self._parts.decode(body)
            return head, getattr(head, self._key) or []
        except UNREADABLE as error:
            fault = error
        try:  # one element that is malformed is the usual reason
            return _head_of(body), [Raw(part) for part in elements_of(body, self._key)]
        except ValueError:
            raise FeedError(f"{what} is unreadable: {fault}; it begins {body[:_SHOWN]!r}") from None

    def _one_by_one(self, elements: list[Raw]) -> Decoded[T]:
        decoded: Decoded[T] = Decoded([])
        for element in elements:
            try:
                decoded.items.append(self.one.decode(element))
            except UNREADABLE as error:
                item = self.what_is_left(element, error, decoded)
                decoded.items += [] if item is None else [item]
        return decoded

    def what_is_left(self, text: Raw, error: Exception, faults: Faults) -> T | None:
        """What can be read of an element of which `one` said `error`, None if nothing can; `faults` count it."""
        element = bytes(text)
        faults.first_fault = faults.first_fault or f"{error} in {element[:_SHOWN]!r}"
        try:
            item, lost = saved(element, self._kind)
        except UNREADABLE:
            faults.bad += 1
            return None
        faults.lost += max(lost, 1)
        return item


def _head_of(body: bytes) -> Head:
    """That of a body of which an element is malformed. What stands after that one may be out of reach."""
    try:
        return saved(body, Head)[0]
    except UNREADABLE:
        found = _NEXT_URL.search(body)
        return Head(next_url=found[1].decode("ascii", "replace") if found else None)
