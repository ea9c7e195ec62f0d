"""Questions and answers over a real server, also by a user who may only read, and more than can be answered."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gapscan.bus.client import Bus, connect
from gapscan.bus.why_client import ask_why
from gapscan.errors import BusError
from gapscan.obs import Tally, logger
from gapscan.protocol import names
from gapscan.protocol.codec import encode
from gapscan.protocol.messages import WhyRequest
from gapscan.ranker.questions import answering
from tests.support.answers import answer_why
from tests.support.nats import NatsServer


async def test_nobody_leads(bus: Bus) -> None:
    with pytest.raises(BusError, match="no ranker leads"):
        await ask_why(bus, "A")


async def test_an_unanswerable_question_harms_no_other(bus: Bus) -> None:
    tally = Tally(logger("test"))
    async with answering(bus, answer_why, tally):
        await bus.nc.publish(names.DEFAULT.why, b"{", reply=bus.nc.new_inbox())
        await bus.nc.publish(names.DEFAULT.why, encode(WhyRequest("A")))  # nobody waits for it
        await bus.nc.publish(names.DEFAULT.why, encode(WhyRequest("BAD")), reply=bus.nc.new_inbox())
        assert (await ask_why(bus, "A", "winners")).nearest == ["winners"]
        assert (tally.counts["why_unreadable"], tally.counts["why_failed"]) == (1, 2)
    with pytest.raises(BusError):
        await ask_why(bus, "A")


async def test_a_flood_of_questions_is_bounded(bus: Bus) -> None:
    tally = Tally(logger("test"))
    async with answering(bus, answer_why, tally), asyncio.timeout(20):
        for _ in range(1000):
            await bus.nc.publish(names.DEFAULT.why, encode(WhyRequest("A")), reply=bus.nc.new_inbox())
        while not tally.counts["why_dropped"]:
            await asyncio.sleep(0.01)
        while True:
            try:
                assert (await ask_why(bus, "B")).symbol == "B"
            except BusError:
                continue
            break


async def test_a_reader_may_ask(tmp_path: Path) -> None:
    server = NatsServer(tmp_path, accounts=True)
    server.start()
    try:
        async with (
            connect(server.services, "ranker") as writing,
            connect(server.reader, "reader") as reading,
            answering(writing, answer_why, Tally(logger("test"))),
        ):
            assert (await ask_why(reading, "A")).symbol == "A"
    finally:
        server.close()
