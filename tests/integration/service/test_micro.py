"""Services as NATS's own tools see them: what ADR-32 says of PING, INFO, STATS and errors, by plain requests."""

from __future__ import annotations

import asyncio
import json
import re
import time
from datetime import datetime
from typing import Any

import pytest

from gapscan import __version__
from gapscan.bus.client import Bus, BusOptions, connect
from gapscan.bus.nats_compat import server_has_all
from gapscan.bus.why_client import ask_why
from gapscan.errors import BusError
from gapscan.obs import Tally, logger
from gapscan.protocol import names
from gapscan.protocol.messages import Why, WhyRequest
from gapscan.protocol.schema import documents
from gapscan.ranker.questions import answering, why_endpoint
from gapscan.service.micro import ERROR_CODE_HEADER, ERROR_HEADER, Endpoint, MicroService
from gapscan.service.reporting import reporting
from tests.support.nats import NatsServer

# The fields that the ADR names, with their JSON types.
IDENTITY: dict[str, object] = {"type": str, "name": str, "id": str, "version": str, "metadata": dict}
SHAPES: dict[str, dict[str, object]] = {
    "PING": IDENTITY,
    "INFO": {**IDENTITY, "description": str, "endpoints": list},
    "STATS": {**IDENTITY, "started": str, "endpoints": list},
}
ENDPOINTS: dict[str, dict[str, type]] = {
    "INFO": {"name": str, "subject": str, "queue_group": str, "metadata": dict},
    "STATS": {
        "name": str, "subject": str, "queue_group": str, "num_requests": int, "num_errors": int, "last_error": str,
        "processing_time": int, "average_processing_time": int,
    },
}  # fmt: skip
SEMVER = re.compile(r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")


async def asked(bus: Bus, subject: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads((await bus.nc.request(subject, b"", timeout=2)).data)
    return answer


def why(request: WhyRequest) -> Why:
    if request.symbol == "BAD":
        raise RuntimeError("the secret of the day")
    return Why(request.symbol, True, 0, "closed", False, [], [], [])


@pytest.mark.parametrize("verb", SHAPES)
async def test_every_verb_answers_in_the_shape_of_the_adr(bus: Bus, verb: str) -> None:
    async with reporting(bus, "ranker", lambda: {"role": "leader"}, lambda: [why_endpoint(bus)]):
        everyone = await asked(bus, f"$SRV.{verb}")
        by_name = await asked(bus, f"$SRV.{verb}.gapscan-ranker")
        by_id = await asked(bus, f"$SRV.{verb}.gapscan-ranker.{everyone['id']}")
        for answer in (everyone, by_name, by_id):
            assert {name: type(value) for name, value in answer.items()} == SHAPES[verb]
            assert answer["id"] == everyone["id"]
            assert answer["type"] == f"io.nats.micro.v1.{verb.lower()}_response"
            assert (answer["name"], answer["version"]) == ("gapscan-ranker", __version__)
            assert all(isinstance(value, str) for value in answer["metadata"].values())
            for endpoint in answer.get("endpoints", ()):
                data = endpoint.pop("data", {})
                assert isinstance(data, dict)
                assert {name: type(value) for name, value in endpoint.items()} == ENDPOINTS[verb]
    assert SEMVER.fullmatch(__version__)
    with pytest.raises(Exception, match="no responders"):
        await asked(bus, f"$SRV.{verb}.gapscan-ranker")


async def test_info_says_what_there_is_and_by_which_schema(bus: Bus) -> None:
    leads: list[Endpoint] = []
    async with reporting(bus, "ranker", dict, lambda: leads):
        assert [endpoint["name"] for endpoint in (await asked(bus, "$SRV.INFO"))["endpoints"]] == ["status"]
        leads.append(why_endpoint(bus))
        info = await asked(bus, "$SRV.INFO.gapscan-ranker")
    assert "ranks" in info["description"]
    status, questions = info["endpoints"]
    assert (status["subject"], status["queue_group"]) == ("gapscan.status.ranker", "q")
    assert (questions["subject"], questions["queue_group"]) == (names.DEFAULT.why, "")
    schemas = set(documents())
    assert {questions["metadata"]["request_schema"], questions["metadata"]["response_schema"]} <= schemas


async def test_stats_count_requests_errors_and_time(bus: Bus) -> None:
    endpoint, tally = why_endpoint(bus), Tally(logger("test"))
    async with reporting(bus, "ranker", lambda: {"role": "leader"}, lambda: [endpoint]):
        async with answering(bus, why, tally, endpoint):
            for symbol in ("A", "B"):
                assert (await ask_why(bus, symbol)).symbol == symbol
            with pytest.raises(BusError):
                await ask_why(bus, "BAD")
        await bus.nc.request("gapscan.status.ranker", b"", timeout=2)
        stats = await asked(bus, "$SRV.STATS.gapscan-ranker")
    status, questions = stats["endpoints"]
    assert (status["num_requests"], status["num_errors"], status["last_error"]) == (1, 0, "")
    assert status["data"]["role"] == "leader"
    assert (questions["num_requests"], questions["num_errors"]) == (3, 1)
    assert questions["last_error"] == "RuntimeError"
    assert questions["average_processing_time"] == questions["processing_time"] // 3 > 0
    assert abs(datetime.fromisoformat(stats["started"]).timestamp() - time.time()) < 60
    assert stats["started"].endswith("Z")
    assert "secret" not in json.dumps(stats)


async def test_a_report_that_fails_is_an_error_without_its_text(bus: Bus) -> None:
    reports: list[dict[str, Any]] = []

    def report() -> dict[str, Any]:
        if not reports:
            raise RuntimeError("the secret of the day")
        return reports[0]

    async with reporting(bus, "feed", report):
        for subject in ("gapscan.status.feed", "$SRV.STATS.gapscan-feed"):
            answer = await bus.nc.request(subject, b"", timeout=2)
            assert answer.headers is not None
            assert answer.headers[ERROR_CODE_HEADER] == "500"
            assert "secret" not in answer.headers[ERROR_HEADER] + answer.data.decode()
        assert (await asked(bus, "$SRV.PING.gapscan-feed"))["name"] == "gapscan-feed"
        reports.append({"role": "leader"})
        stats = await asked(bus, "$SRV.STATS.gapscan-feed")
        assert stats["endpoints"][0]["data"]["role"] == "leader"
        assert stats["endpoints"][0]["num_errors"] == 1


async def test_what_has_come_is_answered_before_the_end(nats_server: NatsServer, bus: Bus) -> None:
    """Twenty questions are there when the service ends: nobody waits in vain."""

    def slow(request: bytes) -> bytes:
        time.sleep(0.005)  # as a ranking would hold it up
        return request

    endpoint = Endpoint(name="slow", subject="slow", queue_group="q")
    async with connect(BusOptions(nats_server.url), "asker") as asker:
        micro = MicroService(bus, "test", "", {}, lambda: [endpoint])
        async with micro.answering((endpoint, slow)):
            await server_has_all(bus.nc, 2)
            questions = [asyncio.create_task(asker.nc.request("slow", b"%d" % at, timeout=5)) for at in range(20)]
            while not endpoint.requests:
                await asyncio.sleep(0)
        answers = await asyncio.gather(*questions, return_exceptions=True)
    assert [answer.data if not isinstance(answer, BaseException) else answer for answer in answers] == [
        b"%d" % at for at in range(20)
    ]


async def test_who_does_not_lead_is_not_asked_why(nats_server: NatsServer, bus: Bus) -> None:
    """Of two rankers the one that leads hears every question, though both are instances of one service."""
    standby, leader = why_endpoint(bus), why_endpoint(bus)
    async with (
        connect(BusOptions(nats_server.url), "standby") as other,
        reporting(other, "ranker", lambda: {"role": "standby"}),
        reporting(bus, "ranker", lambda: {"role": "leader"}, lambda: [leader]),
        answering(bus, why, Tally(logger("test")), leader),
    ):
        for _ in range(10):
            await ask_why(other, "A")
    assert (leader.requests, standby.requests) == (10, 0)
