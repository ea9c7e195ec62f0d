"""A bucket that cannot be read costs `gapscan status` one line, and nothing else."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from gapscan.bus.client import BusOptions, connect
from gapscan.market.sessions import session_times
from gapscan.protocol import names
from gapscan.service.reporting import reporting
from gapscan.service.status import StatusReport, collect
from tests.support.nats import NatsServer
from tests.support.stack import small_market

DAY = dt.date(2026, 3, 10)
START = session_times(DAY).regular + 60_000
SNAPSHOTS = names.bucket_stream(names.DEFAULT.bucket_snapshots)
DENIED = f'"$JS.API.DIRECT.GET.{SNAPSHOTS}", "$JS.API.DIRECT.GET.{SNAPSHOTS}.>"'
USERS = f"""authorization {{ users: [
  {{ user: all, password: "secret" }}
  {{ user: few, password: "secret", permissions: {{ publish: {{ deny: [{DENIED}] }} }} }}
] }}"""


def about_snapshots(report: StatusReport) -> list[str]:
    return [problem for problem in report.problems if names.DEFAULT.bucket_snapshots in problem]


async def test_a_bucket_that_is_not_permitted_or_deleted(tmp_path: Path) -> None:
    server = NatsServer(tmp_path / "nats", more=USERS)
    server.start()
    try:
        options = BusOptions(server.url, "all", "secret")
        async with (
            small_market(options, DAY, START, 50) as stack,
            reporting(stack.bus, "ranker", lambda: stack.report()),
        ):
            await stack.load_reference()
            await stack.scan_at(START)
            whole = await collect(stack.bus)
            assert whole.lists
            assert about_snapshots(whole) == []
            async with connect(BusOptions(server.url, "few", "secret"), "few") as bus:
                report = await collect(bus)
            (line,) = about_snapshots(report)
            assert "cannot be read" in line
            assert report.lists.keys() == whole.lists.keys()
            assert {one.snapshot_sequence for one in report.lists.values()} == {-1}
            await stack.bus.js.delete_stream(SNAPSHOTS)
            report = await collect(stack.bus)
            (line,) = about_snapshots(report)
            assert "gone" in line
            assert report.lists.keys() == whole.lists.keys()
    finally:
        server.close()
