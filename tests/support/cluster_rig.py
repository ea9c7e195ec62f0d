"""The services on a cluster of three, with a follower, and probes that say when NATS itself takes what it is given."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
from nats.js import api

from gapscan.bus.client import NATS_ERRORS, Bus, BusOptions, connect
from gapscan.bus.direct_get import get_from
from gapscan.bus.publish import OvertakenError, store
from gapscan.client.api import Follower, ListView
from gapscan.errors import BusError, GapscanError
from gapscan.lists.state import Copy, Fit
from gapscan.protocol import names
from gapscan.protocol.codec import decode_as
from gapscan.protocol.messages import Delta
from gapscan.runtime import end
from tests.support.cluster import Node, cluster
from tests.support.nats import PASSWORD
from tests.support.rig import KEY, market
from tests.support.until import until

LIST = "most_active"
LEASE = 15.0  # as cluster.conf advises
PROBE = "PROBE"
_LED = (names.DEFAULT.list_stream(LIST), PROBE, names.bucket_stream(names.DEFAULT.bucket_leases))
_PROBE_SECONDS = 0.5  # after which another one is tried


@dataclass
class Timeline:
    """The moments, monotonic, at which NATS took a publish, and those at which the list moved."""

    took: list[float] = field(default_factory=list)
    moved: list[float] = field(default_factory=list)

    def still(self, began: float) -> float:
        """The longest time without a delta, in seconds."""
        return max(_gaps(self.moved, began))[0]

    def silence(self, began: float) -> tuple[float, float, float]:
        """From `began` on: the longest time without a delta; the longest without a publish that NATS took; and how
        long after the end of that one the list moved. In seconds.
        """
        refused = max(_gaps(self.took, began))
        again = max(began, *(moment for moment in self.took if moment > began and moment - refused[1] < 1e-9))
        after = next((moment for moment in self.moved if moment >= again), time.monotonic())
        return self.still(began), refused[0], after - again


def _gaps(moments: Sequence[float], began: float) -> list[tuple[float, float]]:
    """Each pause's length, and the moment at which it ended."""
    since = [began, *(moment for moment in moments if moment > began)]
    return [(later - earlier, later) for earlier, later in pairwise(since)] or [(time.monotonic() - began, began)]


@dataclass
class Rig:
    """The running whole. `rankers` are two processes, of which one leads."""

    nodes: list[Node]
    bus: Bus
    rankers: list[subprocess.Popen[bytes]]
    timeline: Timeline
    views: list[ListView]
    near: Timeline  # of a client that is connected to the first node at the beginning
    near_views: list[ListView]

    @property
    def sequence(self) -> int:
        return self.views[-1].sequence if self.views else 0

    async def moves(self, deltas: int = 3) -> None:
        """Wait until the list has moved, and is live, for both clients."""
        goal = self.sequence + deltas
        for views in (self.views, self.near_views):
            await until(partial(_is_at, views, goal), "a list that moves")

    async def lead_all_from(self, node: Node) -> None:
        """Have the list, the leases and the probe led by this node."""
        for stream in _LED:
            await until(partial(self._led_from, stream, node), f"{node.name} to lead {stream}")

    async def _led_from(self, stream: str, node: Node) -> bool:
        with suppress(*NATS_ERRORS, GapscanError):
            info = await self.bus.js.stream_info(stream)
            if info.cluster and info.cluster.leader == node.name:
                return all(one.current and not one.offline for one in info.cluster.replicas or ())
            wish = msgspec.json.encode({"placement": {"preferred": node.name}})
            await self.bus.nc.request(f"$JS.API.STREAM.LEADER.STEPDOWN.{stream}", wish, timeout=2)
        await asyncio.sleep(0.3)
        return False

    async def whole(self) -> None:
        """Wait until all nodes follow: the next fault is one alone."""

        async def in_step() -> bool:
            with suppress(*NATS_ERRORS):
                infos = [await self.bus.js.stream_info(stream) for stream in _LED]
                found = [one for info in infos for one in (info.cluster and info.cluster.replicas) or ()]
                return len(found) == 2 * len(_LED) and all(one.current and not one.offline for one in found)
            return False

        await until(in_step, "all replicas in step")

    async def leading_ranker(self) -> subprocess.Popen[bytes]:
        async def found() -> Any:
            said = await asyncio.gather(*(self._report(ranker) for ranker in self.rankers))
            leading = [one for one, report in zip(self.rankers, said, strict=True) if report.get("role") == "leader"]
            return leading[0] if leading else None

        process: subprocess.Popen[bytes] = await until(found, "a ranker that leads")
        return process

    async def _report(self, ranker: subprocess.Popen[bytes]) -> dict[str, Any]:
        """By its process id; of two, any one answers."""
        for _ in range(6):
            with suppress(*NATS_ERRORS):
                answer = await self.bus.nc.request(names.DEFAULT.status_subject("ranker"), b"", timeout=1)
                report: dict[str, Any] = msgspec.json.decode(answer.data)
                if report.get("pid") == ranker.pid:
                    return report
        return {}

    async def check(self) -> None:
        """Nothing was lost, repeated or taken back, whatever happened, for either client."""
        for views in (self.views, self.near_views):
            assert {view.epoch for view in views} == {self.views[0].epoch}, "the list was reset"
            sequences = [view.sequence for view in views]
            assert sequences == sorted(sequences)
            assert [view.as_of for view in views] == sorted(view.as_of for view in views), "time went back"
            assert all(view.rows for view in views), "the list emptied"
            link = views[-1].link
            assert (link.mismatches, link.rewinds, link.malformed) == (0, 0, 0)
            await self._stream_is_whole(views)

    async def _stream_is_whole(self, views: list[ListView]) -> None:
        """The stream has every sequence, and passes through every view that was shown."""
        stored = await get_from(self.bus, names.DEFAULT.list_stream(LIST), 1, 100_000)
        assert [message.sequence for message in stored] == list(range(1, len(stored) + 1))
        copy, shown = Copy(), {view.sequence: view.rows for view in views}
        copy.epoch = views[0].epoch
        for message in stored:
            assert copy.apply(decode_as(Delta, message.data), message.sequence) is Fit.APPLIED
            if message.sequence in shown:
                assert tuple(copy.rows) == shown[message.sequence]


def _has_rows(views: list[ListView]) -> bool:
    return bool(views) and views[-1].sequence > 3 and bool(views[-1].rows)


def _is_at(views: list[ListView], sequence: int) -> bool:
    return bool(views) and views[-1].sequence >= sequence and views[-1].state == "live"


async def _probe(bus: Bus, timeline: Timeline) -> None:
    """See again and again whether NATS stores something, and whether the list's stream has a leader."""
    while True:
        with suppress(BusError, TimeoutError):
            async with asyncio.timeout(_PROBE_SECONDS):
                await store(bus, "probe", b"", "probing")
                await _is_led(bus)
            timeline.took.append(time.monotonic())
        await asyncio.sleep(0.05)


async def _is_led(bus: Bus) -> None:
    """What cannot follow is refused at once by the stream's leader, and by nobody else."""
    with suppress(OvertakenError):
        await store(
            bus, names.DEFAULT.delta_subject(LIST), b"", "probing", {names.HEADER_EXPECTED_SEQUENCE: str(10**15)}
        )


async def _follow(bus: Bus, timeline: Timeline, views: list[ListView]) -> None:
    while True:
        with suppress(GapscanError):
            async for view in Follower(bus, LIST).views():
                if not views or view.sequence != views[-1].sequence:
                    timeline.moved.append(time.monotonic())
                views.append(view)
        await asyncio.sleep(0.1)


def _service(name: str, log: Path, env: dict[str, str]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "gapscan.supervisor.run_service", name]
    with log.open("ab") as file:
        return subprocess.Popen(command, env=env, stdout=file, stderr=file)


def _end(process: subprocess.Popen[bytes]) -> None:
    """By asking, also one that stands still."""
    process.send_signal(signal.SIGCONT)
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _settings(rest_url: str, ws_host: str) -> dict[str, str]:
    chosen = {
        "NATS_USER": "gapscan", "NATS_PASSWORD": PASSWORD, "NATS_REPLICAS": "3", "NATS_DELTA_MAX_AGE": "3600",
        "PROVIDER_REST_URL": rest_url, "PROVIDER_WEBSOCKET_HOST": ws_host, "PROVIDER_SECURE_WEBSOCKET": "false",
        "PROVIDER_SIMULATED": "true", "FEED_DISCOVERY_INTERVAL": "0.5", "FEED_DETAILS_PER_SECOND": "0",
        "FEED_BASELINE_SESSIONS": "1", "RANKER_LEASE": str(LEASE),
    }  # fmt: skip
    return {**os.environ, "POLYGON_API_KEY": KEY, **{f"GAPSCAN_{key}": value for key, value in chosen.items()}}


Place = Callable[[list[Node]], Node]


@asynccontextmanager
async def cluster_rig(data: Path, rankers_on: Place) -> AsyncIterator[Rig]:
    """Feed and two rankers on a cluster whose first node leads everything; who measures is on the other nodes.

    The rankers are connected to the node that `rankers_on` chooses; of the others they hear from it.
    """
    async with (
        cluster(data, cuttable=True) as (nodes, options),
        market(symbols=120, speed=20.0) as sim,
        AsyncExitStack() as stack,
    ):
        env = _settings(sim.url, sim.ws_feed)
        home = rankers_on(nodes)
        places = [("feed", nodes[-1]), ("ranker", home), ("ranker", home)]
        processes: list[subprocess.Popen[bytes]] = []
        for at, (name, node) in enumerate(places):
            processes.append(_service(name, data / f"{name}-{at}.log", {**env, "GAPSCAN_NATS_URL": node.url}))
            stack.callback(_end, processes[-1])
        measuring: BusOptions = replace(options, url=",".join(node.url for node in nodes[1:]))
        bus = await stack.enter_async_context(connect(measuring, "measuring"))
        await bus.js.add_stream(api.StreamConfig(PROBE, subjects=["probe"], num_replicas=3, max_msgs=10))
        near = await stack.enter_async_context(connect(replace(options, url=nodes[0].url), "near"))
        rig = Rig(nodes, bus, processes[1:], Timeline(), [], Timeline(), [])
        jobs = (
            _probe(bus, rig.timeline),
            _follow(bus, rig.timeline, rig.views),
            _follow(near, rig.near, rig.near_views),
        )
        stack.push_async_callback(end, *[asyncio.create_task(job) for job in jobs])
        for views in (rig.views, rig.near_views):
            await until(partial(_has_rows, views), "a list with rows")
            views[:] = views[-1:]  # before the first scan lists are empty
        await rig.lead_all_from(nodes[0])
        await rig.moves()
        yield rig
