"""The plain requests: the page, health, readiness, figures."""

from __future__ import annotations

import re

import pytest

from gapscan.bridge import assets
from gapscan.bridge.connection_gate import open_socket
from gapscan.errors import ConfigError
from tests.support.bridge import Served, browsing
from tests.support.lists import Published
from tests.support.until import until


async def is_all_well(served: Served, movers: Published) -> bool:
    await movers.beat()
    return (await served.get("/readyz"))[2] == '{"nats_connected": true, "lists_known": true}'


async def test_health_readiness_figures(served: Served, movers: Published) -> None:
    assert (await served.get("/healthz"))[2] == "ok\n"
    status, _, body = await served.get("/readyz")
    assert (status, body) == (200, '{"nats_connected": true, "lists_known": true, "why": "stale: movers"}')
    await until(lambda: is_all_well(served, movers), "a readiness without a fault")
    async with browsing(served, movers) as browser:
        await browser.reaches(movers)
        await browser.send(action="dance")
        await browser.until(lambda: served.counts["error.unknown_action"], "an error")
        _, head, text = await served.get("/metrics")
    assert "text/plain" in head
    for line in (
        "gapscan_bridge_clients 1.0",
        'gapscan_bridge_subscriptions{list="movers"} 1.0',
        'gapscan_bridge_list_sequence{list="movers"} 5.0',
        'gapscan_bridge_errors_total{code="unknown_action"} 1.0',
        "gapscan_bridge_nats_connected 1.0",
        "gapscan_bridge_connects_total 1.0",
    ):
        assert line in text.splitlines()
    for line in text.splitlines():
        assert re.fullmatch(r'# (HELP|TYPE) \w+ .+|\w+(\{\w+="[^"]*"(,\w+="[^"]*")*\})? [\d.e+-]+', line), line


async def test_the_page(served: Served) -> None:
    status, head, body = await served.get("/")
    assert status == 200
    assert "<html" in body
    assert "default-src 'none'" in head
    assert "Cache-Control: no-cache" in head
    etag = re.findall(r'ETag: ("\w+")', head)[0]
    assert (await served.get("/", f"If-None-Match: {etag}"))[0] == 304
    assert (await served.get("/", 'If-None-Match: "other"'))[0] == 200


async def test_what_the_page_names_is_there_and_lasts(served: Served) -> None:
    _, _, page = await served.get("/")
    named = re.findall(r'(?:src|href)="(static/[^"]+)"', page)
    assert len(named) == len(set(named))
    modules = [path for path in named if path.endswith((".js", ".css"))]
    assert len(modules) > 50, "all modules are named at once"
    for path in named:
        status, head, _ = await served.get(f"/{path}")
        assert status == 200, path
        assert ("immutable" in head) == (path in modules), path
    other = re.sub("v[0-9a-f]{16}", f"v{'0' * 16}", modules[0])
    status, head, _ = await served.get(f"/{other}")  # a page of another version asks
    assert status == 200
    assert "Cache-Control: no-cache" in head


async def test_every_file_of_the_page(served: Served) -> None:
    for path in assets.load_assets():
        status, head, _ = await served.get(f"/static/{path}")
        assert status == 200
        if path.endswith(".js"):
            assert "Content-Type: text/javascript" in head


@pytest.mark.parametrize(
    "path", ["/static/none.js", "/static/../http.py", "/static/%2e%2e/http.py", "/nothing", "/static/"]
)
async def test_nothing_else(served: Served, path: str) -> None:
    assert (await served.get(path))[0] == 404


async def test_a_plain_request_for_the_socket(served: Served) -> None:
    status, head, body = await served.get("/ws")
    assert status == 426
    assert "Upgrade: websocket" in head
    assert "a proxy on the way must pass on the headers Upgrade and Connection" in body
    assert served.counts["refused.no_upgrade"] == 1


async def test_a_port_that_is_taken(served: Served) -> None:
    with pytest.raises(ConfigError, match=r"in use.*\[bridge\] port"):
        open_socket("127.0.0.1", served.port)
    with pytest.raises(ConfigError, match=r"cannot listen on no\.such\.host\.invalid"):
        open_socket("no.such.host.invalid", 0)
