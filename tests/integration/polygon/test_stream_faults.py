"""Each fault of the provider's stream: the confirmed set is the wanted one again, bars flow, the ledger says why."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from msgspec.structs import astuple

from gapscan.sim import SimServer
from gapscan.sim.clock import ManualClock
from tests.integration.polygon.conftest import Start
from tests.support.rig import Rig, market
from tests.support.until import until


async def test_silence_while_the_market_is_open(rig: Start) -> None:
    live = await rig()
    live.sim.faults.set("ws_silent")
    await until(lambda: live.ledger, "noticing the silence")
    live.sim.faults.clear()
    entry = await live.repaired()
    assert entry["reason"].split(", ")[0] == "silent"
    assert entry["symbols"] == len(live.topics)
    assert entry["sessions"] >= 1
    assert entry["repaired"] == f"fresh session, {len(live.topics)} topics confirmed"
    assert entry["to"] - entry["from"] >= 900  # from the last data on, not from when it was noticed


async def test_silence_while_the_market_is_closed_means_nothing(rig: Start) -> None:
    live = await rig()
    live.is_open = False
    live.sim.faults.set("ws_silent")
    sessions = live.report["sessions"]
    with pytest.raises(AssertionError, match="a new session"):
        await until(lambda: live.report["sessions"] > sessions, "a new session", 2.0)


async def test_close_1000(rig: Start) -> None:
    live = await rig()
    live.sim.faults.set("ws_close", code=1000, count=1)
    entry = await live.repaired()
    assert (entry["reason"], entry["symbols"], entry["sessions"]) == ("closed", len(live.topics), 1)


async def test_close_with_an_error_code(rig: Start) -> None:
    live = await rig()
    live.sim.faults.set("ws_close", code=1011, count=1)
    entry = await live.repaired()
    assert entry["reason"] == "failed"
    assert "1011" in entry["detail"]


async def test_close_1008_after_max_connections(rig: Start) -> None:
    live = await rig()
    live.sim.faults.set("ws_max_connections", count=1)
    connections = live.sim.stats.stream.connections
    entry = await live.repaired()
    assert entry["reason"] == "max_connections"
    assert entry["to"] - entry["from"] >= 590
    assert live.sim.stats.stream.connections == connections + 1  # no tries while it waits


async def test_max_connections_instead_of_a_session(rig: Start) -> None:
    live = await rig(whole=False, before=lambda sim: sim.faults.set("ws_max_connections", count=2))
    entry = await live.repaired()
    assert (entry["reason"], entry["sessions"], entry["symbols"]) == ("max_connections", 2, 0)


async def _turned_away(live: Rig, after: str) -> None:
    """A rival takes the account's place, turns some sessions away, and goes when none is open."""
    sessions = live.report["sessions"]
    live.sim.faults.set("ws_max_connections", after=after)
    await until(lambda: live.report["sessions"] > sessions + 2 and live.report["state"] == "waiting", "refusals")
    live.sim.faults.clear()


@pytest.mark.parametrize("after", ["", "auth", "subscribe"])
async def test_the_first_session_without_a_rival_has_all_topics(rig: Start, after: str) -> None:
    live = await rig(refused_first=600.0, refused_limit=600.0)
    await _turned_away(live, after)
    sessions = live.report["sessions"]
    await until(lambda: live.report["settled"], "all topics")
    assert live.confirmed == live.topics
    assert not live.supervisor.topics.refused
    entry = await live.repaired()
    assert live.report["sessions"] == sessions + 1
    assert entry["reason"] == "max_connections"
    assert entry["repaired"] == f"fresh session, {len(live.topics)} topics confirmed"


@pytest.mark.parametrize("after", ["auth", "subscribe"])
async def test_a_rival_says_nothing_of_an_optional_topic(rig: Start, after: str) -> None:
    live = await rig(refused_first=600.0, refused_limit=600.0)
    live.supervisor.want((), {"LULD.*"})
    await until(lambda: live.confirmed == {"LULD.*"}, "halts alone")
    await _turned_away(live, after)
    sessions = live.report["sessions"]
    await until(lambda: live.report["settled"], "a session")
    await until(lambda: live.confirmed == {"LULD.*"}, "halts")
    assert live.report["sessions"] == sessions + 1


async def test_no_close_frame(rig: Start) -> None:
    live = await rig()
    live.sim.faults.set("ws_abort", count=1)
    entry = await live.repaired()
    assert entry["reason"] == "lost"


async def test_no_close_frame_several_times_is_one_disturbance(rig: Start) -> None:
    live = await rig()
    live.sim.faults.set("ws_abort", count=4)
    entry = await live.repaired()
    assert len(live.ledger) == 1
    assert entry["reason"] == "lost"
    assert entry["sessions"] == 4


async def test_lost_subscribe(rig: Start) -> None:
    some: list[str] = []

    def lose(sim: SimServer) -> None:
        some[:] = [f"A.{symbol}" for symbol in sim.market.symbols[3:8]]
        sim.faults.set("ws_lost_subscribe", topics=some, count=7)  # twice for two of them

    live = await rig(before=lose, whole=False)
    entry = await live.repaired()
    assert entry["reason"] == "unanswered"
    assert entry["symbols"] == len(some)
    assert entry["repaired"] == "asked again"
    assert live.report["reconnects"] == 0


async def test_refused_topic(rig: Start) -> None:
    refused: list[str] = []

    def refuse(sim: SimServer) -> None:
        refused[:] = [f"A.{sim.market.symbols[5]}"]
        sim.faults.set("ws_refused", topics=refused)

    live = await rig(before=refuse, whole=False)
    await live.whole()
    assert live.confirmed == live.topics - set(refused)
    shown = live.report["refused"]
    assert shown["count"] == 1
    assert refused[0] in shown["topics"][refused[0]]
    assert live.ledger[-1]["reason"] == "refused"
    await until(lambda: live.supervisor.topics.refused[refused[0]].tries >= 2, "asking for it again")
    live.sim.faults.clear()
    await until(lambda: live.confirmed == live.topics, "the refusal to be over")
    assert live.report["refused"]["count"] == 0
    assert live.report["reconnects"] == 0


async def test_a_link_that_brings_nothing_is_not_whole(rig: Start) -> None:
    live = await rig(before=lambda sim: sim.faults.set("ws_refused"), whole=False)
    live.supervisor.want({"A.*"})
    await until(lambda: live.report["settled"] and live.ledger, "the refusal")
    since = live.report["none_confirmed_seconds"]
    await until(lambda: live.report["none_confirmed_seconds"] > since, "time to pass")
    assert live.ledger[-1]["to"] is None
    live.sim.faults.clear()
    await until(lambda: live.ledger[-1]["to"], "the refusal to be over")
    assert live.report["topics"] == {"desired": 1, "confirmed": 1}
    assert live.report["none_confirmed_seconds"] == 0


async def test_unknown_symbol_does_not_cost_the_others(rig: Start) -> None:
    live = await rig()
    live.supervisor.want(live.topics | {"A.NOSUCHSYMBOL"})
    await until(lambda: live.report["refused"]["count"] == 1, "the refusal")
    await live.whole()
    assert live.confirmed == live.topics


async def test_stalled_socket(rig: Start) -> None:
    live = await rig(settings={"ping": 0.3}, silence=30.0)
    live.sim.faults.set("ws_stall", count=1)
    entry = await live.repaired()
    assert entry["reason"] == "stalled"
    assert entry["sessions"] == 1


async def test_a_session_that_stalls_right_after_authentication(rig: Start) -> None:
    live = await rig(settings={"ping": 0.3}, whole=False, before=lambda sim: sim.faults.set("ws_stall", count=1))
    entry = await live.repaired()
    assert entry["reason"].split(", ")[0] in ("stalled", "unreachable")


async def test_garbage_frame(rig: Start, caplog: pytest.LogCaptureFixture) -> None:
    live = await rig()
    with caplog.at_level(logging.WARNING, "gapscan"):
        live.sim.faults.set("ws_garbage", kind="text", count=5)
        await until(lambda: live.tally.counts["bad_events"] == 5, "five bad frames")
    await live.whole()
    assert len([r for r in caplog.records if "unreadable" in r.getMessage()]) == 1
    assert live.report["reconnects"] == 0


@pytest.mark.parametrize(
    ("fault", "options", "sent_again"),
    [("ws_garbage", {"kind": "element"}, False), ("ws_duplicates", {}, True), ("ws_late", {"minutes": 0.1}, True)],
)
async def test_the_same_bars_as_without_the_fault(
    rig: Start, fault: str, options: dict[str, Any], sent_again: bool
) -> None:
    expected = await _bars_of_half_a_minute(await rig({"manual": True}, whole=False))
    live = await rig({"manual": True}, whole=False, before=lambda sim: sim.faults.set(fault, **options))
    got = await _bars_of_half_a_minute(live)
    assert set(got) == set(expected)
    assert (len(got) > len(expected)) == sent_again
    assert (live.tally.counts["bad_events"] > 0) == (fault == "ws_garbage")
    assert live.report["reconnects"] == 0
    assert not live.ledger


async def _bars_of_half_a_minute(live: Rig) -> list[tuple[Any, ...]]:
    """What comes of the next 30 seconds, second by second; the market then goes on a little for those held back."""
    await until(lambda: live.report["settled"], "all topics confirmed")
    await until(lambda: live.sim.market.recording, "the beginning of the stream")
    clock = live.sim.clock
    assert isinstance(clock, ManualClock)
    beginning = clock.now()
    for _ in range(38):
        clock.advance(1_000)
        await until(lambda: live.sim.market.position == clock.now(), "the market's next second")
    await until(
        lambda: any(bar.start >= beginning + 36_000 for bar in live.bars), "bars after those that are held back"
    )
    bars = [bar for bar in live.bars if bar.start < beginning + 30_000]
    return [astuple(bar)[:9] for bar in bars]  # but for the day's open and average


async def test_authentication_failure(rig: Start, caplog: pytest.LogCaptureFixture) -> None:
    live = await rig()
    with caplog.at_level(logging.DEBUG):
        live.sim.faults.set("ws_auth_failure", count=2)
        live.sim.faults.set("ws_close", code=1000, count=1)
        await until(lambda: live.ledger and "auth_failed" in live.ledger[-1]["reason"], "the failure")
        assert live.report["state"] == "waiting"
        assert "auth_failed" in live.report["last_error"]
        entry = await live.repaired()
    assert entry["reason"] == "closed, auth_failed"
    assert entry["sessions"] == 3
    assert any(r.levelno == logging.ERROR and "auth_failed" in r.getMessage() for r in caplog.records)
    assert "secret-key" not in caplog.text
    assert "secret-key" not in str(live.report)


async def test_the_provider_is_away(rig: Start) -> None:
    live = await rig()
    port = live.sim.port
    await live.sim.__aexit__(None, None, None)
    await until(lambda: live.ledger and "unreachable" in live.ledger[-1]["reason"], "failing to connect")
    sessions = live.report["sessions"]
    await until(lambda: live.report["sessions"] > sessions, "another try")
    async with market(port=port) as back:
        live.sim = back
        entry = await live.repaired()
        assert entry["reason"] == "closed, unreachable"
        assert live.confirmed == live.topics


async def test_a_host_that_accepts_and_says_nothing(rig: Start) -> None:
    writers: list[asyncio.StreamWriter] = []

    async def mute(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)

    async with await asyncio.start_server(mute, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        live = await rig(whole=False, settings={"host": f"127.0.0.1:{port}", "opening": 0.3})
        await until(lambda: live.ledger, "giving up")
        assert live.ledger[-1]["reason"] == "unreachable"
        assert "0.3 s" in live.ledger[-1]["detail"]
        for writer in writers:
            writer.close()
            await writer.wait_closed()
