"""Bytes to messages and back: whatever comes in, a message or a ProtocolError comes out."""

from __future__ import annotations

import json
from typing import Any, Final, Literal, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from gapscan.errors import ProtocolError
from gapscan.market.restore import SAVED
from gapscan.protocol.codec import decode, decode_as, encode
from gapscan.protocol.messages import (
    Add,
    Bars,
    Clock,
    Condition,
    Delta,
    Detail,
    FeedCommand,
    Halts,
    Heartbeat,
    HotSet,
    Lease,
    ListDefinition,
    ListWhy,
    Message,
    PastBars,
    PreviewRequest,
    ReferenceFrame,
    Remove,
    Rerank,
    SavedState,
    SessionName,
    Snapshot,
    Trades,
    UniverseFrame,
    Update,
    VolumeCurves,
    Why,
    WhyRequest,
)

texts = st.text(max_size=5)
symbols = st.text(min_size=1, max_size=5)
names = st.sampled_from(["a", "gappers_up", "a" * 48])
integers = st.integers(-(2**53), 2**53)
counts = st.integers(0, 2**53)
ranks = st.integers(1, 2**31)
crcs = st.integers(0, 2**32 - 1)
floats = st.floats(allow_nan=False, allow_infinity=False)
states = st.sampled_from(["live", "stale", "closed"])
sessions: st.SearchStrategy[SessionName] = st.sampled_from(get_args(SessionName))
fields = st.fixed_dictionaries(
    {},
    optional={
        "name": st.none() | texts,
        "price": st.none() | floats,
        "volume": st.none() | integers,
        "session": st.none() | sessions,
        "stale": st.none() | st.booleans(),
        "source": st.sampled_from([None, "snapshot", "bar"]),
    },
)
changes = st.one_of(
    st.builds(Remove, symbols),
    st.builds(Rerank, symbols, ranks, ranks),
    st.builds(Add, ranks, symbols, fields),
    st.builds(Update, ranks, symbols, fields),
)
ranked_rows = st.builds(lambda rank, symbol, data: {"rank": rank, "symbol": symbol, **data}, ranks, symbols, fields)

maybe_times = st.none() | integers
operands = st.none() | floats | texts | st.booleans()
conditions = st.builds(
    Condition, texts, st.sampled_from(["test", "all", "any"]), counts, st.booleans(), st.booleans(), operands,
    operands, maybe_times, st.booleans(), st.none() | texts,
)  # fmt: skip
list_whys = st.builds(
    ListWhy, names, st.booleans(), st.booleans(), st.none() | ranks, counts, ranks, maybe_times, st.booleans(), texts,
    st.none() | floats, st.none() | floats, st.lists(conditions, max_size=2),
)  # fmt: skip


def columns(size: int) -> dict[str, st.SearchStrategy[list[Any]]]:
    def column(cells: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
        return st.lists(cells, min_size=size, max_size=size)

    kinds: dict[str, st.SearchStrategy[Any]] = {
        "symbols": symbols,
        "name": st.none() | texts,
        "kind": st.none() | texts,
        "test": st.booleans(),
        "number": st.none() | floats,
        "time": integers,
    }
    return {name: column(cells) for name, cells in kinds.items()}


@st.composite
def universe_frames(draw: st.DrawFn) -> UniverseFrame:
    size = draw(st.integers(0, 2))
    column = columns(size)
    numbers = [draw(st.binary(min_size=8 * size, max_size=8 * size)) for _ in range(12)]
    return UniverseFrame(
        draw(counts), 1, 2, draw(integers), draw(sessions), draw(st.booleans()), draw(column["symbols"]), *numbers
    )


@st.composite
def reference_frames(draw: st.DrawFn) -> ReferenceFrame:
    column = columns(draw(st.integers(0, 2)))
    names = ("symbols", "name", "name", "kind", "test", "test", "number", "number", "number", "time")
    cells = [draw(column[name]) for name in names]
    return ReferenceFrame(1, 1, draw(texts), draw(st.booleans()), *cells)


@st.composite
def bars(draw: st.DrawFn) -> Bars:
    size = draw(st.integers(0, 2))
    column = columns(size)
    times = [draw(column["time"]) for _ in range(2)]
    numbers = column["number"] | st.binary(min_size=8 * size, max_size=8 * size)
    return Bars(draw(st.booleans()), draw(column["symbols"]), *times, *[draw(numbers) for _ in range(8)])


@st.composite
def trades(draw: st.DrawFn) -> Trades:
    column = columns(draw(st.integers(0, 2)))
    return Trades(draw(st.booleans()), *(draw(column[name]) for name in ("symbols", "number", "time")))


@st.composite
def saved_states(draw: st.DrawFn) -> SavedState:
    column = columns(draw(st.integers(0, 2)))
    return SavedState(draw(texts), draw(column["symbols"]), *[draw(column["number"]) for _ in SAVED])


@st.composite
def halts(draw: st.DrawFn) -> Halts:
    size = draw(st.integers(0, 2))
    column = columns(size)
    kinds: list[Literal["halted", "resumed"]] = ["halted", "resumed"]
    statuses = st.lists(st.sampled_from(kinds), min_size=size, max_size=size)
    return Halts(draw(integers), draw(st.booleans()), draw(column["symbols"]), draw(statuses), draw(column["time"]))


@st.composite
def past_bars(draw: st.DrawFn) -> PastBars:
    column = columns(draw(st.integers(0, 2)))
    numbers = [draw(column["number"]) for _ in range(3)]
    return PastBars(draw(st.booleans()), draw(symbols), draw(ranks), draw(column["time"]), *numbers)


definitions = st.builds(
    ListDefinition, names, texts, texts, st.lists(texts, max_size=2), st.integers(1, 1000), st.lists(sessions)
)
BY_TYPE: dict[type[Message], st.SearchStrategy[Message]] = {
    Delta: st.builds(
        Delta, names, texts, counts, integers, st.lists(changes, max_size=4), counts, crcs, st.just(UNSET) | counts
    ),
    Snapshot: st.builds(
        Snapshot, names, texts, counts, integers, st.lists(ranked_rows, max_size=3), crcs, st.booleans()
    ),
    Heartbeat: st.builds(Heartbeat, names, texts, counts, integers, states, st.booleans()),
    UniverseFrame: universe_frames(),
    ReferenceFrame: reference_frames(),
    VolumeCurves: st.builds(
        VolumeCurves,
        ranks,
        ranks,
        texts,
        st.lists(counts, min_size=2, max_size=3),
        st.lists(symbols, max_size=2),
        st.lists(counts, max_size=2),
        st.lists(st.lists(counts, max_size=3), max_size=2),
    ),
    Bars: bars(),
    Trades: trades(),
    Halts: halts(),
    PastBars: past_bars(),
    SavedState: saved_states(),
    Clock: st.builds(Clock, st.integers(0, 2**53)),
    FeedCommand: st.builds(FeedCommand, st.sampled_from(["subscribe", "unsubscribe"]), st.lists(symbols)),
    HotSet: st.builds(HotSet, counts, integers, st.lists(symbols)),
    Detail: st.builds(Detail, symbols, texts, *[st.none() | floats] * 3, st.none() | texts),
    ListDefinition: definitions,
    PreviewRequest: st.builds(PreviewRequest, definitions, st.integers(1, 100)),
    WhyRequest: st.builds(WhyRequest, st.text(min_size=1, max_size=9).filter(str.isprintable), st.none() | names),
    Why: st.builds(
        Why,
        symbols,
        st.booleans(),
        integers,
        sessions,
        st.booleans(),
        st.lists(conditions, max_size=2),
        st.lists(list_whys, max_size=2),
        st.lists(symbols),
    ),
    Lease: st.builds(Lease, texts, texts),
}


def _is_allowed(message: Message) -> bool:
    """Whether its values are within the bounds that its annotations have beside their types, and JSON has them."""
    plain = msgspec.to_builtins(message)
    try:
        msgspec.convert(plain, type(message))
        json.dumps(plain, allow_nan=False)
    except (msgspec.ValidationError, ValueError):
        return False
    return True


# The others as the types of their fields say.
_NAMED: Final = {
    "list": names, "name": names, "channel": names, "symbol": symbols, "epoch": texts, "sequence": counts,
    "rank": ranks, "put_aside": counts, "limit": st.integers(1, 50),
}  # fmt: skip
BY_TYPE |= {
    kind: st.builds(kind, **{key: found for key, found in _NAMED.items() if key in kind.__struct_fields__}).filter(
        _is_allowed
    )
    for kind in get_args(Message)
    if kind not in BY_TYPE
}
messages = st.one_of(*BY_TYPE.values())


def message_or_error(data: bytes) -> Message | ProtocolError:
    try:
        return decode(data)
    except ProtocolError as error:
        return error


def check_total(data: bytes) -> None:
    """What can be read can be written, and reads the same again."""
    found = message_or_error(data)
    assert isinstance(found, ProtocolError) or decode(encode(found)) == found


@given(messages)
def test_a_message_survives_the_wire(message: Message) -> None:
    data = encode(message)
    assert decode(data) == message
    assert decode_as(type(message), data) == message
    for kind in BY_TYPE:
        if kind is not type(message):
            with pytest.raises(ProtocolError, match=kind.__name__.lower()):
                decode_as(kind, data)


@given(st.binary(max_size=60))
def test_any_bytes(data: bytes) -> None:
    check_total(data)


@given(messages, st.data())
def test_a_damaged_message(message: Message, data: st.DataObject) -> None:
    sent = encode(message)
    begin, end = sorted(data.draw(st.tuples(*[st.integers(0, len(sent))] * 2)))
    check_total(sent[:begin] + data.draw(st.binary(max_size=3)) + sent[end:])


@given(messages, st.data())
def test_a_message_with_one_value_of_another_kind(message: Message, data: st.DataObject) -> None:
    fields = json.loads(encode(message))
    values = st.sampled_from([None, True, -1, 0, 1.5, 1e308, 2**70, "", "x", [], [None], {}, {"symbol": "A"}])
    fields[data.draw(st.sampled_from(list(fields)))] = data.draw(values)
    check_total(json.dumps(fields).encode())
