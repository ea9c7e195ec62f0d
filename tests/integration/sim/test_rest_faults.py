"""Each REST fault, and what a client makes of it."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import aiohttp
import pytest
import urllib3
from urllib3.exceptions import HTTPError, MaxRetryError, ProtocolError

from tests.integration.sim.conftest import Rest, Serve
from tests.support.simulator import BAD_RESPONSES, advance
from tests.support.until import until


@pytest.mark.parametrize(("status", "text"), [(401, "Unknown API Key"), (403, "NOT_AUTHORIZED"), (404, "NOT_FOUND")])
async def test_refusing_status(serve: Serve, rest: Rest, status: Any, text: str) -> None:
    server = await serve()
    server.faults.set("rest_status", status=status, count=1)
    with pytest.raises(BAD_RESPONSES, match=text):
        await rest.call(server, "get_market_status")
    assert await rest.call(server, "get_market_status")


@pytest.mark.parametrize("status", [429, 500])
async def test_status_that_the_client_retries(serve: Serve, rest: Rest, status: Any) -> None:
    server = await serve()
    server.faults.set("rest_status", status=status, count=1)
    with pytest.raises(MaxRetryError, match=str(status)):
        await rest.call(server, "get_market_status")
    server.faults.set("rest_status", status=status, count=2)
    client = rest.client(server)
    client.client.connection_pool_kw["retries"] = urllib3.Retry(3, status_forcelist=[status], backoff_factor=0)
    assert (await asyncio.to_thread(client.get_market_status)).market == "extended-hours"


async def test_error_bodies_are_polygons(serve: Serve) -> None:
    server = await serve()
    async with aiohttp.ClientSession(server.url) as session:
        for status, name in ((401, "ERROR"), (403, "NOT_AUTHORIZED"), (429, "ERROR"), (500, "ERROR")):
            server.faults.set("rest_status", status=status, count=1)
            async with session.get("/v1/marketstatus/now") as response:
                body = await response.json()
                assert response.status == status
                assert body["status"] == name
                assert body["request_id"]
                assert "error" in body or "message" in body


async def test_html_with_200_is_an_empty_answer_to_the_client(serve: Serve, rest: Rest) -> None:
    server = await serve()
    server.faults.set("rest_html", status=200)
    assert await rest.call(server, "get_snapshot_all", "stocks") == []
    response = await rest.call(server, "get_snapshot_all", "stocks", raw=True)
    assert response.data.startswith(b"<!DOCTYPE html>")


async def test_html_with_502(serve: Serve, rest: Rest) -> None:
    server = await serve()
    server.faults.set("rest_html")
    with pytest.raises(MaxRetryError, match="502"):
        await rest.call(server, "get_snapshot_all", "stocks")


async def test_truncated_json(serve: Serve, rest: Rest) -> None:
    server = await serve()
    server.faults.set("rest_truncated")
    response = await rest.call(server, "get_snapshot_all", "stocks", raw=True)
    assert response.status == 200
    with pytest.raises(json.JSONDecodeError):
        json.loads(response.data)
    assert await rest.call(server, "get_snapshot_all", "stocks") == []


async def test_one_garbage_element(serve: Serve, rest: Rest) -> None:
    server = await serve()
    good = await rest.snapshot(server)
    server.faults.set("rest_garbage", endpoint="snapshot")
    response = await rest.call(server, "get_snapshot_all", "stocks", raw=True)
    tickers = json.loads(response.data)["tickers"]
    bad = [place for place, ticker in enumerate(tickers) if not isinstance(ticker["ticker"], str)]
    assert len(tickers) == len(good) + 1
    assert len(bad) == 1
    assert 0 < bad[0] < len(tickers) - 1
    with pytest.raises(AttributeError):
        await rest.call(server, "get_snapshot_all", "stocks")


async def test_garbage_in_other_arrays(serve: Serve, rest: Rest) -> None:
    server = await serve()
    server.faults.set("rest_garbage", endpoint="grouped")
    response = await rest.call(server, "get_grouped_daily_aggs", "2026-11-19", raw=True)
    results = json.loads(response.data)["results"]
    assert [r for r in results if not isinstance(r["T"], str)]


async def test_stalled_request(serve: Serve) -> None:
    server = await serve()
    server.faults.set("rest_stall", count=1)
    async with aiohttp.ClientSession(server.url, timeout=aiohttp.ClientTimeout(total=0.2)) as session:
        with pytest.raises(TimeoutError):
            await session.get("/v1/marketstatus/now", params={"apiKey": "k"})
        async with session.get("/v1/marketstatus/now", params={"apiKey": "k"}) as response:
            assert response.status == 200


async def test_a_stalled_request_does_not_hold_up_the_end(serve: Serve, rest: Rest) -> None:
    server = await serve()
    server.faults.set("rest_stall")
    call = asyncio.create_task(rest.call(server, "get_market_status"))
    await until(lambda: server.stats.requests["status"], "the request")
    await server.__aexit__(None, None, None)
    with pytest.raises(HTTPError):
        await call


async def test_slow_body(serve: Serve, rest: Rest) -> None:
    server = await serve()
    server.faults.set("rest_slow", seconds=0.4, count=1)
    start = time.monotonic()
    tickers = await rest.call(server, "get_snapshot_all", "stocks")
    assert time.monotonic() - start >= 0.35
    assert len(tickers) > 150


async def test_dropped_connection(serve: Serve, rest: Rest) -> None:
    server = await serve()
    server.faults.set("rest_drop", count=1)
    with pytest.raises((MaxRetryError, ProtocolError)):
        await rest.call(server, "get_market_status")
    assert await rest.call(server, "get_market_status")


async def test_only_the_named_endpoint(serve: Serve, rest: Rest) -> None:
    server = await serve()
    server.faults.set("rest_status", status=403, endpoint="grouped")
    assert await rest.call(server, "get_market_status")
    with pytest.raises(BAD_RESPONSES):
        await rest.call(server, "get_grouped_daily_aggs", "2026-11-19")


async def raw(serve: Serve, fault: str, path: str = "", times: int = 1, **options: Any) -> tuple[list[Any], list[str]]:
    """What the snapshot, or another path, answers before and under a fault: documents, and bodies."""
    server = await serve()
    path = path or "/v2/snapshot/locale/us/markets/stocks/tickers"
    texts = []
    async with aiohttp.ClientSession(server.url) as session:
        for number in range(times + 1):
            async with session.get(path, params={"apiKey": "k"}) as response:
                assert response.status == 200
                texts.append(await response.text())
            if number == 0:
                server.faults.set(fault, **options)
            else:
                advance(server, 60_000)
    return [json.loads(text) for text in texts], texts


async def test_an_error_that_comes_with_200(serve: Serve) -> None:
    (_, bad), _ = await raw(serve, "rest_error")
    assert (bad["status"], "tickers" in bad) == ("ERROR", False)


async def test_an_answer_without_its_array_or_with_null(serve: Serve) -> None:
    (good, bad), _ = await raw(serve, "rest_no_array")
    assert set(good) - set(bad) == {"tickers"}
    (good, bad), _ = await raw(serve, "rest_null_array")
    assert (set(good), bad["tickers"], bad["status"]) == (set(bad), None, "OK")


async def test_a_tenth_of_the_market(serve: Serve) -> None:
    (good, bad), _ = await raw(serve, "rest_shrunk")
    assert len(bad["tickers"]) == round(len(good["tickers"]) / 10) > 10


async def test_a_frozen_body(serve: Serve) -> None:
    _, (_, first, *others) = await raw(serve, "rest_frozen", times=3)
    assert set(others) == {first}


async def test_nulls_and_no_numbers(serve: Serve) -> None:
    (_, bad), _ = await raw(serve, "rest_nulls")
    assert {(ticker["day"]["vw"], ticker["min"]["t"]) for ticker in bad["tickers"]} == {(None, None)}
    _, (_, text) = await raw(serve, "rest_nan")
    assert text.count(":NaN") == 1


async def test_each_element_twice(serve: Serve) -> None:
    (good, bad), _ = await raw(serve, "rest_doubled", "/v3/reference/tickers")
    names = [{"ticker": ticker["ticker"]} for ticker in good["results"]]
    assert bad["results"] == good["results"] + names


async def test_times_in_other_units(serve: Serve) -> None:
    (good, bad), _ = await raw(serve, "rest_units")
    for right, wrong in zip(good["tickers"], bad["tickers"], strict=True):
        assert wrong["updated"] == right["updated"] // 1_000_000
        assert wrong["min"]["t"] == right["min"]["t"] * 1_000_000


@pytest.mark.parametrize("kind", ["empty", "text"])
async def test_pages_without_an_end(serve: Serve, kind: str) -> None:
    (good, *bad), _ = await raw(serve, "rest_endless", "/v3/reference/splits", times=4, kind=kind)
    assert len({page["next_url"] for page in bad}) == 4
    assert all(page["results"] == ([] if kind == "empty" else good["results"]) for page in bad)
