"""The HTTP interface of the bridge: what its answers about own lists are made of."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

from gapscan.protocol.preview import Preview


class ListFault(Struct, frozen=True):
    """What is wrong with a definition: the key, "" for all of it; of a list of texts, `at` says which one, from 0."""

    key: str
    at: int | None
    column: Annotated[
        int | None, Meta(description="where in the text, from 0, in characters, without blanks before it")
    ]
    message: str
    remedy: str


ListFaults = list[ListFault]


class PreviewAnswer(Struct, frozen=True):
    """What a list would have now that nobody has added; null while the definition has `faults`.

    `warnings` say what it asks for in vain, since its gate keeps that out.
    """

    faults: ListFaults
    warnings: list[str]
    preview: Preview | None


class OwnList(Struct, frozen=True):
    """A list of the user's file, as it is written there: its `table`, and the `comment` before it.

    Another `tag`, another table.
    """

    name: str
    tag: str
    table: dict[str, Any]
    comment: str


OwnListTables = list[OwnList]
Warnings = list[str]


class OwnListsAnswer(Struct, frozen=True):
    """The lists of the user's file, in its order."""

    lists: OwnListTables


class OwnListChanged(Struct, frozen=True):
    """A list of the user's file after a change, and what it asks for in vain."""

    list: OwnList
    warnings: Warnings
