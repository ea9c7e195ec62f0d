"""A client written from docs/protocol.md alone, without any gapscan code: its pseudo-code, line by line."""

from __future__ import annotations

import asyncio
import json
import random
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from gapscan.bus.topology import Retention
from tests.integration.cli.conftest import OwnLists, rows_of
from tests.support.nats import NatsServer
from tests.support.until import until

Row = dict[str, Any]


def crc(rows: list[Row]) -> int:
    return zlib.crc32("\n".join(row["symbol"] for row in rows).encode())


def apply(rows: list[Row], changes: list[dict[str, Any]]) -> list[Row]:
    """Section 4."""
    by_symbol = {row["symbol"]: row for row in rows}
    out = {change["symbol"] for change in changes if change["action"] in ("remove", "rerank")}
    result = [dict(row) for row in rows if row["symbol"] not in out]
    for change in changes:
        if change["action"] == "add":
            result.insert(change["rank"] - 1, {"symbol": change["symbol"], **change["data"]})
        elif change["action"] == "rerank":
            result.insert(change["new_rank"] - 1, dict(by_symbol[change["symbol"]]))
    for change in changes:
        if change["action"] == "update":
            assert result[change["rank"] - 1]["symbol"] == change["symbol"]
            result[change["rank"] - 1].update(change["data"])
    return result


class DocumentedClient:
    """Section 8."""

    def __init__(self, nc: Client, name: str) -> None:
        self.nc, self.name = nc, name
        self.epoch, self.sequence, self.rows = "", -1, list[Row]()
        self.need = "snapshot"
        self.state = "stale"
        self.seen: dict[tuple[str, int], list[Row]] = {}
        self.fills = self.snapshots = 0

    async def follow(self) -> None:
        queue: asyncio.Queue[Any] = asyncio.Queue()
        for subject in (f"gapscan.live.{self.name}", f"gapscan.live.{self.name}.heartbeat"):
            await self.nc.subscribe(subject, cb=queue.put)
        while True:
            if self.need == "snapshot":
                await self.take_snapshot()
            if self.need == "fill":
                await self.fill()
            try:
                message = await asyncio.wait_for(queue.get(), 0.25 if self.need else 3)
            except TimeoutError:
                self.state = self.state if self.need else "stale"
                continue
            self.hear(json.loads(message.data), message.headers or {})

    def hear(self, message: dict[str, Any], headers: dict[str, str]) -> None:
        if message["type"] == "delta":
            self.offer(message, int(headers["Nats-Sequence"]))
        elif message["type"] == "heartbeat":
            self.state = message["state"]
            if message["epoch"] != self.epoch:
                self.need = "snapshot"
            elif message["sequence"] > self.sequence:
                self.need = self.need or "fill"

    async def direct_get(self, stream: str, request: dict[str, Any] | None = None) -> list[Any]:
        inbox = self.nc.new_inbox()
        replies = await self.nc.subscribe(inbox)
        payload = json.dumps(request).encode() if request else b""
        await self.nc.publish(f"$JS.API.DIRECT.GET.{stream}", payload, reply=inbox)
        found = []
        while "Status" not in ((answer := await replies.next_msg(timeout=2)).headers or {}):
            found.append(answer)
            if request is None:
                break
        await replies.unsubscribe()
        return found

    async def take_snapshot(self) -> None:
        found = await self.direct_get(f"KV_gapscan-snapshots.$KV.gapscan-snapshots.{self.name}")
        if not found:
            return
        snapshot = json.loads(found[0].data)
        assert [row["rank"] for row in snapshot["rows"]] == list(range(1, len(snapshot["rows"]) + 1))
        assert crc(snapshot["rows"]) == snapshot["checksum"]
        self.epoch, self.sequence = snapshot["epoch"], snapshot["sequence"]
        self.rows = [{key: value for key, value in row.items() if key != "rank"} for row in snapshot["rows"]]
        self.need = ""
        self.snapshots += 1
        self.note()
        await self.fill()

    async def fill(self) -> None:
        deltas = await self.direct_get(f"GAPSCAN_LIST_{self.name}", {"seq": self.sequence + 1, "batch": 1000})
        self.need = "snapshot" if len(deltas) == 1000 else ""
        self.fills += bool(deltas)
        for delta in deltas:
            said = self.offer(json.loads(delta.data), int(delta.headers["Nats-Sequence"]))
            if said in ("hole", "mismatch", "other epoch"):
                self.need = "snapshot"
                return

    def offer(self, delta: dict[str, Any], sequence: int) -> str:
        if self.sequence < 0:
            return "no copy"
        if delta["epoch"] != self.epoch:
            self.need = "snapshot"
            return "other epoch"
        if sequence <= self.sequence:
            return "old"
        if delta["prev"] > self.sequence:
            self.need = self.need or "fill"
            return "hole"
        rows = apply(self.rows, delta["changes"])
        if len(rows) != delta["size"] or crc(rows) != delta["checksum"]:
            self.need = "snapshot"
            return "mismatch"
        self.rows, self.sequence = rows, sequence
        self.note()
        return "applied"

    def note(self) -> None:
        self.seen[self.epoch, self.sequence] = self.rows


@dataclass
class Published:
    """A list that changes at random, and its rows at every sequence."""

    desk: OwnLists
    dice: random.Random = field(default_factory=lambda: random.Random(5))
    truth: dict[tuple[str, int], list[Row]] = field(default_factory=dict)

    async def step(self, number: int) -> None:
        for _ in range(number):
            symbols = self.dice.sample([f"S{index}" for index in range(30)], self.dice.randint(0, 25))
            rows = rows_of(**{symbol: self.dice.choice([None, 1.5, 2.5]) for symbol in symbols})
            sequence = await self.desk.publish(rows)
            self.truth[self.desk.publisher.epoch, sequence] = [dict(row) for row in rows]

    async def reaches(self, client: DocumentedClient) -> None:
        """Wait until the client has what was published last."""
        publisher = self.desk.publisher
        await until(
            lambda: (client.state, client.epoch, client.sequence) == ("live", publisher.epoch, publisher.sequence),
            "the client's arrival",
        )

    def check(self, client: DocumentedClient) -> None:
        """Compare all that the client ever had."""
        checked = [key for key in client.seen if key in self.truth]
        assert len(checked) > 60
        for key in checked:
            assert client.seen[key] == self.truth[key], key


class LossyClient(Client):
    """A connection on which deltas get lost while it is `losing`."""

    losing = False

    async def subscribe(self, subject: str, *args: Any, **options: Any) -> Subscription:
        if subject == "gapscan.live.gappers_up":
            take = options["cb"]

            async def hear(message: Msg) -> None:
                if not self.losing:
                    await take(message)

            options["cb"] = hear
        return await super().subscribe(subject, *args, **options)


@asynccontextmanager
async def following(nc: LossyClient, nats_url: str) -> AsyncIterator[DocumentedClient]:
    """A client at work, on a connection of its own."""
    await nc.connect(nats_url)
    client = DocumentedClient(nc, "gappers_up")
    task = asyncio.ensure_future(client.follow())
    try:
        yield client
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await nc.close()


async def test_the_documented_client_is_exact(desk: OwnLists, nats_server: NatsServer) -> None:
    published = Published(desk)
    await published.step(20)
    nc = LossyClient()
    async with following(nc, nats_server.url) as client:
        await published.step(60)
        await published.reaches(client)
        await it_fills_a_hole(nc, client, published)
        await it_takes_a_new_epoch(client, published)
    published.check(client)


async def it_fills_a_hole(nc: LossyClient, client: DocumentedClient, published: Published) -> None:
    nc.losing = True
    await published.step(15)
    nc.losing = False
    await published.step(5)
    await published.reaches(client)
    assert client.fills


async def it_takes_a_new_epoch(client: DocumentedClient, published: Published) -> None:
    taken = client.snapshots
    await published.desk.bus.js.delete_stream("GAPSCAN_LIST_gappers_up")
    await published.desk.publisher.recover(Retention(), simulated=True)
    await published.step(10)
    await published.reaches(client)
    assert client.snapshots > taken
