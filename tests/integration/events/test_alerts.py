"""Alerts on a real server, by the command line: added while everything runs, told once, with the reasons."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from gapscan.bus.alert_definitions import write_alert
from gapscan.bus.client import Bus
from gapscan.bus.definitions import read_definition, read_definitions
from gapscan.bus.topology import Retention, ensure_shared
from gapscan.events import term, watched
from gapscan.events.service import Events
from gapscan.protocol import names
from gapscan.protocol.alerts import Alert, AlertDefinition
from gapscan.protocol.codec import decode_as
from gapscan.protocol.messages import Row
from gapscan.service import all_lists, own_alerts_file
from gapscan.service.alert_faults import alert_faults
from tests.integration.events.test_events import KEPT, NOON, beating, has, list_named, settled, show
from tests.support.cli import Cli, assert_error
from tests.support.events import events_of, stored_alerts, stored_events, told
from tests.support.lists import Published, publish_list
from tests.support.nats import NatsServer
from tests.support.until import until

MINE = """
# who comes in cheap
[alerts.cheap_in]
list = "movers"
on = "enter"
when = "price < 15"
text = "{symbol} came in at {price} as {rank}"
cooldown = 600

[alerts.over_vwap]
list = "movers"
when = "crosses_above(price, vwap)"
"""


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(all_lists, "REREAD_SECONDS", 0.1)
    monkeypatch.setattr(watched, "REREAD_SECONDS", 0.1)
    monkeypatch.setattr(term, "SAVE_SECONDS", 0.2)


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    home = tmp_path / "home"
    home.mkdir()
    return Cli(home)


@pytest.fixture
async def running(bus: Bus, nats_server: NatsServer) -> AsyncIterator[Events]:
    await ensure_shared(bus, Retention())
    async with events_of(nats_server) as events:
        yield events


def said(bus: Bus, number: int) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        return len(await stored_alerts(bus)) >= number

    return look


def watches(events: Events, number: int) -> Callable[[], bool]:
    return lambda: events.report().get("alerts", {}).get("watched") == number


async def test_added_edited_and_removed(bus: Bus, nats_server: NatsServer, running: Events, cli: Cli) -> None:
    movers = await list_named(bus, "movers")
    (cli.home / "mine.toml").write_text(MINE)
    at = ("--nats", nats_server.url)
    added = await cli.run("alerts", "add", "mine.toml", *at)
    assert (added.code, added.err) == (0, ""), added
    assert "cheap_in: watched for in movers" in added.out
    await until(watches(running, 2), "both alerts")
    await show(movers, AAPL=10.5, MSFT=20.0)
    await until(said(bus, 1), "the alert")
    (alert,) = await stored_alerts(bus)
    assert (alert.name, alert.symbol, alert.rank, alert.sequence) == ("cheap_in", "AAPL", 1, 1)
    assert alert.text == "AAPL came in at 10.5 as 1"
    conditions = [(each.text, each.value, each.threshold, each.passes) for each in alert.conditions]
    assert conditions == [("price > 1", 10.5, 1.0, True), ("price < 15", 10.5, 15.0, True)]
    shown = await cli.run("alerts", *at)
    assert "cheap_in   AAPL came in at 10.5 as 1" in shown.out
    as_json = await cli.run("alerts", "--json", "--name", "cheap_in", *at)
    assert decode_as(Alert, as_json.out.encode()) == alert
    tried = await cli.run("alerts", "test", *at)
    assert "over_vwap: 0 of 0 rows" in tried.out
    assert (await cli.run("alerts", "remove", "cheap_in", *at)).out == "cheap_in: removed\n"
    await until(watches(running, 1), "one alert less")
    assert "cheap_in" not in (cli.home / ".config/gapscan/alerts.toml").read_text()
    assert_error(await cli.run("alerts", "remove", "cheap_in", *at), 2, "no alert named")


async def test_over_any_symbol_it_has_a_list_that_nobody_sees(
    bus: Bus, nats_server: NatsServer, running: Events, cli: Cli
) -> None:
    (cli.home / "mine.toml").write_text('[alerts.busy]\nwhere = "volume > 1000"\n')
    at = ("--nats", nats_server.url)
    await list_named(bus, "movers")
    assert (await cli.run("alerts", "add", "mine.toml", *at)).code == 0
    await until(watches(running, 1), "the alert")
    definition = await read_definition(bus, "alert_busy")
    assert definition is not None
    assert (definition.where, definition.hidden) == ("volume > 1000", True)
    lists = await cli.run("lists", *at)
    assert "alert_busy" not in lists.out
    assert "movers" in lists.out
    hidden = await publish_list(bus, "alert_busy", KEPT)
    await show(hidden, AAPL=10.5)
    await until(said(bus, 1), "the alert")
    assert (await cli.run("alerts", "remove", "busy", *at)).code == 0
    assert {one.name for one in await read_definitions(bus)} == {"movers"}


async def test_what_is_not_there_is_said(bus: Bus, nats_server: NatsServer, running: Events, cli: Cli) -> None:
    """A list with its place and what was meant; a channel, which may come, costs no alert."""
    await list_named(bus, "movers")
    (cli.home / "mine.toml").write_text('[alerts.a]\nlist = "gapers_up"\n')
    for command in ("add", "check"):
        at = ("--nats", nats_server.url) if command == "add" else ()
        refused = await cli.run("alerts", command, "mine.toml", *at, env={"GAPSCAN_NATS_URL": nats_server.url})
        assert refused.code == 2, refused
        assert "mine.toml: alert a, list: there is no list gapers_up" in refused.err
        assert "did you mean gappers_up?" in refused.err
    config = cli.home / ".config/gapscan"
    config.mkdir(parents=True)
    (config / "channels.toml").write_text('[channels.phone]\nurl_env = "PHONE_URL"\n')
    (cli.home / "mine.toml").write_text('[alerts.b]\nlist = "movers"\nchannels = ["phnoe"]\n')
    added = await cli.run("alerts", "add", "mine.toml", "--nats", nats_server.url)
    assert added.code == 0, added
    assert "alert b, channels: there is no channel phnoe" in added.err
    assert "did you mean phone?" in added.err


async def test_where_nothing_runs_a_list_may_be_one_of_another_place(cli: Cli) -> None:
    (cli.home / "mine.toml").write_text('[alerts.a]\nlist = "gapers_up"\n')
    checked = await cli.run("alerts", "check", "mine.toml", env={"GAPSCAN_NATS_URL": "nats://127.0.0.1:1"})
    assert checked.code == 0, checked
    assert "there is no list gapers_up" in checked.err


async def test_status_has_an_alert_whose_list_is_not_there(bus: Bus, running: Events) -> None:
    await list_named(bus, "movers")
    await write_alert(bus, AlertDefinition("lost", "mowers", channels=["phone"]))
    await until(watches(running, 1), "the alert")
    assert alert_faults({"events": [running.report()]}) == {"lost": "there is no list mowers"}
    await list_named(bus, "mowers")
    await until(lambda: not alert_faults({"events": [running.report()]}), "that its list is seen")
    notify = {"role": "leader", "channels": {"desk": {}}}
    found = alert_faults({"events": [running.report()], "notify": [notify]})
    assert found == {"lost": "there is no channel phone"}


async def test_a_list_with_the_name_of_an_alerts_list_stays(bus: Bus) -> None:
    """Of an earlier version, which let users choose such names."""
    await list_named(bus, "alert_mine")
    mine = AlertDefinition("mine", "movers")
    await own_alerts_file.publish(bus, [mine], [])
    await own_alerts_file.publish(bus, [], ["mine"])
    assert {one.name for one in await read_definitions(bus)} == {"alert_mine"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[alerts.a]\nlist = "m"\nwhen = "prise > 1"', ["alert a, when", "prise is not a field", "did you mean price"]),
        ('[alerts.a]\nlist = "m"\nwhen = "price > 1 and crosses_above(price)"', ["takes 2 arguments", "column 15"]),
        ('[alerts.a]\nlist = "m"\nwhen = "count(0) > 1"', ["count takes a number of minutes"]),
        ('[alerts.a]\nlist = "m"\nwhere = "price > 1"', ["give either"]),
        ('[alerts.a]\non = "enter"', ["give either"]),
        ('[alerts.a]\nlist = "m"\non = "entr"', ["did you mean enter"]),
        ('[alerts.a]\nlist = "m"\non = "rank"', ["place to be reached"]),
        ('[alerts.a]\nlist = "m"\non = "when"', ["there is no `when`"]),
        ('[alerts.a]\nlist = "m"\nquiet = ["25:00-08:00"]', ["is no time"]),
        ('[alerts.a]\nlist = "m"\ntext = "{prise}"', ["{prise} is not a field"]),
        ('[alerts.a]\nlist = "m"\ncooldwn = 3', ["did you mean cooldown"]),
        ('[alerts.A]\nlist = "m"', ["cannot name"]),
    ],
)
async def test_faults_are_said_with_their_place(cli: Cli, text: str, words: list[str]) -> None:
    (cli.home / "mine.toml").write_text(text)
    result = await cli.run("alerts", "check", "mine.toml")
    assert result.code == 2
    for word in words:
        assert word in result.err, result.err


async def test_who_follows_hears_the_bell(bus: Bus, nats_server: NatsServer, running: Events, cli: Cli) -> None:
    movers = await list_named(bus, "movers")
    await write_alert(bus, AlertDefinition("any", "movers"))
    await until(watches(running, 1), "the alert")
    await show(movers, AAPL=10.5)
    await until(said(bus, 1), "the alert")
    process = await cli.start("alerts", "--follow", "--nats", nats_server.url)
    assert process.stdout is not None
    try:
        first = await asyncio.wait_for(process.stdout.readline(), 30)
        assert b"AAPL entered movers" in first
        await show(movers, AAPL=10.5, MSFT=3.0)
        second = await asyncio.wait_for(process.stdout.readline(), 30)
        assert b"MSFT entered movers" in second
        assert await asyncio.wait_for(process.stdout.readexactly(1), 30) == b"\a"
    finally:
        process.terminate()
        await process.wait()


async def test_a_faulty_one_costs_no_other(bus: Bus, running: Events) -> None:
    movers = await list_named(bus, "movers")
    await write_alert(bus, AlertDefinition("bad", "movers", "enter", "prise > 1"))
    await write_alert(bus, AlertDefinition("good", "movers"))
    await until(watches(running, 1), "the good one")
    assert "prise is not a field" in running.report()["alerts"]["refused"]["bad"]
    await show(movers, AAPL=10.5)
    await until(said(bus, 1), "what the good one says")


async def test_each_once_over_many_restarts(bus: Bus, nats_server: NatsServer) -> None:
    """All that an alert on every entry says is what the events say, however often who watches is cut off."""
    lists = [await list_named(bus, name) for name in ("movers", "winners")]
    for one in lists:
        await write_alert(bus, AlertDefinition(f"in_{one.publisher.name}", one.publisher.name))
    dice = random.Random(7)
    for _ in range(10):
        async with events_of(nats_server):
            for _ in range(dice.randint(1, 20)):
                await dice.choice(lists).step()
    async with events_of(nats_server):
        await settled(bus, *lists)  # of events: what alerts say of them is stored after them
        wanted = {one.publisher.name: await _entries(bus, one.publisher.name) for one in lists}
        await until(said(bus, sum(map(len, wanted.values()))), "what alerts say of the last entries")
    for name, entries in wanted.items():
        assert [(each.symbol, each.sequence) for each in await stored_alerts(bus) if each.list == name] == entries


def quiet(
    movers: Published, clock: Iterator[int], looks: Callable[[], Awaitable[bool]]
) -> Callable[[], Awaitable[bool]]:
    """The same, while nothing happens in the list but that its time goes on."""

    async def look() -> bool:
        await movers.publisher.heartbeat("live", next(clock), simulated=True)
        return await looks()

    return look


async def test_a_dwell_ends_in_a_quiet_list_too(bus: Bus, nats_server: NatsServer) -> None:
    """Of the moment at which it was over, once over restarts, and though the symbol leaves before anything else."""
    movers = await list_named(bus, "movers")
    await write_alert(bus, AlertDefinition("stays", "movers", dwell=60.0))
    async with events_of(nats_server) as running:
        await until(watches(running, 1), "the alert")
        await show(movers, AAPL=10.5)
        await until(has(bus, "movers", 2), "the entry")
        clock = itertools.count(NOON + 59_000, 1000)
        await until(quiet(movers, clock, said(bus, 1)), "what it says")
    async with events_of(nats_server) as running:
        await until(watches(running, 1), "the alert again")
        for _ in range(5):
            await movers.publisher.heartbeat("live", next(clock), simulated=True)
        await movers.publisher.publish([Row(symbol="MSFT", price=2.0)], NOON + 900_000)
        await until(has(bus, "movers", 5), "who came and went")
        await movers.publisher.publish([], NOON + 990_000)
        await until(said(bus, 2), "what it says of the other")
        assert running.term is not None
        assert running.term.store.alerts.repeated == 0  # nothing was tried again
    first, second = await stored_alerts(bus)
    assert (first.symbol, first.sequence, first.as_of, first.rank) == ("AAPL", 1, NOON + 60_000, 1)
    assert first.data == {"price": 10.5}
    assert (second.symbol, second.sequence, second.as_of) == ("MSFT", 2, NOON + 960_000)


async def test_edited_while_nobody_looks_it_begins_anew(bus: Bus, nats_server: NatsServer) -> None:
    """What was so already is not told, as it is not of one that is edited while somebody looks."""
    movers = await list_named(bus, "movers")
    await write_alert(bus, AlertDefinition("high", "movers", "when", "price > 1000"))
    async with events_of(nats_server) as running:
        await until(watches(running, 1), "the alert")
        await show(movers, AAPL=10.5, MSFT=2.0)
        await until(has(bus, "movers", 4), "the entries")
    await write_alert(bus, AlertDefinition("high", "movers", "when", "price > 5"))
    async with events_of(nats_server) as running:
        await until(watches(running, 1), "the other alert")
        await show(movers, AAPL=10.6, MSFT=2.0)
        await show(movers, AAPL=10.6, MSFT=6.0)
        await until(said(bus, 1), "what turned true")
    assert [(one.symbol, one.sequence) for one in await stored_alerts(bus)] == [("MSFT", 3)]


async def test_over_a_gap_each_says_that_its_time_is_not_known(bus: Bus, nats_server: NatsServer) -> None:
    """Also of rows that stayed, of which no event tells."""
    movers = await list_named(bus, "movers")
    for alert in (
        AlertDefinition("high", "movers", "when", "price > 20"),
        AlertDefinition("top", "movers", "rank", rank=1),
    ):
        await write_alert(bus, alert)
    async with events_of(nats_server) as running:
        await until(watches(running, 2), "the alerts")
        await show(movers, AAPL=10.5, MSFT=2.0)
        await until(said(bus, 1), "who is the first")
    await show(movers, MSFT=2.0, AAPL=25.0)
    await show(movers, MSFT=2.5, AAPL=25.0)
    await movers.publisher.write_snapshot(True)
    await bus.js.purge_stream(names.DEFAULT.list_stream("movers"))
    async with events_of(nats_server):
        await until(beating(movers, said(bus, 3)), "what came about in the gap")
    found = [(one.name, one.symbol, one.sequence, one.missed) for one in await stored_alerts(bus)]
    assert found == [("top", "AAPL", 1, False), ("high", "AAPL", 3, True), ("top", "MSFT", 3, True)]


async def _entries(bus: Bus, name: str) -> list[tuple[str, int]]:
    return [(symbol, sequence) for kind, symbol, sequence in told(await stored_events(bus, name)) if kind == "enter"]


def test_an_alert_is_json_that_anybody_reads() -> None:
    alert = Alert("a", "movers", "AAPL", "enter", "AAPL entered", 1, "e1", 2, {"price": 1.5})
    assert msgspec.json.decode(msgspec.json.encode(alert))["data"] == {"price": 1.5}
