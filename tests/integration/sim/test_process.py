"""The simulated market as a process of its own: it ends when it can send no more, and is then started again."""

from __future__ import annotations

import asyncio
import datetime as dt
import gzip
import json
import os
import sys
from pathlib import Path

import aiohttp
import websockets

from gapscan.market.sessions import session_times
from gapscan.supervisor import ports
from tests.support.processes import started
from tests.support.until import PATIENCE

HEADER = "ticker,volume,open,close,high,low,window_start,transactions"
BEFORE, DAY, BROKEN = dt.date(2024, 1, 8), dt.date(2024, 1, 9), dt.date(2024, 1, 10)


def flat_file(root: Path, date: dt.date) -> Path:
    return root / "us_stocks_sip" / "day_aggs_v1" / f"{date:%Y}" / f"{date:%m}" / f"{date}.csv.gz"


def write_days(root: Path) -> None:
    """Two good days, and one whose file is no archive."""
    for date in (BEFORE, DAY, BROKEN):
        flat_file(root, date).parent.mkdir(parents=True, exist_ok=True)
        line = f"AA,90000,10,11,12,9,{session_times(date).regular * 1_000_000},12"
        flat_file(root, date).write_bytes(gzip.compress(f"{HEADER}\n{line}".encode()))
    flat_file(root, BROKEN).write_bytes(b"not an archive")


async def test_it_ends_when_its_source_fails(tmp_path: Path) -> None:
    write_days(tmp_path)
    port = ports.free_port()
    settings = {"REPLAY": str(tmp_path), "DAY": str(DAY), "START": "10:00", "PORT": str(port)}
    env = {**os.environ, **{f"GAPSCAN_SIM_{key}": value for key, value in settings.items()}}
    command = (sys.executable, "-m", "gapscan.supervisor.run_service", "sim")
    async with started(*command, env=env, cwd=tmp_path, stderr=asyncio.subprocess.PIPE) as process:
        await ports.listening(port, PATIENCE, lambda: process.returncode is None)
        async with websockets.connect(f"ws://127.0.0.1:{port}/stocks", proxy=None) as link:
            await link.send(json.dumps({"action": "auth", "params": "key"}))
            await link.send(json.dumps({"action": "subscribe", "params": "A.*"}))
            while "subscribed to" not in str(await link.recv()):
                pass
            await set_clock(port, session_times(BROKEN).regular)
            _, log = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert process.returncode == 1
    assert b"the stream has stopped" in log
    assert f"{BROKEN}.csv.gz".encode() in log


async def set_clock(port: int, moment: int) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"http://127.0.0.1:{port}/sim/clock", json={"at": moment}) as answer,
    ):
        assert answer.status == 200
