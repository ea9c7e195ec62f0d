"""The program about the past in docs/client.md runs as it stands, but for the server's address."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

from gapscan.bus.client import Bus, BusOptions
from gapscan.bus.definitions import write_definition
from gapscan.protocol.messages import ListDefinition
from tests.support.nats import NatsServer
from tests.support.processes import started
from tests.support.tape import START, played_list, recorded, recording

CLIENT = (Path(__file__).parents[3] / "docs" / "client.md").read_text("utf-8")


async def test_it_prints_what_the_list_was(bus: Bus, nats_server: NatsServer) -> None:
    programs = re.findall(r"^```py\n(.*?)^```$", CLIENT, re.MULTILINE | re.DOTALL)
    (program,) = (each for each in programs if "gapscan.at(" in each)
    played = await played_list(bus, "gappers_up")
    await write_definition(bus, ListDefinition("gappers_up", "", "price > 0", ["-price"], 200, []))
    async with recording(BusOptions(nats_server.url)) as recorder:
        for _ in range(40):
            await played.step(2000)
        await recorded(recorder, played)
    pipe = asyncio.subprocess.PIPE
    text = program.replace("nats://127.0.0.1:4222", nats_server.url)
    async with started(sys.executable, "-c", text, stdout=pipe, stderr=pipe) as process:
        out, err = await process.communicate()
    assert err == b""
    lines = out.decode().splitlines()
    rows = played.rows_at(START + 37_000) or []
    assert lines[0].startswith(f"{START + 37_000} ")
    assert lines[0].endswith(str([row["symbol"] for row in rows[:5]]))
    assert len(lines) > 30
