"""What the version before says to this one, and what versions to come may say: scans with other columns are taken.

The messages and the rows were recorded with that version, from its simulated market.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from gapscan.market import computed
from gapscan.market.scans import merge_detail, merge_halts, merge_reference, merge_scan
from gapscan.market.universe import Universe
from gapscan.protocol.codec import decode, encode
from gapscan.protocol.feed import SCAN_COLUMNS
from gapscan.protocol.messages import Detail, Halts, ListDefinition, Message, ReferenceFrame, UniverseFrame
from gapscan.protocol.websocket import ListInfo
from gapscan.ranking.rows import RowCache
from tests.support.market import keep_scanning

EARLIER: dict[str, Any] = json.loads(Path(__file__).with_name("earlier_version.json").read_text("utf-8"))


NAMES = set(json.loads(EARLIER["rows"][0]))


def merge(universe: Universe, message: Message) -> None:
    match message:
        case UniverseFrame():
            assert merge_scan(universe, message)
        case ReferenceFrame():
            assert merge_reference(universe, message)
        case Detail():
            merge_detail(universe, message)
        case Halts():
            assert merge_halts(universe, message)
        case _:
            raise AssertionError(message)
    computed.compute(universe)


def rows_after(messages: list[str]) -> list[dict[str, Any]]:
    return [json.loads(row) for row in texts_after(messages)]


def texts_after(messages: list[str]) -> list[str]:
    """The rows as they go on the wire, without fields that the version before did not have."""
    universe, scan = Universe(), None
    for message in [decode(text.encode()) for text in messages]:
        if isinstance(message, UniverseFrame):
            if scan is not None:
                keep_scanning(universe, scan, message.as_of)
            scan = message
        merge(universe, message)
    cache, everyone = RowCache(universe), np.arange(len(universe))
    cache.mark_dirty(None)
    cache.refresh(everyone)
    known = [{name: row[name] for name in row if name in NAMES} for row in cache.states([everyone])[0]]  # type: ignore[literal-required]
    return [msgspec.json.encode(row).decode() for row in known]


def changed(text: str, **columns: Any) -> str:
    """The message with other columns, if it is a scan; None takes one out."""
    message = json.loads(text)
    if message["type"] != "universe":
        return text
    return json.dumps({name: value for name, value in (message | columns).items() if value is not None})


def test_the_version_before_is_understood_and_its_rows_are_the_same_bytes() -> None:
    assert texts_after(EARLIER["messages"]) == EARLIER["rows"]
    assert any('"halt":"resumed"' in row for row in EARLIER["rows"]), "it has something of everything"


def test_a_definition_of_the_version_before_has_no_columns() -> None:
    definition = decode(EARLIER["definition"].encode())
    assert isinstance(definition, ListDefinition)
    assert definition.columns == []


class EarlierDefinition(msgspec.Struct, tag_field="type", tag="list"):
    """A definition as a client of the version before reads it."""

    name: str
    description: str
    where: str
    sort: list[str]
    limit: int
    sessions: list[str]
    place: int = 0
    own: bool = False


class EarlierInfo(msgspec.Struct):
    """What a list is on the WebSocket, as a client of the version before reads it."""

    name: str
    description: str
    sort: list[str]
    sessions: list[str]
    limit: int


def test_a_client_of_the_version_before_passes_columns_over() -> None:
    definition = ListDefinition("a", "", "price > 1", ["-price"], 10, [], columns=["rvol"])
    read = msgspec.json.decode(encode(definition), type=EarlierDefinition)
    assert (read.name, read.sort, read.limit) == ("a", ["-price"], 10)
    info = ListInfo("a", "", ["-price"], [], 10, ["rvol"])
    assert msgspec.json.decode(msgspec.json.encode(info), type=EarlierInfo).limit == 10


def test_a_column_that_nobody_knows_yet_is_passed_over() -> None:
    later = [changed(text, made_later="AAAAAAAAJUA=", venues=["XNAS"]) for text in EARLIER["messages"]]
    assert texts_after(later) == EARLIER["rows"]


@pytest.mark.parametrize("name", SCAN_COLUMNS)
def test_a_column_that_the_feed_does_not_have_is_no_value(name: str) -> None:
    rows = rows_after([changed(text, **{name: None}) for text in EARLIER["messages"]])
    whole = [json.loads(row) for row in EARLIER["rows"]]
    assert [row["symbol"] for row in rows] == [row["symbol"] for row in whole]
    if name in whole[0]:
        lost = {"price_time": "price"}.get(name, name)
        kept = {"high", "low"}  # those of pre-market are the prices that were seen
        assert all(row[lost] is None for row in rows) or name in kept
    others = {"prev_close", "open", "high", "low"} - {name}
    if name not in ("price", "price_time", "updated"):
        assert [{other: row[other] for other in others} for row in rows] == [
            {other: row[other] for other in others} for row in whole
        ]


def test_a_frame_is_sent_without_the_columns_that_it_does_not_have() -> None:
    text = next(text for text in EARLIER["messages"] if '"type":"universe"' in text)
    frame = decode(changed(text, close=None).encode())
    assert json.loads(encode(frame)).keys() == json.loads(text).keys() - {"close"}
