"""The kept position of a list: however large, whole again for who comes next; and said where it cannot be kept."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from gapscan.bus import keyvalue
from gapscan.bus.client import Bus, BusOptions, connect
from gapscan.bus.direct_get import get_last_of_each
from gapscan.bus.topology import Retention, ensure_shared
from gapscan.events import term
from gapscan.events.history import ListHistory
from gapscan.events.position import PositionKeeper
from gapscan.events.position_parts import room
from gapscan.obs import Tally, logger
from gapscan.protocol import names
from gapscan.protocol.alerts import MAX_ALERTS, AlertDefinition, AlertState
from gapscan.protocol.events import EventPosition
from gapscan.protocol.messages import Row
from gapscan.ranking.alerts import compile_alert
from gapscan.service import all_lists
from gapscan.service.problems import instance_problems
from tests.integration.events.test_events import NOON, beating, has, list_named, show
from tests.support.events import events_of, stored_events, told
from tests.support.nats import NatsServer, server_with
from tests.support.until import until

BUCKET = names.DEFAULT.bucket_events
SYMBOLS = [f"A{number:04d}" for number in range(1000)]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(all_lists, "REREAD_SECONDS", 0.1)
    monkeypatch.setattr(term, "SAVE_SECONDS", 0.2)


def busy(number: int = MAX_ALERTS) -> ListHistory:
    """A list of a thousand rows, of each of which every alert has told today."""
    history = ListHistory("movers")
    history.begin("e1")
    history.copy.rows = [Row(symbol=symbol, price=1.0) for symbol in SYMBOLS]
    history.copy.sequence, history.copy.as_of = 917, NOON
    history.alerts.restore({f"mine_{one}": state_of(one) for one in range(number)}, {})
    return history


def state_of(number: int) -> AlertState:
    return AlertState(told=dict.fromkeys(SYMBOLS, NOON + number), watches=f"w{number}")


def keeper(bus: Bus, history: ListHistory, tally: Tally | None = None) -> PositionKeeper:
    return PositionKeeper(bus, history, 1.0, tally or Tally(logger("events")))


async def keys(bus: Bus) -> set[str]:
    stored = await get_last_of_each(bus, names.bucket_stream(BUCKET), names.key_subject(BUCKET))
    return {names.key_of(BUCKET, one.subject) for one in stored}


async def test_as_many_alerts_as_there_may_be_fit_on_a_busy_list(bus: Bus) -> None:
    await ensure_shared(bus, Retention())
    history = busy()
    mine = keeper(bus, history)
    assert await mine.read() is None
    await mine.save()
    first = await keys(bus)
    assert len(first) > 2
    history.copy.sequence += 1
    await mine.save()
    assert len(await keys(bus)) == len(first)
    assert await keys(bus) & first == {"movers"}
    found = await keeper(bus, ListHistory("movers")).read()
    assert found is not None
    again = ListHistory("movers")
    again.restore(found)
    assert again.position() == history.position()


async def test_parts_go_with_what_they_are_of(bus: Bus) -> None:
    await ensure_shared(bus, Retention())
    history = busy(60)
    mine = keeper(bus, history)
    await mine.read()
    await mine.save()
    history.alerts.restore({}, {})
    await mine.save()
    assert await keys(bus) == {"movers"}
    history.alerts.restore(busy(60).alerts.states(), {})
    await mine.save()
    await mine.forget()
    assert await keys(bus) == set()


async def test_without_its_parts_a_position_is_still_one(bus: Bus) -> None:
    """The list goes on where it was, and what an earlier version reads of it is the same."""
    await ensure_shared(bus, Retention())
    history, tally = busy(60), Tally(logger("events"))
    mine = keeper(bus, history)
    await mine.read()
    await mine.save()
    await bus.js.purge_stream(names.bucket_stream(BUCKET), subject=names.key_subject(BUCKET, "movers.>"))
    found = await keeper(bus, ListHistory("movers"), tally).read()
    assert found is not None
    assert (found.sequence, len(found.rows), found.alerts) == (917, len(SYMBOLS), {})
    assert tally.counts["position_incomplete"] == 1


async def test_where_messages_are_smaller_there_are_more_parts(tmp_path: Path) -> None:
    async with server_with(tmp_path, "max_payload: 64KB") as server, connect(BusOptions(server.url), "test") as bus:
        await ensure_shared(bus, Retention())
        history = busy(20)
        mine = keeper(bus, history)
        await mine.read()
        await mine.save()
        stored = await get_last_of_each(bus, names.bucket_stream(BUCKET), names.key_subject(BUCKET))
        assert max(len(one.data) for one in stored) <= room(bus) < 64 * 1024
        assert len(stored) > 5
        found = await keeper(bus, ListHistory("movers")).read()
        assert found == history.position()


async def test_a_position_of_the_version_before_is_read(bus: Bus) -> None:
    await ensure_shared(bus, Retention())
    state = {"holds": ["B"], "waiting": {"C": NOON}, "told": {"D": NOON, "E": NOON - 5000}}
    old = {
        "type": "event_position", "list": "movers", "epoch": "e1", "sequence": 7, "as_of": NOON,
        "rows": [{"rank": 1, "symbol": "C", "price": 2.0}], "date": "2026-11-22", "seen": ["C"], "stored": 3,
        "alerts": {"mine": state},
    }  # fmt: skip
    await keyvalue.put(bus, BUCKET, "movers", msgspec.json.encode(old))
    found = await keeper(bus, ListHistory("movers")).read()
    assert isinstance(found, EventPosition)
    history = ListHistory("movers")
    history.restore(found)
    lasting = AlertDefinition("mine", "movers", dwell=10.0)
    history.alerts.set_specs([compile_alert(lasting)], None)
    assert [(one.symbol, one.as_of, one.sequence) for one in history.lasted(NOON + 60_000)] == [("C", NOON + 10_000, 7)]


async def test_a_busy_list_goes_on_over_a_gap(bus: Bus, nats_server: NatsServer) -> None:
    """However much is known of it: what a gap means is kept before it is stored."""
    movers = await list_named(bus, "movers")
    async with events_of(nats_server) as events:
        await show(movers, AAPL=10.5)
        await until(has(bus, "movers", 2), "the entry")
    assert events.term is None
    history = ListHistory("movers")
    mine = keeper(bus, history)
    position = await mine.read()
    assert position is not None
    history.restore(position)
    history.alerts.restore({"any": state_of(0), **{f"mine_{one}": state_of(one) for one in range(100)}}, {})
    await mine.save()
    await show(movers, MSFT=21.0)
    await show(movers, GME=5.0)
    await movers.publisher.write_snapshot(True)
    await bus.js.purge_stream(names.DEFAULT.list_stream("movers"))
    async with events_of(nats_server):
        await until(beating(movers, has(bus, "movers", 6)), "the gap and its sum")
        await show(movers, TSLA=5.0)
        await until(has(bus, "movers", 9), "what comes after it")
    later = [("leave", "GME", 4), ("enter", "TSLA", 4), ("first", "TSLA", 4)]
    assert told(await stored_events(bus, "movers"))[-3:] == later


async def test_that_it_cannot_be_kept_is_a_problem_and_costs_no_event(bus: Bus, nats_server: NatsServer) -> None:
    movers = await list_named(bus, "movers")
    async with events_of(nats_server) as events:
        await show(movers, AAPL=10.5)
        await until(has(bus, "movers", 2), "the entry")
        await bus.js.delete_stream(names.bucket_stream(BUCKET))
        await show(movers, AAPL=10.5, MSFT=2.0)
        await until(lambda: "movers" in events.report().get("unsaved", {}), "that it is said")
        (problem,) = instance_problems("events", [events.report()])
        assert problem.startswith("events: the position in list movers cannot be kept: ")
        assert events.report()["counts"]["position_unsaved"] >= 1
        await show(movers, MSFT=2.0)
        await until(has(bus, "movers", 5), "events all the same")
