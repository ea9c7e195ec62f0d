"""The npm package as it is published: packed, installed beside @nats-io/nats-core, run by Node against real servers."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import tarfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gapscan import __version__
from gapscan.bus.client import BusOptions, connect
from gapscan.lists.wish import WHOLE, Wish
from gapscan.supervisor import ports
from tests.support.bridge import defined_list, running_bridge
from tests.support.lists import Published
from tests.support.nats import READER_PASSWORD, NatsServer
from tests.support.npm import install, npm
from tests.support.processes import started
from tests.support.until import PATIENCE, until

ROOT = Path(__file__).parents[3]
PEER = "@nats-io/nats-core@3.4.0"
Steps = list[dict[str, Any]]


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, packed in a copy of the tree: it leaves nothing in this one."""
    tree = tmp_path_factory.mktemp("tree")
    for part in ("npm", "gapscan/bridge/static"):
        shutil.copytree(ROOT / part, tree / part)
    shutil.copy(ROOT / "LICENSE", tree)
    names = npm(tree / "npm", "pack", "--silent").split()
    return tree / "npm" / names[-1]


@pytest.fixture(scope="module")
def installed(packed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that has installed it."""
    project = tmp_path_factory.mktemp("project")
    install(project, str(packed), PEER)
    shutil.copy(Path(__file__).with_name("follow.mjs"), project)
    return project


def test_what_is_in_it(packed: Path) -> None:
    with tarfile.open(packed) as archive:
        names = {name.removeprefix("package/") for name in archive.getnames()}
        package = json.load(archive.extractfile("package/package.json"))  # type: ignore[arg-type]
        texts = {name: archive.extractfile(f"package/{name}").read().decode() for name in names}  # type: ignore[union-attr]
    assert package["version"] == __version__
    for entry in package["exports"].values():
        assert {entry["types"][2:], entry["default"][2:]} <= names
    for name in (name for name in names if name.endswith(".js")):
        for imported in re.findall(r'from "\./([\w.]+)"', texts[name]):
            assert imported in names, f"{name} imports {imported}, which is not packed"
    assert "LICENSE" in names
    assert texts["listview.js"] == (ROOT / "gapscan/bridge/static/listview.js").read_text("utf-8")


@pytest.mark.parametrize("entry", ["index", "nats"])
def test_types_and_modules_have_the_same_names(entry: str) -> None:
    module, types = ((ROOT / "npm" / f"{entry}.{end}").read_text("utf-8") for end in ("js", "d.ts"))
    names = set(re.findall(r"^export (?:class|(?:async )?function\*?) (\w+)", module, re.MULTILINE))
    for group in re.findall(r"^export \{ ([\w, ]+) \}", module, re.MULTILINE):
        names |= set(group.split(", "))
    assert names == set(re.findall(r"^export declare (?:class|const|function) (\w+)", types, re.MULTILINE))


def test_every_public_member_of_the_classes_has_a_type() -> None:
    types = (ROOT / "npm" / "index.d.ts").read_text("utf-8")
    for module, name in (("listview", "ListView"), ("connection", "Connection")):
        text = (ROOT / f"gapscan/bridge/static/{module}.js").read_text("utf-8")
        body = text.partition(f"export class {name}")[2].partition("\n}\n")[0]
        declared = types.partition(f"export declare class {name}")[2].partition("\n}\n")[0]
        for method in re.findall(r"^  (?:get )?(\w+)\(.*\{$", body, re.MULTILINE):
            assert method == "constructor" or re.search(rf"\b{method}\b", declared), method


@asynccontextmanager
async def _running(project: Path, *arguments: str) -> AsyncIterator[Steps]:
    """The script, and what it printed so far."""
    steps: Steps = []
    command = ("node", "--experimental-websocket", "--no-warnings", "follow.mjs", *arguments)
    async with started(*command, cwd=project, stdout=subprocess.PIPE) as process:
        stream = process.stdout
        assert stream is not None

        async def read() -> None:
            async for line in stream:
                steps.append(json.loads(line))

        task = asyncio.create_task(read())
        try:
            yield steps
        finally:
            task.cancel()


async def _exact(steps: Steps, published: Published, wish: Wish = WHOLE) -> None:
    """Wait until it shows what was published last, heartbeats going on, and compare all that it showed."""
    last = wish.rows(published.truth[published.publisher.sequence])
    async with asyncio.timeout(PATIENCE):
        while not (steps and steps[-1]["rows"] == last and steps[-1]["state"] in ("live", "")):
            await published.beat()
            await asyncio.sleep(0.1)
    for step in steps:
        assert step["rows"] == wish.rows(published.truth[step["sequence"]]), step["sequence"]


def _websocket(port: int) -> str:
    """nats/websocket.conf on a port of this machine, without a certificate."""
    text = (ROOT / "nats" / "websocket.conf").read_text("utf-8").replace("port: 9222", f"port: {port}")
    text, found = re.subn(r"tls \{.*?\}", "no_tls: true", text, flags=re.DOTALL)
    assert found == 1
    return text


async def test_straight_from_nats_over_its_websocket(installed: Path, tmp_path: Path) -> None:
    """As a reader, and while the server is killed and started again."""
    port = ports.free_port()
    server = NatsServer(tmp_path / "nats", accounts=True, more=_websocket(port))
    server.start()
    try:
        async with connect(server.services, "test") as bus:
            movers = await defined_list(bus)
            await movers.step(5)
            await movers.publisher.write_snapshot(True)
            async with _running(installed, "nats", f"ws://127.0.0.1:{port}", "movers", READER_PASSWORD) as steps:
                await _exact(steps, movers)
                await movers.step(20)
                await _exact(steps, movers)
                assert steps[-1]["state"] == "live"
                await movers.beat("delayed")
                await until(lambda: steps[-1]["state"] == "delayed", "its saying that all data are late")
                await movers.beat()
                await until(lambda: steps[-1]["state"] == "live", "its saying that they are not any more")
                server.kill()
                await until(lambda: steps[-1]["state"] == "stale", "its saying that nothing comes")
                server.start()
                await until(lambda: bus.connected, "the publisher's link")
                await movers.step(5)
                await _exact(steps, movers)
                await until(lambda: len({step["sequence"] for step in steps}) > 20, "most of the deltas")
    finally:
        server.close()


async def test_a_set_with_a_prefix_of_its_own(installed: Path, tmp_path: Path) -> None:
    port = ports.free_port()
    server = NatsServer(tmp_path / "nats", more=_websocket(port))
    server.start()
    try:
        async with (
            connect(BusOptions(server.url, prefix="acme"), "test") as bus,
            connect(server.services, "other") as other,
        ):
            movers, others = await defined_list(bus), await defined_list(other, seed=2)
            await movers.step(5)
            await others.step(5)
            async with _running(installed, "nats", f"ws://127.0.0.1:{port}", "movers", "", "acme") as steps:
                await _exact(steps, movers)
                await others.step(5)
                await movers.step(20)
                await _exact(steps, movers)
    finally:
        server.close()


async def test_at_a_bridge(installed: Path, tmp_path: Path, nats_server: NatsServer) -> None:
    async with connect(BusOptions(nats_server.url), "test") as bus:
        movers = await defined_list(bus)
        await movers.step(5)
        async with (
            running_bridge(nats_server.url) as served,
            _running(installed, "bridge", served.url, "movers") as steps,
        ):
            await _exact(steps, movers, Wish.of(5, ["price"]))
            await movers.step(20)
            await _exact(steps, movers, Wish.of(5, ["price"]))
