"""`gapscan.frame`: a list as an Arrow table, also where an event loop runs."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime

import pyarrow as pa
import pytest

import gapscan
from gapscan.bus.client import Bus
from gapscan.client.view import LinkStats
from gapscan.errors import ConfigError, UnknownListError
from gapscan.protocol.fields import FIELDS
from gapscan.protocol.messages import Row
from tests.support.lists import publish_list
from tests.support.nats import NatsServer

AS_OF = 1_795_357_774_000
ROWS = (
    Row(symbol="TRUE", price=1.5, volume=10, stale=False, price_time=AS_OF),
    Row(symbol="NA", price=None, name="Ünïcode"),
)
VIEW = gapscan.ListView("movers", "e1", 7, AS_OF, ROWS, "live", True, LinkStats())


def test_columns_types_and_nulls() -> None:
    table = gapscan.frame(VIEW)
    assert table.column_names == ["rank", "symbol", *FIELDS]
    assert table["symbol"].to_pylist() == ["TRUE", "NA"]
    assert table["rank"].to_pylist() == [1, 2]
    assert table["price"].to_pylist() == [1.5, None]
    assert table["price_time"].to_pylist() == [datetime.fromtimestamp(AS_OF / 1000, UTC), None]
    assert table["volume"].type == pa.int64()
    assert table["stale"].to_pylist() == [False, None]
    assert table["high"].null_count == 2
    metadata = table.schema.metadata
    assert metadata[b"list"] == b"movers"
    assert (metadata[b"sequence"], metadata[b"as_of"], metadata[b"simulated"]) == (b"7", str(AS_OF).encode(), b"true")


def test_an_empty_list_has_the_same_columns() -> None:
    empty = gapscan.ListView("movers", "e1", 7, AS_OF, (), "closed", False, LinkStats())
    assert gapscan.frame(empty).schema.remove_metadata() == gapscan.frame(VIEW).schema.remove_metadata()


async def test_by_name_where_an_event_loop_runs(bus: Bus, nats_server: NatsServer) -> None:
    movers = await publish_list(bus, "movers")
    await movers.step(5)
    table = gapscan.frame("movers", nats=nats_server.url)  # the loop stands still meanwhile
    assert table["symbol"].to_pylist() == [row["symbol"] for row in movers.truth[5]]
    with pytest.raises(UnknownListError):
        await asyncio.to_thread(gapscan.frame, "none", nats=nats_server.url)
    with pytest.raises(ConfigError):
        gapscan.frame("No List", nats=nats_server.url)


def test_without_pyarrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ConfigError, match=r"gapscan\[frame\]"):
        gapscan.frame(VIEW)
