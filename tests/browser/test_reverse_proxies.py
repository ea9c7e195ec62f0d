"""The examples in deploy/ for nginx and HAProxy, as they stand but for ports and certificate, and a real browser."""

from __future__ import annotations

import asyncio
import http.client
import os
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser as Chromium
from websockets.asyncio.client import connect as connect_websocket

from gapscan.bridge.limits import GUESSES
from gapscan.bus.client import BusOptions, connect
from gapscan.supervisor import ports
from tests.browser.watching import watch
from tests.support.bridge import Served, defined_list, running_bridge
from tests.support.lists import Published
from tests.support.nats import NatsServer
from tests.support.until import PATIENCE

DEPLOY = Path(__file__).parents[2] / "deploy"
PROXIES = ("nginx", "haproxy")
NAME = "scanner.example.org"  # in both examples


def program(name: str) -> str:
    """The proxy of this machine. Without it the test is skipped; with CI set it fails."""
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin")
    if found is None:
        reason = f"{name} is not installed"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


def certificate(folder: Path) -> Path:
    """A certificate of its own making and its key in one file, as both proxies take it."""
    key, made, both = folder / "key.pem", folder / "made.pem", folder / "scanner.pem"
    subject = ["-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME},IP:127.0.0.1"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
    subprocess.run([*command, "-keyout", key, "-out", made], check=True, capture_output=True)
    both.write_text(made.read_text() + key.read_text())
    return both


def changed(text: str, changes: dict[str, str]) -> str:
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


def nginx(folder: Path, port: int, bridge: int) -> list[str]:
    pem = certificate(folder)
    text = changed(
        (DEPLOY / "nginx.conf").read_text("utf-8"),
        {
            "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
            "127.0.0.1:8080": f"127.0.0.1:{bridge}",
            "/etc/nginx/scanner.pem": str(pem),
            "/etc/nginx/scanner.key": str(pem),
        },
    )
    places = "".join(f"{name}_temp_path {folder};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    main = f"daemon off; pid {folder}/pid; error_log stderr; events {{}} http {{ access_log off; {places} {text} }}"
    (folder / "nginx.conf").write_text(main)
    return [program("nginx"), "-c", str(folder / "nginx.conf"), "-e", "stderr"]


def haproxy(folder: Path, port: int, bridge: int) -> list[str]:
    changes = {
        "bind :443": f"bind 127.0.0.1:{port}",
        "127.0.0.1:8080": f"127.0.0.1:{bridge}",
        "/etc/haproxy/scanner.pem": str(certificate(folder)),
    }
    (folder / "haproxy.cfg").write_text(changed((DEPLOY / "haproxy.cfg").read_text("utf-8"), changes))
    return [program("haproxy"), "-db", "-f", str(folder / "haproxy.cfg")]


@contextmanager
def process(command: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    running = subprocess.Popen(command)
    try:
        yield running
        assert running.poll() is None, "the proxy ended"
    finally:
        running.terminate()
        running.wait(PATIENCE)


class Proxied:
    """A bridge behind a proxy at `port`, and a list on it."""

    def __init__(self, port: int, published: Published, bridge: Served) -> None:
        self.port = port
        self.published = published
        self.bridge = bridge

    @property
    def url(self) -> str:
        return f"https://{NAME}:{self.port}/gapscan/"

    def websocket(self, **options: Any) -> connect_websocket:
        """A WebSocket by the site's name."""
        address = self.url.replace("https", "wss") + "ws"
        return connect_websocket(address, host="127.0.0.1", port=self.port, ssl=trusting(), proxy=None, **options)

    async def get(self, path: str, host: str = "", client: str = "127.0.0.9", token: str = "") -> tuple[int, str]:
        """Status, and where to go instead, when the machine `client` asks."""
        headers = {"Host": host or f"{NAME}:{self.port}", **({"Authorization": f"Bearer {token}"} if token else {})}
        return await asyncio.to_thread(self._get, path, headers, client)

    def _get(self, path: str, headers: dict[str, str], client: str) -> tuple[int, str]:
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.port, timeout=PATIENCE, context=trusting(), source_address=(client, 0)
        )
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.getheader("Location") or ""
        finally:
            connection.close()


def trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@asynccontextmanager
async def proxied(kind: str, nats: NatsServer, folder: Path, **section: Any) -> AsyncIterator[Proxied]:
    section = {"hosts": [NAME], **section}
    async with connect(BusOptions(nats.url), "test") as bus, running_bridge(nats.url, **section) as bridge:
        published = await defined_list(bus)
        await published.publisher.write_snapshot(simulated=True)
        await bridge.knows("movers")
        port = ports.free_port()
        make = {"nginx": nginx, "haproxy": haproxy}[kind]
        with process(make(folder, port, bridge.port)) as running:
            await ports.listening(port, PATIENCE, lambda: running.poll() is None)
            yield Proxied(port, published, bridge)


@pytest.mark.parametrize("kind", PROXIES)
async def test_the_page_lives_below_a_path(
    kind: str, nats_server: NatsServer, tmp_path: Path, browser: Chromium
) -> None:
    async with proxied(kind, nats_server, tmp_path) as proxy:
        context = await browser.new_context(ignore_https_errors=True)
        watched = await watch(await context.new_page(), proxy.url.removesuffix("/"))  # as people type it
        await watched.open("#movers")
        for _ in range(3):
            await proxy.published.step(5)
            await proxy.published.beat()
            await watched.at(proxy.published.publisher.sequence)
        await watched.assert_exact(proxy.published.truth)
        assert watched.page.url.startswith(proxy.url)
        assert watched.errors == []
        await context.close()


@pytest.mark.parametrize("kind", PROXIES)
async def test_what_passes_the_proxy(kind: str, nats_server: NatsServer, tmp_path: Path) -> None:
    lists = {"edit_token": "secret", "lists_file": tmp_path / "lists.toml"}
    async with proxied(kind, nats_server, tmp_path, proxies=["127.0.0.1"], **lists) as proxy:
        assert await proxy.get("/gapscan") == (301, "/gapscan/")
        assert (await proxy.get("/gapscan/"))[0] == 200
        assert (await proxy.get("/gapscan/", host=NAME))[0] == 200
        assert (await proxy.get("/gapscan/readyz"))[0] == 200
        for path in ("metrics", "%6Detrics", "metric%73", "./metrics", "x/../metrics", "/metrics"):
            assert (await proxy.get(f"/gapscan/{path}"))[0] == 404, path
        # The bridge takes whoever names its machine for a program on it, and lets it change lists. No bridge minds the
        # name when it is asked for its health: it is the proxy that refuses.
        for host in ("localhost", f"localhost:{proxy.port}", "127.0.0.1", "stranger.example.com"):
            assert (await proxy.get("/gapscan/api/own-lists", host=host))[0] == 421, host
            assert (await proxy.get("/gapscan/healthz", host=host))[0] == 421, host
        for _ in range(GUESSES):
            assert (await proxy.get("/gapscan/api/own-lists", client="127.0.0.2", token="x"))[0] == 401
        assert (await proxy.get("/gapscan/api/own-lists", client="127.0.0.2", token="secret"))[0] == 429
        assert (await proxy.get("/gapscan/api/own-lists", client="127.0.0.3", token="secret"))[0] == 200
        async with proxy.websocket(
            origin=f"https://{NAME}:{proxy.port}"
        ) as ws:  # as a browser says of a page behind it
            assert '"hello"' in str(await ws.recv())


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_a_client_without_lists_is_not_cut_off(
    nats_server: NatsServer, second_nats_server: NatsServer, tmp_path: Path
) -> None:
    """Longer than the examples' timeouts, behind each proxy at once: only the bridge's pings keep it."""
    servers = zip(PROXIES, (nats_server, second_nats_server), strict=True)
    await asyncio.gather(*(_waits_without_lists(kind, server, tmp_path) for kind, server in servers))


async def _waits_without_lists(kind: str, nats: NatsServer, root: Path) -> None:
    (root / kind).mkdir()
    async with proxied(kind, nats, root / kind) as proxy, proxy.websocket(ping_interval=None) as ws:
        assert '"hello"' in str(await ws.recv())
        assert '"lists"' in str(await ws.recv())
        with suppress(TimeoutError):
            async with asyncio.timeout(85):
                while True:  # to the end, if there is one: that is an error of another kind
                    await ws.recv()
        await ws.send('{"action":"lists"}')
        assert '"lists"' in str(await ws.recv())
