"""The HTTP interface: lists as JSON and CSV, symbols and why, who may ask, and how refusals look."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from gapscan.bridge.limits import REQUESTS
from gapscan.bus.client import Bus
from gapscan.lists.wish import Wish
from gapscan.protocol.api import PROBLEMS
from gapscan.protocol.openapi import OPENAPI
from gapscan.provider import Bar
from tests.support.bridge import Served, defined_list, running_bridge, wide_list
from tests.support.lists import Published
from tests.support.nats import NatsServer
from tests.support.symbol_bars import answering_bars, day_of


def _headers(head: str) -> dict[str, str]:
    return {name.lower(): value for name, _, value in (line.partition(": ") for line in head.splitlines()[1:])}


async def _json(served: Served, path: str, *headers: str) -> Any:
    status, head, body = await served.get(path, *headers)
    assert status == 200, body
    assert _headers(head)["content-type"].startswith("application/json")
    return json.loads(body)


async def _problem(served: Served, path: str, *headers: str, host: str = "") -> tuple[int, str]:
    status, head, body = await served.get(path, *headers, host=host)
    assert _headers(head)["content-type"].startswith("application/problem+json"), head
    problem = json.loads(body)
    assert problem["status"] == status == PROBLEMS[problem["code"]][0]
    assert problem["detail"]
    return status, problem["code"]


async def test_which_lists_there_are(served: Served, movers: Published) -> None:
    await served.reached(movers)
    answer = await _json(served, "/api/lists")
    assert answer == {
        "lists": [
            {
                "name": "movers", "description": "about movers", "sort": ["-price"], "sessions": [], "limit": 200,
                "columns": [], "state": answer["lists"][0]["state"], "epoch": movers.publisher.epoch, "sequence": 5,
                "as_of": answer["lists"][0]["as_of"], "size": len(movers.truth[5]),
            }
        ],
        "simulated": False,
    }  # fmt: skip


async def test_a_list(served: Served, bus: Bus) -> None:
    wide = await wide_list(bus)
    await wide.step(3)
    await served.reached(wide)
    answer = await _json(served, "/api/lists/wide")
    rows = [{key: value for key, value in row.items() if key != "rank"} for row in answer["rows"]]
    assert rows == wide.truth[answer["sequence"]]
    assert [row["rank"] for row in answer["rows"]] == [*range(1, 101)]
    part = await _json(served, "/api/lists/wide.json?limit=3&fields=price,%20symbol", "Accept: text/csv")
    assert part["size"] == 100
    rows = [{key: value for key, value in row.items() if key != "rank"} for row in part["rows"]]
    assert rows == Wish.of(3, ["price"]).rows(wide.truth[part["sequence"]])


async def test_the_etag_is_the_position(served: Served, movers: Published) -> None:
    await served.reached(movers)
    _, head, body = await served.get("/api/lists/movers")
    etag = _headers(head)["etag"]
    assert f"{movers.publisher.epoch}:5" in etag
    assert _headers(head)["cache-control"] == "no-cache"
    for given in (etag, f"W/{etag}", f'"x", {etag}', "*"):
        status, again, nothing = await served.get("/api/lists/movers", f"If-None-Match: {given}")
        assert (status, nothing, _headers(again)["etag"]) == (304, "", etag)
    assert (await served.get("/api/lists/movers", 'If-None-Match: "x"'))[2] == body
    assert (await served.get("/api/lists/movers.csv", f"If-None-Match: {etag}"))[0] == 200
    await movers.step()
    await served.reached(movers)
    status, head, _ = await served.get("/api/lists/movers", f"If-None-Match: {etag}")
    assert f"{movers.publisher.epoch}:6" in _headers(head)["etag"]


async def test_a_list_as_csv(served: Served, movers: Published) -> None:
    await served.reached(movers)
    list_ = "/api/lists/movers"
    for path, accept in ((f"{list_}.csv", ""), (list_, "text/csv"), (list_, "text/*")):
        status, head, body = await served.get(f"{path}?fields=price,name", f"Accept: {accept}")
        assert (status, _headers(head)["content-type"]) == (200, "text/csv; charset=utf-8")
        first, *rows = csv.reader(io.StringIO(body))
        assert first == ["rank", "symbol", "price", "name"]
        assert [row[1] for row in rows] == [row["symbol"] for row in movers.truth[5]]
        prices = [float(row[2]) if row[2] else None for row in rows]
        assert prices == [row.get("price") for row in movers.truth[5]]


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("text/html,application/xhtml+xml,*/*;q=0.8", "application/json"),
        ("application/json;q=0.5, text/csv;q=0.9", "text/csv"),
        ("text/csv;q=0, application/json", "application/json"),
    ],
)
async def test_what_is_accepted(served: Served, accept: str, kind: str) -> None:
    _, head, _ = await served.get("/api/lists/movers", f"Accept: {accept}")
    assert _headers(head)["content-type"].startswith(kind)


async def test_refusals_are_problems(served: Served) -> None:
    for path, expected in {
        "/api/lists/none": (404, "unknown_list"),
        "/api/lists/none/stream": (404, "unknown_list"),
        "/api/lists/movers?limit=0": (400, "bad_request"),
        "/api/lists/movers?limit=x": (400, "bad_request"),
        "/api/lists/movers?limit=1&limit=2": (400, "bad_request"),
        "/api/lists/movers?fields=pirce": (400, "bad_request"),
        "/api/lists/movers?fild=price": (400, "bad_request"),
        "/api/lists?limit=3": (400, "bad_request"),
        "/api/symbols/" + "X" * 33: (400, "bad_request"),
        "/api/symbols/A/why?list=none": (404, "unknown_list"),
        "/api/symbols/A/why": (503, "unavailable"),  # there is no ranker
        "/api/nothing": (404, "not_found"),
    }.items():
        assert await _problem(served, path) == expected, path
    assert await _problem(served, "/api/lists/movers", "Accept: image/png") == (406, "not_acceptable")
    assert await _problem(served, "/api/lists", host="evil.example.org") == (421, "host")
    assert await _problem(served, "/api/lists", "Origin: http://evil.example.org") == (403, "origin")
    assert served.counts["problem.unknown_list"] == 3


async def test_a_list_without_rows(bus: Bus, nats_server: NatsServer) -> None:
    await defined_list(bus, "empty")
    async with running_bridge(nats_server.url) as served:
        while (found := await served.get("/api/lists"))[0] == 503:
            assert _headers(found[1])["retry-after"] == "1"
        answer = json.loads(found[2])
        assert [each["name"] for each in answer["lists"]] == ["empty"]


async def test_pages_that_may_read(movers: Published, nats_server: NatsServer) -> None:
    page = "https://desk.example.org"
    async with running_bridge(nats_server.url, origins=[page], token="secret") as served:
        await served.reached(movers)
        _, head, _ = await served.get("/api/lists", f"Origin: {page}", "Authorization: Bearer secret")
        assert _headers(head)["access-control-allow-origin"] == page
        assert "Origin" in _headers(head)["vary"]
        assert await _problem(served, "/api/lists", "Origin: http://localhost") == (403, "origin")
        assert await _problem(served, "/api/lists", f"Origin: {page}") == (401, "no_token")


async def test_a_browser_asks_before_it_sends_the_token(movers: Published, nats_server: NatsServer) -> None:
    page = "https://desk.example.org"
    async with running_bridge(nats_server.url, origins=[page], token="secret") as served:
        headers = [f"Origin: {page}", "Access-Control-Request-Method: GET"]
        status, head, _ = await served.request("OPTIONS", "/api/lists/movers", *headers)
        assert status == 204
        assert "Authorization" in _headers(head)["access-control-allow-headers"]
        assert _headers(head)["access-control-allow-origin"] == page
        assert (await served.request("POST", "/api/lists", "Authorization: Bearer secret"))[0] == 405


async def test_the_token(movers: Published, nats_server: NatsServer) -> None:
    async with running_bridge(nats_server.url, token="secret") as served:
        await served.reached(movers)
        assert (await served.get("/api/lists", "Authorization: bearer secret"))[0] == 200
        _, head, _ = await served.get("/api/lists")
        assert _headers(head)["www-authenticate"] == "Bearer"
        seen = {await _problem(served, "/api/lists", "Authorization: Bearer wrong") for _ in range(20)}
        assert seen == {(401, "no_token"), (429, "rate_limited")}


async def test_too_many_requests(served: Served) -> None:
    answers = [await served.get("/api/openapi.json") for _ in range(2)]
    assert {status for status, _, _ in answers} == {200}
    for _ in range(10 * REQUESTS):
        status, head, _ = await served.get("/api/openapi.json")
        if status == 429:
            break
    assert int(_headers(head)["retry-after"]) >= 1
    assert served.counts["refused.rate"]


async def test_a_symbol(served: Served, movers: Published) -> None:
    await served.reached(movers)
    row = movers.truth[5][0]
    answer = await _json(served, f"/api/symbols/{row['symbol']}")
    (place,) = answer["places"]
    assert answer["row"] == row
    assert (place["list"], place["rank"], place["size"], place["sequence"]) == ("movers", 1, len(movers.truth[5]), 5)
    assert (await _json(served, "/api/symbols/NONE"))["places"] == []


async def test_the_document(served: Served) -> None:
    assert await _json(served, "/api/openapi.json") == OPENAPI


async def test_the_bars_of_a_symbol(served: Served, bus: Bus) -> None:
    now = 1_795_357_800_000
    bars = [Bar("AAA", now - 60_000 * ago, now - 60_000 * (ago - 1), 1.0, 2.0, 0.5, 1.5, 9.0) for ago in (3, 2)]
    assert await _problem(served, "/api/symbols/AAA/bars") == (503, "unavailable")
    opens = now - 2 * 86_400_000  # it is a Sunday: the trading day is the Friday before
    async with answering_bars(bus, day_of(lambda: now, *bars)):
        answer = await _json(served, "/api/symbols/AAA/bars")
        assert answer == {
            "type": "symbol_bars", "symbol": "AAA", "as_of": now, "opens": opens, "simulated": True, "fault": "",
            "start": [bar.start for bar in bars], "open": [1.0, 1.0], "high": [2.0, 2.0], "low": [0.5, 0.5],
            "close": [1.5, 1.5], "volume": [9.0, 9.0],
        }  # fmt: skip
        assert (await _json(served, "/api/symbols/NONE/bars"))["start"] == []
        assert await _problem(served, "/api/symbols/AAA/bars?limit=1") == (400, "bad_request")
    assert await _json(served, "/api/symbols/AAA/bars") == answer, "for a moment the same answer does for all"
