"""The generated contract: it has every message, real messages pass it, wrong ones do not, and the files are current."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import jsonschema
import msgspec
import pytest

from gapscan.lists.delta import checksum
from gapscan.lists.difference import diff
from gapscan.lists.state import ranked
from gapscan.market.columns import packed
from gapscan.protocol import messages as m
from gapscan.protocol import names, schema
from gapscan.protocol.alerts import AlertState
from gapscan.protocol.channels import CHANNELS
from gapscan.protocol.codec import encode
from tests.support.market import OBSERVATIONS

_NONE: list[float | None] = [None]
_COLUMNS: dict[str, Any] = dict.fromkeys(OBSERVATIONS, packed([4.7489415903844e07])) | {"open": packed([None])}

COMMITTED = Path(__file__).parents[3] / "nats"

_BEFORE: list[m.Row] = [{"symbol": "AAA", "price": 1.5, "session": "pre"}, {"symbol": "BBB", "price": None}]
_AFTER: list[m.Row] = [
    {"symbol": "CCC", "name": "Ünïcode", "volume": 10, "stale": False, "source": "bar"},
    {"symbol": "BBB", "price": 2.0},
    {"symbol": "AAA", "price": 1.5, "session": "pre"},
]
_ENTERED = m.Event(
    "winners", "enter", "CCC", 1, 1_700_000_000_000, "abc123", 5, {"name": "Ünïcode", "volume": 10}, missed=True
)
_TOLD = m.Alert(
    "cheap", "winners", "CCC", "enter", "CCC entered winners", 1_700_000_000_000, "abc123", 5, {"volume": 10}, rank=1
)
EXAMPLES: list[m.Message] = [
    m.Delta("winners", "abc123", 4, 1_700_000_000_000, diff(_BEFORE, _AFTER), 3, checksum(_AFTER)),
    m.Delta("winners", "abc123", 4, 1_700_000_000_000, diff(_AFTER, _BEFORE), 2, checksum(_BEFORE), sequence=9),
    m.Delta("winners", "abc123", 0, 0, [], 0, 0),
    m.Snapshot("winners", "abc123", 5, 1_700_000_000_000, ranked(_AFTER), checksum(_AFTER), simulated=True),
    m.Snapshot("winners", "abc123", 0, 0, [], 0),
    m.Heartbeat("winners", "abc123", 5, 1_700_000_000_000, "closed"),
    m.Heartbeat("winners", "abc123", 5, 1_700_000_000_000, "stale", delayed=True, behind=2_100, ours=60),
    m.UniverseFrame(
        frame=1, part=1, parts=2, as_of=1, session="regular", simulated=False, symbols=["AAA"],
        **_COLUMNS,
    ),
    m.ReferenceFrame(
        part=1, parts=1, date="2024-07-01", complete=True, symbols=["AAA"], name=["A"], exchange=[None],
        kind=["CS"], test=[False], split=[True], average_volume=[1.0], average_trades=[20.5], trades_deviation=[None],
        sessions=[1],
    ),
    m.News("AAA", "2024-07-01", 2, [m.Headline(1, "Ünïcode", "https://example.com/", "Wire"), m.Headline(0, "B")]),
    m.VolumeCurves(1, 2, "2024-07-01", [240, 570, 1200], ["AAA", "BBB"], [20, 1], [[0, 10, 250], [0, 0, 7]]),
    m.Bars(
        simulated=True, symbols=["AAA"], start=[1_700_000_000_000], end=[1_700_000_001_000], volume=[10.5],
        open=[1.5], high=[1.5], low=[1.5], close=[1.5], day_volume=[1.5], day_open=[1.5], day_vwap=[None],
    ),
    m.Halts(1_700_000_000_000, True, ["AAA", "BBB"], ["halted", "resumed"], [1_700_000_000_000, 1_699_999_999_000]),
    m.Clock(1_700_000_000_000),
    m.Ranked(1_700_000_000_000),
    m.Clock(1_700_000_000_000, "stale", "no bars for 4 s", 900_000, 2_100),
    m.Unchanged("winners", "abc123", 5, 1_700_000_040_000, 1_699_999_980_000, checksum(_AFTER)),
    m.Gap("winners", 1_700_000_000_000, 1_700_000_060_000, "not_kept"),
    m.Moves("winners", 1_700_000_000_000, [m.Move("AAA", 1_700_000_000_000, "enter", 1, 1.5)]),
    m.Trades(simulated=False, symbols=["AAA"], price=[1.5], time=[1_700_000_000_000]),
    m.PastBars(True, "AAA", 1_000, [1_700_000_000_000], [1.5], [None], [1.25]),
    m.FeedCommand("unsubscribe", ["AAA", "BBB"]),
    m.HotSet(7, 1_700_000_000_000, ["AAA"]),
    m.SavedState("2024-07-01", ["AAA"], [1.5], [1.7e12], [0.0], *[_NONE] * 11),
    m.Detail("AAA", "2024-07-01", 1.5e9, 2e7, None, "Energy"),
    m.ListDefinition("winners", "up", "price > 1", ["-price"], 200, []),
    m.WhyRequest("AAA", "winners"),
    m.Why(
        "AAA", True, 1_700_000_000_000, "regular", False,
        [
            m.Condition("price >= 1", "test", 0, True, True, 5.0, 1.0, 1_700_000_000_000, True),
            m.Condition("not stale", "test", 0, True, True, False, False, 1_700_000_000_000, True, "stale"),
        ],
        [m.ListWhy(
            "winners", True, False, None, 3, 200, None, False, "-price", 1.5, None,
            [m.Condition('type == "CS"', "any", 0, False, False, "ETF", None)],
        )],
        ["AAB"],
    ),
    m.Lease("ranker", "host-1"),
    _ENTERED,
    _TOLD,
    m.AlertDefinition("cheap", "winners", "when", "price < 5", dwell=10, sessions=["pre"], quiet=["20:00-08:00"]),
    m.ChannelState("phone", 17, 2, ["cheap-winners-abc123-5-CCC"]),
    m.NearRequest("winners"),
    m.PreviewRequest(m.ListDefinition("mine", "", "price > 5", ["-price"], 50, [])),
    m.Preview(1_700_000_000_000, "pre", True, True, 60, 70, 50, ["AAA", "BBB"]),
    m.BarsRequest("AAA"),
    m.SymbolBars("AAA", 1_700_000_000_000, 1_700_000_000_000, True, [1], [1.0], [1.0], [1.0], [1.0], [1.0]),
    m.Near(
        "winners", 1_700_000_000_000, "regular", False,
        [m.NearMiss("AAA", m.Condition("price >= 1", "test", 0, False, True, 0.95, 1.0), 5.0, 0.95)],
    ),
    m.Event(
        "winners", "near", "AAA", None, 1_700_000_000_000, "abc123", 9, {"price": 0.95},
        condition=m.Condition("price >= 1", "test", 0, False, True, 0.95, 1.0), distance=5.0,
    ),
    m.EventGap("winners", 1_700_000_000_000, "abc123", 9, "expired", "abc123", 4, simulated=True),
    m.EventPosition(
        "winners", "abc123", 5, 1_700_000_000_000, ranked(_AFTER), "2024-07-01", ["AAA"], [_ENTERED, _TOLD], 17,
        alerts={"cheap": AlertState(["AAA"], {"AAA": 1}, {"BBB": 2})}, entries={"AAA": [1, 2]}, simulated=True,
    ),
]  # fmt: skip

BROKEN: list[tuple[type[m.Message], str, Any]] = [
    (m.Delta, "list", "No Such"),
    (m.Delta, "checksum", -1),
    (m.Delta, "changes", [{"action": "swap", "symbol": "AAA"}]),
    (m.Delta, "changes", [{"action": "add", "rank": 0, "symbol": "AAA", "data": {}}]),
    (m.Delta, "epoch", None),
    (m.Snapshot, "rows", [{"symbol": "AAA"}]),
    (m.Snapshot, "sequence", -1),
    (m.Heartbeat, "state", "asleep"),
    (m.VolumeCurves, "knots", [240]),
    (m.UniverseFrame, "price", [10.5]),
    (m.FeedCommand, "action", "sell"),
    (m.Heartbeat, "type", "delta"),
]


def _instance(kind: type[m.Message]) -> m.Message:
    return next(example for example in EXAMPLES if isinstance(example, kind))


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            else:
                yield from _references(value)
    elif isinstance(node, list):
        for item in node:
            yield from _references(item)


def _resolve(document: schema.Document, reference: str) -> Any:
    node: Any = document
    for part in reference.removeprefix("#/").split("/"):
        node = node[part.replace("~1", "/").replace("~0", "~")]
    return node


def test_every_type_of_the_codec_is_here() -> None:
    assert set(schema.message_types()) == set(get_args(m.Message))
    document = schema.asyncapi()
    tags = {schema.tag_of(kind) for kind in schema.message_types()}
    assert tags <= document["components"]["messages"].keys()
    assert {f"schemas/{tag}.schema.json" for tag in tags} < schema.documents().keys()


def test_every_message_has_a_channel() -> None:
    carried = {kind for channel in CHANNELS for kind in channel.carries}
    assert carried == set(schema.message_types()), "say in protocol/channels.py where the message is sent"


def test_every_example_kind_is_tried() -> None:
    assert {type(example) for example in EXAMPLES} == set(schema.message_types())


@pytest.mark.parametrize("kind", schema.message_types(), ids=schema.tag_of)
def test_schemas_are_valid_schemas(kind: type[m.Message]) -> None:
    jsonschema.Draft7Validator.check_schema(schema.message_schema(kind))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: schema.tag_of(type(example)))
def test_real_messages_pass(example: m.Message) -> None:
    sent = json.loads(encode(example))
    jsonschema.Draft7Validator(schema.message_schema(type(example))).validate(sent)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: schema.tag_of(type(example)))
def test_real_messages_pass_the_asyncapi_payload(example: m.Message) -> None:
    document = schema.asyncapi()
    payload = document["components"]["messages"][schema.tag_of(type(example))]["payload"]
    whole = {**payload, "components": document["components"]}
    jsonschema.Draft7Validator(whole).validate(json.loads(encode(example)))


@pytest.mark.parametrize(("kind", "field", "value"), BROKEN)
def test_broken_messages_fail(kind: type[m.Message], field: str, value: Any) -> None:
    sent = json.loads(encode(_instance(kind))) | {field: value}
    assert not jsonschema.Draft7Validator(schema.message_schema(kind)).is_valid(sent)


@pytest.mark.parametrize("kind", schema.message_types(), ids=schema.tag_of)
def test_missing_fields_fail(kind: type[m.Message]) -> None:
    validator = jsonschema.Draft7Validator(schema.message_schema(kind))
    whole = json.loads(encode(_instance(kind)))
    required = {field.encode_name for field in msgspec.structs.fields(kind) if field.required}
    for field in required | {"type"}:
        assert not validator.is_valid({key: value for key, value in whole.items() if key != field}), field


def test_fields_of_the_future_pass() -> None:
    sent = json.loads(encode(_instance(m.Heartbeat))) | {"invented_later": 1}
    assert jsonschema.Draft7Validator(schema.message_schema(m.Heartbeat)).is_valid(sent)


def test_asyncapi_document_holds_together() -> None:
    document = schema.asyncapi()
    assert document["asyncapi"] == "3.0.0"
    assert {"title", "version"} <= document["info"].keys()
    for reference in set(_references(document)):
        assert reference.startswith("#/"), reference
        assert _resolve(document, reference), reference
    for key, operation in document["operations"].items():
        assert operation["action"] in ("send", "receive"), key
        assert operation["channel"]["$ref"].startswith("#/channels/"), key
        assert all(each["$ref"].startswith(operation["channel"]["$ref"]) for each in operation["messages"]), key
    for key, channel in document["channels"].items():
        used = {part[1:-1] for part in (channel["address"] or "").split(".") if part.startswith("{")}
        assert used <= channel.get("parameters", {}).keys(), key
    assert "discriminator" not in json.dumps(document), "AsyncAPI knows it only as a text"


def test_channels_have_the_real_names() -> None:
    addresses = {channel["address"] for channel in schema.asyncapi()["channels"].values()}
    assert names.DEFAULT.live_subject("{list}") in addresses
    assert names.DEFAULT.heartbeat_subject("{list}") in addresses
    assert f"$KV.{names.DEFAULT.bucket_snapshots}.{{list}}" in addresses
    assert f"$JS.API.DIRECT.GET.{names.DEFAULT.list_stream('{list}')}" in addresses
    assert "$JS.API.DIRECT.GET.KV_gapscan-snapshots.$KV.gapscan-snapshots.{list}" in addresses


def test_committed_copy_is_current() -> None:
    for name, document in schema.documents().items():
        path = COMMITTED / name
        assert path.is_file(), f"{path} is missing: run `gapscan schema --out nats`"
        assert path.read_text("utf-8") == schema.as_text(document), f"{path} is old: run `gapscan schema --out nats`"
    extra = {path.name for path in (COMMITTED / "schemas").iterdir()} - {Path(name).name for name in schema.documents()}
    assert not extra, "no message has these"
