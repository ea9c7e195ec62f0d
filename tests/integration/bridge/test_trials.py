"""An unsaved definition, tried on past days by a plain request: what it answers, and that nothing waits for it."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

import gapscan
from gapscan.bridge import trials
from gapscan.sim.flat_files import write_flat_files
from tests.support.bridge import Served, running_bridge
from tests.support.nats import NatsServer

pytestmark = pytest.mark.timeout(180)

MINE = '[lists.mine]\nwhere = "change_percent >= 1"\nsort = ["-change_percent"]\n'
LAST = dt.date(2024, 3, 8)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three days of a small simulated market."""
    root = tmp_path_factory.mktemp("files")
    write_flat_files(root, days=3, symbols=60, seed=3, last=LAST)
    return root


def path_of(definition: str, **more: object) -> str:
    return f"/api/backtest?definition={quote(definition)}" + "".join(f"&{name}={value}" for name, value in more.items())


async def ask(served: Served, definition: str, **more: object) -> tuple[int, Any]:
    status, _, body = await served.get(path_of(definition, **more))
    return status, json.loads(body)


async def test_what_a_definition_would_have_done(nats_server: NatsServer, files: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(MINE)
    whole = gapscan.backtest(str(own), first="2024-03-07", last="2024-03-08", flat_files=files).to_pylist()
    async with running_bridge(nats_server.url, flat_files=files) as served:
        status, answer = await ask(served, MINE, days=2)
        assert status == 200, answer
        assert answer["days"] == ["2024-03-07", "2024-03-08"]
        assert answer["entries"] == len(whole) > 20
        assert sum(answer["by_half_hour"].values()) == len(whole)
        newest = answer["latest"][0]
        assert (newest["symbol"], newest["return_5m"]) == (whole[-1]["symbol"], whole[-1]["return_5m"])
        assert newest["time"] == int(whole[-1]["time"].timestamp() * 1000)
        assert {one["after"] for one in answer["followed"]} >= {"5m", "30m", "close"}
        assert any("Relative volume" in note for note in answer["notes"])
        assert "nothing is recorded" in answer["today"]["fault"]


async def test_the_bridge_goes_on_meanwhile_and_one_is_computed_at_a_time(
    nats_server: NatsServer, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trials, "_WAITING", 1)
    async with running_bridge(nats_server.url, flat_files=files) as served:
        asked = [asyncio.create_task(ask(served, MINE, days=3)) for _ in range(3)]
        status, _, _ = await served.get("/healthz")
        assert status == 200
        assert not any(one.done() and one.result()[0] == 200 for one in asked), "they were not waited for"
        found = sorted([status for status, _ in await asyncio.gather(*asked)])
        assert found == [200, 200, 503]


async def test_what_is_wrong_is_said(nats_server: NatsServer, files: Path, tmp_path: Path) -> None:
    async with running_bridge(nats_server.url, flat_files=files) as served:
        for definition, more, said in (
            ("", {}, "0 lists"),
            (MINE.replace("change_percent >=", "chnge >="), {}, "chnge"),
            (MINE + MINE.replace("mine", "other"), {}, "2 lists"),
            ("lists = 3", {}, "definition"),
            (MINE, {"days": 21}, "from 1 to 20"),
            (MINE, {"weeks": 1}, "no parameter"),
        ):
            status, problem = await ask(served, definition, **more)
            assert (status, problem["code"]) == (400, "bad_request"), problem
            assert said in problem["detail"]
    for directory in (None, tmp_path):
        async with running_bridge(nats_server.url, flat_files=directory) as served:
            status, problem = await ask(served, MINE)
            assert (status, problem["code"]) == (404, "no_files")


async def test_one_that_takes_too_long_is_given_up(
    nats_server: NatsServer, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trials, "_SECONDS", 0.05)
    async with running_bridge(nats_server.url, flat_files=files) as served:
        status, problem = await ask(served, MINE)
        assert (status, problem["code"]) == (503, "unavailable")
