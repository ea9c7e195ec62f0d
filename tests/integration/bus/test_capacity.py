"""Servers and accounts with little room: gapscan takes its share, and says so where there is none."""

from __future__ import annotations

import asyncio
import datetime as dt
from pathlib import Path

import pytest

from gapscan.bus.client import BusOptions, connect
from gapscan.bus.topology import Retention, ensure_list, ensure_shared
from gapscan.errors import TopologyError
from gapscan.market.sessions import session_times
from gapscan.protocol import names
from gapscan.ranking.spec import shipped_lists
from tests.support.jwt import Operator
from tests.support.nats import server_with
from tests.support.stack import small_market

DAY = dt.date(2026, 3, 10)
START = session_times(DAY).regular + 600_000
MINUTE = 60_000
MB = 1024 * 1024


async def all_streams(options: BusOptions) -> dict[str, int]:
    """Make all that gapscan needs; how many bytes each stream reserves."""
    async with connect(options, "test") as bus:
        await ensure_shared(bus, Retention())
        for spec in shipped_lists().specs:
            await ensure_list(bus, spec.name, Retention())
        return {str(info.config.name): info.config.max_bytes or -1 for info in await bus.js.streams_info()}


async def test_where_there_is_room_nothing_is_smaller(tmp_path: Path) -> None:
    async with server_with(tmp_path, "") as server:
        reserved = await all_streams(BusOptions(server.url))
    assert reserved[names.DEFAULT.stream_state] == 192 * MB
    assert reserved[names.DEFAULT.list_stream("gappers_up")] == 16 * MB


@pytest.mark.parametrize("limits", [{"max_bytes_required": True}, {}])
async def test_an_account_with_200_megabytes(tmp_path: Path, limits: dict[str, bool]) -> None:
    operator, creds = Operator(disk_storage=200 * MB, **limits), tmp_path / "user.creds"
    operator.write_creds(creds)
    async with server_with(tmp_path, operator.conf) as server:
        reserved = await all_streams(BusOptions(server.url, credentials=str(creds)))
    assert sum(max(0, size) for size in reserved.values()) < 200 * MB
    assert reserved[names.DEFAULT.list_stream("gappers_up")] > 2.5 * MB


async def test_a_server_with_less_than_is_asked_for(tmp_path: Path) -> None:
    async with (
        server_with(tmp_path, "jetstream { max_file_store: 100MB }") as server,
        connect(BusOptions(server.url), "test") as bus,
    ):
        await ensure_shared(bus, Retention())
        state = await bus.js.stream_info(names.DEFAULT.stream_state)
        assert state.config.max_bytes == 48 * MB
        with pytest.raises(TopologyError, match="lower state_max_bytes and delta_max_bytes"):
            await asyncio.gather(*(ensure_list(bus, f"list_{number}", Retention()) for number in range(40)))


async def test_a_server_that_takes_small_messages_only(tmp_path: Path) -> None:
    async with (
        server_with(tmp_path, "max_payload: 256KB") as server,
        small_market(server.url, DAY, START, 3000) as stack,
    ):
        await stack.load_reference()
        for minute in (1, 2):
            await stack.scan_at(START + minute * MINUTE)
        await stack.start_ranker()  # from what the streams keep
        await stack.scan_at(START + 3 * MINUTE)
        assert stack.report()["coverage"]["fresh"] > 1500
