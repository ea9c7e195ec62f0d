"""A client written from docs/protocol.md alone, in plain NATS: it reads the past, and proves the chain."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
import zlib
from typing import Any

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

import gapscan
import nats
from gapscan.bus.client import Bus, BusOptions
from tests.support.nats import NatsServer
from tests.support.tape import START, played_list, recorded, recording

LIST = "winners"


async def direct_get(nc: Client, query: dict[str, Any]) -> list[Msg]:
    """All answers to one request, by section 7."""
    inbox = nc.new_inbox()
    answers = await nc.subscribe(inbox)
    await nc.publish("$JS.API.DIRECT.GET.GAPSCAN_TAPE", json.dumps(query).encode(), reply=inbox)
    found: list[Msg] = []
    while True:
        message = await answers.next_msg(timeout=5)
        if "Status" in (message.headers or {}):
            await answers.unsubscribe()
            return found
        found.append(message)


def minute_subject(ms: int) -> str:
    return time.strftime(f"gapscan.tape.{LIST}.%Y%m%d.%H%M", time.gmtime(ms // 1000))


async def minute(nc: Client, ms: int) -> list[dict[str, Any]]:
    found = await direct_get(nc, {"seq": 1, "next_by_subj": minute_subject(ms), "batch": 500})
    return [json.loads(message.data) for message in found]


def applied(rows: list[dict[str, Any]], delta: dict[str, Any]) -> list[dict[str, Any]]:
    """Section 4."""
    taken = {change["symbol"]: None for change in delta["changes"] if change["action"] in ("remove", "rerank")}
    held = {row["symbol"]: row for row in rows}
    result = [row for row in rows if row["symbol"] not in taken]
    for change in delta["changes"]:
        if change["action"] == "add":
            result.insert(change["rank"] - 1, {"symbol": change["symbol"], **change["data"]})
        elif change["action"] == "rerank":
            result.insert(change["new_rank"] - 1, held[change["symbol"]])
    for change in delta["changes"]:
        if change["action"] == "update":
            at = change["rank"] - 1
            assert result[at]["symbol"] == change["symbol"]
            result[at] = {**result[at], **change["data"]}
    assert len(result) == delta["size"]
    assert zlib.crc32("\n".join(row["symbol"] for row in result).encode()) == delta["checksum"]
    return result


def play(
    messages: list[dict[str, Any]], until: float, rows: list[dict[str, Any]] | None
) -> list[dict[str, Any]] | None:
    for message in messages:
        if message["type"] == "gap":
            rows = None if message["begin"] < until else rows
        elif message["as_of"] > until:
            continue
        elif message["type"] == "snapshot":
            rows = [{name: value for name, value in row.items() if name != "rank"} for row in message["rows"]]
        elif message["type"] == "delta":
            assert rows is not None
            rows = applied(rows, message)
    return rows


async def list_at(nc: Client, when: int) -> list[dict[str, Any]] | None:
    second = when // 1000 * 1000
    messages = await minute(nc, second)
    rows = None
    if messages and messages[0]["type"] == "unchanged":
        rows = play(await minute(nc, messages[0]["since"]), float("inf"), None)
    return play(messages, second, rows)


async def lists_of_day(nc: Client, ms: int) -> list[str]:
    day = time.strftime("%Y%m%d", time.gmtime(ms // 1000))
    found = await direct_get(nc, {"multi_last": [f"gapscan.moves.*.{day}"]})
    return [(message.headers or {})["Nats-Subject"].split(".")[2] for message in found]


async def check_chain(nc: Client) -> int:
    found = await direct_get(nc, {"seq": 1, "batch": 1000})
    number, before = 0, "0" * 64
    for message in found:
        headers = message.headers or {}
        number += 1
        assert headers["Gapscan-Number"] == str(number)
        assert headers["Gapscan-Previous-Hash"] == before
        said = f"{before}\n{number}\n{headers['Nats-Subject']}\n".encode() + message.data
        before = hashlib.sha256(said).hexdigest()
        assert headers["Gapscan-Hash"] == before
    return number


@pytest.mark.timeout(180)
async def test_a_plain_client_reads_the_same(bus: Bus, nats_server: NatsServer) -> None:
    played = await played_list(bus, LIST)
    async with recording(BusOptions(nats_server.url)) as recorder:
        for step in range(90):
            await played.step(played.dice.choice((50, 400, 1000, 1000, 3000, 20_000, 130_000)))
            if step % 5 == 0:
                await played.beat()
                await asyncio.sleep(0.02)
        await recorded(recorder, played)
    nc = await nats.connect(nats_server.url)
    try:
        assert await check_chain(nc) > 50
        assert await lists_of_day(nc, START) == [LIST]
        assert await lists_of_day(nc, START - 86_400_000) == []
        for when in range(START + 1000, played.time - 1000, 7_301):
            rows = await list_at(nc, when)
            assert rows == played.rows_at(when)
            assert rows == list((await gapscan.at(LIST, when, bus=bus)).rows)
    finally:
        await nc.close()
